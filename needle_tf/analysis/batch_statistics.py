"""BatchNorm statistics of weights that were never trained.

Between two networks the moving statistics of neither are right. They are
measured anew, over all of the data, from the moments (m_b, v_b) that
normalisation in training mode takes of each batch b of n_b examples:

    mean = sum_b n_b m_b / n
    variance = sum_b n_b (v_b + m_b^2) / n - mean^2

Reference: Izmailov et al., arXiv:1803.05407, section 3.2, who take the mean of
the v_b for the variance and so leave out what the m_b vary.
"""

import math
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from needle_tf.analysis import evaluation
from needle_tf.analysis import labelled_data
from needle_tf.analysis import weight_state
from needle_tf.graphs import rewiring

Tensor = Any


class BatchStatistics:
    """Measures the BatchNorm statistics of a model under any weights.

    The model is called in training mode, dropout included, as it was when its
    moving statistics were made, and left as it is. Each measurement draws the
    same random numbers. A layer that does not follow the batch stays as the
    state has it: frozen, called with `training=False`, or with a momentum of
    1. A layer called several times gets the mean over its calls, weighted as
    its moving average weights them.

    Args:
        model: A built model.

    Attributes:
        layers: Names of the normalisations, those of nested models behind the
            model's name and a slash.
        traces: How often the model was traced.

    Raises:
        ValueError: Naming the layer, if one uses renormalisation: its outputs
            in training mode depend on the statistics that are looked for.
    """

    def __init__(self, model: keras.Model):
        self._model = model
        self.traces = 0
        self._places = {id(v): n for n, v in enumerate(model.variables)}
        found = {
            name: layer
            for name, layer in rewiring.named_layers(model).items()
            if isinstance(layer, keras.layers.BatchNormalization)
        }
        for name, layer in found.items():
            if getattr(layer, "renorm", False):
                raise ValueError(
                    f'Layer "{name}" uses renorm=True, so its statistics '
                    "cannot be measured anew. Keep those of the weights with "
                    "recompute_batch_statistics=False."
                )
        self.layers = tuple(found)
        self._norms = tuple(found.values())
        self._steps: dict[str, Callable] = {}
        self._shares: list[float] | None = None

    def recompute(
        self,
        data: Any,
        state: Sequence[Tensor] | None = None,
        *,
        batch_size: int = 500,
    ) -> list[Tensor]:
        """Returns the state with statistics that belong to its weights.

        Args:
            data: As of `Evaluator.evaluate`; labels are not looked at.
            state: Values of `model.variables` in their order; those of the
                model by default.
            batch_size: For arrays. What normalisation in training mode sees
                at a time; a last small batch counts for its examples only.

        Raises:
            ValueError: If the data are no pairs or are empty.
        """
        data = labelled_data.LabelledData.of(data, batch_size)
        if state is None:
            state = weight_state.values(self._model)
        state = [ops.convert_to_tensor(value) for value in state]
        if not self.layers:
            return state
        moments, count = self._moments(data, state)
        for norm, share, (mean, square) in zip(
            self._norms, self._shares, moments, strict=True
        ):
            if not share:
                continue
            mean, square = mean / count, square / count
            variance = np.maximum(square - mean**2, 0.0)
            for variable, value in (
                (norm.moving_mean, mean),
                (norm.moving_variance, variance),
            ):
                place = self._places[id(variable)]
                state[place] = ops.cast(value, state[place].dtype)
        return state

    def _moments(self, data, state):
        """Sums over examples of mean and mean square, per normalisation."""
        sums = [[0.0, 0.0] for _ in self._norms]
        total = 0
        going = state
        for x, y in data.batches():
            step = self._step(state, x)
            if self._shares is None:
                self._shares = self._updated_shares(step, state, x)
            found, going = step(going, x, 0.0)
            count = len(y)
            total += count
            for summed, share, (mean, variance) in zip(
                sums, self._shares, found, strict=True
            ):
                if share:
                    mean, variance = _wide(mean) / share, _wide(variance)
                    summed[0] += count * mean
                    summed[1] += count * (variance / share + mean**2)
        if not total:
            evaluation.figures(0.0)
        return sums, total

    def _updated_shares(self, step, state, x):
        """Which share of each statistic comes from the batch: 1 - m^calls."""
        from_0, _ = step(state, x, 0.0)
        from_1, _ = step(state, x, 1.0)
        shares = []
        for norm, (low, _), (high, _) in zip(
            self._norms, from_0, from_1, strict=True
        ):
            kept = float(np.median(_wide(high) - _wide(low)))
            shares.append(_share(kept, float(norm.momentum)))
        return shares

    def _step(self, state, x):
        """The traced function: statistics after one batch, and the state."""
        import tensorflow as tf

        spec = evaluation.example_specs(x)
        key = str(spec)
        if key not in self._steps:
            start = tf.TensorSpec((), "float32")
            self._steps[key] = tf.function(
                self._after_batch,
                input_signature=[evaluation.state_specs(state), spec, start],
            )
        return self._steps[key]

    def _after_batch(self, state, x, start):
        self.traces += 1
        state = list(state)
        pairs = [
            [
                self._places[id(norm.moving_mean)],
                self._places[id(norm.moving_variance)],
            ]
            for norm in self._norms
        ]
        before = list(state)
        for place in sum(pairs, []):
            before[place] = ops.full_like(state[place], start)
        _, after, _ = weight_state.call(self._model, before, x, training=True)
        found = [[after[place] for place in pair] for pair in pairs]
        weights = {id(weight) for weight in self._model.weights}
        # Only seeds move on; weights are those of the state throughout.
        going = [
            old if id(variable) in weights else new
            for variable, old, new in zip(
                self._model.variables, state, after, strict=True
            )
        ]
        return found, going


def _share(kept, momentum):
    """Returns what a moving average takes in, from what it was seen to keep.

    The momentum is known exactly; measured is only how often it was applied.
    """
    if momentum == 1 or kept > 1 - (1 - momentum) / 2:
        return 0.0
    if momentum == 0:
        return 1.0
    calls = max(1, round(math.log(max(kept, 1e-30)) / math.log(momentum)))
    return 1 - momentum**calls


def _wide(values):
    return ops.convert_to_numpy(values).astype("float64")

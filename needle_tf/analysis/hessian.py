"""Gradient and Hessian of a network's loss over some data, never as a matrix.

    H v = d/dt gradient(w + t v) at t = 0

taken forward over reverse, batch by batch, and averaged over all examples.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from needle_tf.analysis import evaluation
from needle_tf.analysis import labelled_data
from needle_tf.analysis import weight_state

Vector = list[Any]


class Derivatives:
    """Derivatives of the loss with respect to some variables of a network.

    The loss is that of `evaluation.Evaluator`: the mean over the examples, in
    inference mode, without penalties on weights. The model is left as it is.
    Two traces in all, whatever the data and the number of products.

    Memory besides the model: what one pass forward and back takes, and four
    vectors (gradient, its change, the sum over batches before and after).

    Args:
        model: A built model with one output, that computes in float32 or
            float64: in less, second derivatives are mostly rounding.
        data: Arrays `(x, y)` or a `tf.data.Dataset` of batches; see
            `LabelledData`. It is read once per product, and must be the same
            each time.
        variables: Trainable variables of the model; all by default.
        loss: As of `evaluation.Evaluator`.
        batch_size: For arrays.

    Attributes:
        variables: The variables, in the order of vectors.
        traces: How often the model was traced.

    Raises:
        ValueError: Naming the layer that computes in less than float32.
    """

    def __init__(
        self,
        model: keras.Model,
        data: Any,
        *,
        variables: Sequence[keras.Variable] | None = None,
        loss: Any = None,
        batch_size: int = 500,
    ):
        _refuse_halves(model)
        self.variables = list(
            model.trainable_variables if variables is None else variables
        )
        self.traces = 0
        self._model = model
        self._data = labelled_data.LabelledData.of(data, batch_size)
        self._loss = evaluation.example_loss(model, loss)
        self._state = weight_state.values(model)
        all_places = {id(v): k for k, v in enumerate(model.variables)}
        self._places = [all_places[id(v)] for v in self.variables]
        self._steps: dict[str, Any] = {}

    def gradient(self) -> tuple[float, Vector]:
        """Returns the loss and its gradient, one tensor per variable."""
        loss, total = self._averaged([])
        return float(loss), total

    def product(self, vector: Vector) -> Vector:
        """Returns the Hessian times a vector, one tensor per variable."""
        return self._averaged(vector)[1]

    def _averaged(self, vector):
        """Mean loss, and the mean gradient or, of a vector, product."""
        count, loss, total = 0, 0.0, None
        for x, y in self._data.batches():
            step = self._step(bool(vector), x, y)
            examples, batch_loss, batch = step(self._state, vector, x, y)
            count += int(examples)
            loss += batch_loss
            if total is None:
                total = batch
            else:
                total = [a + b for a, b in zip(total, batch, strict=True)]
        if total is None:
            evaluation.figures(0.0)  # Refuses data without batches.
        share = 1 / count
        return loss * share, [
            part * ops.convert_to_tensor(share, part.dtype) for part in total
        ]

    def _step(self, has_vector, x, y):
        """The traced function for such examples, for batches of any size."""
        import tensorflow as tf

        specs = evaluation.example_specs((x, y))
        key = f"{has_vector} {specs}"
        if key not in self._steps:
            state = evaluation.state_specs(self._state)
            vector = [state[k] for k in self._places] if has_vector else []
            traced = tf.function(
                self._product_sum if has_vector else self._gradient_sum,
                input_signature=[state, vector, *specs],
            )
            self._steps[key] = traced.get_concrete_function()
        return self._steps[key]

    def _gradient_sum(self, state, vector, x, y):
        """(examples, sum of losses, its gradient) of a batch."""
        import tensorflow as tf

        del vector
        self.traces += 1
        weights = [state[k] for k in self._places]
        with tf.GradientTape() as tape:
            tape.watch(weights)
            examples, loss = self._loss_sum(state, weights, x, y)
        gradient = tape.gradient(
            loss, weights, unconnected_gradients=_unconnected()
        )
        return examples, loss, [tf.convert_to_tensor(g) for g in gradient]

    def _product_sum(self, state, vector, x, y):
        """(examples, sum of losses, its Hessian times a vector) of a batch."""
        import tensorflow as tf

        weights = [state[k] for k in self._places]
        with tf.autodiff.ForwardAccumulator(weights, vector) as forward:
            examples, loss, gradient = self._gradient_sum(state, [], x, y)
        return examples, loss, forward.jvp(gradient, _unconnected())

    def _loss_sum(self, state, weights, x, y):
        state = list(state)
        for place, weight in zip(self._places, weights, strict=True):
            state[place] = weight
        outputs, _, _ = weight_state.call(self._model, state, x)
        outputs = evaluation.one_output(self._model, outputs)
        examples = ops.shape(outputs)[0]
        mean = ops.mean(ops.cast(self._loss(y, outputs), "float64"))
        return examples, ops.cast(examples, "float64") * mean


def _unconnected():
    import tensorflow as tf

    return tf.UnconnectedGradients.ZERO


def _refuse_halves(model):
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            _refuse_halves(layer)
        elif layer.compute_dtype in ("float16", "bfloat16"):
            raise ValueError(
                "Second derivatives need a network that computes in float32 "
                f'or float64. Received: layer "{layer.name}" with '
                f"compute_dtype={layer.compute_dtype}. Build the model under "
                'the policy "float32" and give it these weights.'
            )

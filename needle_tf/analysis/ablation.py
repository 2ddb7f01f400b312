"""What a relaxed network can do without parts of what it has learnt.

    intact            D
    local_only        P_LCN(D): what lies outside the receptive fields is 0
    off_local_only    D - P_LCN(D): the templates alone
    sharing_restored  P_CNN(D): the nearest CNN, biases too
    noise             P_LCN(D) + noise outside, as long as what was there

in one untied layer at a time, and in all of them at once.
"""

import dataclasses
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from needle_tf.analysis import evaluation
from needle_tf.analysis import labelled_data
from needle_tf.analysis import plain_json
from needle_tf.analysis import weight_parts
from needle_tf.analysis import weight_state
from needle_tf.data import arguments

VARIANTS = ("local_only", "off_local_only", "sharing_restored", "noise")


@dataclasses.dataclass(frozen=True)
class Row:
    """One ablated network.

    Attributes:
        variant: One of `VARIANTS`.
        layer: The only layer that was ablated; None for all at once.
        seed: Of the noise; None without noise.
        figures: Loss and accuracy.
    """

    variant: str
    layer: str | None
    seed: int | None
    figures: evaluation.Figures


@dataclasses.dataclass(frozen=True)
class Ablation:
    """What `ablate` found.

    Attributes:
        intact: Of the network as it is.
        rows: All layers at once, then layer by layer.
    """

    intact: evaluation.Figures
    rows: tuple[Row, ...]

    def mean(
        self, variant: str, layer: str | None = None
    ) -> evaluation.Figures:
        """Returns the figures of a variant, the mean over seeds of noise.

        Raises:
            ValueError: If there is no such row.
        """
        chosen = [
            row.figures
            for row in self.rows
            if (row.variant, row.layer) == (variant, layer)
        ]
        if not chosen:
            known = sorted({(r.variant, r.layer or "") for r in self.rows})
            raise ValueError(
                f"No such ablation. Received: variant={variant!r}, layer="
                f"{layer!r}. Those measured, as (variant, layer): {known}."
            )
        return evaluation.Figures(
            sum(each.loss for each in chosen) / len(chosen),
            sum(each.accuracy for each in chosen) / len(chosen),
            chosen[0].count,
        )

    def to_json(self) -> str:
        """Returns the result as JSON."""
        return plain_json.dumps(self)


def ablate(
    model: keras.Model,
    data: Any,
    *,
    variants: Sequence[str] = VARIANTS,
    per_layer: bool = True,
    seeds: Sequence[int] = (0, 1, 2),
    loss: Any = None,
    batch_size: int = 500,
    progress: Callable[[int, int], None] | None = None,
) -> Ablation:
    """Measures a relaxed network with parts of its weights taken out.

    Of a layer that has no off-local weights (an LCN's, or a band of radius 0),
    only the sharing can be ablated; the other variants leave it alone, and
    without any other layer they are left out. Statistics of batch
    normalisation stay those of the intact network.

    The model is not touched: it is called with other weights. Memory: the
    model and one copy of the weights that are ablated at a time; for the
    noise, three of the largest kernel more. One trace, and one pass over the
    data per row.

    Args:
        model: A relaxed network, with MaskedDense or LocallyConnected2D
            layers.
        data: Arrays `(x, y)` or a `tf.data.Dataset` of batches.
        variants: Some of `VARIANTS`.
        per_layer: Whether to ablate single layers, too.
        seeds: One row of noise for each.
        loss: By default the loss that the model was compiled with.
        batch_size: For arrays.
        progress: Called as `progress(rows done, rows)`.

    Raises:
        ValueError: If no layer is untied, or an argument is unknown.

    Reference: section 5 of the spec after arXiv:1906.06766; the noise is the
    control of a random direction.
    """
    layers = weight_parts.untied_layers(model)
    plan = _plan(layers, _checked(variants), per_layer, seeds)
    evaluator = evaluation.Evaluator(model, loss)
    data = labelled_data.LabelledData.of(data, batch_size)
    intact = evaluator.evaluate(data)
    rows = []
    for name, variant, seed in plan:
        values = _values(layers, name, variant, seed)
        state = weight_parts.replaced(model, values)
        figures = evaluator.evaluate(data, state)
        rows.append(Row(variant, name, seed, figures))
        if progress is not None:
            progress(len(rows), len(plan))
    return Ablation(intact, tuple(rows))


def _plan(layers, variants, per_layer, seeds):
    """The rows: layer (None for all), variant and seed of each."""
    seeds = [arguments.require_seed(seed) for seed in seeds]
    return [
        (name, variant, seed)
        for name in (None, *(layers if per_layer else ()))
        for variant, seed in _changes(
            variants, seeds, layers if name is None else {name: layers[name]}
        )
    ]


def _changes(
    variants: Sequence[str],
    seeds: Sequence[int],
    layers: Mapping[str, keras.Layer],
) -> Iterator[tuple[str, int | None]]:
    """Yields the variants that change some of the layers, with seeds."""
    has_off_local = any(map(weight_parts.has_off_local, layers.values()))
    for variant in variants:
        if variant == "noise" and has_off_local:
            yield from ((variant, seed) for seed in seeds)
        elif variant == "sharing_restored" or has_off_local:
            if variant != "noise":
                yield variant, None


def _values(layers, only, variant, seed):
    """New values of one layer or of all, as pairs of variable and value."""
    for number, (name, layer) in enumerate(layers.items()):
        if only not in (None, name):
            continue
        kernel = ops.convert_to_tensor(layer.kernel)
        if variant == "sharing_restored":
            yield layer.kernel, weight_parts.kernel_part(layer, kernel, "cnn")
            if layer.bias is not None:
                bias = ops.convert_to_tensor(layer.bias)
                yield layer.bias, weight_parts.bias_part(layer, bias, "cnn")
        elif weight_parts.has_off_local(layer):
            yield layer.kernel, _ablated(layer, kernel, variant, (seed, number))


def _ablated(layer, kernel, variant, numbers):
    if variant == "off_local_only":
        return weight_parts.kernel_part(layer, kernel, "off_local")
    local = weight_parts.kernel_part(layer, kernel, "lcn")
    if variant == "local_only":
        return local
    outside = weight_parts.kernel_part(layer, kernel, "off_local")
    norm = weight_state.dot([outside], [outside]) ** 0.5
    del outside
    return local + weight_parts.noise(
        layer, "off_local", norm, weight_parts.seed_of(*numbers)
    )


def _checked(variants):
    if isinstance(variants, str) or not set(variants) <= set(VARIANTS):
        raise ValueError(
            f"`variants` must be some of {VARIANTS}. Received: "
            f"variants={variants!r}."
        )
    return tuple(variants)

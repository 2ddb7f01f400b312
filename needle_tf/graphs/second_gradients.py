"""Tells which kernels get their gradient from more than one place."""

import collections
import dataclasses
from collections.abc import Container

import keras

from needle_tf.graphs import kernels
from needle_tf.graphs import rewiring
from needle_tf.graphs import tracing
from needle_tf.layers import masked_dense


@dataclasses.dataclass(frozen=True)
class _Value:
    """A tensor in the graph, of which only the shape is asked for."""

    shape: tracing.Shape


def find(
    model: keras.Model, layers: Container[int] | None = None
) -> str | None:
    """Returns a layer whose kernel has a second gradient, and why.

    Args:
        model: Any model; of one without a layer graph nothing is known.
        layers: Ids of the layers that count; None for every `MaskedDense` with
            all weights free. One that sees images of two sizes counts as two,
            for that is what becomes of it when it is embedded.

    Returns:
        Words like `"conv_1", which is called twice`; None if there is none.
    """
    if not rewiring.has_graph(model):
        return None
    named = rewiring.named_layers(model, in_graph=True)
    if layers is None:
        layers = {
            id(each) for each in named.values() if masked_dense.is_free(each)
        }
    names = {id(each): name for name, each in named.items()}
    for name, layer in named.items():
        if id(layer) in layers and _has_penalty(layer):
            return f'"{name}", which has a penalty on its weights'
    calls: list[tuple[int, tracing.Shape]] = []

    def step(call: tracing.Call) -> list[_Value]:
        if id(call.operation) in layers:
            calls.append((id(call.operation), call.args[0].shape))
        return [_Value(shape) for shape in call.output_shapes]

    tracing.follow(model, lambda _, shape: _Value(shape), step)
    for (layer, _), count in collections.Counter(calls).items():
        if count > 1:
            return f'"{names[layer]}", which is called twice'
    return None


def _has_penalty(layer):
    return any(
        weight.regularizer is not None
        for weight in layer.weights
        if kernels.is_kernel(weight)
    )

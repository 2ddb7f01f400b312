"""Spares training the units that pooling leaves out.

A pooling window of 3 with stride 2 on 8 positions reads the first 7 of them.
In a convolution the eighth costs an eighth; in the eFCN of the paper's AlexNet
15 of 64 positions of the second layer are read by nobody, and each of them has
4,096 weights per channel.
"""

import dataclasses
from typing import Any

import keras

from needle_tf.graphs import rewiring
from needle_tf.graphs import tracing
from needle_tf.layers import untied_layer

UntiedLayer = untied_layer.UntiedLayer

# What is at a position of theirs follows from the same position alone.
_POINTWISE = (
    keras.layers.ReLU,
    keras.layers.LeakyReLU,
    keras.layers.ELU,
    keras.layers.Dropout,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
)
_FUNCTIONS = {
    getattr(keras.activations, name)
    for name in (
        "elu gelu leaky_relu linear relu relu6 selu sigmoid silu softplus "
        "softsign tanh"
    ).split()
}
_POOLING = (keras.layers.MaxPooling2D, keras.layers.AveragePooling2D)


@dataclasses.dataclass(frozen=True)
class _Image:
    """A value in the graph: its shape, and the layer whose units it holds."""

    shape: tuple[int | None, ...]
    layer: UntiedLayer | None = None


def skip_unread_units(model: keras.Model) -> dict[str, tuple[int, int]]:
    """Lets training leave out units of untied layers that nothing reads.

    The function of the model, its gradients and its training stay as they are.
    To be called before `fit`; nothing of it is saved. Do not read the output
    of such a layer elsewhere while training (in another model with a head of
    its own): it lacks these units. Outside of training they are always there.
    On other devices than the processor a `MaskedDense` computes them all the
    same.

    Args:
        model: Any model; one without a layer graph is left as it is.

    Returns:
        `(rows at the bottom, columns at the right)` that are not read, by
        names of layers that have such.
    """
    read: dict[int, tuple[UntiedLayer, list[int]]] = {}
    if not rewiring.has_graph(model):
        return {}
    outputs = tracing.follow(
        model,
        lambda name, shape: _Image(shape),
        lambda call: _after(call, read),
    )
    for image in outputs:
        _note(read, image, None)
    found = {}
    for layer, extent in read.values():
        size = layer.geometry.output_size
        layer.unread = (size[0] - extent[0], size[1] - extent[1])
        if any(layer.unread):
            found[layer.name] = layer.unread
    return found


def _after(call: tracing.Call, read: dict) -> list[_Image]:
    """The outputs of a call; notes what it reads of its inputs."""
    operation = call.operation
    images = [
        value
        for value in keras.tree.flatten((call.args, call.kwargs))
        if isinstance(value, _Image)
    ]
    outputs = [_Image(shape) for shape in call.output_shapes]
    if _is_pointwise(operation) and len(images) == len(outputs) == 1:
        return [_Image(outputs[0].shape, images[0].layer)]
    for image in images:
        _note(read, image, operation)
    if isinstance(operation, UntiedLayer) and _may_skip(operation):
        return [_Image(outputs[0].shape, operation)]
    return outputs


def _note(read: dict, image: _Image, reader: Any) -> None:
    if image.layer is None:
        return
    layer = image.layer
    _, most = read.setdefault(id(layer), (layer, [0, 0]))
    most[:] = map(max, most, _extent(layer, reader))


def _extent(layer: UntiedLayer, reader: Any) -> tuple[int, ...]:
    """How many rows and columns of a layer's units somebody reads."""
    size = layer.geometry.output_size
    is_partial = (
        isinstance(reader, _POOLING)
        and reader.padding == "valid"
        and reader.data_format == layer.data_format
    )
    if not is_partial:
        return size
    return tuple(
        (count - window) // stride * stride + window
        for count, window, stride in zip(
            size, reader.pool_size, reader.strides, strict=True
        )
    )


def _is_pointwise(operation: Any) -> bool:
    if getattr(operation, "activity_regularizer", None) is not None:
        return False
    if type(operation) is keras.layers.Activation:
        return operation.activation in _FUNCTIONS
    return type(operation) in _POINTWISE


def _may_skip(layer: UntiedLayer) -> bool:
    return layer.activation in _FUNCTIONS and layer.activity_regularizer is None

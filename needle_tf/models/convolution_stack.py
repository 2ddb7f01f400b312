"""Plain convolutional networks, written as a tuple of convolutions and pools.

A family of networks is a tuple such as

    (Conv(64, kernel=4, stride=2, padding=2), Pool(3, stride=2), ...)

and this module turns it into a Keras model for any image size that fits. Sizes
follow PyTorch, in which the papers' networks were written: `padding` zeros on
each side, then

    output = floor((size + 2 * padding - kernel) / stride) + 1.

Keras' own "same" pads unevenly at stride 2 and would shift the receptive
fields by a pixel; so zeros come from a `ZeroPadding2D`, and the convolution
itself is "valid". Where the two agree (stride 1, odd kernel, padding of half a
kernel) the convolution is written as "same" and needs no extra layer.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import keras

from needle_tf.layers import embedded_conv2d
from needle_tf.models import arguments


class Conv(NamedTuple):
    """A square convolution and its ReLU; `padding` in zeros per side."""

    channels: int
    kernel: int
    stride: int = 1
    padding: int = 0


class Pool(NamedTuple):
    """A max-pooling window without padding; `stride` in pixels."""

    window: int
    stride: int


Stack = Sequence[Conv | Pool]


def output_sizes(stack: Stack, size: int) -> list[int]:
    """Returns the side length after each entry of `stack`, in pixels.

    `size` is the side length of the image. The list ends early, with a value
    below 1, where the image has become too small for the next window.
    """
    sizes = []
    for entry in stack:
        if isinstance(entry, Conv):
            size = size + 2 * entry.padding - entry.kernel
        else:
            size = size - entry.window
        size = size // entry.stride + 1
        sizes.append(size)
        if size < 1:
            break
    return sizes


def smallest_size(stack: Stack) -> int:
    """Returns the smallest side length, in pixels, that leaves one pixel."""
    size = 1
    while output_sizes(stack, size)[-1] < 1:
        size += 1
    return size


def scaled(channels: int, width: float) -> int:
    """Returns `channels * width`, rounded half up, at least 1."""
    return max(1, math.floor(channels * width + 0.5))


def build_network(
    name: str,
    stack: Stack,
    input_shape: Sequence[int],
    num_classes: int,
    width: float = 1.0,
    head: Sequence[keras.layers.Layer] = (),
) -> keras.Model:
    """Returns `stack`, `head` and a dense layer of logits as one Keras model.

    Layers are numbered by kind: `pad_2`, `conv_2` and `relu_2` belong together.

    Args:
        name: Name of the model.
        stack: The convolutions and pools, from the image on.
        input_shape: (height, width, channels), without the batch; channels
            first if Keras is set to it.
        num_classes: Number of logits, at least 2.
        width: Multiplies the channels of `stack` (rounded, at least 1).
        head: Layers between the flattened features and the logits.

    Returns:
        An uncompiled model from `(batch, height, width, channels)` to
        `(batch, num_classes)`; no softmax at the end.

    Raises:
        ValueError: If the images are too small or an argument is out of range.
    """
    arguments.require_network(
        name, input_shape, num_classes, width, smallest_size(stack)
    )
    return keras.Sequential(
        [
            keras.Input(tuple(input_shape), name="images"),
            *_feature_layers(stack, width),
            keras.layers.Flatten(name="flatten"),
            *head,
            _logits(num_classes),
        ],
        name=name,
    )


def _feature_layers(stack: Stack, width: float) -> list[keras.layers.Layer]:
    layers = []
    convs = pools = 0
    for entry in stack:
        if isinstance(entry, Conv):
            convs += 1
            layers += _convolution(entry, convs, width)
        else:
            pools += 1
            layers.append(
                keras.layers.MaxPooling2D(
                    entry.window, strides=entry.stride, name=f"pool_{pools}"
                )
            )
    return layers


def _convolution(
    entry: Conv, number: int, width: float
) -> list[keras.layers.Layer]:
    is_same = entry.stride == 1 and 2 * entry.padding == entry.kernel - 1
    layers = []
    if entry.padding and not is_same:
        layers.append(
            keras.layers.ZeroPadding2D(entry.padding, name=f"pad_{number}")
        )
    layers.append(
        embedded_conv2d.EmbeddedConv2D(
            scaled(entry.channels, width),
            entry.kernel,
            strides=entry.stride,
            padding="same" if is_same else "valid",
            name=f"conv_{number}",
        )
    )
    layers.append(keras.layers.ReLU(name=f"relu_{number}"))
    return layers


def _logits(num_classes: int) -> keras.layers.Dense:
    # Under a mixed policy the scores stay in the dtype of the variables: a
    # softmax over half-precision scores costs accuracy and saves nothing.
    dtype = keras.config.dtype_policy().variable_dtype
    return keras.layers.Dense(num_classes, dtype=dtype, name="logits")

"""The CNN of the layer rotation tools' example, for CIFAR-10.

    conv 64 same,  conv 64 valid,  maxpool 2,
    conv 128 same, conv 128 valid, maxpool 2,
    conv 256 same, conv 256 valid, maxpool 2, dense to the classes

each 3x3 convolution followed by BatchNorm and then ReLU. An image of 32x32
pixels becomes 32, 30, 15, 15, 13, 6, 6, 4 and 2 pixels wide.

The study gives the convolutions, the order conv -> BatchNorm -> ReLU, that
seven layers rotate, and that biases, scales and centres are there and stay as
they begin. What it does not give is inferred: the pools and the flattening in
front of the one dense layer are those of Keras' CIFAR-10 example, of which
this is a relative; no dropout, for none is spoken of; initialiser and
BatchNorm are Keras' defaults.

Reference: Carbonnelle & De Vleeschouwer, arXiv:1806.01603, the tools' example.
"""

from collections.abc import Sequence

import keras

from needle_tf.layers import embedded_conv2d
from needle_tf.models import arguments
from needle_tf.models import convolution_stack
from needle_tf.models import rotation_blocks

Conv = convolution_stack.Conv
Pool = convolution_stack.Pool

STACK = (
    Conv(64, kernel=3, padding=1),
    Conv(64, kernel=3),
    Pool(2, stride=2),
    Conv(128, kernel=3, padding=1),
    Conv(128, kernel=3),
    Pool(2, stride=2),
    Conv(256, kernel=3, padding=1),
    Conv(256, kernel=3),
    Pool(2, stride=2),
)
INITIALIZER = "glorot_uniform"


def build(
    input_shape: Sequence[int], num_classes: int, width: float = 1.0
) -> keras.Model:
    """Returns an untrained, uncompiled network of the example, logits out.

    Args:
        input_shape: (height, width, channels), without the batch, at least
            22x22 pixels; channels first if Keras is set to it.
        num_classes: Number of logits, at least 2.
        width: Multiplies the filters (rounded, at least 1).

    Returns:
        A model from `(batch, height, width, channels)` to
        `(batch, num_classes)`.

    Raises:
        ValueError: If the images are too small or an argument is out of range.
    """
    arguments.require_network(
        "tools_cnn",
        input_shape,
        num_classes,
        width,
        convolution_stack.smallest_size(STACK),
    )
    layers = []
    convs = pools = 0
    for entry in STACK:
        if isinstance(entry, Pool):
            pools += 1
            layers.append(
                keras.layers.MaxPooling2D(entry.window, name=f"pool_{pools}")
            )
        else:
            convs += 1
            layers += _convolution(entry, convs, width)
    return keras.Sequential(
        [
            keras.Input(tuple(input_shape), name="images"),
            *layers,
            keras.layers.Flatten(name="flatten"),
            rotation_blocks.logits(
                num_classes, kernel_initializer=INITIALIZER, use_bias=True
            ),
        ],
        name="tools_cnn",
    )


def _convolution(
    entry: Conv, number: int, width: float
) -> list[keras.layers.Layer]:
    return [
        embedded_conv2d.EmbeddedConv2D(
            convolution_stack.scaled(entry.channels, width),
            entry.kernel,
            padding="same" if entry.padding else "valid",
            kernel_initializer=rotation_blocks.initializer(INITIALIZER),
            name=f"conv_{number}",
        ),
        rotation_blocks.normalisation(f"bn_{number}", is_affine=True),
        keras.layers.ReLU(name=f"relu_{number}"),
    ]

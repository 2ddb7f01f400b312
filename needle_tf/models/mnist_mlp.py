"""The layer rotation study's MLP with one hidden layer, for MNIST.

    dense 784, BatchNorm, ReLU, dense to the classes

on the pixels of an image in a row. Here everything is Keras' default: biases,
BatchNorm with scale and centre, glorot_uniform. Layca as published trains the
two kernels only. The 784 hidden units each see the 28x28 pixels of MNIST, and
what they have learnt can be looked at as an image.

Reference: Carbonnelle & De Vleeschouwer, arXiv:1806.01603, Figure 8.
"""

from collections.abc import Sequence

import keras

from needle_tf.models import arguments
from needle_tf.models import convolution_stack
from needle_tf.models import rotation_blocks

HIDDEN_UNITS = 784
INITIALIZER = "glorot_uniform"


def build(
    input_shape: Sequence[int], num_classes: int, width: float = 1.0
) -> keras.Model:
    """Returns an untrained, uncompiled MLP with logits out.

    Args:
        input_shape: (height, width, channels), without the batch, of any
            size.
        num_classes: Number of logits, at least 2.
        width: Multiplies the 784 hidden units (rounded, at least 1).

    Returns:
        A model from `(batch, height, width, channels)` to
        `(batch, num_classes)`.

    Raises:
        ValueError: If an argument is out of range.
    """
    arguments.require_network("mnist_mlp", input_shape, num_classes, width)
    return keras.Sequential(
        [
            keras.Input(tuple(input_shape), name="images"),
            keras.layers.Flatten(name="flatten"),
            keras.layers.Dense(
                convolution_stack.scaled(HIDDEN_UNITS, width),
                kernel_initializer=rotation_blocks.initializer(INITIALIZER),
                name="hidden",
            ),
            rotation_blocks.normalisation("hidden_bn", is_affine=True),
            keras.layers.ReLU(name="hidden_relu"),
            rotation_blocks.logits(
                num_classes, kernel_initializer=INITIALIZER, use_bias=True
            ),
        ],
        name="mnist_mlp",
    )

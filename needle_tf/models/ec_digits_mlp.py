"""A small MLP of unequal widths, for the 8x8 digits.

    dense 32, dense 64, dense 16, each with bias and ReLU; dense to the classes

on the 64 pixels of a digit. It is ours, not a paper's: EC-Opt as published
needs hidden layers of equal widths, and this one tries what does not.
"""

from collections.abc import Sequence

import keras

from needle_tf.models import homogeneous_mlp

UNITS = (32, 64, 16)


def build(
    input_shape: Sequence[int], num_classes: int, width: float = 1.0
) -> keras.Model:
    """Returns an untrained, uncompiled MLP with biases, logits out.

    Args:
        input_shape: (height, width, channels), without the batch, of any
            size.
        num_classes: Number of logits, at least 2.
        width: Multiplies the hidden units (rounded, at least 1).

    Returns:
        A model from `(batch, height, width, channels)` to
        `(batch, num_classes)`.

    Raises:
        ValueError: If an argument is out of range.
    """
    return homogeneous_mlp.build_network(
        "ec_digits_mlp", UNITS, input_shape, num_classes, width, use_bias=True
    )

"""A small ResNet without BatchNorm, for EC-Opt.

A convolution of 16 filters, then one basic block each of 16, 32 and 64, and a
dense layer. Convolutions have biases, and each block adds a third of its
branch: see `homogeneous_stages`.

It is ours, not a paper's: it trains on some thousand images of CIFAR-10 in
seconds on two cores.
"""

from collections.abc import Sequence

import keras

from needle_tf.models import homogeneous_stages

BLOCKS = (1, 1, 1)
FILTERS = (16, 32, 64)


def build(
    input_shape: Sequence[int], num_classes: int, width: float = 1.0
) -> keras.Model:
    """Returns an untrained, uncompiled ResNet with 8 layers with logits out.

    Args:
        input_shape: (height, width, channels), without the batch, of any
            size; channels first if Keras is set to it.
        num_classes: Number of logits, at least 2.
        width: Multiplies the filters (rounded, at least 1).

    Returns:
        A model from `(batch, height, width, channels)` to
        `(batch, num_classes)`.

    Raises:
        ValueError: If an argument is out of range.
    """
    return homogeneous_stages.build_residual(
        "ec_resnet8",
        BLOCKS,
        input_shape,
        num_classes,
        width,
        normalises=False,
        filters=FILTERS,
    )

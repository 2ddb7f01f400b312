"""ResNet-34 of EC-Opt's experiments on CIFAR-10.

A convolution of 64 filters, then 3, 4, 6 and 3 basic blocks of 64, 128, 256
and 512, with BatchNorm, and a dense layer; projections where the image is
halved. See `homogeneous_stages`.

Reference: He et al., arXiv:1512.03385; Meng et al., arXiv:1802.03713.
"""

from collections.abc import Sequence

import keras

from needle_tf.models import homogeneous_stages

BLOCKS = (3, 4, 6, 3)


def build(
    input_shape: Sequence[int], num_classes: int, width: float = 1.0
) -> keras.Model:
    """Returns an untrained, uncompiled ResNet-34 with logits out.

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
        "resnet34",
        BLOCKS,
        input_shape,
        num_classes,
        width,
        normalises=True,
    )

"""tiny-CNN of the layer rotation study: 10 convolutions for Tiny ImageNet.

    2 x conv 32, maxpool, 2 x conv 64, maxpool, 2 x conv 128, maxpool,
    2 x conv 256, maxpool, 2 x conv 512, global average pool, dense

each 3x3 convolution followed by ReLU and then BatchNorm, initialised by
he_uniform: 11 kernels. The BatchNorms' moving averages have momentum 0.9: with
Keras' 0.99 the study's training sometimes stopped after some 15 epochs.

Reference: Carbonnelle & De Vleeschouwer, arXiv:1806.01603, task tiny-CNN.
"""

from collections.abc import Sequence

import keras

from needle_tf.models import rotation_blocks

STAGES = tuple(
    rotation_blocks.Stage(2, filters) for filters in (32, 64, 128, 256, 512)
)
MOMENTUM = 0.9


def build(
    input_shape: Sequence[int], num_classes: int, width: float = 1.0
) -> keras.Model:
    """Returns an untrained, uncompiled tiny-CNN with logits out.

    Args:
        input_shape: (height, width, channels), without the batch, at least
            16x16 pixels; channels first if Keras is set to it.
        num_classes: Number of logits, at least 2.
        width: Multiplies the filters (rounded, at least 1).

    Returns:
        A model from `(batch, height, width, channels)` to
        `(batch, num_classes)`.

    Raises:
        ValueError: If the images are too small or an argument is out of range.
    """
    return rotation_blocks.build_plain_network(
        "tiny_cnn", STAGES, input_shape, num_classes, width, momentum=MOMENTUM
    )

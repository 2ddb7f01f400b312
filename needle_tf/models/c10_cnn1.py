"""C10-CNN1 of the layer rotation study: 24 convolutions for CIFAR-10.

    6 x conv 32, maxpool, 6 x conv 64, maxpool, 6 x conv 128, maxpool,
    6 x conv 256, global average pool, dense to the classes

each 3x3 convolution followed by ReLU and then BatchNorm, initialised by
he_uniform: 25 kernels, and nothing else that trains.

Reference: Carbonnelle & De Vleeschouwer, arXiv:1806.01603, task C10-CNN1.
"""

from collections.abc import Sequence

import keras

from needle_tf.models import rotation_blocks

STAGES = tuple(
    rotation_blocks.Stage(6, filters) for filters in (32, 64, 128, 256)
)


def build(
    input_shape: Sequence[int], num_classes: int, width: float = 1.0
) -> keras.Model:
    """Returns an untrained, uncompiled C10-CNN1 with logits out.

    Args:
        input_shape: (height, width, channels), without the batch, at least
            8x8 pixels; channels first if Keras is set to it.
        num_classes: Number of logits, at least 2.
        width: Multiplies the filters (rounded, at least 1).

    Returns:
        A model from `(batch, height, width, channels)` to
        `(batch, num_classes)`.

    Raises:
        ValueError: If the images are too small or an argument is out of range.
    """
    return rotation_blocks.build_plain_network(
        "c10_cnn1", STAGES, input_shape, num_classes, width
    )

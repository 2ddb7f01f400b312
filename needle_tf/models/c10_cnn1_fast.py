"""The 13-layer form of C10-CNN1: half as wide, half as deep.

    3 x conv 16, maxpool, 3 x conv 32, maxpool, 3 x conv 64, maxpool,
    3 x conv 128, global average pool, dense to the classes

else as `c10_cnn1`. It belongs to the study's code; no reported result uses it.

Reference: Carbonnelle & De Vleeschouwer, arXiv:1806.01603.
"""

from collections.abc import Sequence

import keras

from needle_tf.models import rotation_blocks

STAGES = tuple(
    rotation_blocks.Stage(3, filters) for filters in (16, 32, 64, 128)
)


def build(
    input_shape: Sequence[int], num_classes: int, width: float = 1.0
) -> keras.Model:
    """Returns an untrained, uncompiled small C10-CNN1 with logits out.

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
        "c10_cnn1_fast", STAGES, input_shape, num_classes, width
    )

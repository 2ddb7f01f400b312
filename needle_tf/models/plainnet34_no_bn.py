"""PlainNet-34 without BatchNorm: convolutions with biases.

All else as in `plainnet34`. Without BatchNorm every channel is a unit whose
scale may be moved.

Reference: He et al., arXiv:1512.03385; Meng et al., arXiv:1802.03713.
"""

from collections.abc import Sequence

import keras

from needle_tf.models import homogeneous_stages
from needle_tf.models import plainnet34


def build(
    input_shape: Sequence[int], num_classes: int, width: float = 1.0
) -> keras.Model:
    """Returns an untrained, uncompiled PlainNet-34 without BatchNorm.

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
    return homogeneous_stages.build_plain(
        "plainnet34_no_bn",
        plainnet34.CONVOLUTIONS,
        input_shape,
        num_classes,
        width,
        normalises=False,
    )

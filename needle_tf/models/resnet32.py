"""ResNet-32 of the layer rotation study, for CIFAR-100 (task C100-resnet).

Three stages of 5 blocks, 16, 32 and 64 filters: 31 convolutions, two 1x1
convolutions on shortcuts and a dense layer, 34 kernels. See
`residual_stages` for the blocks.

Reference: He et al., arXiv:1512.03385; Carbonnelle & De Vleeschouwer,
arXiv:1806.01603.
"""

from collections.abc import Sequence

import keras

from needle_tf.models import residual_stages

BLOCKS = 5


def build(
    input_shape: Sequence[int], num_classes: int, width: float = 1.0
) -> keras.Model:
    """Returns an untrained, uncompiled ResNet-32 with logits out.

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
    return residual_stages.build_network(
        "resnet32", BLOCKS, input_shape, num_classes, width
    )

"""The paper's Skinny CNN: 64 channels in each of three convolutions.

    conv 4/2/2->64, ReLU, maxpool 3/2, conv 5/1/2->64, ReLU, maxpool 3/2,
    conv 3/1/1->64, ReLU, maxpool 3/2, dense to the classes

in (kernel/stride/padding -> channels). An image of 32x32 pixels becomes
17, 8, 8, 3, 3 and 1 pixels wide.

Reference: d'Ascoli, Sagun, Bruna, Biroli, arXiv:1906.06766, whose experiments
use it on CIFAR-10 and CIFAR-100.
"""

from collections.abc import Sequence

import keras

from needle_tf.models import convolution_stack

STACK = (
    convolution_stack.Conv(64, kernel=4, stride=2, padding=2),
    convolution_stack.Pool(3, stride=2),
    convolution_stack.Conv(64, kernel=5, padding=2),
    convolution_stack.Pool(3, stride=2),
    convolution_stack.Conv(64, kernel=3, padding=1),
    convolution_stack.Pool(3, stride=2),
)


def build(
    input_shape: Sequence[int], num_classes: int, width: float = 1.0
) -> keras.Model:
    """Returns an untrained, uncompiled Skinny CNN with logits out.

    Args:
        input_shape: (height, width, channels), without the batch, at least
            28x28 pixels; channels first if Keras is set to it.
        num_classes: Number of logits, at least 2.
        width: Multiplies the 64 channels (rounded, at least 1).

    Returns:
        A model from `(batch, height, width, channels)` to
        `(batch, num_classes)`.

    Raises:
        ValueError: If the images are too small or an argument is out of range.
    """
    return convolution_stack.build_network(
        "skinny_cnn", STACK, input_shape, num_classes, width
    )

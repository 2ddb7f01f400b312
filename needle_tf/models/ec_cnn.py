"""A small CNN for EC-Opt: three convolutions, each with bias and pooling.

    conv 3/1/1->16, ReLU, maxpool 2/2, conv 3/1/1->32, ReLU, maxpool 2/2,
    conv 3/1/1->32, ReLU, maxpool 2/2, dense to the classes

in (kernel/stride/padding -> channels). It is ours, not a paper's: it trains on
some thousand images of CIFAR-10 in seconds on two cores.
"""

from collections.abc import Sequence

import keras

from needle_tf.models import convolution_stack

STACK = (
    convolution_stack.Conv(16, kernel=3, padding=1),
    convolution_stack.Pool(2, stride=2),
    convolution_stack.Conv(32, kernel=3, padding=1),
    convolution_stack.Pool(2, stride=2),
    convolution_stack.Conv(32, kernel=3, padding=1),
    convolution_stack.Pool(2, stride=2),
)


def build(
    input_shape: Sequence[int], num_classes: int, width: float = 1.0
) -> keras.Model:
    """Returns an untrained, uncompiled CNN with logits out.

    Args:
        input_shape: (height, width, channels), without the batch, at least
            8x8 pixels; channels first if Keras is set to it.
        num_classes: Number of logits, at least 2.
        width: Multiplies the channels (rounded, at least 1).

    Returns:
        A model from `(batch, height, width, channels)` to
        `(batch, num_classes)`.

    Raises:
        ValueError: If the images are too small or an argument is out of range.
    """
    return convolution_stack.build_network(
        "ec_cnn", STACK, input_shape, num_classes, width
    )

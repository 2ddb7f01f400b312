"""The small CNN: three convolutions, for the embedded data sets.

    conv 3/1/1->16, ReLU, maxpool 2/2, conv 3/1/1->16, ReLU, maxpool 2/2,
    conv 3/1/1->16, ReLU, dense to the classes

in (kernel/stride/padding -> channels). It is ours, not a paper's: small enough
that it and its dense twin train in a minute on two cores, and large enough
that the CNN, the relaxed network and the FCN come out in the paper's order.
"""

from collections.abc import Sequence

import keras

from needle_tf.models import convolution_stack

STACK = (
    convolution_stack.Conv(16, kernel=3, padding=1),
    convolution_stack.Pool(2, stride=2),
    convolution_stack.Conv(16, kernel=3, padding=1),
    convolution_stack.Pool(2, stride=2),
    convolution_stack.Conv(16, kernel=3, padding=1),
)


def build(
    input_shape: Sequence[int], num_classes: int, width: float = 1.0
) -> keras.Model:
    """Returns an untrained, uncompiled small CNN with logits out.

    Args:
        input_shape: (height, width, channels), without the batch, at least
            4x4 pixels; channels first if Keras is set to it.
        num_classes: Number of logits, at least 2.
        width: Multiplies the 16 channels (rounded, at least 1).

    Returns:
        A model from `(batch, height, width, channels)` to
        `(batch, num_classes)`.

    Raises:
        ValueError: If the images are too small or an argument is out of range.
    """
    return convolution_stack.build_network(
        "small_cnn", STACK, input_shape, num_classes, width
    )

"""The paper's AlexNet for CIFAR-sized images.

    conv 4/2/2->64, ReLU, maxpool 3/2, conv 5/1/2->192, ReLU, maxpool 3/2,
    conv 3/1/1->384, ReLU, conv 3/1/1->256, ReLU, conv 3/1/1->256, ReLU,
    maxpool 3/2, dropout .5, dense 512, ReLU, dropout .5, dense 512, ReLU,
    dense to the classes

in (kernel/stride/padding -> channels). An image of 32x32 pixels becomes
17, 8, 8, 3, 3, 3, 3 and 1 pixels wide; the five convolutions of that size are
126.4 million weights as dense layers.

Reference: d'Ascoli, Sagun, Bruna, Biroli, arXiv:1906.06766.
"""

from collections.abc import Sequence

import keras

from needle_tf.models import convolution_stack

STACK = (
    convolution_stack.Conv(64, kernel=4, stride=2, padding=2),
    convolution_stack.Pool(3, stride=2),
    convolution_stack.Conv(192, kernel=5, padding=2),
    convolution_stack.Pool(3, stride=2),
    convolution_stack.Conv(384, kernel=3, padding=1),
    convolution_stack.Conv(256, kernel=3, padding=1),
    convolution_stack.Conv(256, kernel=3, padding=1),
    convolution_stack.Pool(3, stride=2),
)
HIDDEN_UNITS = 512
DROPOUT = 0.5


def build(
    input_shape: Sequence[int], num_classes: int, width: float = 1.0
) -> keras.Model:
    """Returns an untrained, uncompiled AlexNet with logits out.

    Args:
        input_shape: (height, width, channels), without the batch, at least
            28x28 pixels; channels first if Keras is set to it.
        num_classes: Number of logits, at least 2.
        width: Multiplies the channels of the convolutions (rounded, at least
            1). The two hidden dense layers keep their 512 units.

    Returns:
        A model from `(batch, height, width, channels)` to
        `(batch, num_classes)`.

    Raises:
        ValueError: If the images are too small or an argument is out of range.
    """
    head = [
        keras.layers.Dropout(DROPOUT, name="dropout_1"),
        keras.layers.Dense(HIDDEN_UNITS, name="dense_1"),
        keras.layers.ReLU(name="relu_6"),
        keras.layers.Dropout(DROPOUT, name="dropout_2"),
        keras.layers.Dense(HIDDEN_UNITS, name="dense_2"),
        keras.layers.ReLU(name="relu_7"),
    ]
    return convolution_stack.build_network(
        "alexnet", STACK, input_shape, num_classes, width, head
    )

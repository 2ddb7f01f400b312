"""C10-CNN2 of the layer rotation study: a VGG of 13 convolutions.

    2 x conv 64, maxpool, 2 x conv 128, maxpool, 3 x conv 256, maxpool,
    3 x conv 512, maxpool, 3 x conv 512, maxpool,
    dense 512, BatchNorm, ReLU, dense to the classes

each 3x3 convolution followed by BatchNorm and then ReLU, initialised by
he_normal: 15 kernels. No dropout: the study's 2018 version had it, that of
2019 has not.

Reference: Carbonnelle & De Vleeschouwer, arXiv:1806.01603, task C10-CNN2,
after Zagoruyko's VGG for CIFAR-10 (torch.ch, 2015).
"""

from collections.abc import Sequence

import keras

from needle_tf.models import arguments
from needle_tf.models import rotation_blocks

Stage = rotation_blocks.Stage

STAGES = (
    Stage(2, 64),
    Stage(2, 128),
    Stage(3, 256),
    Stage(3, 512),
    Stage(3, 512),
)
HIDDEN_UNITS = 512
INITIALIZER = "he_normal"


def build(
    input_shape: Sequence[int], num_classes: int, width: float = 1.0
) -> keras.Model:
    """Returns an untrained, uncompiled C10-CNN2 with logits out.

    Args:
        input_shape: (height, width, channels), without the batch, at least
            32x32 pixels; channels first if Keras is set to it.
        num_classes: Number of logits, at least 2.
        width: Multiplies the filters (rounded, at least 1). The hidden dense
            layer keeps its 512 units.

    Returns:
        A model from `(batch, height, width, channels)` to
        `(batch, num_classes)`.

    Raises:
        ValueError: If the images are too small or an argument is out of range.
    """
    arguments.require_network(
        "c10_cnn2", input_shape, num_classes, width, 2 ** len(STAGES)
    )
    layers = [keras.Input(tuple(input_shape), name="images")]
    for number, stage in enumerate(STAGES, start=1):
        layers += rotation_blocks.stage_layers(
            stage,
            number,
            width,
            kernel_initializer=INITIALIZER,
            normalises_first=True,
        )
        layers.append(keras.layers.MaxPooling2D(2, name=f"stage{number}_pool"))
    hidden = keras.layers.Dense(
        HIDDEN_UNITS,
        use_bias=False,
        kernel_initializer=rotation_blocks.initializer(INITIALIZER),
        name="hidden",
    )
    return keras.Sequential(
        [
            *layers,
            keras.layers.Flatten(name="flatten"),
            hidden,
            rotation_blocks.normalisation("hidden_bn"),
            keras.layers.ReLU(name="hidden_relu"),
            rotation_blocks.logits(num_classes, kernel_initializer=INITIALIZER),
        ],
        name="c10_cnn2",
    )

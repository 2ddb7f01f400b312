"""ResNets of the first kind (v1) for small images, written as blocks per stage.

    stem:   conv 16, BatchNorm, ReLU
    block:  y = BatchNorm(conv(ReLU(BatchNorm(conv(x)))));  ReLU(x + y)
    stages: 16, 32, 64 filters; the first block of the second and the third
            halves the image and takes S x in the place of x, S a 1x1
            convolution of stride 2 with neither BatchNorm nor ReLU
    head:   global average pool, dense to the classes

of 3x3 convolutions: 6 * blocks + 1 of them, two 1x1 and one dense kernel. The
pool is the published average over 8x8 pixels on images of 32x32, and remains
global on others.

Reference: He et al., "Deep residual learning for image recognition",
arXiv:1512.03385, in the form that Carbonnelle & De Vleeschouwer,
arXiv:1806.01603, train.
"""

from collections.abc import Sequence

import keras

from needle_tf.models import arguments
from needle_tf.models import convolution_stack
from needle_tf.models import rotation_blocks

FILTERS = (16, 32, 64)
INITIALIZER = "he_normal"


def build_network(
    name: str,
    blocks: int,
    input_shape: Sequence[int],
    num_classes: int,
    width: float = 1.0,
) -> keras.Model:
    """Returns the ResNet of so many blocks per stage as a Keras model.

    Args:
        name: Name of the model.
        blocks: Blocks in each of the three stages, at least 1.
        input_shape: (height, width, channels), without the batch; channels
            first if Keras is set to it.
        num_classes: Number of logits, at least 2.
        width: Multiplies the filters (rounded, at least 1).

    Returns:
        An uncompiled model from `(batch, height, width, channels)` to
        `(batch, num_classes)`; no softmax at the end.

    Raises:
        ValueError: If an argument is out of range.
    """
    arguments.require_network(name, input_shape, num_classes, width)
    filters = [convolution_stack.scaled(count, width) for count in FILTERS]
    images = keras.Input(tuple(input_shape), name="images")
    features = _convolution(filters[0], "stem_conv")(images)
    features = rotation_blocks.normalisation("stem_bn")(features)
    features = keras.layers.ReLU(name="stem_relu")(features)
    for stage, count in enumerate(filters, start=1):
        for block in range(1, blocks + 1):
            features = _block(
                features,
                count,
                f"stage{stage}_block{block}",
                halves=stage > 1 and block == 1,
            )
    features = keras.layers.GlobalAveragePooling2D(name="average")(features)
    scores = rotation_blocks.logits(
        num_classes, kernel_initializer=INITIALIZER
    )(features)
    return keras.Model(images, scores, name=name)


def _block(
    inputs: keras.KerasTensor, filters: int, name: str, *, halves: bool
) -> keras.KerasTensor:
    strides = 2 if halves else 1
    residual = _convolution(filters, f"{name}_conv1", strides=strides)(inputs)
    residual = rotation_blocks.normalisation(f"{name}_bn1")(residual)
    residual = keras.layers.ReLU(name=f"{name}_relu1")(residual)
    residual = _convolution(filters, f"{name}_conv2")(residual)
    residual = rotation_blocks.normalisation(f"{name}_bn2")(residual)
    if halves:
        inputs = _convolution(
            filters, f"{name}_shortcut", kernel_size=1, strides=strides
        )(inputs)
    total = keras.layers.Add(name=f"{name}_add")([residual, inputs])
    return keras.layers.ReLU(name=f"{name}_relu2")(total)


def _convolution(filters: int, name: str, **geometry: int) -> keras.Layer:
    return rotation_blocks.convolution(
        filters, name, kernel_initializer=INITIALIZER, **geometry
    )

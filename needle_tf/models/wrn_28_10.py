"""WRN-28-10 of the layer rotation study: a wide ResNet for CIFAR-100.

    stem:   conv 16
    block:  y = conv(dropout(ReLU(BN(conv(ReLU(BN(x)))))));  x + y
    stages: 160, 320, 640 filters of four blocks each; the first block of a
            stage takes S x in the place of x, S a 1x1 convolution, and in the
            second and third stage it halves the image
    head:   BN, ReLU, global average pool, dense to the classes

of 3x3 convolutions: 25 of them, three 1x1 and one dense kernel, 29 in all.
Dropout takes 0.3. The initialiser is Keras' default, glorot_uniform, unlike
the study's other networks. S sees x itself, before BatchNorm and ReLU.

Reference: Zagoruyko & Komodakis, "Wide residual networks", arXiv:1605.07146,
in the form that Carbonnelle & De Vleeschouwer, arXiv:1806.01603, train (task
C100-WRN).
"""

from collections.abc import Sequence

import keras

from needle_tf.models import arguments
from needle_tf.models import convolution_stack
from needle_tf.models import rotation_blocks

STEM_FILTERS = 16
FILTERS = (160, 320, 640)
BLOCKS = 4
DROPOUT = 0.3
INITIALIZER = "glorot_uniform"


def build(
    input_shape: Sequence[int], num_classes: int, width: float = 1.0
) -> keras.Model:
    """Returns an untrained, uncompiled WRN-28-10 with logits out.

    Args:
        input_shape: (height, width, channels), without the batch, of any
            size; channels first if Keras is set to it.
        num_classes: Number of logits, at least 2.
        width: Multiplies the filters, the stem's too (rounded, at least 1).

    Returns:
        A model from `(batch, height, width, channels)` to
        `(batch, num_classes)`.

    Raises:
        ValueError: If an argument is out of range.
    """
    arguments.require_network("wrn_28_10", input_shape, num_classes, width)
    images = keras.Input(tuple(input_shape), name="images")
    features = _convolution(
        convolution_stack.scaled(STEM_FILTERS, width), "stem_conv"
    )(images)
    for stage, count in enumerate(FILTERS, start=1):
        for block in range(1, BLOCKS + 1):
            features = _block(
                features,
                convolution_stack.scaled(count, width),
                f"stage{stage}_block{block}",
                is_first=block == 1,
                strides=2 if stage > 1 and block == 1 else 1,
            )
    features = _activated(features, "final_bn", "final_relu")
    features = keras.layers.GlobalAveragePooling2D(name="average")(features)
    scores = rotation_blocks.logits(
        num_classes, kernel_initializer=INITIALIZER
    )(features)
    return keras.Model(images, scores, name="wrn_28_10")


def _block(
    inputs: keras.KerasTensor,
    filters: int,
    name: str,
    *,
    is_first: bool,
    strides: int,
) -> keras.KerasTensor:
    residual = _activated(inputs, f"{name}_bn1", f"{name}_relu1")
    residual = _convolution(filters, f"{name}_conv1", strides=strides)(residual)
    residual = _activated(residual, f"{name}_bn2", f"{name}_relu2")
    residual = keras.layers.Dropout(DROPOUT, name=f"{name}_dropout")(residual)
    residual = _convolution(filters, f"{name}_conv2")(residual)
    if is_first:
        inputs = _convolution(
            filters, f"{name}_shortcut", kernel_size=1, strides=strides
        )(inputs)
    return keras.layers.Add(name=f"{name}_add")([residual, inputs])


def _activated(
    inputs: keras.KerasTensor, bn_name: str, relu_name: str
) -> keras.KerasTensor:
    normalised = rotation_blocks.normalisation(bn_name)(inputs)
    return keras.layers.ReLU(name=relu_name)(normalised)


def _convolution(filters: int, name: str, **geometry: int) -> keras.Layer:
    return rotation_blocks.convolution(
        filters, name, kernel_initializer=INITIALIZER, **geometry
    )

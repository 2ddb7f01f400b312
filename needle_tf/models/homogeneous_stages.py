"""Plain and residual networks of positively homogeneous parts, in stages.

    plain:     stem, then so many convolutions per stage
    residual:  stem, then so many blocks per stage,
               y = conv(ReLU(conv(x))),  ReLU(S x + f y)
    head:      global average pool, dense to the classes with a bias

of 3x3 convolutions with "same" padding, each followed by a BatchNorm with
scale and centre (then the convolution has no bias) or by none (then it has),
and by a ReLU unless it ends a block. The first convolution of each stage but
the first halves the image. S is nothing, except in the first block of those
stages: a projection by a 1x1 convolution of stride 2, with BatchNorm or bias
like the others.

The factor f is 1 with BatchNorm. Without, it is 1 / (blocks in all): where
all skeleton weights are 1 a block would otherwise double its stream, and 16
blocks make 65,000 of 1; with the factor they stay below e = 2.7. It is a fixed
`Rescaling`, so that every scale may still be moved through it.

Reference: He et al., arXiv:1512.03385, Figure 3 (without the pooling of the
stem, as usual for small images); trained so by Meng et al., arXiv:1802.03713.
The factor is ours.
"""

from collections.abc import Sequence

import keras

from needle_tf.layers import embedded_conv2d
from needle_tf.models import arguments
from needle_tf.models import convolution_stack
from needle_tf.models import rotation_blocks

# Stages of the networks with 34 layers.
FILTERS = (64, 128, 256, 512)
INITIALIZER = "he_normal"
# PyTorch's, in which it is called 0.1.
MOMENTUM = 0.9


def build_plain(
    name: str,
    convolutions: Sequence[int],
    input_shape: Sequence[int],
    num_classes: int,
    width: float = 1.0,
    *,
    normalises: bool,
) -> keras.Model:
    """Returns a network without shortcuts.

    Args:
        name: Name of the model.
        convolutions: How many in each stage, of `FILTERS` filters.
        input_shape: (height, width, channels), without the batch, of any
            size; channels first if Keras is set to it.
        num_classes: Number of logits, at least 2.
        width: Multiplies the filters (rounded, at least 1).
        normalises: Whether a BatchNorm follows each convolution.

    Returns:
        An uncompiled model from `(batch, height, width, channels)` to
        `(batch, num_classes)`; no softmax at the end.

    Raises:
        ValueError: If an argument is out of range.
    """
    arguments.require_network(name, input_shape, num_classes, width)
    counts = [convolution_stack.scaled(count, width) for count in FILTERS]
    images = keras.Input(tuple(input_shape), name="images")
    features = _convolution(images, counts[0], "stem", normalises)
    features = keras.layers.ReLU(name="stem_relu")(features)
    for stage, many in enumerate(convolutions, start=1):
        for number in range(1, many + 1):
            place = f"stage{stage}_{number}"
            features = _convolution(
                features,
                counts[stage - 1],
                place,
                normalises,
                strides=_strides(stage, number),
            )
            features = keras.layers.ReLU(name=f"{place}_relu")(features)
    return keras.Model(images, _head(features, num_classes), name=name)


def build_residual(
    name: str,
    blocks: Sequence[int],
    input_shape: Sequence[int],
    num_classes: int,
    width: float = 1.0,
    *,
    normalises: bool,
    filters: Sequence[int] = FILTERS,
) -> keras.Model:
    """Returns a network of basic blocks with shortcuts.

    Args:
        name: Name of the model.
        blocks: How many in each stage.
        input_shape: As of `build_plain`.
        num_classes: Number of logits, at least 2.
        width: Multiplies the filters (rounded, at least 1).
        normalises: Whether a BatchNorm follows each convolution.
        filters: Filters of each stage; the stem has those of the first.

    Returns:
        As `build_plain`.

    Raises:
        ValueError: If an argument is out of range.
    """
    arguments.require_network(name, input_shape, num_classes, width)
    counts = [convolution_stack.scaled(count, width) for count in filters]
    factor = 1.0 if normalises else 1 / sum(blocks)
    images = keras.Input(tuple(input_shape), name="images")
    features = _convolution(images, counts[0], "stem", normalises)
    features = keras.layers.ReLU(name="stem_relu")(features)
    for stage, many in enumerate(blocks, start=1):
        for number in range(1, many + 1):
            features = _block(
                features,
                counts[stage - 1],
                f"stage{stage}_block{number}",
                normalises,
                strides=_strides(stage, number),
                factor=factor,
            )
    return keras.Model(images, _head(features, num_classes), name=name)


def _strides(stage: int, number: int) -> int:
    return 2 if stage > 1 and number == 1 else 1


def _block(
    inputs: keras.KerasTensor,
    filters: int,
    name: str,
    normalises: bool,
    *,
    strides: int,
    factor: float,
) -> keras.KerasTensor:
    branch = _convolution(
        inputs, filters, f"{name}_1", normalises, strides=strides
    )
    branch = keras.layers.ReLU(name=f"{name}_1_relu")(branch)
    branch = _convolution(branch, filters, f"{name}_2", normalises)
    if factor != 1:
        branch = keras.layers.Rescaling(factor, name=f"{name}_factor")(branch)
    if strides > 1:
        inputs = _convolution(
            inputs,
            filters,
            f"{name}_projection",
            normalises,
            strides=strides,
            kernel_size=1,
        )
    total = keras.layers.Add(name=f"{name}_add")([inputs, branch])
    return keras.layers.ReLU(name=f"{name}_relu")(total)


def _convolution(
    inputs: keras.KerasTensor,
    filters: int,
    name: str,
    normalises: bool,
    *,
    strides: int = 1,
    kernel_size: int = 3,
) -> keras.KerasTensor:
    outputs = embedded_conv2d.EmbeddedConv2D(
        filters,
        kernel_size,
        strides=strides,
        padding="same",
        use_bias=not normalises,
        kernel_initializer=INITIALIZER,
        name=f"{name}_conv",
    )(inputs)
    if not normalises:
        return outputs
    return rotation_blocks.normalisation(
        f"{name}_bn", momentum=MOMENTUM, is_affine=True
    )(outputs)


def _head(features: keras.KerasTensor, num_classes: int) -> keras.KerasTensor:
    means = keras.layers.GlobalAveragePooling2D(name="average")(features)
    return keras.layers.Dense(
        num_classes,
        kernel_initializer=INITIALIZER,
        # As in `convolution_stack`: half precision would cost accuracy here.
        dtype=keras.config.dtype_policy().variable_dtype,
        name="logits",
    )(means)

"""What the networks of the layer rotation study are made of.

    conv -> ReLU -> BatchNorm      or      conv -> BatchNorm -> ReLU

with 3x3 convolutions. Nothing has a bias, and BatchNorm has neither scale nor
centre, so the kernels are all that trains: each trained weight belongs to a
layer whose rotation is followed. Strides and padding are Keras' own ("same"),
for the study was written in Keras; not PyTorch's, as in `convolution_stack`.

The study's norms follow from its initialisers. Those of Keras 2.1.2 were

    he_uniform      E |w|^2 = 2 n_out           8.0, 11.3, 16.0, 22.6
    he_normal       E |w|^2 = 2 n_out * 0.774   5.0, 7.0, 10.0

for 32, 64, 128, 256 and 16, 32, 64 filters: its normal numbers were cut off
at two standard deviations and not scaled up again, as Keras 3 does.

Reference: Carbonnelle & De Vleeschouwer, "Layer rotation: a surprisingly
powerful indicator of generalization in deep networks?", arXiv:1806.01603.
"""

from collections.abc import Sequence
from typing import NamedTuple

import keras

from needle_tf.layers import embedded_conv2d
from needle_tf.models import arguments
from needle_tf.models import convolution_stack

EPSILON = 1e-3
# Standard deviation of a standard normal number that lies within +-2.
CUT_NORMAL_STD = 0.87962566103423978


class Stage(NamedTuple):
    """Convolutions of equally many filters, at one image size."""

    convolutions: int
    filters: int


def initializer(kind: str) -> keras.initializers.Initializer:
    """Returns a new initialiser: one object gives one set of numbers only.

    Args:
        kind: What Keras calls it. `"he_normal"` is that of Keras 2.1.2, whose
            weights are 0.88 times as large as those of Keras 3.
    """
    if kind == "he_normal":
        return keras.initializers.VarianceScaling(
            2 * CUT_NORMAL_STD**2,
            mode="fan_in",
            distribution="truncated_normal",
        )
    return keras.initializers.get(kind)


def convolution(
    filters: int,
    name: str,
    *,
    kernel_initializer: str,
    kernel_size: int = 3,
    strides: int = 1,
) -> keras.layers.Layer:
    """Returns a "same" convolution without a bias."""
    return embedded_conv2d.EmbeddedConv2D(
        filters,
        kernel_size,
        strides=strides,
        padding="same",
        use_bias=False,
        kernel_initializer=initializer(kernel_initializer),
        name=name,
    )


def normalisation(
    name: str, *, momentum: float = 0.99, is_affine: bool = False
) -> keras.layers.BatchNormalization:
    """Returns a BatchNorm per channel, with nothing to train unless affine."""
    return keras.layers.BatchNormalization(
        axis=channel_axis(),
        momentum=momentum,
        epsilon=EPSILON,
        center=is_affine,
        scale=is_affine,
        name=name,
    )


def channel_axis() -> int:
    """Returns the axis of the channels in a batch of images."""
    return 1 if keras.config.image_data_format() == "channels_first" else -1


def logits(
    num_classes: int, *, kernel_initializer: str, use_bias: bool = False
) -> keras.layers.Dense:
    """Returns the dense layer of the logits, float32 in a mixed policy."""
    return keras.layers.Dense(
        num_classes,
        use_bias=use_bias,
        kernel_initializer=initializer(kernel_initializer),
        # As in `convolution_stack`: half precision would cost accuracy here.
        dtype=keras.config.dtype_policy().variable_dtype,
        name="logits",
    )


def stage_layers(
    stage: Stage,
    number: int,
    width: float,
    *,
    kernel_initializer: str,
    momentum: float = 0.99,
    normalises_first: bool = False,
) -> list[keras.layers.Layer]:
    """Returns the convolutions of a stage with what follows each of them.

    Args:
        stage: How many, of how many filters.
        number: Number of the stage from 1, for names like `stage2_conv3`.
        width: Multiplies the filters (rounded, at least 1).
        kernel_initializer: As `initializer` takes it.
        momentum: Of the BatchNorm's moving averages.
        normalises_first: conv -> BatchNorm -> ReLU, instead of
            conv -> ReLU -> BatchNorm.
    """
    filters = convolution_stack.scaled(stage.filters, width)
    layers = []
    for index in range(1, stage.convolutions + 1):
        layers.append(
            convolution(
                filters,
                f"stage{number}_conv{index}",
                kernel_initializer=kernel_initializer,
            )
        )
        after = [
            keras.layers.ReLU(name=f"stage{number}_relu{index}"),
            normalisation(f"stage{number}_bn{index}", momentum=momentum),
        ]
        layers += reversed(after) if normalises_first else after
    return layers


def build_plain_network(
    name: str,
    stages: Sequence[Stage],
    input_shape: Sequence[int],
    num_classes: int,
    width: float = 1.0,
    *,
    momentum: float = 0.99,
) -> keras.Model:
    """Returns stages with a 2x2 max-pooling between two, as one Keras model.

        stage, pool, stage, pool, ..., stage, global average pool, logits

    of conv -> ReLU -> BatchNorm, initialised by he_uniform.

    Args:
        name: Name of the model.
        stages: From the image on.
        input_shape: (height, width, channels), without the batch, each side
            at least `2 ** (len(stages) - 1)` pixels.
        num_classes: Number of logits, at least 2.
        width: Multiplies the filters (rounded, at least 1).
        momentum: Of the BatchNorms' moving averages.

    Returns:
        An uncompiled model from `(batch, height, width, channels)` to
        `(batch, num_classes)`; no softmax at the end.

    Raises:
        ValueError: If the images are too small or an argument is out of range.
    """
    arguments.require_network(
        name, input_shape, num_classes, width, 2 ** (len(stages) - 1)
    )
    layers = []
    for number, stage in enumerate(stages, start=1):
        layers += stage_layers(
            stage,
            number,
            width,
            kernel_initializer="he_uniform",
            momentum=momentum,
        )
        if number < len(stages):
            layers.append(
                keras.layers.MaxPooling2D(2, name=f"stage{number}_pool")
            )
    return keras.Sequential(
        [
            keras.Input(tuple(input_shape), name="images"),
            *layers,
            keras.layers.GlobalAveragePooling2D(name="average"),
            logits(num_classes, kernel_initializer="he_uniform"),
        ],
        name=name,
    )

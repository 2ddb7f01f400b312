"""Fully connected ReLU networks, written as a tuple of hidden units.

    flatten, (dense, ReLU) for each number of units, dense to the classes

Dense and ReLU are positively homogeneous: each hidden unit may be given a
scale, and the next layer divides by it, without a change of the function.
"""

from collections.abc import Sequence

import keras

from needle_tf.models import arguments
from needle_tf.models import convolution_stack

HE_NORMAL = 2.0
# Weights uniform in +-1 / sqrt(fan_in), as PyTorch starts such layers.
UNIFORM_BY_FAN_IN = 1 / 3


def build_network(
    name: str,
    units: Sequence[int],
    input_shape: Sequence[int],
    num_classes: int,
    width: float = 1.0,
    *,
    use_bias: bool,
    variance: float = HE_NORMAL,
) -> keras.Model:
    """Returns the fully connected network of so many units per hidden layer.

    Args:
        name: Name of the model.
        units: Units of the hidden layers, from the pixels on.
        input_shape: (height, width, channels), without the batch, of any
            size.
        num_classes: Number of logits, at least 2.
        width: Multiplies the hidden units (rounded, at least 1).
        use_bias: Whether units and logits have biases, 0 at the start.
        variance: Of a kernel's weights at the start, times its fan-in:
            `HE_NORMAL` or `UNIFORM_BY_FAN_IN`.

    Returns:
        An uncompiled model from `(batch, height, width, channels)` to
        `(batch, num_classes)`; no softmax at the end.

    Raises:
        ValueError: If an argument is out of range.
    """
    arguments.require_network(name, input_shape, num_classes, width)
    hidden = [
        keras.layers.Dense(
            convolution_stack.scaled(count, width),
            activation="relu",
            use_bias=use_bias,
            kernel_initializer=_initializer(variance),
            name=f"hidden_{number}",
        )
        for number, count in enumerate(units, start=1)
    ]
    return keras.Sequential(
        [
            keras.Input(tuple(input_shape), name="images"),
            keras.layers.Flatten(name="flatten"),
            *hidden,
            keras.layers.Dense(
                num_classes,
                use_bias=use_bias,
                kernel_initializer=_initializer(variance),
                # As in `convolution_stack`: half precision costs accuracy.
                dtype=keras.config.dtype_policy().variable_dtype,
                name="logits",
            ),
        ],
        name=name,
    )


def _initializer(variance):
    """A new one each time: one object gives one set of numbers only."""
    if variance == HE_NORMAL:
        return keras.initializers.HeNormal()
    return keras.initializers.VarianceScaling(
        variance, mode="fan_in", distribution="uniform"
    )

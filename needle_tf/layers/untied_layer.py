"""What the untied layers share: images in and out, a bias for every unit."""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from needle_tf.ops import adoption
from needle_tf.ops import conv_geometry

ConvGeometry = conv_geometry.ConvGeometry


class UntiedLayer(keras.layers.Layer):
    """Base of the layers whose weights differ from position to position.

    Subclasses say which geometry they have on an image (`geometry_on`), the
    shape and the first values of their kernel (`kernel_shape`, `draw_kernel`),
    and how a kernel makes units from pixels (`units`).

    Args:
        data_format: `"channels_last"` or `"channels_first"` of the images.
            Weights are laid out channels last in both cases.
        activation, use_bias, kernel_initializer, bias_initializer,
        kernel_regularizer, bias_regularizer, kernel_constraint,
        bias_constraint: As in `keras.layers.Dense`.

    Attributes:
        unread: Output rows at the bottom, and columns at the right, that
            nothing reads in training, as pooling leaves out a remainder.
            Their units may then come out without what the kernel adds, at no
            other time; never saved. See `embedding.unread_units`.
    """

    def __init__(
        self,
        *,
        data_format: str | None = None,
        activation: str | Callable | None = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if data_format not in (None, "channels_last", "channels_first"):
            raise ValueError(
                '`data_format` must be "channels_last" or "channels_first". '
                f"Received: data_format={data_format!r}."
            )
        self.data_format = data_format or keras.config.image_data_format()
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)
        self.input_spec = keras.layers.InputSpec(ndim=4)
        self.geometry = None
        self.unread = (0, 0)
        self._first_kernel = None
        self._first_bias = None

    def start_from(
        self, kernel: Callable[[], np.ndarray], bias: np.ndarray | None
    ) -> "UntiedLayer":
        """Lets `build` begin at these values instead of fresh draws.

        The array becomes the variable without a second copy, which is what
        makes large embeddings affordable. To be called before the layer is
        built; fixed entries must be 0.

        Args:
            kernel: Called once by `build`; returns the kernel's value.
            bias: The bias' value, or None if the layer has none.
        """
        self._first_kernel = kernel
        self._first_bias = bias
        return self

    def geometry_on(self, image_shape: tuple[int | None, ...]) -> ConvGeometry:
        """Returns the geometry on images of one shape, in the data format.

        Raises:
            ValueError: If a size is unknown or does not fit.
        """
        raise NotImplementedError

    def kernel_shape(self) -> tuple[int, ...]:
        """Returns the shape of the kernel, once the geometry is known."""
        raise NotImplementedError

    def draw_kernel(self, shape: tuple[int, ...], dtype: str) -> Any:
        """Returns a first kernel from the initializer."""
        raise NotImplementedError

    def units(self, images: Any, kernel: Any, training: bool) -> Any:
        """Returns `(batch, H' * W' * F)` from channels-last images."""
        raise NotImplementedError

    def constrain_kernel(self) -> Any:
        """Returns the constraint of the kernel, or None."""
        return self.kernel_constraint

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.geometry = self.geometry_on(tuple(input_shape[1:]))
        # Images of another size would be read as more or fewer of this one.
        self.input_spec = keras.layers.InputSpec(shape=(None, *input_shape[1:]))
        self.kernel = self.add_weight(
            name="kernel",
            shape=self.kernel_shape(),
            initializer=self._kernel_start,
            regularizer=self.kernel_regularizer,
            constraint=self.constrain_kernel(),
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(math.prod(self.geometry.output_shape),),
                initializer=self._bias_start,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        self._first_kernel = self._first_bias = None

    def call(self, inputs: Any, training: bool = False) -> Any:
        images = inputs
        if self.data_format == "channels_first":
            images = ops.transpose(images, (0, 2, 3, 1))
        units = self.units(images, self.kernel, training)
        if self.bias is not None:
            units = ops.add(units, self.bias)
        images = ops.reshape(units, (-1, *self.geometry.output_shape))
        if self.data_format == "channels_first":
            images = ops.transpose(images, (0, 3, 1, 2))
        return self.activation(images)

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        geometry = self.geometry_on(tuple(input_shape[1:]))
        shape = in_data_format(geometry.output_shape, self.data_format)
        return (input_shape[0], *shape)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        serialize = keras.saving.serialize_keras_object
        config.update(
            data_format=self.data_format,
            activation=keras.activations.serialize(self.activation),
            use_bias=self.use_bias,
            kernel_initializer=serialize(self.kernel_initializer),
            bias_initializer=serialize(self.bias_initializer),
            kernel_regularizer=serialize(self.kernel_regularizer),
            bias_regularizer=serialize(self.bias_regularizer),
            kernel_constraint=serialize(self.kernel_constraint),
            bias_constraint=serialize(self.bias_constraint),
        )
        return config

    def _kernel_start(self, shape, dtype=None):
        if self._first_kernel is None:
            return self.draw_kernel(shape, dtype)
        return adoption.adopt(self._first_kernel(), dtype)

    def _bias_start(self, shape, dtype=None):
        if self._first_bias is None:
            return self.bias_initializer(shape, dtype=dtype)
        return ops.convert_to_tensor(self._first_bias, dtype=dtype)


def in_data_format(
    shape: tuple[int, int, int], data_format: str
) -> tuple[int, int, int]:
    """Returns a `(height, width, channels)` shape as `data_format` has it."""
    height, width, channels = shape
    if data_format == "channels_first":
        return (channels, height, width)
    return (height, width, channels)


def channels_last(
    shape: tuple[int | None, ...], data_format: str, layer_name: str
) -> tuple[int, int, int]:
    """Returns an image shape as `(height, width, channels)`.

    Raises:
        ValueError: If it is not three known integers.
    """
    if len(shape) != 3 or None in shape:
        raise ValueError(
            f'Layer "{layer_name}" needs a fixed image size, three integers '
            f"without the batch axis. Received: {tuple(shape)}. Give the "
            "model's Input a fixed shape."
        )
    if data_format == "channels_first":
        channels, height, width = shape
        return (height, width, channels)
    return tuple(shape)

"""Dense from image to image, with the freedom that a convolution leaves it."""

import math
import numbers
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from needle_tf.layers import fans
from needle_tf.layers import untied_layer
from needle_tf.ops import conv_geometry
from needle_tf.ops import ordered_product
from needle_tf.ops import placement

ConvGeometry = conv_geometry.ConvGeometry

FREEDOMS = ("local", "band", "all")


@keras.saving.register_keras_serializable(package="needle_tf")
class MaskedDense(untied_layer.UntiedLayer):
    """The fully connected layer that contains a convolution.

    Computes `flatten(image) @ kernel + bias`, shaped back into an image. The
    geometry says where the entries of the convolution lie; `free` says which
    entries may differ from 0. Fixed entries are exactly 0 at any time, whatever
    the optimizer does: they take no part in the output, get no gradient, and
    are set back to 0 after each update. (Keras averages weights before that:
    with `use_ema`, an optimizer that mixes weights, like Muon, leaves averages
    there; they take no part in the output either.)

    Args:
        geometry: `ConvGeometry`, or its config as a dictionary.
        free: Which weights are free. `"local"`: the receptive fields (a locally
            connected layer), `"band"`: pixels within `radius` of them, `"all"`:
            every weight (a fully connected layer).
        radius: For `"band"`: input pixels around the receptive field, at least
            0, by the larger of the row and column distances. Channels of
            different groups stay unconnected in a band.
        reads_data: True for a layer that sees data rather than features. The
            gradient of its kernel then does not wait for that of its input.
            A matter of memory and speed alone; results are the same.
        device: Where the weights lie and the products run, as `tf.device`
            takes it; None leaves it to Keras. TensorFlow only, and not
            compiled by XLA. A saved layer whose device is missing is loaded
            without one, with a warning.
        **kwargs: `data_format`, and what `keras.layers.Dense` takes besides
            `units`. Fans of the initializer are the free weights of a unit.

    Input shape: `(batch, H, W, C)`, or `(batch, C, H, W)`.
    Output shape: `(batch, H', W', F)`, or `(batch, F, H', W')`.

    Attributes:
        kernel: `(H * W * C, H' * W' * F)`.
        bias: `(H' * W' * F,)`, one per unit, or None.

    Raises:
        ValueError: If `free` and `radius` contradict each other, the images
            are not those of the geometry, or `device` does not exist.

    Reference: the eFCN of d'Ascoli et al., arXiv:1906.06766; without the rows
    for padded pixels that the authors' code has.
    """

    def __init__(
        self,
        geometry: ConvGeometry | dict[str, Any],
        free: str = "local",
        radius: int | None = None,
        *,
        reads_data: bool = False,
        device: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if isinstance(geometry, dict):
            geometry = ConvGeometry.from_config(geometry)
        if not isinstance(geometry, ConvGeometry):
            raise ValueError(
                "`geometry` must be a `ConvGeometry` or its config, for "
                "example `ConvGeometry.of_convolution((32, 32, 3), (3, 3), "
                f"16)`. Received: geometry={geometry!r}."
            )
        self.geometry = geometry
        self.free = free
        self.reads_data = reads_data
        self._reach = check_freedom(free, radius)
        self.radius = self._reach if free == "band" else None
        self.device = placement.check_device(device)
        if device is not None:
            self.supports_jit = False  # XLA compiles for one device.

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        with placement.scope(self.device):
            super().build(input_shape)

    def geometry_on(self, image_shape: tuple[int | None, ...]) -> ConvGeometry:
        expected = untied_layer.in_data_format(
            self.geometry.input_shape, self.data_format
        )
        if tuple(image_shape) != expected:
            raise ValueError(
                f'Layer "{self.name}" takes images of shape {expected} '
                f"({self.data_format}). Received images of shape "
                f"{tuple(image_shape)}. Build its geometry for these."
            )
        return self.geometry

    def kernel_shape(self) -> tuple[int, int]:
        return self.geometry.dense_shape

    def draw_kernel(self, shape: tuple[int, ...], dtype: str) -> Any:
        free = self.free_weights()
        initializer = fans.with_fans(
            self.kernel_initializer,
            shape=shape,
            fan_in=free / shape[1],
            fan_out=free / shape[0],
        )
        return self.mask(initializer(shape, dtype=dtype))

    def constrain_kernel(self) -> Any:
        if self.free == "all":
            return self.kernel_constraint
        return _Fixed(self)

    def units(self, images: Any, kernel: Any, training: bool) -> Any:
        pixels = ops.reshape(images, (-1, self.geometry.dense_shape[0]))
        if self.free != "all":
            kernel = placement.run(self.device, self.mask, kernel)
        with placement.scope(self.device):
            return ordered_product.ordered_product(
                pixels,
                kernel,
                reads_data=self.reads_data,
                read=self._read_units() if training else None,
                device=self.device,
            )

    def _read_units(self):
        """Ranges of the units that are read; None for all."""
        if not any(self.unread):
            return None
        height, width = self.geometry.output_size
        filters = self.geometry.filters
        rows, columns = height - self.unread[0], width - self.unread[1]
        if columns == width:
            return [(0, rows * width * filters)]
        firsts = (row * width * filters for row in range(rows))
        return [(first, first + columns * filters) for first in firsts]

    def mask(self, kernel: Any) -> Any:
        """Returns `kernel` with the entries that are not free set to 0."""
        if self.free == "all":
            return kernel
        geometry = self.geometry
        free = geometry.spatial_mask(self._reach)
        pixels, positions = free.shape
        if geometry.groups == 1:
            free = free[:, None, :, None]
            blocks = (pixels, -1, positions, geometry.filters)
        else:
            own = np.eye(geometry.groups, dtype=bool)
            free = free[:, None, None, :, None, None]
            free = free & own[:, None, None, :, None]
            inputs, outputs = geometry.group_inputs, geometry.group_outputs
            blocks = (pixels, len(own), inputs, positions, len(own), outputs)
        kept = ops.where(free, ops.reshape(kernel, blocks), 0)
        return ops.reshape(kept, geometry.dense_shape)

    def free_weights(self) -> int:
        """Returns the number of kernel weights that training may change."""
        return self.geometry.free_entries(self._reach)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.update(
            geometry=self.geometry.get_config(),
            free=self.free,
            radius=self.radius,
            reads_data=self.reads_data,
            device=self.device,
        )
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "MaskedDense":
        device = placement.stored_device(
            config.get("device"), config.get("name", cls.__name__)
        )
        return super().from_config({**config, "device": device})


class _Fixed(keras.constraints.Constraint):
    """Keeps fixed entries at 0 after the user's own constraint; never saved."""

    def __init__(self, layer):
        self._layer = layer

    def __call__(self, kernel):
        own = self._layer.kernel_constraint
        with placement.scope(self._layer.device):
            return self._layer.mask(kernel if own is None else own(kernel))


def is_free(layer: keras.layers.Layer) -> bool:
    """Returns whether a layer is a `MaskedDense` with all weights free."""
    return isinstance(layer, MaskedDense) and layer.free == "all"


def check_freedom(free: str, radius: int | None) -> int | None:
    """Returns the radius within which weights are free; None for all.

    Raises:
        ValueError: If `free` is unknown or `radius` does not belong to it.
    """
    if free not in FREEDOMS:
        raise ValueError(
            f"`free` must be one of {FREEDOMS}. Received: free={free!r}."
        )
    if free != "band":
        if radius is not None:
            raise ValueError(
                '`radius` belongs to free="band". Received: '
                f"free={free!r}, radius={radius}."
            )
        return 0 if free == "local" else None
    is_count = isinstance(radius, numbers.Integral) and radius >= 0
    if isinstance(radius, bool) or not is_count:
        raise ValueError(
            'free="band" needs `radius`, an integer of at least 0 (input '
            f"pixels). Received: radius={radius!r}."
        )
    return int(radius)


def dense_twin(
    layer: keras.layers.Layer,
    geometry: ConvGeometry,
    kernel: Callable[[], np.ndarray],
    bias: np.ndarray | None,
    *,
    free: str,
    radius: int | None,
    name: str | None = None,
) -> MaskedDense:
    """Returns a built `MaskedDense` with the settings of `layer`.

    Args:
        layer: Any layer with the arguments of `keras.layers.Conv2D`.
        kernel: Returns the dense kernel, `geometry.dense_shape`.
        bias: Per unit, or None.

    Raises:
        ValueError: If `layer` has a constraint.
    """
    refuse_constraints(layer, layer.name, "Remove it.")
    twin = MaskedDense(
        geometry, free, radius, **settings(layer, name or layer.name)
    )
    twin.start_from(kernel, bias)
    image = untied_layer.in_data_format(geometry.input_shape, twin.data_format)
    twin.build((None, *image))
    return twin


def refuse_constraints(
    layer: keras.layers.Layer, name: str, instead: str
) -> None:
    """Raises ValueError if `layer` has constraints, which cannot carry over.

    Args:
        name: What the layer is called in the message.
        instead: What the message says to do.
    """
    for attribute in _CONSTRAINTS:
        constraint = getattr(layer, attribute, None)
        if constraint is not None:
            raise ValueError(
                f'Layer "{name}" has {attribute}={type(constraint).__name__}, '
                "which does not carry over: it speaks of axes that the new "
                f"weights do not have. {instead}"
            )


def settings(layer: keras.layers.Layer, name: str) -> dict[str, Any]:
    """Returns the arguments that an untied layer takes over from `layer`.

    Constraints stay behind: they speak of the axes of another kernel.
    """
    prefix = (
        "depthwise" if hasattr(layer, "depthwise_initializer") else "kernel"
    )
    return {
        "name": name,
        "data_format": layer.data_format,
        "activation": layer.activation,
        "use_bias": layer.use_bias,
        "kernel_initializer": getattr(layer, f"{prefix}_initializer"),
        "bias_initializer": layer.bias_initializer,
        "kernel_regularizer": getattr(layer, f"{prefix}_regularizer"),
        "bias_regularizer": layer.bias_regularizer,
        "activity_regularizer": layer.activity_regularizer,
        "trainable": layer.trainable,
        "dtype": layer.dtype_policy,
    }


def require_built(layer: keras.layers.Layer) -> None:
    """Raises ValueError unless `layer` has its weights."""
    if not layer.built:
        raise ValueError(
            f'Layer "{layer.name}" has no kernel yet. Call it on images or '
            "`build` it before `to_masked_dense`."
        )


def unit_bias(
    bias: np.ndarray | None, geometry: ConvGeometry
) -> np.ndarray | None:
    """Returns a bias per channel written out per unit, `(H' * W' * F,)`."""
    if bias is None:
        return None
    return np.tile(np.asarray(bias), math.prod(geometry.output_size))


_CONSTRAINTS = (
    "kernel_constraint",
    "bias_constraint",
    "depthwise_constraint",
    "pointwise_constraint",
)

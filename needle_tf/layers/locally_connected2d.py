"""A convolution whose weights are not shared, in compact form."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from needle_tf.layers import fans
from needle_tf.layers import masked_dense
from needle_tf.layers import untied_layer
from needle_tf.ops import conv_geometry
from needle_tf.ops import local_product
from needle_tf.ops import sizes
from needle_tf.ops import unrolling

ConvGeometry = conv_geometry.ConvGeometry


@keras.saving.register_keras_serializable(package="needle_tf")
class LocallyConnected2D(untied_layer.UntiedLayer):
    """Like `Conv2D`, but every output position has a kernel of its own.

    The layer that Keras 3 no longer has, with padding "same", dilation and
    groups besides. Only receptive fields are stored: no dense matrix.

    Args:
        filters: Number of output channels F.
        kernel_size: `(kh, kw)` or one integer for both.
        strides: `(sh, sw)` or one integer for both.
        padding: `"valid"`, `"same"`, or explicit zeros
            `((top, bottom), (left, right))`.
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: `(dh, dw)` or one integer for both.
        groups: Number of channel groups.
        **kwargs: `activation`, `use_bias`, initializers, regularizers and
            constraints as in `keras.layers.Conv2D`. The initial scale is that
            of a convolution with this kernel size (the old Keras layer counted
            all positions as fan-in and started far too small). The bias has
            one entry per position and channel.

    Input shape: `(batch, H, W, C)`, or `(batch, C, H, W)`; fixed H and W.
    Output shape: `(batch, H', W', F)`, or `(batch, F, H', W')`.

    Attributes:
        kernel: `(H' * W', kh * kw * C / groups, F)`, as the old Keras layer
            had it. Weights of taps in the padding exist, start at 0, and never
            see anything.
        bias: `(H' * W' * F,)`, or None.

    Reference: the LCN of d'Ascoli et al., arXiv:1906.06766.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = (1, 1),
        padding: str | Sequence[Sequence[int]] = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = (1, 1),
        groups: int = 1,
        **kwargs: Any,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.filters = sizes.read_integer(filters, "filters")
        self.kernel_size = sizes.read_pair(kernel_size, "kernel_size")
        self.strides = sizes.read_pair(strides, "strides")
        self.padding = _read_padding(padding)
        self.dilation_rate = sizes.read_pair(dilation_rate, "dilation_rate")
        self.groups = sizes.read_integer(groups, "groups")
        if self.filters % self.groups:
            raise ValueError(
                "`groups` must divide the filters. Received: "
                f"groups={groups}, filters={filters}."
            )

    def geometry_on(self, image_shape: tuple[int | None, ...]) -> ConvGeometry:
        explicit = not isinstance(self.padding, str)
        return ConvGeometry.of_convolution(
            untied_layer.channels_last(
                image_shape, self.data_format, self.name
            ),
            self.kernel_size,
            self.filters,
            strides=self.strides,
            padding="valid" if explicit else self.padding,
            dilation_rate=self.dilation_rate,
            groups=self.groups,
            zero_padding=self.padding if explicit else ((0, 0), (0, 0)),
        )

    def kernel_shape(self) -> tuple[int, int, int]:
        return self.geometry.local_shape

    def draw_kernel(self, shape: tuple[int, ...], dtype: str) -> Any:
        taps = self.kernel_size[0] * self.kernel_size[1]
        initializer = fans.with_fans(
            self.kernel_initializer,
            shape=shape,
            fan_in=shape[1],
            fan_out=taps * shape[2],
        )
        seen = ops.cast(_in_image(self.geometry), dtype)
        return initializer(shape, dtype=dtype) * seen

    def units(self, images: Any, kernel: Any, training: bool) -> Any:
        return local_product.local_product(
            images, kernel, self.geometry, self.unread if training else (0, 0)
        )

    def to_masked_dense(
        self,
        *,
        free: str = "local",
        radius: int | None = None,
        name: str | None = None,
    ) -> masked_dense.MaskedDense:
        """Returns a built dense layer that computes the same function.

        Args and errors as `EmbeddedConv2D.to_masked_dense`.
        """
        masked_dense.require_built(self)
        kernel = ops.convert_to_numpy(self.kernel)
        return masked_dense.dense_twin(
            self,
            self.geometry,
            lambda: unrolling.unroll_local(kernel, self.geometry),
            ops.convert_to_numpy(self.bias) if self.use_bias else None,
            free=free,
            radius=radius,
            name=name,
        )

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.update(
            filters=self.filters,
            kernel_size=self.kernel_size,
            strides=self.strides,
            padding=self.padding,
            dilation_rate=self.dilation_rate,
            groups=self.groups,
        )
        return config


def _in_image(geometry):
    """1 for weights whose tap lies in the image: `(positions, taps*C/g, 1)`."""
    ones = np.ones(geometry.kernel_shape, "int8")
    return unrolling.share(ones, geometry)[..., :1]


def _read_padding(padding):
    if not isinstance(padding, str):
        try:
            return sizes.read_margins(padding, "padding")
        except ValueError:
            pass
    elif padding.lower() in ("valid", "same"):
        return padding.lower()
    raise ValueError(
        '`padding` must be "valid", "same" or ((top, bottom), (left, right)) '
        f"of integers of at least 0. Received: padding={padding!r}."
    )

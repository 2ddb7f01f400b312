"""A Conv2D that exports itself as the dense layer that contains it."""

import keras

from needle_tf.layers import masked_dense
from needle_tf.layers import untied_layer
from needle_tf.ops import conv_geometry
from needle_tf.ops import unrolling

ConvGeometry = conv_geometry.ConvGeometry


@keras.saving.register_keras_serializable(package="needle_tf")
class EmbeddedConv2D(keras.layers.Conv2D):
    """Drop-in `keras.layers.Conv2D` that knows its place in dense space.

    All arguments are those of `keras.layers.Conv2D`, and it trains, saves and
    loads alike.

    Example:

    >>> conv = EmbeddedConv2D(8, 3, padding="same")
    >>> features = conv(keras.random.normal((2, 6, 6, 3)))
    >>> dense = conv.to_masked_dense((6, 6, 3))
    >>> dense.kernel.shape
    (108, 288)

    Reference: d'Ascoli et al., arXiv:1906.06766.
    """

    def to_masked_dense(
        self,
        input_shape: tuple[int, int, int] | None = None,
        *,
        free: str = "local",
        radius: int | None = None,
        name: str | None = None,
    ) -> masked_dense.MaskedDense:
        """Returns a built dense layer that computes the same function.

        Args:
            input_shape: Shape of one image without the batch axis, in the
                layer's data format. By default that of the symbolic tensor
                that the layer was called on.
            free, radius: What further training may change, as in
                `MaskedDense`.
            name: Name of the new layer; this layer's by default.

        Raises:
            ValueError: If the layer is not built, or no size is known.
        """
        masked_dense.require_built(self)
        if input_shape is None:
            input_shape = _called_shape(self)
        geometry = convolution_geometry(self, input_shape)
        kernel = keras.ops.convert_to_numpy(self.kernel)
        bias = None
        if self.use_bias:
            bias = keras.ops.convert_to_numpy(self.bias)
        return masked_dense.dense_twin(
            self,
            geometry,
            lambda: unrolling.unroll(kernel, geometry),
            masked_dense.unit_bias(bias, geometry),
            free=free,
            radius=radius,
            name=name,
        )


def convolution_geometry(
    layer: keras.layers.Conv2D,
    input_shape: tuple[int | None, ...],
    zero_padding: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0)),
) -> ConvGeometry:
    """Returns the geometry of a Keras `Conv2D` on one size of image.

    Args:
        input_shape: Shape of one image in the layer's data format.
        zero_padding: `((top, bottom), (left, right))` put around it before.
    """
    return ConvGeometry.of_convolution(
        untied_layer.channels_last(input_shape, layer.data_format, layer.name),
        layer.kernel_size,
        layer.filters,
        strides=layer.strides,
        padding=layer.padding,
        dilation_rate=layer.dilation_rate,
        groups=layer.groups,
        zero_padding=zero_padding,
    )


def _called_shape(layer):
    # `layer.input` would tell of the first call only.
    shapes = {
        tuple(node.input_tensors[0].shape[1:]) for node in layer._inbound_nodes
    }
    if len(shapes) != 1:
        raise ValueError(
            f'Layer "{layer.name}" needs `input_shape`: by default it is that '
            "of the symbolic tensor that the layer was called on. Received: "
            f"calls on {sorted(shapes, key=str) or 'no symbolic tensor'}."
        )
    return shapes.pop()

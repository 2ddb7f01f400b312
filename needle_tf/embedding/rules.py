"""What each layer type is as a chain of linear maps from image to image."""

import keras

from needle_tf.embedding import registry
from needle_tf.layers import embedded_conv2d
from needle_tf.layers import locally_connected2d
from needle_tf.layers import masked_dense
from needle_tf.layers import untied_layer
from needle_tf.ops import conv_geometry

ConvGeometry = conv_geometry.ConvGeometry
Part = registry.Part


@registry.embeds(keras.layers.Conv2D, embedded_conv2d.EmbeddedConv2D)
def conv2d(
    layer: keras.layers.Conv2D,
    input_shape: registry.Shape,
    zero_padding: registry.Margins,
) -> list[Part]:
    """A convolution is one shared kernel."""
    return [
        Part(
            name=layer.name,
            geometry=embedded_conv2d.convolution_geometry(
                layer, input_shape, zero_padding
            ),
            form="shared",
            kernel=layer.kernel,
            bias=layer.bias,
            settings=masked_dense.settings(layer, layer.name),
        )
    ]


@registry.embeds(keras.layers.DepthwiseConv2D)
def depthwise_conv2d(
    layer: keras.layers.DepthwiseConv2D,
    input_shape: registry.Shape,
    zero_padding: registry.Margins,
) -> list[Part]:
    """A depthwise convolution has as many groups as input channels."""
    return [_depthwise(layer, layer.kernel, input_shape, zero_padding)]


@registry.embeds(keras.layers.SeparableConv2D)
def separable_conv2d(
    layer: keras.layers.SeparableConv2D,
    input_shape: registry.Shape,
    zero_padding: registry.Margins,
) -> list[Part]:
    """A separable convolution is a depthwise one, then a 1x1 convolution."""
    kernel = layer.depthwise_kernel
    depthwise = _depthwise(layer, kernel, input_shape, zero_padding)
    depthwise.settings.update(
        name=f"{layer.name}_depthwise",
        activation=None,
        activity_regularizer=None,
        use_bias=False,
    )
    between = depthwise.geometry.output_shape
    pointwise = ConvGeometry.of_convolution(between, (1, 1), layer.filters)
    settings = masked_dense.settings(layer, f"{layer.name}_pointwise")
    settings.update(
        kernel_initializer=layer.pointwise_initializer,
        kernel_regularizer=layer.pointwise_regularizer,
    )
    return [
        depthwise._replace(name=f"{layer.name}_depthwise", bias=None),
        Part(
            name=f"{layer.name}_pointwise",
            geometry=pointwise,
            form="shared",
            kernel=layer.pointwise_kernel,
            bias=layer.bias,
            settings=settings,
        ),
    ]


@registry.embeds(locally_connected2d.LocallyConnected2D)
def locally_connected2d_(
    layer: locally_connected2d.LocallyConnected2D,
    input_shape: registry.Shape,
    zero_padding: registry.Margins,
) -> list[Part]:
    """A locally connected layer has a kernel per position."""
    del zero_padding  # Not folded into a layer with padding of its own.
    return [_untied(layer, input_shape, "local")]


@registry.embeds(masked_dense.MaskedDense)
def masked_dense_(
    layer: masked_dense.MaskedDense,
    input_shape: registry.Shape,
    zero_padding: registry.Margins,
) -> list[Part]:
    """A masked dense layer is dense already; its freedom may widen."""
    del zero_padding  # Not folded into a layer with padding of its own.
    part = _untied(layer, input_shape, "dense")
    part.settings["device"] = layer.device
    return [part]


def _depthwise(layer, kernel, input_shape, zero_padding):
    image = untied_layer.channels_last(
        input_shape, layer.data_format, layer.name
    )
    filters = image[2] * layer.depth_multiplier
    geometry = ConvGeometry.of_convolution(
        image,
        layer.kernel_size,
        filters,
        strides=layer.strides,
        padding=layer.padding,
        dilation_rate=layer.dilation_rate,
        groups=image[2],
        zero_padding=zero_padding,
    )
    return Part(
        name=layer.name,
        geometry=geometry,
        form="shared",
        kernel=kernel,
        bias=layer.bias,
        settings=masked_dense.settings(layer, layer.name),
        in_form=lambda values: values.reshape(geometry.kernel_shape),
    )


def _untied(layer, input_shape, form):
    return Part(
        name=layer.name,
        geometry=layer.geometry_on(tuple(input_shape)),
        form=form,
        kernel=layer.kernel,
        bias=layer.bias,
        settings=masked_dense.settings(layer, layer.name),
    )

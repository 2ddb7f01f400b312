"""The way back: the nearest CNN or LCN of an untied network."""

import keras

from needle_tf.graphs import rewiring
from needle_tf.layers import embedded_conv2d
from needle_tf.layers import locally_connected2d
from needle_tf.layers import masked_dense
from needle_tf.layers import untied_layer
from needle_tf.ops import unrolling

UNTIED = (masked_dense.MaskedDense, locally_connected2d.LocallyConnected2D)


def unembed(model: keras.Model, space: str = "cnn") -> keras.Model:
    """Returns the nearest CNN or LCN of an embedded model.

    Each `MaskedDense` and `LocallyConnected2D` layer is projected orthogonally:
    for the CNN every tap becomes the mean over its in-bounds positions, for the
    LCN the off-local weights are dropped. `unembed(embed(model))` computes what
    `model` computed, to the last bit of its weights (but those that no pixel
    ever meets, of a kernel beyond the image, come back as 0). Padding that had
    been folded in comes back as a `ZeroPadding2D`; a separable convolution as
    the depthwise and the pointwise convolution it consists of. Constraints of
    untied layers stay behind: they speak of axes that are gone.

    Args:
        model: A model with untied layers, from `embed` or of your own.
        space: `"cnn"` or `"lcn"`.

    Returns:
        A new Functional model, uncompiled.

    Raises:
        ValueError: If `space` is unknown, or no layer is untied, or one is
            out of reach inside another.

    Reference: P_CNN and P_LCN of the embedding after arXiv:1906.06766.
    """
    if space not in ("cnn", "lcn"):
        raise ValueError(
            f'`space` must be "cnn" or "lcn". Received: space={space!r}.'
        )
    named = rewiring.named_layers(model, in_graph=True)
    for name, layer in named.items():
        _refuse_hidden(name, layer)
    if not any(isinstance(layer, UNTIED) for layer in named.values()):
        raise ValueError(
            f'Model "{model.name}" has no untied layer to project. Expected a '
            "MaskedDense or LocallyConnected2D, as `embed` makes them. Its "
            f"layers: {list(named)}."
        )
    names = rewiring.all_names(model)
    built: dict[int, list[keras.Layer]] = {}

    def replace(layer, *args, **kwargs):
        if not isinstance(layer, UNTIED):
            return rewiring.KEEP
        if id(layer) not in built:
            if space == "cnn":
                built[id(layer)] = _convolution(layer, names)
            else:
                built[id(layer)] = [_local(layer)]
        images = args[0]
        for step in built[id(layer)]:
            images = step(images)
        return images

    nearest, kept = rewiring.rewire(
        model, replace, name=f"{model.name}_{space}"
    )
    for source, clone in kept:
        rewiring.copy_state(source, clone)
    return nearest


def _refuse_hidden(name, layer):
    """Refuses untied layers inside layers whose graph cannot be seen."""
    for inner in rewiring.held_layers(layer):
        if isinstance(inner, UNTIED):
            raise ValueError(
                f'Layer "{name}" ({type(layer).__name__}) holds the untied '
                f'layer "{inner.name}" where the graph cannot be rewritten. '
                "Build it as a functional model."
            )


def _local(layer):
    """The nearest locally connected layer, compact."""
    geometry = layer.geometry
    kernel = keras.ops.convert_to_numpy(layer.kernel)
    if isinstance(layer, masked_dense.MaskedDense):
        kernel = unrolling.roll_local(kernel, geometry)
    nearest = locally_connected2d.LocallyConnected2D(
        geometry.filters,
        geometry.kernel_size,
        geometry.strides,
        geometry.keras_padding(),
        dilation_rate=geometry.dilation_rate,
        groups=geometry.groups,
        **masked_dense.settings(layer, layer.name),
    )
    bias = layer.bias
    if bias is not None:
        bias = keras.ops.convert_to_numpy(bias)
    return nearest.start_from(lambda: kernel, bias)


def _convolution(layer, names):
    """The nearest convolution, behind its padding if it needs any."""
    geometry = layer.geometry
    padding = geometry.keras_padding()
    height, width, channels = geometry.input_shape
    steps = []
    if not isinstance(padding, str):
        steps.append(
            keras.layers.ZeroPadding2D(
                padding,
                data_format=layer.data_format,
                name=rewiring.free_name(f"{layer.name}_padding", names),
                dtype=layer.dtype_policy,
            )
        )
        height, width = height + sum(padding[0]), width + sum(padding[1])
        padding = "valid"
    settings = masked_dense.settings(layer, layer.name)
    settings.update(
        kernel_size=geometry.kernel_size,
        strides=geometry.strides,
        padding=padding,
        dilation_rate=geometry.dilation_rate,
    )
    convolution, kernel = _shared_layer(layer, settings)
    image = untied_layer.in_data_format(
        (height, width, channels), layer.data_format
    )
    convolution.build((None, *image))
    convolution.kernel.assign(kernel.reshape(convolution.kernel.shape))
    if layer.bias is not None:
        units = keras.ops.convert_to_numpy(layer.bias)
        units = units.reshape(-1, geometry.filters)
        # Seen from the first copy, equal copies have exactly that mean.
        apart = units.astype("float64") - units[0]
        convolution.bias.assign(units[0] + apart.mean(axis=0))
    return [*steps, convolution]


def _shared_layer(layer, settings):
    """An unbuilt convolution of the layer's type, and its projected kernel."""
    geometry = layer.geometry
    kernel = keras.ops.convert_to_numpy(layer.kernel)
    if isinstance(layer, masked_dense.MaskedDense):
        kernel = unrolling.roll(kernel, geometry)
    else:
        kernel = unrolling.roll_shared(kernel, geometry)
    channels = geometry.input_shape[2]
    depthwise = geometry.groups == channels > 1
    if depthwise and len(set(geometry.strides)) == 1:
        for name in ("initializer", "regularizer"):
            settings[f"depthwise_{name}"] = settings.pop(f"kernel_{name}")
        multiplier = geometry.filters // channels
        convolution = keras.layers.DepthwiseConv2D(
            depth_multiplier=multiplier, **settings
        )
        return convolution, kernel
    convolution = embedded_conv2d.EmbeddedConv2D(
        geometry.filters, groups=geometry.groups, **settings
    )
    return convolution, kernel

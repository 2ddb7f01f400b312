"""Keras CNNs drawn by hypothesis: any wiring of the layers that embed.

Plain functions of a `draw`, to be called in the test with `data.draw`: a
strategy may not use the random numbers with which Keras fills a layer.
"""

import keras
from hypothesis import strategies as st
from keras import layers

_ACTIVATIONS = st.sampled_from([None, "relu", "tanh", "sigmoid"])
_PADDINGS = st.sampled_from(["same", "valid"])
_MARGIN = st.tuples(st.integers(0, 2), st.integers(0, 2))


def sequential_network(draw: st.DrawFn) -> keras.Model:
    """Draws a Sequential model with at least one convolution."""
    image = draw(_images())
    steps, shape = [], (None, *image)
    for _ in range(draw(st.integers(1, 4))):
        steps.append(_any_layer(draw, shape))
        shape = steps[-1].compute_output_shape(shape)
    steps.append(_convolution(draw, shape))
    if draw(st.booleans()):
        steps.append(layers.GlobalAveragePooling2D())
    return keras.Sequential([keras.Input(image), *steps])


def functional_network(draw: st.DrawFn) -> keras.Model:
    """Draws a model with skips, sharing, nesting and several outputs."""
    images = keras.Input(draw(_images()))
    features = _convolution(draw, images.shape)(images)
    for _ in range(draw(st.integers(2, 4))):
        features = _any_block(draw, features)
    outputs = [features]
    if draw(st.booleans()):
        pooling = draw(
            st.sampled_from(
                [layers.GlobalMaxPooling2D, layers.GlobalAveragePooling2D]
            )
        )
        outputs = [layers.Dense(2)(pooling()(features)), features]
    return keras.Model(images, outputs if len(outputs) > 1 else features)


def _images():
    """Rectangular images with one to three channels."""
    return st.tuples(st.integers(3, 8), st.integers(3, 8), st.integers(1, 3))


def _any_block(draw, features):
    """Output of one more layer, skip, or nested model."""
    kind = draw(
        st.sampled_from(["layer", "skip", "shared", "padded", "nested"])
    )
    if kind == "layer":
        return _any_layer(draw, features.shape)(features)
    if kind == "padded":
        padding = layers.ZeroPadding2D(draw(st.tuples(_MARGIN, _MARGIN)))
        padded = padding(features)
        after = _convolution(draw, padded.shape)(padded)
        if draw(st.booleans()):
            return after
        return after + keras.ops.mean(padded, axis=(1, 2, 3), keepdims=True)
    same = layers.Conv2D(
        features.shape[-1],
        draw(st.integers(1, 3)),
        padding="same",
        activation=draw(_ACTIVATIONS),
    )
    if kind == "shared":
        return same(layers.ReLU()(same(features)))
    if kind == "nested":
        inside = keras.Input(features.shape[1:], dtype=features.dtype)
        normal = layers.BatchNormalization()(same(inside))
        inner = keras.Model(inside, layers.Dropout(0.3)(normal))
        return inner(features) + inner(inner(features))
    return _skip(draw, features, same(features))


def _skip(draw, before, after):
    how = draw(st.sampled_from(["plus", "add", "concatenate"]))
    if how == "plus":
        return before + after
    join = layers.Add() if how == "add" else layers.Concatenate()
    return join([before, after])


def _any_layer(draw, shape):
    """Any layer from image to image that has room on this one."""
    kind = draw(
        st.sampled_from(
            ["convolution", "convolution", "depthwise", "separable"]
            + ["normal", "pool", "dropout", "relu"]
        )
    )
    if kind == "convolution":
        return _convolution(draw, shape)
    if kind == "depthwise":
        return layers.DepthwiseConv2D(
            depth_multiplier=draw(st.integers(1, 2)),
            **_window(draw, shape, square=True),
        )
    if kind == "separable":
        return layers.SeparableConv2D(
            draw(st.integers(1, 4)),
            depth_multiplier=draw(st.integers(1, 2)),
            **_window(draw, shape, square=True),
        )
    if kind == "pool":
        pooling = draw(
            st.sampled_from([layers.MaxPooling2D, layers.AveragePooling2D])
        )
        return pooling(
            draw(st.integers(1, 2)), draw(st.integers(1, 2)), padding="same"
        )
    return {
        "normal": layers.BatchNormalization,
        "dropout": lambda: layers.Dropout(0.4),
        "relu": layers.ReLU,
    }[kind]()


def _convolution(draw, shape):
    groups = 1
    if draw(st.integers(0, 4)) == 0:
        groups = shape[-1]  # Compiled by XLA on a CPU: seldom.
    return layers.Conv2D(
        groups * draw(st.integers(1, 4 // min(groups, 4))),
        groups=groups,
        **_window(draw, shape),
    )


def _window(draw, shape, square=False):
    """Sizes that Keras allows: strides or dilation, and room for the reach.

    Args:
        square: TensorFlow wants equal strides of a depthwise convolution.
    """
    kernel_size = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    strides = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    # TensorFlow's oneDNN reads memory that nobody wrote if one channel meets
    # strides (1, more) and leaves one column.
    if square or shape[-1] == 1:
        strides = (strides[0], strides[0])
    dilation_rate = (1, 1)
    if strides == (1, 1):
        dilation_rate = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    padding = draw(_PADDINGS)
    reach = [
        (size - 1) * rate + 1
        for size, rate in zip(kernel_size, dilation_rate, strict=True)
    ]
    if any(r > s for r, s in zip(reach, shape[1:3], strict=True)):
        padding = "same"
    return {
        "kernel_size": kernel_size,
        "strides": strides,
        "dilation_rate": dilation_rate,
        "padding": padding,
        "use_bias": draw(st.booleans()),
        "activation": draw(_ACTIVATIONS),
    }

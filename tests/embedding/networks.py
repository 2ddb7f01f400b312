"""One small model for each thing that a Keras CNN may have in it.

`NETWORKS` maps what is special about a model to a function that builds it.
"""

from collections.abc import Callable

import keras
import numpy as np
from keras import layers

from needle_tf.layers import embedded_conv2d

NETWORKS: dict[str, Callable[[], keras.Model]] = {}
IMAGE = (6, 7, 3)


def network(function: Callable[[], keras.Model]) -> Callable[[], keras.Model]:
    """Adds a model to the table under the name of its function."""
    NETWORKS[function.__name__] = function
    return function


def conv(filters: int = 4, kernel_size=3, **options) -> layers.Layer:
    """A convolution that keeps the image size unless told otherwise."""
    options = {"padding": "same", **options}
    return layers.Conv2D(filters, kernel_size, **options)


def chain(*steps: layers.Layer, shape=IMAGE) -> keras.Model:
    """A functional model of one step after the other."""
    images = features = keras.Input(shape)
    for step in steps:
        features = step(features)
    return keras.Model(images, features)


@keras.saving.register_keras_serializable(package="needle_tf_tests")
class Scale(layers.Layer):
    """A user's own layer, with a weight and an argument."""

    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, input_shape):
        self.shift = self.add_weight(shape=(input_shape[-1],), name="shift")

    def call(self, inputs):
        return self.factor * inputs + self.shift

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


class Reflect(layers.ZeroPadding2D):
    """Pads by mirrored pixels: looks like a ZeroPadding2D, and is none."""

    def call(self, inputs):
        (top, bottom), (left, right) = self.padding
        margins = ((0, 0), (top, bottom), (left, right), (0, 0))
        return keras.ops.pad(inputs, margins, mode="reflect")


@network
def sequential():
    return keras.Sequential(
        [
            keras.Input(IMAGE),
            conv(activation="relu"),
            layers.MaxPooling2D(),
            embedded_conv2d.EmbeddedConv2D(5, 2, activation="tanh"),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )


@network
def sequential_that_met_its_images_later():
    model = keras.Sequential([conv(), layers.Flatten(), layers.Dense(2)])
    model(np.zeros((2, *IMAGE), "float32"))
    return model


@network
def skip_by_add_layer():
    images = keras.Input(IMAGE)
    first = conv(activation="relu")(images)
    return keras.Model(images, layers.Add()([first, conv()(first)]))


@network
def skip_by_plus_and_operations():
    images = keras.Input(IMAGE)
    first = conv()(images)
    features = keras.ops.relu(first + conv()(first)) * 2.0 - first
    return keras.Model(images, features)


@network
def skip_by_concatenate():
    images = keras.Input(IMAGE)
    both = layers.Concatenate()([images, conv()(images)])
    return keras.Model(images, conv(3)(both))


@network
def batch_normalization():
    return chain(
        conv(use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
        conv(5, strides=2),
        layers.BatchNormalization(momentum=0.5),
    )


@network
def all_pooling():
    images = keras.Input((9, 8, 2))
    features = conv()(layers.AveragePooling2D(2, strides=1)(images))
    features = conv()(layers.MaxPooling2D(3, strides=2)(features))
    mean = layers.GlobalAveragePooling2D()(features)
    peak = layers.GlobalMaxPooling2D(keepdims=True)(features)
    return keras.Model(images, [mean, conv(3, 1)(peak)])


@network
def dropout():
    return chain(
        layers.Dropout(0.3, seed=3),
        conv(),
        layers.SpatialDropout2D(0.5),
        conv(),
        layers.GaussianNoise(0.1),
    )


@network
def dropout_at_any_time():
    images = keras.Input(IMAGE)
    features = layers.Dropout(0.5)(conv()(images), training=True)
    return keras.Model(images, conv()(features))


@network
def zero_padding():
    return chain(
        layers.ZeroPadding2D(((2, 1), (0, 3))),
        conv(kernel_size=4, padding="valid", strides=2),
        layers.ZeroPadding2D(1),
        layers.ZeroPadding2D((0, 1)),
        conv(padding="same", strides=2),
    )


@network
def zero_padding_wider_than_the_kernel():
    return chain(layers.ZeroPadding2D(2), conv(kernel_size=2, padding="valid"))


@network
def zero_padding_used_elsewhere_too():
    images = keras.Input(IMAGE)
    padded = layers.ZeroPadding2D(1, name="padded")(images)
    features = conv(3, padding="valid")(padded)
    return keras.Model(images, [features + images, padded])


@network
def zero_padding_shared():
    images = keras.Input(IMAGE)
    padding = layers.ZeroPadding2D(1)
    first = padding(images)
    second = padding(conv(3, padding="valid")(first))
    last = conv(3, padding="valid")(second)
    return keras.Model(images, [last, first, second])


@network
def padding_of_another_kind():
    return chain(Reflect(1), conv(padding="valid"))


@network
def padding_of_other_axes():
    # Pads the width and the channels of what is channels last behind it.
    other = layers.ZeroPadding2D(1, data_format="channels_first")
    return chain(other, conv(padding="valid"))


@network
def strides_and_dilation():
    return chain(
        conv(kernel_size=(4, 3), strides=(2, 3)),
        conv(kernel_size=(2, 3), dilation_rate=(1, 2)),
        conv(kernel_size=2, dilation_rate=2, padding="valid"),
        shape=(11, 13, 2),
    )


@network
def strides_beyond_the_kernel():
    return chain(conv(kernel_size=1, strides=2), conv(2, strides=3))


@network
def groups():
    return chain(conv(6, groups=3), conv(4, groups=2, padding="valid"))


@network
def depthwise():
    return chain(
        layers.DepthwiseConv2D(3, padding="same", activation="relu"),
        layers.DepthwiseConv2D((2, 3), depth_multiplier=2, use_bias=False),
        layers.DepthwiseConv2D(2, strides=2, depth_multiplier=3),
    )


@network
def separable():
    return chain(
        layers.SeparableConv2D(5, 3, depth_multiplier=2, activation="relu"),
        layers.SeparableConv2D(2, (2, 3), padding="same", use_bias=False),
    )


@network
def names_that_copies_would_take():
    shared, images = conv(3, name="conv"), keras.Input(IMAGE)
    features = layers.SeparableConv2D(3, 3, padding="same", name="s")(images)
    features = conv(3, name="s_pointwise")(shared(features))
    return keras.Model(images, conv(3, name="conv_1")(shared(features)))


@network
def kernel_beyond_the_image():
    return chain(conv(kernel_size=(5, 7)), shape=(2, 3, 2))


@network
def activations():
    return chain(
        conv(activation="softmax"),
        conv(activation=keras.ops.sin),
        conv(activation=layers.LeakyReLU(0.3)),
    )


@network
def penalties():
    return chain(
        conv(3, activity_regularizer="l2"),
        layers.SeparableConv2D(3, 2, activity_regularizer="l1"),
    )


@network
def nested_model():
    inner = chain(conv(3, name="conv"), layers.BatchNormalization())
    images = keras.Input(IMAGE)
    return keras.Model(images, inner(conv(3)(inner(images))))


@network
def nested_two_levels_deep():
    deepest = keras.Sequential([keras.Input(IMAGE), conv(3), layers.ReLU()])
    return chain(conv(3), chain(deepest, conv(3)))


@network
def nested_at_two_levels():
    deepest = chain(conv(3), layers.BatchNormalization())
    return chain(chain(deepest, conv(3)), deepest)


@network
def nested_with_a_shared_layer():
    shared, images = conv(3), keras.Input(IMAGE)
    return keras.Model(images, shared(chain(shared)(images)))


@network
def nested_with_several_inputs():
    left, right = keras.Input(IMAGE, name="a"), keras.Input(IMAGE, name="b")
    shared = conv(2)
    inner = keras.Model([left, right], [shared(left) - 2 * right[..., :2]])
    images = keras.Input(IMAGE)
    by_name = inner({"a": images, "b": 2 * images})
    return keras.Model(images, [by_name, inner((images, conv(3)(images)))])


@network
def shared_layer():
    shared, images = conv(3, padding="same"), keras.Input(IMAGE)
    return keras.Model(images, shared(layers.ReLU()(shared(images))))


@network
def inputs_and_outputs_by_name():
    images = {name: keras.Input(IMAGE, name=name) for name in ("b", "a")}
    shared = conv(3, strides=2)
    features = {"sum": shared(images["a"]) + shared(images["b"])}
    features["first"] = conv(2)(features["sum"])
    return keras.Model(images, features)


@network
def several_inputs():
    left, right = keras.Input((5, 5, 1)), keras.Input((4, 6, 2))
    pooled = [
        layers.GlobalMaxPooling2D()(conv(2)(left)),
        layers.GlobalMaxPooling2D()(conv(3)(right)),
    ]
    joined = layers.Concatenate()(pooled)
    return keras.Model([left, right], [layers.Dense(2)(joined), joined])


@network
def channels_first():
    first = {"data_format": "channels_first"}
    return chain(
        conv(strides=2, **first),
        layers.BatchNormalization(axis=1),
        layers.ZeroPadding2D(((1, 0), (2, 1)), **first),
        layers.DepthwiseConv2D(2, depth_multiplier=2, **first),
        layers.SeparableConv2D(3, 2, **first),
        layers.MaxPooling2D(2, padding="same", **first),
        shape=(3, 7, 6),
    )


@network
def called_by_keyword():
    images = keras.Input(IMAGE)
    inner = chain(conv(3))
    return keras.Model(images, inner(inputs=conv(3)(inputs=images)))


@network
def lambda_and_own_layer():
    return chain(
        layers.Lambda(lambda images: 2 * images), conv(), Scale(0.5), conv()
    )


@network
def normalization():
    rng = np.random.default_rng(5)
    layer = layers.Normalization()
    layer.adapt(rng.normal(3.0, 2.0, (20, *IMAGE)).astype("float32"))
    return chain(layer, conv())


@network
def frozen():
    still = conv(trainable=False)
    return chain(still, layers.BatchNormalization(trainable=False), conv())

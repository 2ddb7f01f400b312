"""Networks with skips, sharing, nesting, and frozen layers."""

import keras
from keras import layers

from tests.scales import network_cases

IMAGE = network_cases.IMAGE
chain = network_cases.chain
conv = network_cases.conv
dense = network_cases.dense
head = network_cases.head
leaky = network_cases.leaky
network = network_cases.network


@network(groups=3)
def residual_stream():
    images = keras.Input(IMAGE)
    stream = conv(3)(images)
    stream = stream + conv(3)(stream)
    stream = layers.LeakyReLU(0.2)(stream)
    return keras.Model(images, head()(layers.Flatten()(stream)))


@network(groups=9)
def residual_blocks_with_a_projection():
    images = keras.Input(IMAGE)
    stream = conv(2)(images)
    inside = conv(3)(stream)
    stream = leaky()(layers.Add()([conv(2, activation=None)(inside), stream]))
    wide = conv(4, 1, strides=2, activation=None, use_bias=False)(stream)
    stream = leaky()(layers.Add()([conv(4, strides=2)(stream), wide]))
    return keras.Model(images, head()(layers.GlobalMaxPooling2D()(stream)))


@network(groups=6)
def skip_padded_with_zeros():
    images = keras.Input(IMAGE)
    stream = conv(2)(images)
    inside = conv(2)(stream)
    padded = keras.ops.pad(stream, ((0, 0), (0, 0), (0, 0), (1, 1)))
    stream = keras.ops.leaky_relu(padded + conv(4, activation=None)(inside))
    return keras.Model(images, head()(layers.Flatten()(stream)))


@network(groups=7)
def concatenated():
    images = keras.Input(IMAGE)
    first = conv(3)(images)
    both = layers.Concatenate()([first, conv(2)(first), images])
    return keras.Model(images, head()(layers.Flatten()(conv(2)(both))))


@network(groups=4)
def concatenated_along_the_rows():
    images = keras.Input(IMAGE)
    both = layers.Concatenate(axis=1)([conv(2)(images), conv(2)(images)])
    return keras.Model(images, head()(layers.Flatten()(both)))


@network(groups=3)
def extremes_of_two():
    images = keras.Input((4,))
    one, other = dense(3)(images), dense(3)(images)
    least = layers.Minimum()([layers.Maximum()([one, other]), 2 * other])
    return keras.Model(images, head()(layers.Average()([least, one])))


@network(groups=2, is_complete=False)  # The copies could differ in scale.
def shared_layer():
    shared = dense(2)
    one, other = keras.Input((3,)), keras.Input((3,))
    both = layers.Concatenate()([shared(one), shared(other)])
    return keras.Model([one, other], head()(both))


@network(groups=0)
def shared_layer_in_a_circle():
    shared = dense(3)
    images = keras.Input((3,))
    return keras.Model(images, head()(shared(shared(images))))


@network(groups=7, is_complete=False)  # One model, called twice.
def nested():
    inside = keras.Input((3,))
    inner = keras.Model(inside, dense(3)(dense(4)(inside)), name="inner")
    images = keras.Input((3,))
    return keras.Model(images, head()(inner(dense(3)(inner(images)))))


@network(groups=6, dtype="float32")
def nested_at_another_size():
    inside = keras.Input((None, None, 2))
    inner = keras.Model(inside, layers.MaxPooling2D()(conv(2)(inside)))
    chained = keras.Sequential([keras.Input((2, 3, 2)), conv(4)])
    return chain(inner, chained, layers.Flatten(), head())


@network(groups=3, is_complete=False)  # The frozen layer has one scale at most.
def frozen():
    return chain(
        dense(2), dense(3, trainable=False), dense(3), head(), shape=(4,)
    )


@network(groups=0, is_complete=False)
def penalty_on_activity():
    return chain(dense(3, activity_regularizer="l2"), head(), shape=(4,))

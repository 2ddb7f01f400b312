"""Networks of one kind of layer after the other."""

import keras
from keras import layers

from needle_tf.layers import embedded_conv2d
from tests.scales import network_cases

IMAGE = network_cases.IMAGE
chain = network_cases.chain
conv = network_cases.conv
dense = network_cases.dense
head = network_cases.head
leaky = network_cases.leaky
network = network_cases.network


@network(groups=7)
def dense_of_unequal_widths():
    return chain(dense(4), dense(3, use_bias=False), head(), shape=(5,))


@network(groups=3)
def dense_over_steps():
    return chain(dense(3), head(), shape=(4, 5))


@network(groups=7)
def sequential():
    return keras.Sequential(
        [
            keras.Input(IMAGE),
            embedded_conv2d.EmbeddedConv2D(3, 3, activation=leaky()),
            layers.MaxPooling2D(),
            layers.Flatten(),
            dense(4),
            head(),
        ]
    )


@network(groups=8)
def global_pooling():
    images = keras.Input(IMAGE)
    features = conv(4)(conv(4, strides=2)(images))
    mean = layers.GlobalAveragePooling2D()(features)
    peak = layers.GlobalMaxPooling2D(keepdims=True)(features)
    return keras.Model(images, [head()(mean), layers.Conv2D(2, 1)(peak)])


@network(groups=9, dtype="float32")
def channels_first():
    first = {"data_format": "channels_first"}
    return chain(
        conv(3, **first),
        layers.MaxPooling2D(2, padding="same", **first),
        layers.DepthwiseConv2D(2, depth_multiplier=2, **first),
        leaky(),
        layers.ZeroPadding2D(1, **first),
        layers.Flatten(**first),
        head(),
        shape=(2, 5, 6),
    )


@network(groups=8)
def one_axis():
    return chain(
        layers.Conv1D(3, 3, padding="causal", activation=leaky()),
        layers.AveragePooling1D(2),
        layers.ZeroPadding1D(1),
        layers.Cropping1D((1, 0)),
        layers.UpSampling1D(2),
        layers.SeparableConv1D(2, 3, depth_multiplier=1, activation=leaky()),
        layers.GlobalAveragePooling1D(),
        head(),
        shape=(9, 2),
    )


@network(groups=5, dtype="float32")
def three_axes():
    return chain(
        layers.Conv3D(2, 2, activation=leaky()),
        layers.AveragePooling3D(2, padding="same"),
        layers.Conv3D(3, 2, padding="same", activation=leaky()),
        layers.GlobalAveragePooling3D(),
        head(),
        shape=(3, 4, 3, 1),
    )


@network(groups=10)
def channel_groups():
    return chain(
        conv(4),
        conv(6, 2, groups=2, use_bias=False),
        layers.Flatten(),
        head(),
    )


@network(groups=10, is_complete=False)  # Separable: two linear maps in a row.
def separable():
    return chain(
        layers.SeparableConv2D(3, 2, depth_multiplier=2, activation=leaky()),
        layers.DepthwiseConv2D(3, padding="same", depth_multiplier=1),
        leaky(),
        layers.Flatten(),
        head(),
    )


@network(groups=7)
def transposed():
    return chain(
        layers.Conv2DTranspose(3, 2, strides=2, activation=leaky()),
        layers.Conv2DTranspose(4, (3, 2), activation=leaky()),
        layers.GlobalAveragePooling2D(),
        head(),
        shape=(3, 2, 2),
    )


@network(groups=3)
def strides_and_dilation():
    return chain(
        conv(2, (4, 3), strides=(2, 3)),
        conv(1, 2, dilation_rate=(1, 2), padding="valid"),
        layers.Flatten(),
        head(),
        shape=(7, 8, 2),
    )


@network(groups=2)
def kernel_beyond_the_image():
    return chain(conv(2, (5, 7)), layers.Flatten(), head(), shape=(2, 3, 1))


@network(groups=7, is_complete=False)  # Its inference is affine.
def batch_normalization():
    return chain(
        conv(3, activation=None),
        layers.BatchNormalization(),
        leaky(),
        conv(4, activation=None, use_bias=False),
        layers.BatchNormalization(center=False),
        leaky(),
        layers.GlobalAveragePooling2D(),
        head(),
    )


@network(groups=0, is_complete=False)  # Affine, too.
def batch_normalization_without_a_scale():
    return chain(
        conv(3),
        layers.BatchNormalization(scale=False),
        layers.Flatten(),
        head(),
    )


@network(groups=5)
def other_normalizations():
    return chain(
        conv(3),
        layers.LayerNormalization(),
        leaky(),
        conv(2),
        layers.GroupNormalization(1),
        leaky(),
        layers.Flatten(),
        head(),
    )


@network(groups=3)
def slopes_that_are_learnt():
    return chain(dense(3, activation=None), layers.PReLU(), head(), shape=(4,))


@network(groups=4)
def sigmoid_in_between():
    return chain(dense(4), dense(3, activation="sigmoid"), head(), shape=(5,))


@network(groups=4)
def gate():
    images = keras.Input((4,))
    values = dense(4)(images)
    opened = layers.Dense(4, activation="sigmoid")(images)
    return keras.Model(images, head()(layers.Multiply()([values, opened])))


@network(groups=0, is_complete=False)  # Two factors could share one scale.
def product_of_two():
    images = keras.Input((4,))
    return keras.Model(images, head()(dense(3)(images) * dense(3)(images)))


@network(
    groups=4, is_random=True, is_complete=False
)  # Noise is for training only.
def dropout():
    return chain(
        dense(2),
        layers.Dropout(0.5, seed=1),
        layers.GaussianNoise(0.1, seed=2),
        dense(4),
        layers.GaussianDropout(0.5, seed=3),
        head(),
        shape=(4,),
    )


@network(groups=5, is_complete=False)  # A row is read three times.
def shapes():
    return chain(
        dense(5),
        layers.RepeatVector(3),
        layers.Permute((2, 1)),
        layers.Reshape((3, 5)),
        layers.Flatten(),
        layers.Rescaling(0.5),
        layers.Identity(),
        head(),
        shape=(4,),
    )


@network(groups=3)
def zoomed_and_cut():
    return chain(
        conv(3),
        layers.UpSampling2D((2, 1)),
        layers.Cropping2D(((1, 2), (0, 1))),
        layers.ZeroPadding2D(1),
        layers.Flatten(),
        head(),
    )


@network(groups=6)
def operations():
    images = keras.Input((4, 5))
    features = keras.ops.transpose(dense(6)(images), (0, 2, 1))
    features = keras.ops.abs(-features[:, :, 1:] / 2.0 - 0.0)
    features = keras.ops.expand_dims(features, 1) * 3.0
    features = keras.ops.mean(features, axis=-1)
    features = keras.ops.reshape(keras.ops.squeeze(features, 1), (-1, 6))
    return keras.Model(images, head()(keras.ops.relu(features)))

"""Networks in which every unit has a scale of its own."""

from keras import layers

from needle_tf.layers import locally_connected2d
from needle_tf.layers import masked_dense
from needle_tf.ops import conv_geometry
from tests.scales import network_cases

chain = network_cases.chain
conv = network_cases.conv
dense = network_cases.dense
head = network_cases.head
leaky = network_cases.leaky
network = network_cases.network


def masked(free: str, image, radius=None, **options) -> layers.Layer:
    """A leaky dense layer from image to image, kernels of 3x2."""
    geometry = conv_geometry.ConvGeometry.of_convolution(
        image,
        (3, 2),
        options.pop("filters", 2),
        padding="same",
        **{k: options.pop(k) for k in ("strides", "groups") if k in options},
    )
    return masked_dense.MaskedDense(
        geometry, free, radius, activation=leaky(), **options
    )


def local(filters: int = 3, size=3, **options) -> layers.Layer:
    """A leaky convolution with a kernel per position."""
    options = {"padding": "same", "activation": leaky(), **options}
    return locally_connected2d.LocallyConnected2D(filters, size, **options)


@network(groups=2 * 6 + 4 * 2)
def unit_by_unit():
    return chain(
        masked("all", (3, 2, 1)),
        masked("local", (3, 2, 2), strides=2, filters=4, groups=2),
        layers.Flatten(),
        head(),
        shape=(3, 2, 1),
    )


@network(groups=2 * 6 + 2 * 6)
def bands_and_fields():
    return chain(
        masked("band", (3, 2, 1), radius=1),
        local(2, 2),
        layers.Flatten(),
        head(),
        shape=(3, 2, 1),
    )


@network(groups=2 * 4 + 2)
def pooled_units():
    return chain(
        local(2, (2, 3), groups=2),
        layers.AveragePooling2D(2, padding="same"),
        layers.Flatten(),
        dense(2),
        head(),
        shape=(4, 3, 2),
    )


@network(groups=3 + 2)
def units_read_by_a_convolution():
    return chain(local(3), conv(2), layers.Flatten(), head(), shape=(3, 3, 1))

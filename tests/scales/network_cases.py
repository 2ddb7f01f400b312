"""What the tables of networks with scales are made of."""

from collections.abc import Callable
from typing import NamedTuple

import keras
from keras import layers

IMAGE = (5, 6, 2)


class Case(NamedTuple):
    """A network of the table.

    Attributes:
        build: Makes the model, uncompiled.
        groups: Number of its groups.
        is_complete: Whether no other scales leave its function as it is; False
            where more units are united than need be.
        is_random: Whether training draws random numbers.
        dtype: What it computes in; not all of TensorFlow can float64.
    """

    build: Callable[[], keras.Model]
    groups: int
    is_complete: bool = True
    is_random: bool = False
    dtype: str = "float64"


NETWORKS: dict[str, Case] = {}


def network(groups: int, **options: bool | str) -> Callable:
    """Adds the model that a function builds to the table, under its name."""

    def add(function):
        NETWORKS[function.__name__] = Case(function, groups, **options)
        return function

    return add


def leaky() -> layers.Layer:
    """An activation that lets every unit be seen at any input."""
    return layers.LeakyReLU(0.3)


def conv(filters: int = 3, size=3, **options) -> layers.Layer:
    """A leaky convolution that keeps the size unless told otherwise."""
    options = {"padding": "same", "activation": leaky(), **options}
    return layers.Conv2D(filters, size, **options)


def dense(units: int, **options) -> layers.Layer:
    """A leaky dense layer."""
    return layers.Dense(units, **{"activation": leaky(), **options})


def chain(*steps: layers.Layer, shape=IMAGE) -> keras.Model:
    """A functional model of one step after the other."""
    images = features = keras.Input(shape)
    for step in steps:
        features = step(features)
    return keras.Model(images, features)


def head(units: int = 2) -> layers.Layer:
    """The linear layer at the end."""
    return layers.Dense(units)

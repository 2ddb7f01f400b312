"""The networks that are measured, as the paper and the default run have them.

Imported in fresh processes only: it brings Keras and TensorFlow along.
"""

import math
from typing import Any
from typing import NamedTuple

import keras
import numpy as np

import needle_tf
from needle_tf.models import alexnet
from needle_tf.models import registry
from needle_tf.models import skinny_cnn
from needle_tf.models import small_cnn
from needle_tf.ops import conv_geometry


class Setup(NamedTuple):
    """Images, batch and epoch that a network is trained with."""

    input_shape: tuple[int, int, int]
    batch_size: int
    steps_per_epoch: int


# The papers' on CIFAR-10, and the default run's on cluttered digits.
SETUPS = {
    "resnet32": Setup((32, 32, 3), 128, 352),
    "alexnet": Setup((32, 32, 3), 250, 200),
    "skinny_cnn": Setup((32, 32, 3), 250, 200),
    "small_cnn": Setup((16, 16, 1), 100, 60),
    "ec_mlp": Setup((28, 28, 1), 64, 938),
    "plainnet34": Setup((32, 32, 3), 128, 391),
}
CLASSES = 10
# What `needle_tf.embed` is told for each kind of network; a CNN stays.
SPACES = {
    "cnn": None,
    "efcn": {"space": "fcn"},
    "lcn": {"space": "lcn"},
    # The locally connected net as a masked dense matrix.
    "dense_lcn": {"space": "band", "radius": 0},
    "band_1": {"space": "band", "radius": 1},
    "band_3": {"space": "band", "radius": 3},
}


def build(name: str, kind: str, policy: str = "float32") -> keras.Model:
    """Returns a network that starts at random.

    Args:
        name: One of `SETUPS`.
        kind: One of `SPACES`.
        policy: Of Keras, for the precision.
    """
    keras.config.set_dtype_policy(policy)
    cnn = registry.build(name, SETUPS[name].input_shape, CLASSES)
    space = SPACES[kind]
    return cnn if space is None else needle_tf.embed(cnn, **space)


def batch(setup: Setup) -> tuple[np.ndarray, np.ndarray]:
    """Returns one batch of random images and labels."""
    rng = np.random.default_rng(0)
    shape = (setup.batch_size, *setup.input_shape)
    images = rng.standard_normal(shape, "float32")
    return images, rng.integers(0, CLASSES, setup.batch_size)


def untied(model: keras.Model) -> list[keras.Layer]:
    """Returns the embedded layers of a model, from the image on."""
    kinds = (needle_tf.MaskedDense, needle_tf.LocallyConnected2D)
    return [layer for layer in model.layers if isinstance(layer, kinds)]


def kernel_bytes(model: keras.Model) -> int:
    """Returns the size of the embedded kernels of a model."""
    return sum(4 * math.prod(layer.kernel.shape) for layer in untied(model))


def largest_bytes(model: keras.Model) -> int:
    """Returns the size of the largest embedded kernel; 0 without any."""
    sizes = (4 * math.prod(layer.kernel.shape) for layer in untied(model))
    return max(sizes, default=0)


def geometries(name: str) -> list[conv_geometry.ConvGeometry]:
    """Returns the geometry of every convolution of a network."""
    cnn = registry.build(name, SETUPS[name].input_shape, CLASSES)
    symbolic = needle_tf.embed(cnn, "lcn", copy_weights=False)
    return [layer.geometry for layer in untied(symbolic)]


def used_weights(name: str, kind: str) -> list[int]:
    """Returns the multiply-adds of each layer for one image, from it on.

    A dense layer has one per weight; of the others those count that meet a
    pixel and are not fixed at 0.
    """
    space = SPACES[kind] or {}
    radius = None if kind == "efcn" else space.get("radius", 0)
    cnn = registry.build(name, SETUPS[name].input_shape, CLASSES)
    convolutions = [shape.free_entries(radius) for shape in geometries(name)]
    heads = [
        math.prod(layer.kernel.shape)
        for layer in cnn.layers
        if isinstance(layer, keras.layers.Dense)
    ]
    return convolutions + heads


def plain_stack(name: str) -> dict[str, Any]:
    """Returns a network in plain numbers, for a peer that knows no Keras.

    Args:
        name: Of a stack of convolutions and pools: `"alexnet"`,
            `"skinny_cnn"` or `"small_cnn"`.
    """
    setup = SETUPS[name]
    module = {
        "alexnet": alexnet,
        "skinny_cnn": skinny_cnn,
        "small_cnn": small_cnn,
    }[name]
    is_alexnet = module is alexnet
    return {
        "stack": [entry._asdict() for entry in module.STACK],
        "image": [setup.input_shape[2], setup.input_shape[0]],
        "hidden": [alexnet.HIDDEN_UNITS] * 2 if is_alexnet else [],
        "dropout": alexnet.DROPOUT if is_alexnet else 0.0,
        "classes": CLASSES,
        "batch_size": setup.batch_size,
    }


def local_sizes(name: str) -> dict[str, int]:
    """Returns the weights of the locally connected net of a network.

    `free` are those that see the image, `stored` those of the compact form,
    `dense` those of the eFCN.
    """
    shapes = geometries(name)
    return {
        "free": sum(geometry.free_entries(0) for geometry in shapes),
        "stored": sum(math.prod(geometry.local_shape) for geometry in shapes),
        "dense": sum(math.prod(geometry.dense_shape) for geometry in shapes),
    }

"""What the benchmark of growth times, in a fresh process."""

import math
from typing import Any

import keras

import needle_tf
from benchmarks import networks
from benchmarks import pairs
from benchmarks import products
from benchmarks import training

_BATCH = 100


def two_convolutions(side: int, channels: int, repeats: int) -> dict[str, Any]:
    """Times steps of an eFCN and its bare products in turn.

    Args:
        side: Height and width of the images, in pixels.
        channels: Of the images and of both convolutions.

    Returns:
        Seconds of `step` and `products`; the bytes of the eFCN's kernels,
        `weights`, and of those of the convolutions, `shared`.
    """
    cnn = keras.Sequential(
        [
            keras.Input((side, side, channels)),
            *(_convolution(channels) for _ in range(2)),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(networks.CLASSES),
        ]
    )
    shared = sum(4 * math.prod(layer.kernel.shape) for layer in cnn.layers[:2])
    model = needle_tf.embed(cnn)
    training.compile_for_steps(model)
    setup = networks.Setup((side, side, channels), _BATCH, 1)
    step, bare = pairs.in_turn(
        repeats,
        training.step_on(model, setup),
        products.of_model(model, _BATCH),
    )
    return {
        "step": step,
        "products": bare,
        "weights": networks.kernel_bytes(model),
        "shared": shared,
    }


def _convolution(channels):
    return keras.layers.Conv2D(channels, 3, padding="same", activation="relu")

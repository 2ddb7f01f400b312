"""The dense matrix of one convolution by several roads, in a fresh process.

Ours, and what people write who need one: a convolution of every image of the
identity basis; blocks of Toeplitz matrices, one per kernel row and pair of
channels; a loop over output positions and kernel taps.
"""

import importlib
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from benchmarks import networks
from benchmarks import pairs
from needle_tf.ops import conv_geometry
from needle_tf.ops import unrolling

ROADS = ("unroll", "basis", "toeplitz", "loop")
# Images of the identity basis that are convolved at a time.
_PIECE = 512


def by_several_roads(
    name: str, number: int, repeats: int
) -> dict[str, list[float]]:
    """Times the matrix of one convolution of a network in turn.

    Args:
        name: One of `networks.SETUPS`.
        number: Of the convolution, from 0; one of stride 1.
        repeats: Timed rounds.

    Returns:
        Seconds by road, one of `ROADS`, into memory that is mapped already.

    Raises:
        RuntimeError: If a road leads to another matrix than the first.
    """
    geometry = networks.geometries(name)[number]
    kernel = np.random.default_rng(0).standard_normal(
        geometry.kernel_shape, "float32"
    )
    out = np.ones(geometry.dense_shape, "float32")
    calls = {
        "unroll": lambda: unrolling.unroll(kernel, geometry, out=out),
        "basis": _by_basis(kernel, geometry, out),
        "toeplitz": lambda: _by_toeplitz(kernel, geometry, out),
        "loop": lambda: _by_loop(kernel, geometry, out),
    }
    expected = unrolling.unroll(kernel, geometry)
    for road, call in calls.items():
        out.fill(1)
        call()
        if not np.allclose(out, expected, atol=1e-5):
            raise RuntimeError(f"The road {road!r} leads to another matrix.")
    times = pairs.in_turn(repeats, *(calls[road] for road in ROADS), warm_up=0)
    return dict(zip(ROADS, times, strict=True))


def _by_basis(
    kernel: np.ndarray, geometry: conv_geometry.ConvGeometry, out: np.ndarray
) -> Callable[[], None]:
    basis = np.eye(geometry.dense_shape[0], dtype="float32")
    images = basis.reshape(-1, *geometry.input_shape)

    @tf.function
    def convolve(some):
        return keras.ops.conv(
            some, kernel, strides=geometry.strides, padding="same"
        )

    def construct():
        for start in range(0, len(images), _PIECE):
            some = slice(start, start + _PIECE)
            units = convolve(images[some]).numpy()
            out[some] = units.reshape(len(units), -1)

    return construct


def _by_toeplitz(kernel, geometry, out):
    toeplitz = importlib.import_module("scipy.linalg").toeplitz
    out.fill(0)
    blocks = out.reshape(*geometry.input_shape, *geometry.output_shape)
    (height, width, channels), padding = geometry.input_shape, geometry.padding
    taps = geometry.kernel_size[1]
    # A pixel under its own position, and what lies right and left of it.
    down, along = np.zeros((2, width), "float32")
    for u in range(geometry.kernel_size[0]):
        rows = [(i + u - padding[0], i) for i in range(geometry.output_size[0])]
        for channel in range(channels):
            for unit in range(geometry.filters):
                row = kernel[u, :, channel, unit]
                down[: taps - padding[1]] = row[padding[1] :]
                along[: padding[1] + 1] = row[padding[1] :: -1]
                block = toeplitz(down, along)
                for pixel, position in rows:
                    if 0 <= pixel < height:
                        blocks[pixel, :, channel, position, :, unit] = block


def _by_loop(kernel, geometry, out):
    out.fill(0)
    blocks = out.reshape(*geometry.input_shape, *geometry.output_shape)
    height, width, _ = geometry.input_shape
    for i, j in np.ndindex(geometry.output_size):
        for u, v in np.ndindex(geometry.kernel_size):
            row = i * geometry.strides[0] + u - geometry.padding[0]
            column = j * geometry.strides[1] + v - geometry.padding[1]
            if 0 <= row < height and 0 <= column < width:
                blocks[row, column, :, i, j] = kernel[u, v]

"""Which pixels each position sees, and which positions see each pixel.

Both as tables of whole numbers, so that a product over receptive fields, and
its gradient, are one gather and one matrix product per row of a table. Rows of
unequal length can be put into groups of equal length instead of being filled
up.
"""

import dataclasses
import functools
import math

import numpy as np

from needle_tf.ops import conv_geometry

ConvGeometry = conv_geometry.ConvGeometry

# Products that grouping must save for each number that goes in or comes out,
# to be worth moving those numbers and the kernel once more. Measured: 114
# (3x3, "same", on 3x3 pixels and 64 channels) gains a quarter, 12 (on 8x8
# pixels and 16 channels) loses a tenth.
_WORTH_GROUPING = 50


@dataclasses.dataclass(frozen=True, eq=False)
class Group:
    """Targets that read equally many sources.

    Args:
        members: `(members,)`: the targets.
        sources: `(members, slots)`: what each of them reads. The number of
            sources, one beyond the last, stands for zeros.
        weights: `(members, slots)`: by which kernel, as
            `position * taps + tap`. Any kernel where zeros are read.
    """

    members: np.ndarray
    sources: np.ndarray
    weights: np.ndarray


@functools.lru_cache(maxsize=64)
def of_positions(
    geometry: ConvGeometry, unread: tuple[int, int] = (0, 0)
) -> tuple[Group, ...]:
    """Returns groups of positions, which read pixels.

    One group holds all positions and taps in their order, or every group the
    positions that see equally many pixels, whichever costs less.

    Args:
        geometry: Who sees what.
        unread: Rows at the bottom and columns at the right of the positions
            that count as seeing nothing.
    """
    sources = _seen_pixels(geometry, unread)
    weights = np.arange(sources.size).reshape(sources.shape)
    return _grouped(sources, weights, _pixels(geometry), geometry)


@functools.lru_cache(maxsize=64)
def of_pixels(
    geometry: ConvGeometry, unread: tuple[int, int] = (0, 0)
) -> tuple[Group, ...]:
    """Returns groups of pixels, which read the positions that see them.

    Args as `of_positions`.
    """
    seen = _seen_pixels(geometry, unread)
    position, tap = np.nonzero(seen >= 0)
    pixel = seen[position, tap]
    order = np.argsort(pixel, kind="stable")
    counts = np.bincount(pixel, minlength=_pixels(geometry))
    # The how-manieth of its pixel each one is.
    rank = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    shape = (len(counts), max(1, counts.max()))
    sources, weights = np.full(shape, -1), np.zeros(shape, int)
    place = (pixel[order], rank)
    sources[place] = position[order]
    weights[place] = (position * seen.shape[1] + tap)[order]
    return _grouped(sources, weights, geometry.positions, geometry)


def inverse(order: np.ndarray, size: int) -> np.ndarray:
    """Returns where in `order` each of `size` numbers stands.

    `len(order)` for numbers that it lacks.
    """
    places = np.full(size, len(order), "int32")
    places[order] = np.arange(len(order))
    return places


def _grouped(sources, weights, none, geometry):
    """Rows of one table as one group, or by their number of entries."""
    is_read = sources >= 0
    filled = np.where(is_read, sources, none)
    products = geometry.group_inputs * geometry.filters
    saved = products * (is_read.size - is_read.sum())
    if saved < _WORTH_GROUPING * sum(geometry.dense_shape):
        return (_group(np.arange(len(filled)), filled, weights),)
    first = np.argsort(~is_read, axis=1, kind="stable")
    filled = np.take_along_axis(filled, first, 1)
    weights = np.take_along_axis(weights, first, 1)
    # Who reads nothing reads zeros.
    counts = np.maximum(is_read.sum(axis=1), 1)
    return tuple(
        _group(
            np.flatnonzero(counts == count),
            filled[counts == count, :count],
            weights[counts == count, :count],
        )
        for count in np.unique(counts)
    )


def _group(*tables):
    return Group(*(table.astype("int32") for table in tables))


def _seen_pixels(geometry, unread):
    """`(positions, taps)`: the pixel that a tap sees; -1 if it sees none."""
    height, width = (
        _seen_along(geometry, 0, unread[0])[:, None, :, None],
        _seen_along(geometry, 1, unread[1])[None, :, None, :],
    )
    pixel = np.where(
        (height < 0) | (width < 0),
        -1,
        height * geometry.input_shape[1] + width,
    )
    return pixel.reshape(geometry.positions, -1)


def _seen_along(geometry, axis, unread):
    """`(outputs, taps)`: the pixel along one axis, -1 if there is none."""
    size = geometry.output_size[axis]
    read = np.arange(size)[:, None]
    read = read * geometry.strides[axis] - geometry.padding[axis]
    read = read + (
        np.arange(geometry.kernel_size[axis]) * geometry.dilation_rate[axis]
    )
    inside = (read >= 0) & (read < geometry.input_shape[axis])
    inside[size - unread :] = False
    return np.where(inside, read, -1)


def _pixels(geometry):
    return math.prod(geometry.input_shape[:2])

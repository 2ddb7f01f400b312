"""Which pixel stands for what a unit of an untied layer sees.

Output position p has the middle tap of its window on the pixel
`p * stride - padding + (taps - 1) // 2 * dilation`, row by row and column by
column. It is paired with that pixel, or with the nearest that its weights
reach; and each pixel with the position whose middle is nearest to it.
"""

from typing import NamedTuple

import numpy as np

from needle_tf.ops import conv_geometry

ConvGeometry = conv_geometry.ConvGeometry


class Entries(NamedTuple):
    """Entries of an untied kernel by what they connect, best ones first.

    All of them integers, `(entries,)`: pixels and positions count row by row.
    """

    pixel: np.ndarray
    channel: np.ndarray
    position: np.ndarray
    filter: np.ndarray


def nearest_entries(geometry: ConvGeometry, reach: int | None) -> Entries:
    """Returns an entry into every unit, then one out of every unit.

    Units in the middle of the image come first. Of the channels of a group,
    `i mod C` is paired with `j mod F`. A unit that no weight reaches has none.

    Args:
        geometry: Of the layer.
        reach: Pixels around the receptive fields that weights come from; None
            for all. Within the receptive field the nearest is preferred.
    """
    parts = []
    for is_out in (False, True):
        rows, columns = (
            _nearest_on_axis(geometry, axis, reach, is_out) for axis in (0, 1)
        )
        unit = _places(rows.unit, columns.unit, geometry, is_out)
        partner = _places(rows.partner, columns.partner, geometry, not is_out)
        order = np.argsort(
            np.add.outer(rows.remoteness, columns.remoteness).reshape(-1),
            kind="stable",
        )
        unit, partner = unit[order], partner[order]
        one, other = _channels(geometry, is_out)
        units = np.repeat(unit, len(one)), np.tile(one, len(unit))
        partners = np.repeat(partner, len(one)), np.tile(other, len(unit))
        parts.append((*units, *partners) if is_out else (*partners, *units))
    return Entries(*map(np.concatenate, zip(*parts, strict=True)))


def seen_pixels(geometry: ConvGeometry) -> np.ndarray:
    """Returns the pixels under the taps, `(positions, taps)`; -1: padding."""
    rows, columns = (_read(geometry, axis) for axis in range(2))
    is_inside = (rows >= 0)[:, None, :, None] & (columns >= 0)[:, None]
    pixel = rows[:, None, :, None] * geometry.input_shape[1] + columns[:, None]
    return np.where(is_inside, pixel, -1).reshape(geometry.positions, -1)


class _Nearest(NamedTuple):
    """Along one axis: what has a partner, which, how far from the middle."""

    unit: np.ndarray
    partner: np.ndarray
    remoteness: np.ndarray


def _nearest_on_axis(geometry, axis, reach, is_out):
    outputs, taps = geometry.output_size[axis], geometry.kernel_size[axis]
    middle = np.arange(outputs) * geometry.strides[axis]
    middle = middle - geometry.padding[axis]
    middle = middle + (taps - 1) // 2 * geometry.dilation_rate[axis]
    pixels = geometry.input_shape[axis]
    distance = np.abs(np.arange(pixels)[:, None] - middle)
    local = geometry.axis_mask(axis)
    allowed = np.ones_like(local)
    if reach is not None:
        allowed = geometry.axis_mask(axis, reach)
    far = distance.max() + 1
    cost = distance + far * ~local + 2 * far * ~allowed
    if is_out:
        cost, allowed = cost.T, allowed.T
    unit = np.flatnonzero(allowed.any(axis=0))
    partner = cost.argmin(axis=0)[unit]
    return _Nearest(unit, partner, np.abs(unit - (allowed.shape[1] - 1) // 2))


def _places(rows, columns, geometry, is_pixel):
    """Row-by-row places of all pairs of a row and a column."""
    sizes = geometry.input_shape if is_pixel else geometry.output_size
    return np.add.outer(rows * sizes[1], columns).reshape(-1)


def _channels(geometry, is_out):
    """Every channel of one side and its partner on the other side."""
    own, other = geometry.group_outputs, geometry.group_inputs
    if is_out:
        own, other = other, own
    unit = np.arange(geometry.groups * own)
    return unit, unit // own * other + unit % own % other


def _read(geometry, axis):
    """`(outputs, taps)`: the pixel along one axis, -1 outside the image."""
    read = np.arange(geometry.output_size[axis])[:, None]
    read = read * geometry.strides[axis] - geometry.padding[axis]
    taps = np.arange(geometry.kernel_size[axis])
    read = read + taps * geometry.dilation_rate[axis]
    return np.where(read < geometry.input_shape[axis], np.maximum(read, -1), -1)

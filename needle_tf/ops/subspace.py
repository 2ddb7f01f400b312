"""How far a dense kernel is from the CNN and LCN subspaces.

CNN, LCN and FCN are nested linear subspaces: the projection onto the LCN keeps
the local entries of a dense kernel D, the projection onto the CNN replaces them
by their mean over the positions of each tap. With Frobenius norms:

    delta       = |D - P_LCN(D)| / |D|          off-local share
    delta_share = |P_LCN(D) - P_CNN(D)| / |D|   broken weight sharing
    delta_cnn   = |D - P_CNN(D)| / |D|,  delta_cnn^2 = delta^2 + delta_share^2

Each part is summed by itself, never as a difference of two large sums, so a
distance of 1e-6 is still seen in float32. Nothing of the dense size is made.
"""

from typing import Any
from typing import NamedTuple

import numpy as np
from keras import ops

from needle_tf.ops import conv_geometry

ConvGeometry = conv_geometry.ConvGeometry
Tensor = Any

# Weights handled at a time: keeps temporary memory small next to a big kernel,
# and is large enough to keep every core of a device busy.
_CHUNK = 1 << 22


class SquaredParts(NamedTuple):
    """Squared norms of the three orthogonal parts of a kernel or bias.

    Attributes:
        off_local: `|D - P_LCN(D)|^2`.
        unshared: `|P_LCN(D) - P_CNN(D)|^2`.
        shared: `|P_CNN(D)|^2`; the three add up to `|D|^2`.
    """

    off_local: Tensor
    unshared: Tensor
    shared: Tensor


class Distances(NamedTuple):
    """Relative distances from the subspaces, each in [0, 1].

    Attributes:
        delta: Off-local share of the norm (the measure of the paper).
        delta_share: Share of the norm that broken weight sharing makes up.
        delta_cnn: Distance from the CNN subspace.

    Reference: spec of the embedding after arXiv:1906.06766. The paper reports
    `delta` alone.
    """

    delta: float
    delta_share: float
    delta_cnn: float


def dense_parts(kernel: Tensor, geometry: ConvGeometry) -> SquaredParts:
    """Returns the squared parts of a dense kernel, as float32 scalars.

    Args:
        kernel: `geometry.dense_shape`, any floating dtype.
    """
    unshared, shared = _local_parts(
        ops.reshape(kernel, (-1, geometry.group_outputs)),
        [_dense_rows(geometry, tap) for tap in geometry.taps()],
        [tap.positions for tap in geometry.taps()],
        geometry,
    )
    return SquaredParts(_off_local(kernel, geometry), unshared, shared)


def local_parts(kernel: Tensor, geometry: ConvGeometry) -> SquaredParts:
    """Returns the squared parts of a kernel per position (compact LCN).

    Args:
        kernel: `geometry.local_shape`. Taps in the padding do not count.
    """
    unshared, shared = _local_parts(
        ops.reshape(kernel, (-1, geometry.group_outputs)),
        [_compact_rows(geometry, tap) for tap in geometry.taps()],
        [tap.positions for tap in geometry.taps()],
        geometry,
    )
    return SquaredParts(ops.zeros_like(shared), unshared, shared)


def bias_parts(bias: Tensor, geometry: ConvGeometry) -> SquaredParts:
    """Returns the squared parts of a bias per unit, `(H' * W' * F,)`."""
    units = ops.reshape(bias, (geometry.positions, geometry.filters))
    units = ops.cast(units, "float32")
    apart = units - units[:1]
    shift = ops.mean(apart, axis=0)
    shared = geometry.positions * ops.sum(ops.square(units[0] + shift))
    return SquaredParts(
        ops.zeros_like(shared), ops.sum(ops.square(apart - shift)), shared
    )


def add_parts(parts: list[SquaredParts]) -> SquaredParts:
    """Returns the sums over layers: the parts of the network."""
    return SquaredParts(*(sum(same) for same in zip(*parts, strict=True)))


def distances(parts: SquaredParts) -> Distances:
    """Returns the relative distances of squared parts given as numbers.

    All zeros lie in every subspace: the distances of a zero kernel are 0.
    """
    off_local, unshared, shared = (float(part) for part in parts)
    total = (off_local + unshared + shared) or 1.0
    return Distances(
        delta=(off_local / total) ** 0.5,
        delta_share=(unshared / total) ** 0.5,
        delta_cnn=((off_local + unshared) / total) ** 0.5,
    )


def _off_local(kernel, geometry):
    """Squared norm of what lies outside the receptive fields."""
    outside = ~geometry.spatial_mask()
    pixels = len(outside)
    rows = geometry.dense_shape[0] // pixels
    step = max(1, _CHUNK // max(1, rows * geometry.dense_shape[1]))
    total = ops.zeros((), "float32")
    for start in range(0, pixels, step):
        part = kernel[start * rows : (start + step) * rows]
        energy = ops.square(ops.cast(part, "float32"))
        energy = ops.sum(
            ops.reshape(energy, (-1, geometry.group_outputs)), axis=-1
        )
        total += _outside_energy(
            energy, outside[start : start + step], geometry
        )
    return total


def _outside_energy(energy, outside, geometry):
    """Sums `energy`, one number a pixel, channel and output group."""
    groups = geometry.groups
    energy = ops.reshape(
        energy, (len(outside), groups, -1, geometry.positions, groups)
    )
    energy = ops.sum(energy, axis=2)
    apart = ~np.eye(groups, dtype=bool)
    counted = outside[:, None, :, None] | apart[None, :, None, :]
    return ops.sum(ops.where(counted, energy, 0.0))


def _local_parts(rows, tap_rows, positions, geometry):
    """Squared (unshared, shared) norms, from the rows of each tap."""
    unshared = ops.zeros((), "float32")
    shared = ops.zeros((), "float32")
    for indices, count in zip(tap_rows, positions, strict=True):
        entries = ops.take(rows, indices.reshape(-1), axis=0)
        entries = ops.reshape(entries, (count, -1))
        entries = ops.cast(entries, "float32")
        # Seen from the first copy, equal copies have a mean of exactly 0.
        apart = entries - entries[:1]
        shift = ops.mean(apart, axis=0)
        unshared += ops.sum(ops.square(apart - shift))
        shared += count * ops.sum(ops.square(entries[0] + shift))
    return unshared, shared


def _dense_rows(geometry, tap):
    """Rows of D, cut to F/g columns each, that hold the entries of a tap."""
    height, width, channels = geometry.input_shape
    del height
    inputs, outputs = _tap_pixels(geometry, tap)
    channel = np.arange(channels)
    group = channel // geometry.group_inputs
    row = (inputs[0] * width + inputs[1])[..., None] * channels + channel
    column = outputs[0] * geometry.output_size[1] + outputs[1]
    row = row * geometry.positions + column[..., None]
    return (row * geometry.groups + group).astype(_index_type(geometry))


def _compact_rows(geometry, tap):
    """The same rows in a kernel per position, `geometry.local_shape`."""
    _, outputs = _tap_pixels(geometry, tap)
    channel = np.arange(geometry.input_shape[2])
    group, within = np.divmod(channel, geometry.group_inputs)
    row = outputs[0] * geometry.output_size[1] + outputs[1]
    row = (row * geometry.kernel_size[0] + tap.u) * geometry.kernel_size[1]
    row = (row + tap.v)[..., None] * geometry.group_inputs + within
    return (row * geometry.groups + group).astype(_index_type(geometry))


def _tap_pixels(geometry, tap):
    """Input and output rows and columns of a tap, as open grids."""
    out_row = np.arange(tap.rows.start, tap.rows.stop)[:, None]
    out_column = np.arange(tap.columns.start, tap.columns.stop)[None, :]
    row = tap.top + (out_row - tap.rows.start) * geometry.strides[0]
    column = tap.left + (out_column - tap.columns.start) * geometry.strides[1]
    return (row, column), (out_row, out_column)


def _index_type(geometry):
    rows = np.prod(geometry.dense_shape, dtype=np.int64)
    return "int32" if rows < 2**31 else "int64"

"""How local and how shared the layers of a relaxed network are.

Distance of a weight: from its input pixel to the centre of the receptive field
of its output position, the larger of rows and columns (Chebyshev), in input
pixels of the layer:

    distance = max(|a - centre_row(i)|, |b - centre_column(j)|)
    centre_row(i) = i * stride - padding + (kernel_size - 1) * dilation / 2
"""

import dataclasses

import keras
import numpy as np
from keras import ops

from needle_tf.analysis import plain_json
from needle_tf.analysis import weight_parts
from needle_tf.embedding import distances
from needle_tf.layers import masked_dense
from needle_tf.ops import subspace

# Weights squared at a time: what is held besides the kernel.
_CHUNK = 1 << 22


@dataclasses.dataclass(frozen=True)
class Parts:
    """Squared norm in three orthogonal parts, as shares that add up to 1.

    Attributes:
        shared: In the CNN subspace, `1 - delta_cnn^2`.
        unshared: Local, but not shared, `delta_share^2`.
        off_local: Outside the receptive fields, `delta^2`.
    """

    shared: float
    unshared: float
    off_local: float


@dataclasses.dataclass(frozen=True)
class LayerLocality:
    """Where the weight of one layer lies.

    Attributes:
        distances: The distances that occur, ascending, in input pixels;
            multiples of 0.5, since a field of even size is centred between
            pixels.
        weight_shares: Share of the squared weight at each distance; they add
            up to 1 (all 0 for a kernel of zeros).
        entry_shares: Share of the free entries at each distance: what a kernel
            without any locality would have.
        field_reach: Distance of the outermost tap.
        mean_distance: Mean distance of squared weight.
        parts: How shared and how local the kernel is.
    """

    distances: tuple[float, ...]
    weight_shares: tuple[float, ...]
    entry_shares: tuple[float, ...]
    field_reach: float
    mean_distance: float
    parts: Parts


@dataclasses.dataclass(frozen=True)
class Locality:
    """What `locality` found.

    Attributes:
        layers: Per untied layer, of its kernel, in the model's order.
        total: The parts of all these kernels together. (Distances of different
            layers are in different pixels and do not add up.)
    """

    layers: dict[str, LayerLocality]
    total: Parts

    def to_json(self) -> str:
        """Returns the result as JSON."""
        return plain_json.dumps(self)


def locality(model: keras.Model) -> Locality:
    """Returns how local and how shared each untied layer of a model is.

    Computed where the weights lie, block by block: no dense mask is made, and
    one number per pixel and output position comes to the host.

    Raises:
        ValueError: If no layer is untied.

    Reference: the spec of the embedding after arXiv:1906.06766, section 5.
    """
    layers = weight_parts.untied_layers(model)
    measured = distances.subspace_distance(model)
    return Locality(
        layers={
            name: _of_layer(layer, measured.layers[name])
            for name, layer in layers.items()
        },
        total=_parts(measured.total),
    )


def _of_layer(layer, measured):
    geometry = layer.geometry
    if isinstance(layer, masked_dense.MaskedDense):
        halves = _pixel_distances(geometry)
        energy, entries = _dense_energy(layer), _dense_entries(layer)
    else:
        halves = _tap_distances(geometry)
        entries = _tap_entries(geometry)
        energy = np.where(entries > 0, _compact_energy(layer), 0.0)
    weight = np.bincount(halves.ravel(), energy.ravel())
    count = np.bincount(halves.ravel(), entries.ravel())
    occurring = np.flatnonzero(count)
    weight, count = weight[occurring], count[occurring]
    shares = weight / (weight.sum() or 1.0)
    return LayerLocality(
        distances=tuple((occurring / 2).tolist()),
        weight_shares=tuple(shares.tolist()),
        entry_shares=tuple((count / (count.sum() or 1.0)).tolist()),
        field_reach=float(max(_reaches(geometry)) / 2),
        mean_distance=float(shares @ occurring / 2),
        parts=_parts(measured),
    )


def _parts(measured: subspace.Distances) -> Parts:
    unshared, off_local = measured.delta_share**2, measured.delta**2
    return Parts(max(0.0, 1 - unshared - off_local), unshared, off_local)


def _reaches(geometry):
    """Pixels from the first to the last tap, by axis: twice the reach."""
    return [
        (size - 1) * rate
        for size, rate in zip(
            geometry.kernel_size, geometry.dilation_rate, strict=True
        )
    ]


def _pixel_distances(geometry):
    """Distances of all pixels and positions, in half pixels.

    Returns:
        `(H * W, H' * W')`, integers.
    """
    by_axis = []
    for axis, reach in enumerate(_reaches(geometry)):
        pixels = 2 * np.arange(geometry.input_shape[axis])
        centres = np.arange(geometry.output_size[axis])
        centres = 2 * (centres * geometry.strides[axis])
        centres = centres - 2 * geometry.padding[axis] + reach
        by_axis.append(np.abs(pixels[:, None] - centres[None, :]))
    rows, columns = by_axis
    both = np.maximum(rows[:, None, :, None], columns[None, :, None, :])
    return both.reshape(len(rows) * len(columns), -1)


def _dense_energy(layer):
    """Squared weight of all pixels and positions, over all channels."""
    geometry = layer.geometry
    # Averages of weights may leave something in fixed entries.
    kernel = layer.mask(ops.convert_to_tensor(layer.kernel))
    pixels = geometry.input_shape[0] * geometry.input_shape[1]
    channels = geometry.input_shape[2]
    step = max(1, _CHUNK // (channels * geometry.dense_shape[1]))
    blocks = []
    for start in range(0, pixels, step):
        part = kernel[start * channels : (start + step) * channels]
        part = ops.reshape(
            part, (-1, channels, geometry.positions, geometry.filters)
        )
        part = ops.square(ops.cast(part, "float32"))
        blocks.append(ops.convert_to_numpy(ops.sum(part, axis=(1, 3))))
    return np.concatenate(blocks).astype("float64")


def _dense_entries(layer):
    """Free entries of all pixels and positions, over all channels."""
    geometry = layer.geometry
    if layer.free == "all":
        pairs = geometry.input_shape[2] * geometry.filters
        shape = (geometry.input_shape[0] * geometry.input_shape[1], -1)
        mask = geometry.spatial_mask()
        return np.full_like(mask, pairs, dtype="int64").reshape(shape)
    free = geometry.spatial_mask(layer.radius or 0)
    return free * (geometry.group_inputs * geometry.filters)


def _tap_distances(geometry):
    """Distances of all taps, in half pixels: `(positions, kh * kw)`."""
    rows, columns = (
        np.abs(2 * rate * np.arange(size) - (size - 1) * rate)
        for size, rate in zip(
            geometry.kernel_size, geometry.dilation_rate, strict=True
        )
    )
    taps = np.maximum(rows[:, None], columns[None, :]).reshape(1, -1)
    return np.repeat(taps, geometry.positions, axis=0)


def _tap_entries(geometry):
    """Entries of all positions and taps, 0 in the padding."""
    seen = np.zeros((*geometry.output_size, *geometry.kernel_size), "int64")
    for tap in geometry.taps():
        seen[tap.rows, tap.columns, tap.u, tap.v] = 1
    seen *= geometry.group_inputs * geometry.filters
    return seen.reshape(geometry.positions, -1)


def _compact_energy(layer):
    """Squared weight of all positions and taps, over all channels."""
    geometry = layer.geometry
    kernel = ops.convert_to_tensor(layer.kernel)
    taps = geometry.kernel_size[0] * geometry.kernel_size[1]
    step = max(1, _CHUNK // max(1, kernel.shape[1] * kernel.shape[2]))
    blocks = []
    for start in range(0, geometry.positions, step):
        part = ops.square(ops.cast(kernel[start : start + step], "float32"))
        part = ops.reshape(
            part, (-1, taps, geometry.group_inputs, geometry.filters)
        )
        blocks.append(ops.convert_to_numpy(ops.sum(part, axis=(2, 3))))
    return np.concatenate(blocks).astype("float64")

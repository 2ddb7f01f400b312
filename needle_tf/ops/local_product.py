"""Every output position with a kernel of its own, as batched products.

With the batch as the last axis, what a position sees is a list of whole rows
of memory, `taps x (channels, batch)`, and lies in the order in which the
kernel of the position is stored: a gather, and one product per position. The
gradient of a pixel is such a product as well, over the positions that see it,
with their kernels gathered: nothing is summed outside a product.
"""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from needle_tf.ops import conv_geometry
from needle_tf.ops import receptive_fields

ConvGeometry = conv_geometry.ConvGeometry
Tensor = Any

# Filters per channel from which the gradient of the images is summed over the
# positions, in rows as wide as the channels, rather than gathered from them, in
# rows as wide as the filters. Measured: 4 gains a third, 3 loses a tenth.
_WORTH_SUMMING = 4


def local_product(
    images: Tensor,
    kernel: Tensor,
    geometry: ConvGeometry,
    unread: tuple[int, int] = (0, 0),
) -> Tensor:
    """Returns what each position's kernel makes of what the position sees.

    Can be derived any number of times; by JAX in reverse only, not by
    `jax.jvp`.

    Args:
        images: `(batch, H, W, C)`.
        kernel: `geometry.local_shape`.
        unread: Rows of positions at the bottom, and columns at the right, that
            nobody reads. Their units are 0, and must have the gradient 0.

    Returns:
        `(batch, H' * W' * F)`.
    """
    dtype = keras.backend.result_type(images.dtype, kernel.dtype)
    positions = receptive_fields.of_positions(geometry, unread)
    is_summed = geometry.filters >= _WORTH_SUMMING * geometry.input_shape[2]

    @ops.custom_gradient
    def product(images, kernel):
        places = math.prod(geometry.input_shape[:2])
        rows = _batch_last(images, places, positions, geometry)
        patches = [_gathered(rows, group, geometry) for group in positions]
        kernels = _kernels_of_positions(kernel, positions, geometry)
        units = _placed(
            [
                ops.matmul(_turned(seen), own)
                for seen, own in zip(patches, kernels, strict=True)
            ],
            positions,
        )

        def gradients(upstream):
            own = _by_position(upstream, geometry)
            if is_summed:
                of_images = _of_images_summed(own, kernel, positions, geometry)
            else:
                pixels = receptive_fields.of_pixels(geometry, unread)
                of_images = _of_images_gathered(
                    upstream, kernel, pixels, geometry
                )
            return of_images, _of_kernel(own, patches, positions, geometry)

        return _batch_first(units), gradients

    return product(ops.cast(images, dtype), ops.cast(kernel, dtype))


def _of_images_gathered(upstream, kernel, pixels, geometry):
    """The gradient of the images: a product per pixel."""
    rows = _batch_last(upstream, geometry.positions, pixels, geometry)
    kernels = _kernels_of_pixels(kernel, pixels, geometry)
    parts = [
        ops.matmul(_turned(_gathered(rows, group, geometry)), _turned(own))
        for group, own in zip(pixels, kernels, strict=True)
    ]
    images = _batch_first(_placed(parts, pixels))
    return ops.reshape(images, (-1, *geometry.input_shape))


def _of_images_summed(units, kernel, positions, geometry):
    """The gradient of the images: a product per position, and their sums."""
    kernels = _kernels_of_positions(kernel, positions, geometry)
    row = (geometry.group_inputs, ops.shape(units)[2])
    parts, targets = [], []
    for group, own in zip(positions, kernels, strict=True):
        index = _rows_read(group, geometry)
        part = ops.matmul(own, _turned(_taken(units, group.members)))
        parts.append(ops.reshape(part, (len(index), *row)))
        targets.append(index)
    places = math.prod(geometry.input_shape[:2]) * geometry.groups
    pixels = ops.segment_sum(
        _joined(parts),
        np.concatenate(targets),
        num_segments=places + geometry.groups,
    )
    pixels = ops.reshape(pixels[:places], (geometry.dense_shape[0], row[1]))
    return ops.reshape(ops.transpose(pixels), (-1, *geometry.input_shape))


def _of_kernel(units, patches, positions, geometry):
    """The gradient of the kernel: 0 where a tap lies in the padding."""
    width = geometry.group_inputs * geometry.filters
    parts = []
    for group, seen in zip(positions, patches, strict=True):
        part = ops.matmul(seen, _taken(units, group.members))
        part = ops.transpose(part, (0, 2, 1, 3))
        parts.append(ops.reshape(part, (group.weights.size, width)))
    order = np.concatenate([group.weights.reshape(-1) for group in positions])
    size = math.prod(geometry.local_shape) // width
    if len(order) < size:
        parts.append(ops.zeros((1, width), units.dtype))
    kernel = _taken(_joined(parts), receptive_fields.inverse(order, size))
    return ops.reshape(kernel, geometry.local_shape)


def _kernels_of_positions(kernel, positions, geometry):
    """The kernel of each position: `(members, groups, slots * C/g, F/g)`."""
    inputs, outputs = geometry.group_inputs, geometry.group_outputs
    rows = ops.reshape(kernel, (-1, inputs * geometry.filters))
    kernels = []
    for group in positions:
        members, slots = group.weights.shape
        own = ops.reshape(
            _taken(rows, group.weights.reshape(-1)),
            (members, slots * inputs, geometry.groups, outputs),
        )
        kernels.append(ops.transpose(own, (0, 2, 1, 3)))
    return kernels


def _kernels_of_pixels(kernel, pixels, geometry):
    """The kernels that read each pixel: `(members, groups, C/g, slots * F/g)`.

    One after another for each channel of the pixel.
    """
    inputs, outputs = geometry.group_inputs, geometry.group_outputs
    rows = ops.reshape(kernel, (-1, outputs))
    channel = np.arange(inputs)[:, None] * geometry.groups
    channel = channel + np.arange(geometry.groups)[:, None, None]
    kernels = []
    for group in pixels:
        members, slots = group.weights.shape
        first = group.weights[:, None, None, :] * (inputs * geometry.groups)
        kernels.append(
            ops.reshape(
                _taken(rows, (first + channel).reshape(-1)),
                (members, geometry.groups, inputs, slots * outputs),
            )
        )
    return kernels


def _batch_last(values, places, fields, geometry):
    """Rows of one place and channel group each; rows of zeros if they are read.

    Args:
        values: `(batch, ...)`, channels last.
        places: Number of pixels or positions.
        fields: Groups that are going to read the rows.

    Returns:
        `(places * groups, channels / groups, batch)`, with zeros `groups` more.
    """
    width = math.prod(values.shape[1:]) // (places * geometry.groups)
    rows = ops.reshape(values, (-1, places * geometry.groups * width))
    rows = ops.reshape(
        ops.transpose(rows),
        (places * geometry.groups, width, ops.shape(values)[0]),
    )
    if any((group.sources == places).any() for group in fields):
        rows = ops.pad(rows, ((0, geometry.groups), (0, 0), (0, 0)))
    return rows


def _batch_first(values):
    """`(places, groups, batch, channels / groups)` as `(batch, everything)`."""
    places, groups, _, width = values.shape
    values = ops.transpose(values, (2, 0, 1, 3))
    return ops.reshape(values, (-1, places * groups * width))


def _by_position(upstream, geometry):
    """`(positions, groups, batch, F / groups)` of `(batch, units)`."""
    shape = (geometry.positions, geometry.groups, geometry.group_outputs)
    return ops.transpose(ops.reshape(upstream, (-1, *shape)), (1, 2, 0, 3))


def _gathered(rows, group, geometry):
    """What members read: `(members, groups, slots * width, batch)`."""
    members, slots = group.sources.shape
    return ops.reshape(
        _taken(rows, _rows_read(group, geometry)),
        (
            members,
            geometry.groups,
            slots * rows.shape[1],
            ops.shape(rows)[2],
        ),
    )


def _rows_read(group, geometry):
    """`(members * groups * slots,)`: which rows of `_batch_last` are read."""
    rows = group.sources[:, None, :] * geometry.groups
    return (rows + np.arange(geometry.groups)[:, None]).reshape(-1)


def _placed(parts, fields):
    """What was computed group by group, in the order of all members."""
    order = np.concatenate([group.members for group in fields])
    return _taken(_joined(parts), receptive_fields.inverse(order, len(order)))


def _taken(rows, index):
    """`rows[index]`; the same rows if that is all of them in their order."""
    if np.array_equal(index, np.arange(rows.shape[0])):
        return rows
    return ops.take(rows, index, axis=0)


def _joined(parts):
    return parts[0] if len(parts) == 1 else ops.concatenate(parts, axis=0)


def _turned(matrices):
    """Transposed in the last two axes: TensorFlow's product takes them so."""
    return ops.transpose(matrices, (0, 1, 3, 2))

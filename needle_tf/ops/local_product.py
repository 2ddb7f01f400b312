"""Every output position with a kernel of its own, as one batched product.

With the batch as the last axis, what a position sees is a list of whole rows
of memory, `taps x (channels, batch)`, and lies in the order in which the
kernel of the position is stored: a gather, and one product per position.
"""

from typing import Any

import numpy as np
from keras import ops

from needle_tf.ops import conv_geometry

ConvGeometry = conv_geometry.ConvGeometry
Tensor = Any


def local_product(
    images: Tensor, kernel: Tensor, geometry: ConvGeometry
) -> Tensor:
    """Returns what each position's kernel makes of what the position sees.

    Args:
        images: `(batch, H, W, C)`.
        kernel: `geometry.local_shape`.

    Returns:
        `(batch, H' * W' * F)`.
    """
    positions, groups = geometry.positions, geometry.groups
    seen = _seen_rows(geometry)
    pixels = ops.reshape(images, (-1, geometry.dense_shape[0]))
    rows = ops.transpose(pixels)
    rows = ops.reshape(rows, (-1, geometry.group_inputs, ops.shape(images)[0]))
    outside = len(seen[seen < 0])
    if outside:
        rows = ops.pad(rows, ((0, 1), (0, 0), (0, 0)))
        seen = np.where(seen < 0, _last_row(geometry), seen)
    depth = geometry.local_shape[1]
    patches = ops.take(rows, seen.reshape(-1), axis=0)
    patches = ops.reshape(
        patches, (positions, groups, depth, ops.shape(images)[0])
    )
    kernel = ops.reshape(
        kernel, (positions, depth, groups, geometry.group_outputs)
    )
    units = ops.matmul(ops.transpose(kernel, (0, 2, 3, 1)), patches)
    units = ops.reshape(units, (geometry.dense_shape[1], -1))
    return ops.transpose(units)


def _seen_rows(geometry):
    """Rows (pixel and group) that each position sees; -1 in the padding.

    Returns:
        `(positions, groups, taps)`.
    """
    height, width = (
        _seen_pixels(geometry, 0)[:, None, :, None],
        _seen_pixels(geometry, 1)[None, :, None, :],
    )
    pixel = np.where(
        (height < 0) | (width < 0),
        -1,
        height * geometry.input_shape[1] + width,
    )
    pixel = pixel.reshape(geometry.positions, 1, -1)
    group = np.arange(geometry.groups)[:, None]
    rows = np.where(pixel < 0, -1, pixel * geometry.groups + group)
    return rows.astype("int32")


def _seen_pixels(geometry, axis):
    """`(outputs, taps)`: the pixel along one axis, -1 if there is none."""
    read = np.arange(geometry.output_size[axis])[:, None]
    read = read * geometry.strides[axis] - geometry.padding[axis]
    read = read + (
        np.arange(geometry.kernel_size[axis]) * geometry.dilation_rate[axis]
    )
    inside = (read >= 0) & (read < geometry.input_shape[axis])
    return np.where(inside, read, -1)


def _last_row(geometry):
    """The row of zeros behind all others."""
    height, width, _ = geometry.input_shape
    return height * width * geometry.groups

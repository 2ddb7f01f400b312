"""Every output position with a kernel of its own, as one batched product.

Positions come first in memory: each tap then moves whole blocks, and the
product runs over positions (and channel groups) as its batch axis.
"""

from typing import Any

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
    patches = _patches(images, geometry)
    positions, filters = geometry.positions, geometry.filters
    if geometry.groups > 1:
        shape = (positions, -1, geometry.groups, geometry.group_outputs)
        kernel = ops.transpose(ops.reshape(kernel, shape), (0, 2, 1, 3))
    units = ops.matmul(patches, kernel)
    axes = (1, 0, 2) if geometry.groups == 1 else (2, 0, 1, 3)
    return ops.reshape(ops.transpose(units, axes), (-1, positions * filters))


def _patches(images, geometry):
    """What each position sees: `(positions, [groups,] batch, taps * C/g)`."""
    images = ops.transpose(images, (1, 2, 0, 3))
    margins = geometry.margins()
    if margins != ((0, 0), (0, 0)):
        images = ops.pad(images, (*margins, (0, 0), (0, 0)))
    seen = [
        images[_range(geometry, 0, u), _range(geometry, 1, v)]
        for u in range(geometry.kernel_size[0])
        for v in range(geometry.kernel_size[1])
    ]
    positions, groups = geometry.positions, geometry.groups
    depth = len(seen) * geometry.group_inputs
    if groups == 1:
        patches = ops.concatenate(seen, axis=-1)
        return ops.reshape(patches, (positions, -1, depth))
    patches = ops.reshape(
        ops.stack(seen, axis=3),
        (positions, -1, len(seen), groups, geometry.group_inputs),
    )
    patches = ops.transpose(patches, (0, 3, 1, 2, 4))
    return ops.reshape(patches, (positions, groups, -1, depth))


def _range(geometry, axis, tap):
    """What `tap` reads along one axis of the padded image."""
    first = tap * geometry.dilation_rate[axis]
    stride = geometry.strides[axis]
    last = first + (geometry.output_size[axis] - 1) * stride
    return slice(first, last + 1, stride)

"""A convolution kernel unrolled into its dense matrix, and rolled up again.

For one tap `(u, v)` the entries of the dense matrix that hold `K[u, v]` form a
regular grid: going one output position further moves both the row and the
column by fixed amounts. So each tap is one strided view on the matrix, and
unrolling is one broadcast assignment per tap: no loop over positions, and no
memory but the result. Kernels are NumPy arrays on the host.
"""

from collections.abc import Sequence

import numpy as np

from needle_tf.ops import adoption
from needle_tf.ops import conv_geometry

ConvGeometry = conv_geometry.ConvGeometry


def conv2d_to_matrix(
    kernel: np.ndarray,
    input_shape: Sequence[int],
    *,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    dilation_rate: int | Sequence[int] = 1,
    groups: int = 1,
    zero_padding: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0)),
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Returns the matrix D with `flatten(conv2d(x, kernel)) = flatten(x) @ D`.

    Args:
        kernel: `(kh, kw, C / groups, F)`, as `keras.layers.Conv2D` has it.
        input_shape: `(H, W, C)` of one image.
        strides: `(sh, sw)` or one integer for both.
        padding: `"valid"` or `"same"`, as Keras defines them.
        dilation_rate: `(dh, dw)` or one integer for both.
        groups: Number of channel groups.
        zero_padding: `((top, bottom), (left, right))` zeros put around the
            image before that. They take no rows in the matrix.
        out: Optional C-contiguous array to fill instead of fresh memory.

    Returns:
        `(H * W * C, H' * W' * F)` of the kernel's dtype, both sides flattened
        in the order of `keras.layers.Flatten`, channels last.

    Raises:
        ValueError: If the shapes do not fit each other.

    Reference: arXiv:1906.06766, the embedding of a CNN in its eFCN.
    """
    kernel = np.asarray(kernel)
    if kernel.ndim != 4 or np.shape(input_shape) != (3,):
        raise ValueError(
            "`kernel` must be (kh, kw, channels / groups, filters) and "
            "`input_shape` (height, width, channels). Received: kernel of "
            f"shape {kernel.shape}, input_shape={input_shape}."
        )
    geometry = ConvGeometry.of_convolution(
        tuple(input_shape),
        kernel.shape[:2],
        kernel.shape[3],
        strides=strides,
        padding=padding,
        dilation_rate=dilation_rate,
        groups=groups,
        zero_padding=zero_padding,
    )
    return unroll(kernel, geometry, out=out)


def unroll(
    kernel: np.ndarray, geometry: ConvGeometry, out: np.ndarray | None = None
) -> np.ndarray:
    """Returns the dense matrix of a shared kernel.

    Args:
        kernel: `geometry.kernel_shape`.
        out: Optional C-contiguous array of `geometry.dense_shape` to fill.
    """
    _check_shape(kernel, geometry.kernel_shape, "kernel")
    dense = _blank(geometry, kernel.dtype, out)
    grouped = _by_group(kernel, geometry)
    for tap in geometry.taps():
        tap_view(dense, geometry, tap)[...] = grouped[tap.u, tap.v]
    return dense


def unroll_local(
    kernel: np.ndarray, geometry: ConvGeometry, out: np.ndarray | None = None
) -> np.ndarray:
    """Returns the dense matrix of a kernel with its own weights everywhere.

    Args:
        kernel: `geometry.local_shape`. Weights of taps in the padding are left
            out: they see nothing.
    """
    _check_shape(kernel, geometry.local_shape, "kernel")
    dense = _blank(geometry, kernel.dtype, out)
    for tap in geometry.taps():
        own = local_tap_view(kernel, geometry, tap)
        tap_view(dense, geometry, tap)[...] = own
    return dense


def share(kernel: np.ndarray, geometry: ConvGeometry) -> np.ndarray:
    """Returns a shared kernel written out at every position (compact LCN).

    Returns:
        `geometry.local_shape`, zero where a tap lies in the padding.
    """
    _check_shape(kernel, geometry.kernel_shape, "kernel")
    local = adoption.aligned_zeros(geometry.local_shape, kernel.dtype)
    grouped = _by_group(kernel, geometry)
    for tap in geometry.taps():
        local_tap_view(local, geometry, tap)[...] = grouped[tap.u, tap.v]
    return local


def roll_local(dense: np.ndarray, geometry: ConvGeometry) -> np.ndarray:
    """Returns the local entries of a dense matrix: the nearest LCN, compact."""
    _check_shape(dense, geometry.dense_shape, "dense kernel")
    local = adoption.aligned_zeros(geometry.local_shape, dense.dtype)
    for tap in geometry.taps():
        entries = tap_view(dense, geometry, tap)
        local_tap_view(local, geometry, tap)[...] = entries
    return local


def roll(dense: np.ndarray, geometry: ConvGeometry) -> np.ndarray:
    """Returns the shared kernel nearest to a dense matrix.

    The mean over the in-bounds positions of each tap: the orthogonal
    projection onto the CNN. A tap that never meets the image gets 0.
    """
    _check_shape(dense, geometry.dense_shape, "dense kernel")
    return _mean_kernel(dense, tap_view, geometry)


def roll_shared(local: np.ndarray, geometry: ConvGeometry) -> np.ndarray:
    """Returns the shared kernel nearest to a kernel per position."""
    _check_shape(local, geometry.local_shape, "local kernel")
    return _mean_kernel(local, local_tap_view, geometry)


def tap_view(
    dense: np.ndarray, geometry: ConvGeometry, tap: conv_geometry.Tap
) -> np.ndarray:
    """Returns the entries of `dense` that hold `K[u, v]`, as a writable view.

    Returns:
        `(rows, columns, groups, C / groups, F / groups)`.
    """
    height, width, channels = geometry.input_shape
    blocks = dense.reshape(height, width, channels, *geometry.output_shape)
    corner = blocks[tap.top, tap.left, 0, tap.rows.start, tap.columns.start]
    row, column, channel, out_row, out_column, out_channel = blocks.strides
    return np.lib.stride_tricks.as_strided(
        corner,
        shape=(
            tap.rows.stop - tap.rows.start,
            tap.columns.stop - tap.columns.start,
            geometry.groups,
            geometry.group_inputs,
            geometry.group_outputs,
        ),
        strides=(
            geometry.strides[0] * row + out_row,
            geometry.strides[1] * column + out_column,
            geometry.group_inputs * channel
            + geometry.group_outputs * out_channel,
            channel,
            out_channel,
        ),
    )


def local_tap_view(
    local: np.ndarray, geometry: ConvGeometry, tap: conv_geometry.Tap
) -> np.ndarray:
    """Returns the weights of one tap in a kernel per position, as a view.

    Returns:
        `(rows, columns, groups, C / groups, F / groups)`.
    """
    blocks = local.reshape(
        *geometry.output_size,
        *geometry.kernel_size,
        geometry.group_inputs,
        geometry.groups,
        geometry.group_outputs,
    )
    chosen = blocks[tap.rows, tap.columns, tap.u, tap.v]
    return np.moveaxis(chosen, 2, 3)


def _blank(geometry, dtype, out):
    if out is None:
        return adoption.aligned_zeros(geometry.dense_shape, dtype)
    _check_shape(out, geometry.dense_shape, "out")
    if not out.flags.c_contiguous:
        raise ValueError(
            "`out` must be C-contiguous. Received strides "
            f"{out.strides} for shape {out.shape}."
        )
    if not np.can_cast(dtype, out.dtype, "same_kind"):
        raise ValueError(
            f"`out` must be able to hold the kernel's {dtype}. Received: "
            f"out of {out.dtype}."
        )
    out.fill(0)
    return out


def _by_group(kernel, geometry):
    """`(kh, kw, C/g, F)` as `(kh, kw, g, C/g, F/g)`."""
    parts = kernel.reshape(
        *geometry.kernel_size,
        geometry.group_inputs,
        geometry.groups,
        geometry.group_outputs,
    )
    return np.moveaxis(parts, 2, 3)


def _mean_kernel(weights, view, geometry):
    kernel = np.zeros(geometry.kernel_shape, weights.dtype)
    grouped = _by_group(kernel, geometry)
    for tap in geometry.taps():
        entries = view(weights, geometry, tap)
        first = entries[0, 0]
        # Seen from the first copy, equal copies have their value as mean
        # exactly, in float64 too.
        apart = np.subtract(entries, first, dtype=np.float64)
        grouped[tap.u, tap.v] = first + apart.mean(axis=(0, 1))
    return kernel


def _check_shape(array, expected, name):
    if tuple(array.shape) != tuple(expected):
        raise ValueError(
            f"The {name} does not fit the geometry. Expected shape "
            f"{tuple(expected)}, received {tuple(array.shape)}."
        )

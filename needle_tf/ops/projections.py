"""Orthogonal projections of kernels and biases, as tensors.

    P_LCN(D): the local entries of a dense kernel, the rest 0
    P_CNN(D): each local entry replaced by the mean of its tap

The entries of each tap are gathered and put back by index; nothing of the dense
size is made but the result. `unrolling` does the same for arrays on the host,
`subspace` gives the norms alone.
"""

import dataclasses
import functools
import math
from typing import Any
from typing import NamedTuple

import numpy as np
from keras import ops

from needle_tf.ops import conv_geometry
from needle_tf.ops import unrolling

ConvGeometry = conv_geometry.ConvGeometry
Tensor = Any


def dense_to_local(kernel: Tensor, geometry: ConvGeometry) -> Tensor:
    """Returns P_LCN of a dense kernel: off-local entries set to 0.

    Args:
        kernel: `geometry.dense_shape`, any floating dtype.

    Returns:
        The same shape and dtype. Local entries are untouched, to the last bit.
    """
    return _projected(kernel, geometry, is_dense=True, is_shared=False)


def dense_to_shared(kernel: Tensor, geometry: ConvGeometry) -> Tensor:
    """Returns P_CNN of a dense kernel: the means of its taps, the rest 0.

    The kernel of an embedded CNN comes back to the last bit.

    Args:
        kernel: `geometry.dense_shape`, any floating dtype.
    """
    return _projected(kernel, geometry, is_dense=True, is_shared=True)


def local_in_image(kernel: Tensor, geometry: ConvGeometry) -> Tensor:
    """Returns a kernel per position with 0 for taps in the padding.

    Args:
        kernel: `geometry.local_shape`.
    """
    return _projected(kernel, geometry, is_dense=False, is_shared=False)


def local_to_shared(kernel: Tensor, geometry: ConvGeometry) -> Tensor:
    """Returns P_CNN of a kernel per position: the means of its taps.

    Args:
        kernel: `geometry.local_shape`. Weights of taps in the padding, which
            see nothing, become 0.
    """
    return _projected(kernel, geometry, is_dense=False, is_shared=True)


def bias_to_shared(bias: Tensor, geometry: ConvGeometry) -> Tensor:
    """Returns a bias per unit with the mean of its channel everywhere.

    Args:
        bias: `(H' * W' * F,)`.
    """
    units = ops.reshape(bias, (geometry.positions, geometry.filters))
    mean = units[:1] + ops.mean(units - units[:1], axis=0, keepdims=True)
    return ops.reshape(ops.broadcast_to(mean, ops.shape(units)), (-1,))


class _Rows(NamedTuple):
    """Local rows of a kernel that is cut into rows of F / groups numbers.

    Attributes:
        places: Which rows, `(n,)`; those of one weight follow each other.
        weights: Which row of the shared kernel each of them holds, `(n,)`.
        counts: How many hold each, `(weights,)`.
    """

    places: np.ndarray
    weights: np.ndarray
    counts: np.ndarray


@functools.lru_cache(maxsize=64)
def _rows(geometry, is_dense):
    # With one channel per group, the numbers of entries are those of rows.
    thin = dataclasses.replace(geometry, filters=geometry.groups)
    shape = thin.dense_shape if is_dense else thin.local_shape
    view = unrolling.tap_view if is_dense else unrolling.local_tap_view
    kind = "int32" if math.prod(shape) < 2**31 else "int64"
    numbers = np.arange(math.prod(shape), dtype=kind).reshape(shape)
    # A kernel all of whose taps lie in the padding has no local row.
    places, counts = [np.zeros(0, kind)], [np.zeros(0, kind)]
    for tap in geometry.taps():
        rows = view(numbers, thin, tap).reshape(tap.positions, -1)
        places.append(rows.T.ravel())
        counts.append(np.full(rows.shape[1], tap.positions, kind))
    counts = np.concatenate(counts)
    weights = np.repeat(np.arange(len(counts), dtype=kind), counts)
    return _Rows(np.concatenate(places), weights, counts)


def _projected(kernel, geometry, is_dense, is_shared):
    rows = _rows(geometry, is_dense)
    if not len(rows.places):
        return ops.zeros_like(kernel)
    cut = ops.reshape(kernel, (-1, geometry.group_outputs))
    entries = ops.take(cut, rows.places, axis=0)
    if is_shared:
        starts = np.cumsum(rows.counts) - rows.counts
        first = ops.take(entries, starts, axis=0)
        # Seen from the first copy, equal copies have a mean of exactly 0.
        apart = entries - ops.take(first, rows.weights, axis=0)
        shift = ops.segment_sum(apart, rows.weights, num_segments=len(starts))
        counts = ops.convert_to_tensor(rows.counts[:, None], kernel.dtype)
        mean = first + shift / counts
        entries = ops.take(mean, rows.weights, axis=0)
    placed = ops.scatter(rows.places[:, None], entries, ops.shape(cut))
    return ops.reshape(placed, ops.shape(kernel))

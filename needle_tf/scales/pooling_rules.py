"""Scales at pooling: units under one window share theirs."""

from typing import Any

import numpy as np
from keras import layers

from needle_tf.scales import events
from needle_tf.scales import rules

Flow = events.Flow
Ledger = events.Ledger
Shape = events.Shape


@rules.scales(
    layers.MaxPooling1D,
    layers.MaxPooling2D,
    layers.MaxPooling3D,
    layers.AveragePooling1D,
    layers.AveragePooling2D,
    layers.AveragePooling3D,
)
def pooling(layer: Any, inputs: Flow, shape: Shape, ledger: Ledger) -> Flow:
    """Passes the scales of channels on, and unites what differs in a window."""
    is_first = layer.data_format == "channels_first"
    axes = range(len(shape))[1:] if is_first else range(len(shape))[:-1]
    if all(inputs.ids.shape[axis] == 1 for axis in axes):
        return Flow(shape, inputs.ids)
    ids = inputs.full()
    windows = [
        _windows(inputs.shape[axis], shape[axis], *window, layer.padding)
        for axis, *window in zip(
            axes, layer.pool_size, layer.strides, strict=True
        )
    ]
    after = ledger.fresh(shape)
    for taps in np.ndindex(*layer.pool_size):
        read, fed = ids, after
        for axis, tap, (rows, inside) in zip(axes, taps, windows, strict=True):
            fed = fed.compress(inside[:, tap], axis=axis)
            read = read.take(rows[inside[:, tap], tap], axis=axis)
        if read.size:
            ledger.pass_on(read, fed)
    return Flow(shape, after)


@rules.scales(
    layers.GlobalMaxPooling1D,
    layers.GlobalMaxPooling2D,
    layers.GlobalMaxPooling3D,
    layers.GlobalAveragePooling1D,
    layers.GlobalAveragePooling2D,
    layers.GlobalAveragePooling3D,
)
def global_pooling(
    layer: Any, inputs: Flow, shape: Shape, ledger: Ledger
) -> Flow:
    """Unites all positions of a channel."""
    is_first = layer.data_format == "channels_first"
    rank = len(inputs.shape)
    axes = range(rank)[1:] if is_first else range(rank)[:-1]
    return reduced(inputs, tuple(axes), shape, ledger)


def reduced(
    inputs: Flow, axes: tuple[int, ...], shape: Shape, ledger: Ledger
) -> Flow:
    """Returns the flow of a mean, sum or extreme over some axes.

    Args:
        inputs: What is reduced.
        axes: Those reduced over, of the tensor without the batch axis.
        shape: Of the result, with or without these axes.
        ledger: Where it is taken down.
    """
    ids = ledger.unite(inputs, axes)
    if len(shape) != len(inputs.shape):
        ids = ids.squeeze(axes)
    return Flow(shape, ids)


def _windows(size, positions, taps, stride, padding):
    """Rows under each tap of each position, and which of them exist."""
    zeros = 0
    if padding == "same":
        zeros = max((positions - 1) * stride + taps - size, 0) // 2
    rows = np.arange(positions)[:, None] * stride - zeros + np.arange(taps)
    return rows, (rows >= 0) & (rows < size)

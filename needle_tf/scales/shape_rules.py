"""Scales at layers that move, repeat, drop or pad units."""

from typing import Any

import numpy as np
from keras import layers

from needle_tf.scales import events
from needle_tf.scales import rules

Flow = events.Flow
Ledger = events.Ledger
Shape = events.Shape


@rules.scales(layers.Flatten)
def flatten(layer: Any, inputs: Flow, shape: Shape, ledger: Ledger) -> Flow:
    """Puts the units in a row, channels last."""
    if layer.data_format == "channels_first" and len(inputs.shape) > 1:
        order = (*range(1, len(inputs.shape)), 0)
        inputs = moved(inputs, order)
    return reshaped(inputs, shape)


@rules.scales(layers.Reshape)
def reshape(layer: Any, inputs: Flow, shape: Shape, ledger: Ledger) -> Flow:
    """Puts the units into another shape, in their order."""
    del layer, ledger
    return reshaped(inputs, shape)


@rules.scales(layers.Permute)
def permute(layer: Any, inputs: Flow, shape: Shape, ledger: Ledger) -> Flow:
    """Puts the axes into another order."""
    del shape, ledger
    return moved(inputs, tuple(axis - 1 for axis in layer.dims))


@rules.scales(layers.RepeatVector)
def repeat_vector(
    layer: Any, inputs: Flow, shape: Shape, ledger: Ledger
) -> Flow:
    """Repeats the vector along a new axis."""
    del layer, ledger
    return Flow(shape, inputs.ids[None])


@rules.scales(layers.ZeroPadding1D, layers.ZeroPadding2D, layers.ZeroPadding3D)
def zero_padding(
    layer: Any, inputs: Flow, shape: Shape, ledger: Ledger
) -> Flow:
    """Puts zeros around, which have any scale."""
    margins = _margins(layer.padding)
    return padded(inputs, _spatial(layer, margins, (0, 0)), shape, ledger)


@rules.scales(layers.Cropping1D, layers.Cropping2D, layers.Cropping3D)
def cropping(layer: Any, inputs: Flow, shape: Shape, ledger: Ledger) -> Flow:
    """Cuts units off."""
    del ledger
    ids = inputs.ids
    margins = _spatial(layer, _margins(layer.cropping), (0, 0))
    for axis, (before, after) in enumerate(margins):
        if ids.shape[axis] > 1:
            kept = np.arange(before, ids.shape[axis] - after)
            ids = ids.take(kept, axis=axis)
    return Flow(shape, events.shared(ids))


@rules.scales(layers.UpSampling1D, layers.UpSampling2D, layers.UpSampling3D)
def up_sampling(layer: Any, inputs: Flow, shape: Shape, ledger: Ledger) -> Flow:
    """Repeats units, or mixes neighbours: these are united then."""
    sizes = np.atleast_1d(layer.size)
    factors = _spatial(layer, [int(size) for size in sizes], 1)
    axes = [axis for axis, factor in enumerate(factors) if factor > 1]
    ids = inputs.ids
    if getattr(layer, "interpolation", "nearest") != "nearest":
        return Flow(shape, ledger.unite(inputs, axes))
    for axis in axes:
        if ids.shape[axis] > 1:
            ids = ids.repeat(factors[axis], axis=axis)
    return Flow(shape, ids)


def reshaped(inputs: Flow, shape: Shape) -> Flow:
    """Returns the flow whose units lie in another shape, in their order.

    Raises:
        Inhomogeneous: If a size is unknown or units of the batch would mix.
    """
    is_known = None not in (*inputs.shape, *shape)
    if inputs.ids.size == 1 and (inputs.is_ground() or not is_known):
        return Flow(shape, inputs.ids.reshape((1,) * len(shape)))
    full = inputs.full()
    if None in shape or full.size != np.prod(shape):
        raise events.Inhomogeneous(
            f"it makes {shape} of {inputs.shape}, without the batch"
        )
    remoteness = np.broadcast_to(_remoteness(inputs), full.shape)
    return Flow(
        shape,
        events.shared(full.reshape(shape)),
        remoteness.reshape(shape),
    )


def moved(inputs: Flow, order: tuple[int, ...]) -> Flow:
    """Returns the flow with its axes in another order."""
    shape = tuple(inputs.shape[axis] for axis in order)
    return Flow(shape, inputs.ids.transpose(order))


def padded(
    inputs: Flow,
    margins: list[tuple[int, int]],
    shape: Shape,
    ledger: Ledger,
) -> Flow:
    """Returns the flow with zeros around: `(before, after)` per axis.

    Zeros take the scale of the axis where its units share one, else each its
    own, which nothing enters.
    """
    ids = inputs.ids
    for axis, (before, after) in enumerate(margins):
        is_one_scale = ids.shape[axis] == 1 and (
            inputs.shape[axis] != 1 or not ids.any()
        )
        if is_one_scale or before == after == 0:
            continue
        pads = []
        for count in (before, after):
            sizes = list(ids.shape)
            sizes[axis] = count
            pads.append(ledger.fresh(tuple(sizes)))
        ids = np.concatenate([pads[0], ids, pads[1]], axis=axis)
    return Flow(shape, ids)


def _remoteness(inputs):
    """Distance of each unit from the middle of the axes that share ids."""
    distance = np.zeros((1,) * len(inputs.shape), "int64")
    for axis, size in enumerate(inputs.shape):
        if inputs.ids.shape[axis] == 1:
            sizes = [1] * len(inputs.shape)
            sizes[axis] = size
            along = np.abs(np.arange(size) - (size - 1) // 2)
            distance = distance + along.reshape(sizes)
    return distance


def _margins(margins):
    """`(before, after)` per spatial axis; of one axis, Keras has it bare."""
    if np.ndim(margins) == 1:
        return [tuple(int(n) for n in margins)]
    return [tuple(int(n) for n in pair) for pair in margins]


def _spatial(layer, values, other):
    """Values of the spatial axes, with that of the channels put in."""
    if getattr(layer, "data_format", None) == "channels_first":
        return [other, *values]
    return [*values, other]

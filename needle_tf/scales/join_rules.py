"""Scales where several values meet: sums, extremes, products, rows."""

from typing import Any

import numpy as np
from keras import layers

from needle_tf.scales import events
from needle_tf.scales import rules

Flow = events.Flow
Ledger = events.Ledger
Shape = events.Shape


@rules.scales(
    layers.Add,
    layers.Subtract,
    layers.Average,
    layers.Maximum,
    layers.Minimum,
)
def meeting(
    layer: Any, inputs: list[Flow], shape: Shape, ledger: Ledger
) -> Flow:
    """Unites what is added or compared, unit by unit."""
    del layer
    return united(inputs, shape, ledger)


@rules.scales(layers.Multiply)
def multiply(
    layer: Any, inputs: list[Flow], shape: Shape, ledger: Ledger
) -> Flow:
    """Passes on the one factor that has a scale."""
    del layer
    return product(inputs, shape, ledger)


@rules.scales(layers.Concatenate)
def concatenate(
    layer: Any, inputs: list[Flow], shape: Shape, ledger: Ledger
) -> Flow:
    """Puts the units one behind the other."""
    del ledger
    return joined(inputs, layer.axis, shape)


def united(inputs: list[Flow], shape: Shape, ledger: Ledger) -> Flow:
    """Returns the flow of a sum or extreme, its terms united unit by unit."""
    terms = [flow.ids for flow in _broadcast(inputs, shape)]
    first = terms[0]
    if all(np.array_equal(first, ids) for ids in terms) and not first.any():
        return Flow(shape, first)
    if any(flow.is_ground() for flow in inputs):
        for ids in terms:
            ledger.ground(ids, "what is added to it, or compared, is ground")
        return events.grounded(shape)
    after = ledger.fresh(np.broadcast_shapes(*(ids.shape for ids in terms)))
    for ids in terms:
        ledger.pass_on(ids, after)
    return Flow(shape, after)


def product(inputs: list[Flow], shape: Shape, ledger: Ledger) -> Flow:
    """Returns the flow of a product: the one factor with a scale, or ground."""
    factors = [flow for flow in _broadcast(inputs, shape) if flow.ids.any()]
    if len(factors) == 1:
        return Flow(shape, factors[0].ids)
    for flow in factors:
        ledger.ground(flow.ids, "it multiplies values that have scales both")
    return events.grounded(shape)


def joined(inputs: list[Flow], axis: int, shape: Shape) -> Flow:
    """Returns the flow of values put one behind the other.

    Args:
        inputs: The values, in order.
        axis: Along which, counted with the batch axis.
        shape: Of the result.
    """
    place = axis % (len(shape) + 1) - 1
    if place < 0:
        raise events.Inhomogeneous("it joins along the batch axis")
    if shape[place] is None:
        raise events.Inhomogeneous("it joins along an unknown size")
    sizes = np.broadcast_shapes(
        *(np.delete(flow.ids.shape, place) for flow in inputs)
    )
    parts = []
    for flow in inputs:
        full = list(sizes)
        full.insert(place, flow.shape[place])
        parts.append(np.broadcast_to(flow.ids, full))
    return Flow(shape, np.concatenate(parts, axis=place))


def _broadcast(inputs, shape):
    """The flows with the axes in front that broadcasting gives them."""
    given = []
    for flow in inputs:
        missing = len(shape) - len(flow.shape)
        ids = flow.ids.reshape((1,) * missing + flow.ids.shape)
        given.append(Flow((1,) * missing + tuple(flow.shape), ids))
    return given

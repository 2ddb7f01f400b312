"""Scales at bare operations of `keras.ops`, such as `a + b`.

An operation may be called with constants beside tensors, and may reach into the
batch; where it does, nothing is known of it.
"""

from typing import Any

import keras
import numpy as np

from needle_tf.graphs import tracing
from needle_tf.scales import events
from needle_tf.scales import join_rules
from needle_tf.scales import pooling_rules
from needle_tf.scales import rules
from needle_tf.scales import shape_rules

Flow = events.Flow
Inhomogeneous = events.Inhomogeneous
Ledger = events.Ledger


@rules.scales_operation("Absolute", "Cast", "LeakyRelu", "Negative", "Relu")
def passing(call: tracing.Call, ledger: Ledger) -> Flow:
    """Leaves every unit its scale."""
    del ledger
    return Flow(call.output_shapes[0], _only_flow(call).ids)


@rules.scales_operation("Add", "Subtract", "Maximum", "Minimum")
def meeting(call: tracing.Call, ledger: Ledger) -> Flow:
    """Unites what is added or compared; a constant other than 0 is ground."""
    flows, constants = _operands(call)
    (shape,) = call.output_shapes
    if any(np.any(_array(constant)) for constant in constants):
        raise Inhomogeneous("it adds or compares with a constant")
    if len(flows) == 1:
        return Flow(shape, flows[0].ids)
    return join_rules.united(flows, shape, ledger)


@rules.scales_operation("Multiply")
def product(call: tracing.Call, ledger: Ledger) -> Flow:
    """Passes on the one factor that has a scale."""
    flows, _ = _operands(call)
    return join_rules.product(flows, call.output_shapes[0], ledger)


@rules.scales_operation("Divide", "TrueDivide")
def quotient(call: tracing.Call, ledger: Ledger) -> Flow:
    """Passes the dividend on if the divisor has no scale."""
    del ledger
    _operands(call)
    dividend, divisor = call.args
    if isinstance(divisor, Flow) and not divisor.is_ground():
        raise Inhomogeneous("it divides by what has a scale")
    if not isinstance(dividend, Flow):
        return events.grounded(call.output_shapes[0])
    return Flow(call.output_shapes[0], dividend.ids)


@rules.scales_operation("Concatenate")
def concatenate(call: tracing.Call, ledger: Ledger) -> Flow:
    """Puts the units one behind the other."""
    del ledger
    flows, axis = call.args[0], call.operation.axis
    if not all(isinstance(flow, Flow) for flow in flows) or axis is None:
        raise Inhomogeneous("it joins tensors and constants")
    return join_rules.joined(flows, axis, call.output_shapes[0])


@rules.scales_operation("Reshape", "ExpandDims", "Squeeze")
def reshape(call: tracing.Call, ledger: Ledger) -> Flow:
    """Puts the units into another shape, in their order."""
    del ledger
    flow, (shape,) = _only_flow(call), call.output_shapes
    if call.operation.__class__.__name__ == "ExpandDims":
        place = call.operation.axis % (len(shape) + 1) - 1
        if place < 0:
            raise Inhomogeneous("it moves the batch axis")
        return Flow(shape, np.expand_dims(flow.ids, place))
    return shape_rules.reshaped(flow, shape)


@rules.scales_operation("Transpose")
def transpose(call: tracing.Call, ledger: Ledger) -> Flow:
    """Puts the axes into another order."""
    del ledger
    flow, axes = _only_flow(call), call.operation.axes
    if axes is None or axes[0] != 0:
        raise Inhomogeneous("it moves the batch axis")
    rank = len(flow.shape) + 1
    return shape_rules.moved(flow, tuple(axis % rank - 1 for axis in axes[1:]))


@rules.scales_operation("Pad")
def pad(call: tracing.Call, ledger: Ledger) -> Flow:
    """Puts zeros around, which have any scale."""
    flow, operation = _only_flow(call), call.operation
    values = [*call.args[1:], *call.kwargs.values()]
    if operation.mode != "constant" or any(values):
        raise Inhomogeneous(f"it pads with other than 0 ({operation.mode})")
    margins = [tuple(pair) for pair in operation.pad_width]
    if len(margins) != len(flow.shape) + 1:
        margins *= len(flow.shape) + 1
    if any(margins[0]):
        raise Inhomogeneous("it pads the batch")
    return shape_rules.padded(flow, margins[1:], call.output_shapes[0], ledger)


@rules.scales_operation("GetItem")
def get_item(call: tracing.Call, ledger: Ledger) -> Flow:
    """Cuts units out."""
    del ledger
    flow, key = call.args
    keys = key if isinstance(key, tuple) else (key,)
    is_plain = all(
        part is None or part is Ellipsis or isinstance(part, int | slice)
        for part in keys
    )
    if not is_plain or keys[0] not in (Ellipsis, slice(None)):
        raise Inhomogeneous("it takes parts of the batch, or parts by number")
    # Two images tell whether the batch stays the first axis.
    ids = np.stack([flow.full()] * 2)[key]
    (shape,) = call.output_shapes
    if ids.shape != (2, *shape):
        raise Inhomogeneous("it takes parts of the batch")
    return Flow(shape, events.shared(ids[0]))


@rules.scales_operation("Max", "Mean", "Min", "Sum")
def reduction(call: tracing.Call, ledger: Ledger) -> Flow:
    """Unites the units that become one."""
    flow, axes = _only_flow(call), call.operation.axis
    if getattr(call.operation, "initial", None):
        raise Inhomogeneous("it compares with a constant")
    axes = [axes] if axes is None or isinstance(axes, int) else list(axes)
    rank = len(flow.shape) + 1
    if None in axes or any(axis % rank == 0 for axis in axes):
        raise Inhomogeneous("it takes the batch together")
    places = tuple(axis % rank - 1 for axis in axes)
    return pooling_rules.reduced(flow, places, call.output_shapes[0], ledger)


def _only_flow(call) -> Flow:
    """The one tensor that an operation of one tensor is called on."""
    flows = [
        value
        for value in keras.tree.flatten((call.args, call.kwargs))
        if isinstance(value, Flow)
    ]
    if len(flows) != 1 or call.args[:1] != (flows[0],):
        raise Inhomogeneous("it is called on several tensors")
    return flows[0]


def _operands(call) -> tuple[list[Flow], list[Any]]:
    """Tensors and constants that are combined, along the same axes."""
    if call.kwargs or len(call.args) != 2:
        raise Inhomogeneous("it is not called on two operands")
    flows = [value for value in call.args if isinstance(value, Flow)]
    constants = [value for value in call.args if not isinstance(value, Flow)]
    rank = len(call.output_shapes[0])
    if any(len(flow.shape) != rank for flow in flows):
        raise Inhomogeneous("its operands have different numbers of axes")
    if any(isinstance(value, keras.Variable) for value in constants):
        raise Inhomogeneous("it is called on a variable")
    if any(np.ndim(_array(constant)) > rank for constant in constants):
        raise Inhomogeneous("its constant has an axis for the batch")
    return flows, constants


def _array(constant):
    return keras.ops.convert_to_numpy(constant)

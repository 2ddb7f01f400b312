"""What a call does to the scales of its inputs: one rule per type of layer.

A rule returns the flow of the output, or raises `Inhomogeneous` with the
reason; then, as for a type without a rule, inputs, outputs and weights of the
call are ground. That is correct for whatever the call computes.
"""

from collections.abc import Callable
from typing import Any

import keras

from needle_tf.graphs import tracing
from needle_tf.scales import events

Flow = events.Flow
Ledger = events.Ledger
Inhomogeneous = events.Inhomogeneous
LayerRule = Callable[[Any, Any, events.Shape, Ledger], Flow]
OperationRule = Callable[[tracing.Call, Ledger], Flow]

_LAYERS: dict[type, LayerRule] = {}
_OPERATIONS: dict[str, OperationRule] = {}


def scales(*layer_types: type) -> Callable[[LayerRule], LayerRule]:
    """Declares a function as the rule of these layer types.

    A rule is called as `rule(layer, inputs, shape, ledger)` with the flow of
    the input, or the structure of flows that the layer takes, and the shape of
    the output without the batch axis. An `activation` of the layer and its
    `activity_regularizer` are seen to afterwards.

    Exact types only: a subclass may compute something else.
    """

    def declare(rule: LayerRule) -> LayerRule:
        for layer_type in layer_types:
            _LAYERS[layer_type] = rule
        return rule

    return declare


def scales_operation(*names: str) -> Callable[[OperationRule], OperationRule]:
    """Declares a function as the rule of these operations of `keras.ops`.

    Names are those of the operation's class, as `Add` for `a + b`. A rule is
    called as `rule(call, ledger)`.
    """

    def declare(rule: OperationRule) -> OperationRule:
        for name in names:
            _OPERATIONS[name] = rule
        return rule

    return declare


def known_layers() -> list[type]:
    """Returns the layer types that have a rule."""
    return list(_LAYERS)


def known_operations() -> list[str]:
    """Returns the names of the operations that have a rule."""
    return list(_OPERATIONS)


def step(call: tracing.Call, ledger: Ledger) -> list[Flow]:
    """Takes a call down and returns the flows of its outputs."""
    try:
        if isinstance(call.operation, keras.Layer):
            flow = _layer_flow(call, ledger)
        else:
            flow = _operation_flow(call, ledger)
        (shape,) = call.output_shapes
        if len(flow.shape) != len(shape):
            raise Inhomogeneous("it moves the batch axis")
        return [flow]
    except Inhomogeneous as reason:
        return unknown(call, ledger, str(reason))


def unknown(call: tracing.Call, ledger: Ledger, why: str) -> list[Flow]:
    """Takes down a call of which nothing is known, `why` says why not."""
    given = keras.tree.flatten((call.args, call.kwargs))
    for flow in given:
        if isinstance(flow, Flow):
            ledger.ground(flow.ids, why)
    held = list(getattr(call.operation, "trainable_variables", ()))
    held += [value for value in given if isinstance(value, keras.Variable)]
    for variable in held:
        ledger.pin(variable, why)
    return [events.grounded(shape) for shape in call.output_shapes]


def _layer_flow(call, ledger):
    layer = call.operation
    rule = _LAYERS.get(type(layer))
    if rule is None:
        raise Inhomogeneous(
            f"no rule for layers of type {type(layer).__name__}"
        )
    if not layer.built:
        raise Inhomogeneous("it is not built yet")
    if not all(isinstance(x, Flow) for x in keras.tree.flatten(call.args[0])):
        raise Inhomogeneous("it is called on a constant")
    rest = keras.tree.flatten((call.args[1:], call.kwargs))
    if any(isinstance(value, Flow) for value in rest):
        raise Inhomogeneous("it is called on more than its inputs")
    flow = rule(layer, call.args[0], call.output_shapes[0], ledger)
    flow = activate(getattr(layer, "activation", None), flow, ledger)
    if getattr(layer, "activity_regularizer", None) is not None:
        ledger.ground(flow.ids, "an activity_regularizer sees its output")
    return flow


def activate(activation: Any, flow: Flow, ledger: Ledger) -> Flow:
    """Returns the flow behind an activation: a function, a layer, or None."""
    if activation is None or activation in _HOMOGENEOUS:
        return flow
    if isinstance(activation, keras.Layer):
        call = tracing.Call(activation, (flow,), {}, (flow.shape,))
        return step(call, ledger)[0]
    name = getattr(activation, "__name__", type(activation).__name__)
    ledger.ground(
        flow.ids, f"its activation {name} is not positively homogeneous"
    )
    return events.grounded(flow.shape)


def _operation_flow(call, ledger):
    kind = type(call.operation)
    rule = _OPERATIONS.get(kind.__name__)
    if rule is None or not kind.__module__.startswith("keras.src.ops."):
        raise Inhomogeneous(f"no rule for operations of type {kind.__name__}")
    return rule(call, ledger)


_HOMOGENEOUS = (
    keras.activations.linear,
    keras.activations.relu,
    keras.activations.leaky_relu,
    keras.ops.relu,
    keras.ops.leaky_relu,
    keras.ops.abs,
    keras.ops.absolute,
    keras.ops.negative,
)

"""Follows values of one's own through the calls in the graph of a model.

Nothing is called, cloned or added: the layers, their nodes and the names that
Keras has given out stay as they are. The calls come in an order in which every
value is there before it is needed; models inside the model are walked in its
place, each time that they are called.
"""

import inspect
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

import keras

from needle_tf.graphs import rewiring

Shape = tuple[int | None, ...]


class Call(NamedTuple):
    """One call of a layer or of a bare operation.

    Attributes:
        operation: The layer, or the `keras.Operation` of `a + b`.
        args, kwargs: As in the call, with values in the place of tensors; the
            first argument of a layer always by position.
        output_shapes: Of each output tensor, without the batch axis.
    """

    operation: keras.Operation
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    output_shapes: tuple[Shape, ...]


def follow(
    model: keras.Model,
    start: Callable[[str, Shape], Any],
    step: Callable[[Call], Sequence[Any]],
) -> list[Any]:
    """Returns the values that arrive at the outputs of a model.

    Args:
        model: A Functional or Sequential model with a known input.
        start: Makes the value of an input of the model from its name and its
            shape without the batch axis.
        step: Makes one value per output of a call. Values have a `shape`, that
            of a tensor without the batch axis.

    Raises:
        ValueError: If `model` has no graph that can be followed.
    """
    if not rewiring.has_graph(model):
        raise ValueError(
            f'Model "{model.name}" ({type(model).__name__}) has no layer graph '
            "to follow. Expected a Functional model, or a Sequential model "
            "with an Input of known shape; call a Sequential model on data, "
            "and build a subclassed model as keras.Model(inputs, outputs) "
            "instead."
        )
    values = [
        start(tensor.name, tuple(tensor.shape[1:])) for tensor in model.inputs
    ]
    return _inside(model, values, step)


def _inside(model, values, step):
    """Values at the outputs of a model that has these at its inputs."""
    known = dict(zip(map(id, model.inputs), values, strict=True))
    is_as_built = _fit(model, values)
    for node in _nodes(model):
        filled = keras.tree.map_structure(
            lambda x: known[id(x)] if _is_tensor(x) else x,
            (node.arguments.args, node.arguments.kwargs),
        )
        call = _call(node, *filled, is_as_built)
        inner = _inner_values(node, call)
        outputs = (
            step(call)
            if inner is None
            else _inside(call.operation, inner, step)
        )
        known.update(zip(map(id, node.outputs), outputs, strict=True))
    return [known[id(tensor)] for tensor in model.outputs]


def _call(node, args, kwargs, is_as_built):
    shapes = tuple(tuple(output.shape[1:]) for output in node.outputs)
    if not is_as_built:
        shapes = _shapes_on(node, args, kwargs)
    if not args and isinstance(node.operation, keras.Layer):
        first = next(iter(inspect.signature(node.operation.call).parameters))
        args, kwargs = (kwargs[first],), {**kwargs}
        del kwargs[first]
    return Call(node.operation, args, kwargs, shapes)


def _shapes_on(node, args, kwargs):
    """Shapes of the outputs on other shapes than those of the graph."""

    def tensor(before, value):
        if not _is_tensor(before):
            return before
        return keras.KerasTensor((None, *value.shape), before.dtype)

    args, kwargs = keras.tree.map_structure(
        tensor,
        (node.arguments.args, node.arguments.kwargs),
        (args, kwargs),
    )
    specs = node.operation.compute_output_spec(*args, **kwargs)
    return tuple(tuple(x.shape[1:]) for x in keras.tree.flatten(specs))


def _inner_values(node, call):
    """Values at the inputs of the model that is called, or None.

    None also for a call on constants, and for one that Keras would reshape the
    inputs of.
    """
    inner = call.operation
    if not isinstance(inner, keras.Model) or not rewiring.has_graph(inner):
        return None
    given = call.args[0]
    if len(keras.tree.flatten(given)) != len(node.input_tensors):
        return None
    is_by_name = isinstance(inner, keras.Sequential) or not isinstance(
        inner.input, dict
    )
    if isinstance(given, dict) and is_by_name:
        values = [given[tensor.name] for tensor in inner.inputs]
    else:
        values = keras.tree.flatten(given)
    ranks = [len(tensor.shape) - 1 for tensor in inner.inputs]
    return values if ranks == [len(v.shape) for v in values] else None


def _fit(model, values):
    """Whether the values have the shapes that the graph was built on."""
    return all(
        tuple(tensor.shape[1:]) == value.shape
        for tensor, value in zip(model.inputs, values, strict=True)
    )


def _nodes(model) -> Iterator[Any]:
    """Yields the calls between inputs and outputs, causes before effects."""
    done = {id(tensor) for tensor in model.inputs}
    waiting = [(tensor, False) for tensor in reversed(model.outputs)]
    while waiting:
        tensor, is_ready = waiting.pop()
        if id(tensor) in done:
            continue
        history = tensor._keras_history
        node = history.operation._inbound_nodes[history.node_index]
        if is_ready:
            done.update(map(id, node.outputs))
            yield node
        else:
            waiting.append((tensor, True))
            waiting += [(x, False) for x in reversed(node.input_tensors)]


def _is_tensor(value):
    return isinstance(value, keras.KerasTensor)

"""Replaces layers in the graph of a functional model."""

import inspect
import itertools
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import keras

KEEP = object()  # What `replace` returns for a call that stays as it is.


def rewire(
    model: keras.Model,
    replace: Callable[..., Any],
    *,
    name: str | None = None,
) -> tuple[keras.Model, list[tuple[keras.Layer, keras.Layer]]]:
    """Returns a copy of `model` in which `replace` makes some of the calls.

    Every call of a layer in the graph is offered to `replace(layer, *args,
    **kwargs)`, nested models from the inside, the first argument always by
    position. It returns the output of what it puts there, or `KEEP`. Kept
    layers are cloned once, however often they are called, so sharing survives;
    their weights are fresh.

    Args:
        model: A Functional or Sequential model with a known input.
        replace: Called with the layer of `model` and the arguments of its call
            in the new graph (symbolic tensors).
        name: Name of the new model; that of `model` by default.

    Returns:
        The new model, uncompiled, and the pairs (layer of `model`, its clone)
        of the kept layers.

    Raises:
        ValueError: If `model` has no graph to walk, or a kept layer cannot be
            cloned.
    """
    clones: dict[int, tuple[keras.Layer, keras.Layer]] = {}
    nested: dict[tuple, keras.Model] = {}
    taken = all_names(model)

    def call(layer, *args, **kwargs):
        if not isinstance(layer, keras.Layer):
            return layer(*args, **kwargs)  # A bare operation such as `a + b`.
        first = next(iter(inspect.signature(layer.call).parameters), None)
        if not args and first in kwargs:
            args = (kwargs.pop(first),)
        output = replace(layer, *args, **kwargs)
        if output is not KEEP:
            return output
        if has_graph(layer):
            return inner(layer, args[0])(*args, **kwargs)
        if id(layer) not in clones:
            clones[id(layer)] = (layer, _clone(layer))
        return clones[id(layer)][1](*args, **kwargs)

    def inner(layer, inputs):
        in_order = _in_order(layer.inputs, inputs)
        key = (id(layer), *(tuple(tensor.shape) for tensor in in_order))
        if key not in nested:
            is_copy = any(known[0] == id(layer) for known in nested)
            name = free_name(layer.name, taken) if is_copy else layer.name
            nested[key] = _walk(layer, call, name, inputs)
        return nested[key]

    rewired = _walk(model, call, name or model.name)
    return rewired, list(clones.values())


def has_graph(layer: keras.Layer) -> bool:
    """Returns whether `layer` is a model with a graph that can be walked.

    Not one with a `call` of its own, which may do anything.
    """
    if isinstance(layer, keras.Sequential):
        own_call = type(layer).call is not keras.Sequential.call
        return bool(layer.layers) and layer.built and not own_call
    is_model = isinstance(layer, keras.Model)
    return is_model and type(layer).call is _FUNCTIONAL.call


def named_layers(
    model: keras.Model, *, in_graph: bool = False
) -> dict[str, keras.Layer]:
    """Returns the layers of a model and of the models nested in it.

    Keys are layer names, those of nested models behind the model's name and a
    slash. A shared layer appears once, under its first name.

    Args:
        in_graph: Only layers that `rewire` reaches: a nested model without a
            graph then counts as one layer.
    """
    found: dict[str, keras.Layer] = {}
    seen: set[int] = set()

    def visit(parent, prefix):
        for layer in parent.layers:
            if id(layer) in seen:
                continue
            seen.add(id(layer))
            is_open = has_graph(layer) or not in_graph
            if isinstance(layer, keras.Model) and is_open:
                visit(layer, f"{prefix}{layer.name}/")
            else:
                found[prefix + layer.name] = layer

    visit(model, "")
    return found


def held_layers(layer: keras.Layer) -> Iterator[keras.Layer]:
    """Yields the layers in the attributes of a layer, at any depth."""
    waiting, seen = [layer], {id(layer)}
    while waiting:
        for value in list(vars(waiting.pop()).values()):
            for item in _items(value):
                if isinstance(item, keras.Layer) and id(item) not in seen:
                    seen.add(id(item))
                    waiting.append(item)
                    yield item


def all_names(model: keras.Model) -> set[str]:
    """Returns the names of all layers and nested models, at any depth."""
    names = set()
    for path in named_layers(model):
        names.update(path.split("/"))
    return names


def free_name(name: str, taken: set[str]) -> str:
    """Returns the first of `name`, `name_1`, ... not taken, and takes it.

    Layer names are unique within a model.
    """
    numbered = (f"{name}_{number}" for number in itertools.count(1))
    free = next(n for n in itertools.chain([name], numbered) if n not in taken)
    taken.add(free)
    return free


def copy_state(source: keras.Layer, clone: keras.Layer) -> None:
    """Gives a clone all variables of its source: weights, statistics, seeds."""
    if source is clone:
        return
    for old, new in zip(source.variables, clone.variables, strict=True):
        # A copy: JAX gives away the memory of what it trains.
        new.assign(keras.ops.copy(old))
    for layer in (clone, *held_layers(clone)):
        # Preprocessing layers keep what they computed from their variables.
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()


def _walk(model, call, name, inputs=None):
    """Runs through the graph of one model with `call` in place of its calls."""
    if not has_graph(model):
        raise ValueError(
            f'Model "{model.name}" ({type(model).__name__}) has no layer graph '
            "to rewrite. Expected a Functional model, or a Sequential model "
            "with an Input of known shape; build a subclassed model as "
            "keras.Model(inputs, outputs) instead."
        )
    if isinstance(model, keras.Sequential):
        view = keras.Model(model.inputs[0], model.outputs[0], name=name)
    else:
        view = keras.Model(model.input, model.output, name=name)
    if inputs is not None:
        inputs = _inputs_like(view.input, inputs)
    return keras.models.clone_model(
        view,
        input_tensors=inputs,
        clone_function=lambda layer: layer,
        call_function=call,
    )


def _inputs_like(expected, given):
    """New inputs like those of `expected`, in the shapes of `given`."""
    fresh = [
        keras.Input(batch_shape=new.shape, dtype=old.dtype, name=old.name)
        for old, new in zip(
            keras.tree.flatten(expected),
            _in_order(expected, given),
            strict=True,
        )
    ]
    return keras.tree.pack_sequence_as(expected, fresh)


def _in_order(expected, given):
    """The tensors of a call in the order of the inputs that it is for.

    Keras lets a call give a tuple for a list, or a dictionary by name.
    """
    if isinstance(given, dict) and not isinstance(expected, dict):
        given = [given[tensor.name] for tensor in keras.tree.flatten(expected)]
    return keras.tree.flatten(given)


def _clone(layer):
    if isinstance(layer, keras.layers.Lambda) and not layer.variables:
        return layer  # Has no state, and Keras does not clone Python code.
    try:
        return type(layer).from_config(layer.get_config())
    except Exception as error:
        # Keras goes on with an example of a class.
        reason = " ".join(str(error).split()).partition(" Example:")[0]
        raise ValueError(
            f'Layer "{layer.name}" ({type(layer).__name__}) cannot be cloned: '
            f"{reason.rstrip('.')}. Give it a `get_config` that holds its "
            "constructor arguments."
        ) from error


def _items(value):
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple) else [value]


_FUNCTIONAL = type(
    keras.Model(*([keras.Input((1,), name="any")] * 2), name="any")
)

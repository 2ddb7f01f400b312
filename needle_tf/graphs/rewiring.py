"""Replaces layers in the graph of a functional model."""

from collections.abc import Callable
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
    **kwargs)`, nested models from the inside. It returns the output of what it
    puts there, or `KEEP`. Kept layers are cloned once, however often they are
    called, so sharing survives; their weights are fresh.

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

    def call(layer, *args, **kwargs):
        if not isinstance(layer, keras.Layer):
            return layer(*args, **kwargs)  # A bare operation such as `a + b`.
        output = replace(layer, *args, **kwargs)
        if output is not KEEP:
            return output
        if has_graph(layer):
            return inner(layer, args[0])(*args, **kwargs)
        if id(layer) not in clones:
            clones[id(layer)] = (layer, _clone(layer))
        return clones[id(layer)][1](*args, **kwargs)

    def inner(layer, inputs):
        shapes = keras.tree.map_structure(lambda x: tuple(x.shape), inputs)
        key = (id(layer), str(shapes))
        if key not in nested:
            copies = sum(known[0] == id(layer) for known in nested)
            nested[key] = _walk(
                layer, call, name_again(layer.name, copies), inputs
            )
        return nested[key]

    rewired = _walk(model, call, name or model.name)
    return rewired, list(clones.values())


def has_graph(layer: keras.Layer) -> bool:
    """Returns whether `layer` is a model with a graph that can be walked."""
    if isinstance(layer, keras.Sequential):
        return bool(layer.layers) and layer.built
    is_model = isinstance(layer, keras.Model)
    return is_model and type(layer).call is _FUNCTIONAL.call


def named_layers(model: keras.Model) -> dict[str, keras.Layer]:
    """Returns the layers of a model and of the models nested in it.

    Keys are layer names, those of nested models behind the model's name and a
    slash. A shared layer appears once, under its first name.
    """
    found: dict[str, keras.Layer] = {}
    seen: set[int] = set()

    def visit(parent, prefix):
        for layer in parent.layers:
            if id(layer) in seen:
                continue
            seen.add(id(layer))
            if isinstance(layer, keras.Model):
                visit(layer, f"{prefix}{layer.name}/")
            else:
                found[prefix + layer.name] = layer

    visit(model, "")
    return found


def name_again(name: str, copies: int) -> str:
    """Returns a name for one more copy of a layer that exists `copies` times.

    Layer names are unique within a model.
    """
    return f"{name}_{copies}" if copies else name


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
        inputs = keras.tree.map_structure(
            lambda x: keras.Input(batch_shape=x.shape, dtype=x.dtype), inputs
        )
    return keras.models.clone_model(
        view,
        input_tensors=inputs,
        clone_function=lambda layer: layer,
        call_function=call,
    )


def _clone(layer):
    if isinstance(layer, keras.layers.Lambda) and not layer.variables:
        return layer  # Has no state, and Keras does not clone Python code.
    try:
        return type(layer).from_config(layer.get_config())
    except Exception as error:
        raise ValueError(
            f'Layer "{layer.name}" ({type(layer).__name__}) cannot be cloned: '
            f"{error} Give it a `get_config` that holds its constructor "
            "arguments."
        ) from error


_FUNCTIONAL = type(
    keras.Model(*([keras.Input((1,), name="any")] * 2), name="any")
)

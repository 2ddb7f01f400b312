"""Which layers of a model are embedded, and which are refused by name."""

from collections.abc import Sequence

import keras

from needle_tf.embedding import registry
from needle_tf.graphs import rewiring
from needle_tf.layers import masked_dense


def choose(
    model: keras.Model,
    layers: Sequence[str | keras.Layer] | None,
    reach: int | None,
) -> set[int]:
    """Returns the ids of the layers to embed.

    Args:
        model: The model to embed.
        layers: Names (nested ones as `"nested/conv"`) or layer objects; None
            for every convolution.
        reach: Radius within which the new weights are free; None for all.

    Raises:
        ValueError: Naming the layer and what to do, if one cannot be embedded
            or is unknown, or there is none at all.
    """
    named = rewiring.named_layers(model, in_graph=True)
    candidates = {
        name: layer
        for name, layer in named.items()
        if registry.is_convolution(layer)
    }
    if layers is None:
        for name, layer in named.items():
            _refuse_hidden(name, layer)
        if not candidates:
            raise ValueError(
                f'Model "{model.name}" has no convolution to embed. Expected '
                f"at least one of {_known()}. Its layers: {list(named)}."
            )
        wanted = candidates
    else:
        wanted = {name: named[name] for name in _names(named, layers)}
    for name, layer in wanted.items():
        _refuse_unknown(name, layer, list(candidates))
        masked_dense.refuse_constraints(
            layer,
            name,
            "Remove it, or leave the layer out with `layers=[...]`.",
        )
        _refuse_activation(name, layer)
        _refuse_narrower(name, layer, reach)
    return {id(layer) for layer in wanted.values()}


def _names(named, layers):
    if isinstance(layers, str | keras.Layer):
        layers = [layers]
    if not layers:
        raise ValueError(
            "`layers` is empty, so there is nothing to embed. Received: "
            f"layers={layers!r}. Name some of {list(named)}, or leave it out "
            "for every convolution."
        )
    by_id = {id(layer): name for name, layer in named.items()}
    for layer in layers:
        name = layer
        if isinstance(layer, keras.Layer):
            name = by_id.get(id(layer))
        if name is None:
            raise ValueError(
                f'`layers` holds a layer "{layer.name}" that is not in the '
                f"graph of this model. Its layers: {list(named)}."
            )
        if name not in named:
            raise ValueError(
                f'`layers` names "{name}", which is no layer of this model. '
                f"Its layers: {list(named)}."
            )
        yield name


def _refuse_unknown(name, layer, candidates):
    if registry.find_rule(layer) is not None:
        return
    others = [other for other in candidates if other != name]
    leave = f"Leave it as it is with layers={others}, or declare"
    raise ValueError(
        f'Layer "{name}" ({type(layer).__name__}) cannot be embedded: there '
        f"are rules for {_known()} themselves, not for their subclasses. "
        f"{leave if others else 'Declare'} a rule with "
        "`needle_tf.embedding.registry.embeds`."
    )


def _refuse_activation(name, layer):
    activation = getattr(layer, "activation", None)
    if not isinstance(activation, keras.Layer):
        return
    if activation.variables or not activation.built:
        raise ValueError(
            f'Layer "{name}" has activation={type(activation).__name__}, a '
            "layer with weights of its own, which the two models would share. "
            "Put it behind the layer, as a layer of the model."
        )


def _refuse_narrower(name, layer, reach):
    """Refuses a dense layer that already uses more room than it would get."""
    if not isinstance(layer, masked_dense.MaskedDense):
        return
    room = layer.geometry.free_entries(reach)
    if room < layer.free_weights():
        raise ValueError(
            f'Layer "{name}" has {layer.free_weights()} free weights '
            f'(free="{layer.free}") and would keep {room} of them, so its '
            "function would change. Use `unembed` for the nearest CNN or LCN."
        )


def _refuse_hidden(name, layer):
    """Refuses convolutions inside layers whose graph cannot be seen."""
    if registry.is_convolution(layer):
        return
    for inner in rewiring.held_layers(layer):
        if registry.is_convolution(inner):
            raise ValueError(
                f'Layer "{name}" ({type(layer).__name__}) holds the '
                f'convolution "{inner.name}" where the graph cannot be '
                "rewritten. Build it as a functional model, or name the "
                "layers to embed with `layers=[...]`."
            )


def _known():
    return [known.__name__ for known in registry.known_layers()]

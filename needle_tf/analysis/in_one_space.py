"""Two networks as two points of one weight space.

A CNN is embedded where the other network is locally or fully connected, layer
by layer and only as far as needed:

    CNN < LCN (compact) < band of radius 0 < band of radius r < FCN
"""

import dataclasses
import math
from typing import Any

import keras
import numpy as np
from keras import ops

from needle_tf.analysis import weight_state
from needle_tf.embedding import convert
from needle_tf.embedding import registry
from needle_tf.embedding import unembed
from needle_tf.graphs import rewiring
from needle_tf.layers import embedded_conv2d
from needle_tf.layers import locally_connected2d
from needle_tf.layers import masked_dense

# Breadths of a layer's space below those of the bands, which are their radii.
_SHARED = -2
_COMPACT = -1

# Settings without weights that decide what a layer computes.
_SETTINGS = (
    "activation",
    "axis",
    "data_format",
    "dilation_rate",
    "epsilon",
    "geometry",
    "groups",
    "padding",
    "pool_size",
    "strides",
)
# Pixels of the noise where a model takes images of any size.
_OPEN_SIZE = 32
# Share of the largest output by which two runs of one function may differ.
_ROUNDING = 1e-3


@dataclasses.dataclass(frozen=True, eq=False)
class OneSpace:
    """Two models of one structure; either computes under the other's weights.

    Attributes:
        first: The first model, embedded if that was needed. Points of the
            space are measured in its graph.
        second: The second one, likewise.
    """

    first: keras.Model
    second: keras.Model

    def states(self) -> tuple[list[Any], list[Any]]:
        """Returns the states of both, in the order of `first.variables`.

        What is no weight, the states of seed generators, is that of `first`
        in both.
        """
        own = weight_state.values(self.first)
        theirs = {
            id(one): ops.convert_to_tensor(other)
            for one, other in _paired_weights(self.first, self.second)
        }
        return own, [
            theirs.get(id(variable), value)
            for variable, value in zip(self.first.variables, own, strict=True)
        ]


def in_one_space(first: keras.Model, second: keras.Model) -> OneSpace:
    """Returns two models with their weights in one space.

    Layers belong together by name or, if the names differ, by their order. A
    convolution whose partner is untied becomes as untied as that one (`embed`);
    an untied layer whose partner is freer, likewise. Models that have one
    structure already are taken as they are. At the end the first model is run
    on noise under the weights of the second, and must compute what the second
    does.

    Args:
        first: A built model.
        second: Another one, of the same network: CNN, LCN, eFCN or FCN.

    Raises:
        ValueError: Naming the first layer in which they differ, or which
            cannot be embedded.
    """
    for model in (first, second):
        weight_state.values(model)
    wanted = _breadths(first, second)
    space = OneSpace(
        _widened(first, wanted[0]),
        _widened(second, wanted[1]),
    )
    _paired_weights(space.first, space.second)
    _refuse_other_function(space)
    return space


def _breadths(first, second):
    """By name in each model: how broad a space its partner asks for."""
    convolutions = [_convolutions(model) for model in (first, second)]
    ours, theirs = convolutions
    if set(ours) != set(theirs) and len(ours) == len(theirs):
        partners = (
            dict(zip(ours, theirs, strict=True)),
            dict(zip(theirs, ours, strict=True)),
        )
    else:
        partners = ({name: name for name in ours if name in theirs},) * 2
    wanted = []
    for own, other, names in zip(
        convolutions, reversed(convolutions), partners, strict=True
    ):
        broadest = max(map(_breadth, other.values()), default=_SHARED)
        # One without a partner may become several layers (a separable one).
        wanted.append(
            {
                name: _breadth(other[names[name]])
                if name in names
                else broadest
                for name in own
            }
        )
    return wanted


def _convolutions(model):
    return {
        name: layer
        for name, layer in rewiring.named_layers(model).items()
        if registry.is_convolution(layer)
    }


def _breadth(layer):
    if isinstance(layer, masked_dense.MaskedDense):
        radius = {"local": 0, "band": layer.radius, "all": math.inf}
        return radius[layer.free]
    if isinstance(layer, locally_connected2d.LocallyConnected2D):
        return _COMPACT
    return _SHARED


def _widened(model, wanted):
    """The model with its layers in spaces as broad as wanted, or itself."""
    own = _convolutions(model)
    steps: dict[float, list[str]] = {}
    for name, breadth in wanted.items():
        if breadth > _breadth(own[name]):
            steps.setdefault(breadth, []).append(name)
    for breadth, names in steps.items():
        if breadth == _COMPACT:
            model = convert.embed(model, "lcn", layers=names)
        elif math.isinf(breadth):
            model = convert.embed(model, "fcn", layers=names)
        else:
            model = convert.embed(model, "band", radius=breadth, layers=names)
    return model


def _paired_weights(first, second):
    """Pairs of variables that hold the same weight of the two models.

    Raises:
        ValueError: If the models differ in structure.
    """
    named = [_with_weights(model) for model in (first, second)]
    ours, theirs = named
    if set(ours) == set(theirs):
        pairs = [(name, name) for name in ours]
    elif len(ours) == len(theirs):
        pairs = list(zip(ours, theirs, strict=True))
    else:
        alone = [[n for n in a if n not in b] for a, b in (named, named[::-1])]
        raise ValueError(
            f'Models "{first.name}" and "{second.name}" must be one network to '
            f"lie in one space. Received {len(ours)} layers with weights in "
            f"the first and {len(theirs)} in the second; only in the first: "
            f"{alone[0]}, only in the second: {alone[1]}. Compare models that "
            "were built alike."
        )
    found = []
    for name, other in pairs:
        _refuse_other_layer(name, ours[name], other, theirs[other])
        found += zip(ours[name].weights, theirs[other].weights, strict=True)
    return found


def _with_weights(model):
    found = {
        name: layer
        for name, layer in rewiring.named_layers(model).items()
        if layer.weights
    }
    held = {id(weight) for layer in found.values() for weight in layer.weights}
    own = [weight for weight in model.weights if id(weight) not in held]
    if own:
        raise ValueError(
            f'Model "{model.name}" ({type(model).__name__}) holds '
            f'"{own[0].path}", a weight of no layer. Expected weights in '
            "layers. Put it into a layer of your own."
        )
    return found


def _refuse_other_layer(name, layer, other_name, other):
    kinds = [
        (_kind(each).__name__, [tuple(w.shape) for w in each.weights])
        for each in (layer, other)
    ]
    settings = [_settings(each) for each in (layer, other)]
    if kinds[0] == kinds[1]:
        kinds = [
            {key: value for key, value in own.items() if value != far.get(key)}
            for own, far in (settings, settings[::-1])
        ]
    if kinds[0] != kinds[1]:
        raise ValueError(
            f'Layer "{name}" of the first model and "{other_name}" of the '
            "second must be one layer for the models to lie in one space. "
            f"Received: {_said(kinds[0])} and {_said(kinds[1])}. Compare "
            "models that were built alike."
        )


def _said(kind):
    if isinstance(kind, dict):
        return ", ".join(f"{key}={value!r}" for key, value in kind.items())
    return f"{kind[0]} with weights of shapes {kind[1]}"


def _kind(layer):
    if isinstance(layer, embedded_conv2d.EmbeddedConv2D):
        return keras.layers.Conv2D
    return type(layer)


def _settings(layer):
    config = layer.get_config()
    found = {key: _nameless(config[key]) for key in _SETTINGS if key in config}
    if isinstance(layer, unembed.UNTIED):
        # The kernel's layout is channels last in any case.
        found["free"] = max(_breadth(layer), 0)
    return found


def _nameless(setting):
    """A setting without what Keras numbers in it: the names of objects."""
    if not isinstance(setting, dict):
        return setting
    return {k: _nameless(v) for k, v in setting.items() if k != "name"}


def _refuse_other_function(space):
    """Refuses models of equal layers that are wired in other ways."""
    if not getattr(space.first, "inputs", None):
        return  # A class of its own, whose inputs are not known.
    inputs = _noise(space.first)
    _, theirs = space.states()
    received, _, _ = weight_state.call(space.first, theirs, inputs)
    own = weight_state.values(space.second)
    expected, _, _ = weight_state.call(space.second, own, inputs)
    outputs = [keras.tree.flatten(each) for each in (received, expected)]
    if len(outputs[0]) != len(outputs[1]) or not all(map(_is_close, *outputs)):
        raise ValueError(
            f'Models "{space.first.name}" and "{space.second.name}" have the '
            "same layers and compute different functions of the same weights: "
            "they differ in how layers are connected, in a layer without "
            "weights, or in what a layer keeps outside its weights (an "
            "adapted Normalization). Compare models that were built alike."
        )


def _is_close(received, expected):
    received, expected = (
        ops.convert_to_numpy(each).astype("float64")
        for each in (received, expected)
    )
    if received.shape != expected.shape:
        return False
    largest = np.abs(expected).max()
    # Outputs that overflow are no proof that models differ.
    return not np.abs(received - expected).max() > _ROUNDING * largest + 1e-6


def _noise(model):
    """Two inputs of noise in the structure that the model takes."""
    rng = np.random.default_rng(0)

    def draw(tensor):
        shape = [2, *(size or _OPEN_SIZE for size in tensor.shape[1:])]
        if "float" in str(tensor.dtype):
            return rng.normal(size=shape).astype(str(tensor.dtype))
        return rng.integers(0, 2, size=shape).astype(str(tensor.dtype))

    if isinstance(model, keras.Sequential):
        return draw(model.inputs[0])
    structure = getattr(model, "input", model.inputs)
    return keras.tree.map_structure(draw, structure)

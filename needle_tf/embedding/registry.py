"""Which layer types can be embedded, and the rule of each."""

from collections.abc import Callable
from typing import Any
from typing import NamedTuple

import keras
import numpy as np

from needle_tf.ops import conv_geometry


class Part(NamedTuple):
    """One linear map from image to image, with its bias and activation.

    Attributes:
        name: Name of the layer that will take its place.
        geometry: Where its entries lie in dense space.
        form: How the kernel is stored: `"shared"` as `geometry.kernel_shape`,
            `"local"` as `geometry.local_shape`, `"dense"` as
            `geometry.dense_shape`.
        kernel: The variable or tensor that holds the kernel.
        bias: The same for the bias, or None. One entry per channel in shared
            form, else one per unit.
        in_form: Takes an array of the shape of `kernel` into that form.
        in_bias_form: The same for the bias.
        settings: Constructor arguments that the new layer takes over.
    """

    name: str
    geometry: conv_geometry.ConvGeometry
    form: str
    kernel: Any
    bias: Any
    settings: dict[str, Any]
    in_form: Callable[[np.ndarray], np.ndarray] = np.asarray
    in_bias_form: Callable[[np.ndarray], np.ndarray] = np.asarray


Shape = tuple[int | None, ...]
Margins = tuple[tuple[int, int], tuple[int, int]]
Rule = Callable[[keras.Layer, Shape, Margins], list[Part]]

_RULES: dict[type, Rule] = {}


def embeds(*layer_types: type) -> Callable[[Rule], Rule]:
    """Declares a function as the rule of these layer types.

    A rule is called as `rule(layer, input_shape, zero_padding)` with the shape
    of one image in the layer's data format and the `((top, bottom), (left,
    right))` zeros put around it before, and returns the parts, first to last,
    whose chain computes the layer.

    Exact types only: a subclass may compute something else, and says so by a
    rule of its own.
    """

    def declare(rule: Rule) -> Rule:
        for layer_type in layer_types:
            _RULES[layer_type] = rule
        return rule

    return declare


def known_layers() -> list[type]:
    """Returns the layer types that have a rule."""
    return list(_RULES)


def find_rule(layer: keras.Layer) -> Rule | None:
    """Returns the rule of a layer, or None if its type has none."""
    return _RULES.get(type(layer))


def is_convolution(layer: keras.Layer) -> bool:
    """Returns whether `layer` shares weights over positions: all that
    "every convolution of the model" has to account for, with a rule or not.
    """
    return type(layer) in _RULES or isinstance(layer, _CONVOLUTIONS)


_CONVOLUTIONS = (
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    keras.layers.Conv1DTranspose,
    keras.layers.Conv2DTranspose,
    keras.layers.Conv3DTranspose,
    keras.layers.DepthwiseConv1D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv1D,
    keras.layers.SeparableConv2D,
    keras.layers.ConvLSTM1D,
    keras.layers.ConvLSTM2D,
    keras.layers.ConvLSTM3D,
)

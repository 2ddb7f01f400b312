"""How many weights an embedded model will have, before it is made.

dense twin of a convolution    size of its input x size of its output
locally connected              positions x taps x channels, as it is stored
"""

import math
from collections.abc import Sequence

import keras
import numpy as np

from needle_tf.embedding import registry
from needle_tf.embedding import selection
from needle_tf.graphs import rewiring


def count_embedded(
    model: keras.Model,
    space: str = "fcn",
    layers: Sequence[str | keras.Layer] | None = None,
) -> int:
    """Returns the number of all weights, trained or not, of `embed(model)`.

    Nothing of the size of the result is made. A layer that images of several
    sizes share counts once, by the first of them; a band is stored as large
    as all weights.

    Args:
        model: As of `embed`.
        space: `"fcn"` (or a band), or `"lcn"`.
        layers: As of `embed`.

    Raises:
        ValueError: Naming the layer, if something cannot be embedded.
    """
    chosen = selection.choose(model, layers, None)
    total = sum(math.prod(variable.shape) for variable in model.variables)
    for layer in rewiring.named_layers(model, in_graph=True).values():
        if id(layer) in chosen:
            own = sum(math.prod(v.shape) for v in layer.variables)
            total += _count(layer, space == "lcn") - own
    return total


def _count(layer, is_local):
    parts = registry.find_rule(layer)(layer, *_images(layer))
    total = 0
    for part in parts:
        geometry = part.geometry
        total += math.prod(
            geometry.local_shape if is_local else geometry.dense_shape
        )
        if part.bias is not None:
            total += math.prod(geometry.output_shape)
    return total


def _images(layer):
    """Returns the shape of an image that a layer takes, and its margins."""
    images = layer._inbound_nodes[0].input_tensors[0]
    margins = np.zeros((2, 2), int)
    before = images._keras_history.operation
    while type(before) is keras.layers.ZeroPadding2D:
        margins += np.array(before.padding)
        images = before._inbound_nodes[0].input_tensors[0]
        before = images._keras_history.operation
    return tuple(images.shape[1:]), tuple(map(tuple, margins.tolist()))

"""The weights of a relaxed network by the spaces in which they lie.

    all = cnn + not_cnn,    not_cnn = broken sharing + off_local,
    lcn = cnn + broken sharing

Five linear subspaces of the weights that training may change. What belongs to
no untied layer (dense layers, batch normalisation) is the CNN's own.
"""

from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from needle_tf.analysis import weight_state
from needle_tf.embedding import distances
from needle_tf.layers import masked_dense
from needle_tf.ops import projections

SPACES = ("all", "lcn", "cnn", "not_cnn", "off_local")
Tensor = Any


def untied_layers(model: keras.Model) -> dict[str, keras.Layer]:
    """Returns the untied layers of a model by name, in the model's order.

    Raises:
        ValueError: If there is none.
    """
    found = distances.untied_layers(model)
    if not found:
        raise ValueError(
            f'Model "{model.name}" has no untied layer. Expected a relaxed '
            "network, with MaskedDense or LocallyConnected2D layers. Received "
            f"layers: {[layer.name for layer in model.layers]}. Use "
            "`embed(model)` first."
        )
    return found


def has_off_local(layer: keras.Layer) -> bool:
    """Returns whether training may change off-local weights of a layer."""
    if not isinstance(layer, masked_dense.MaskedDense):
        return False
    return layer.free_weights() > layer.geometry.free_entries()


def has_not_cnn(layer: keras.Layer) -> bool:
    """Returns whether a kernel has more free weights than its CNN has."""
    geometry = layer.geometry
    free = geometry.free_entries()
    if isinstance(layer, masked_dense.MaskedDense):
        free = layer.free_weights()
    taps = len(list(geometry.taps()))
    return free > taps * geometry.group_inputs * geometry.filters


def kernel_part(layer: keras.Layer, kernel: Tensor, space: str) -> Tensor:
    """Returns the orthogonal projection of a kernel onto a space.

    Args:
        layer: An untied layer.
        kernel: A tensor like the layer's kernel; entries that are not free
            count as 0.
        space: One of `SPACES`.
    """
    geometry = layer.geometry
    if isinstance(layer, masked_dense.MaskedDense):
        kernel = layer.mask(kernel)
        to_local = projections.dense_to_local
        to_shared = projections.dense_to_shared
    else:
        # The compact kernel holds local weights and taps in the padding.
        kernel = projections.local_in_image(kernel, geometry)
        to_local = _unchanged
        to_shared = projections.local_to_shared
    if space == "all":
        return kernel
    if space == "lcn":
        return to_local(kernel, geometry)
    if space == "off_local":
        return kernel - to_local(kernel, geometry)
    shared = to_shared(kernel, geometry)
    return shared if space == "cnn" else kernel - shared


def bias_part(layer: keras.Layer, bias: Tensor, space: str) -> Tensor:
    """Returns the orthogonal projection of a bias per unit onto a space."""
    if space in ("all", "lcn"):
        return bias
    if space == "off_local":
        return ops.zeros_like(bias)
    shared = projections.bias_to_shared(bias, layer.geometry)
    return shared if space == "cnn" else bias - shared


class Projection:
    """Projects one tensor per variable of a model onto a space.

    Args:
        model: Any model.
        variables: Some of its variables.
        space: One of `SPACES`.

    Raises:
        ValueError: If the space is unknown.
    """

    def __init__(
        self,
        model: keras.Model,
        variables: Sequence[keras.Variable],
        space: str,
    ):
        if space not in SPACES:
            raise ValueError(
                f"`space` must be one of {SPACES}. Received: space={space!r}."
            )
        self.space = space
        roles = {}
        for layer in distances.untied_layers(model).values():
            roles[id(layer.kernel)] = layer, kernel_part
            if layer.bias is not None:
                roles[id(layer.bias)] = layer, bias_part
        self._roles = [roles.get(id(variable)) for variable in variables]

    def __call__(self, values: Sequence[Tensor]) -> list[Tensor]:
        """Returns the projected tensors, in the order of the variables."""
        return [
            self._one(value, role)
            for value, role in zip(values, self._roles, strict=True)
        ]

    def _one(self, value, role):
        if role is not None:
            layer, part = role
            return part(layer, value, self.space)
        if self.space in ("not_cnn", "off_local"):
            return ops.zeros_like(value)
        return value


def noise(layer: keras.Layer, space: str, norm: float, seed: int) -> Tensor:
    """Returns a random kernel within a space, of exactly this norm.

    Gaussian, the same for equal seeds; 0 in a space without dimensions.

    Args:
        layer: An untied layer; gives shape and dtype.
        space: One of `SPACES`.
        norm: Frobenius norm, at least 0.
        seed: Any integer of at least 0.
    """
    shape, dtype = layer.kernel.shape, layer.kernel.dtype
    drawn = kernel_part(
        layer, keras.random.normal(shape, dtype=dtype, seed=seed), space
    )
    length = weight_state.dot([drawn], [drawn]) ** 0.5
    factor = norm / length if length else 0.0
    return drawn * ops.convert_to_tensor(factor, dtype)


def replaced(
    model: keras.Model, values: Iterable[tuple[keras.Variable, Tensor]]
) -> list[Tensor]:
    """Returns the state of a model with some other values.

    Args:
        model: Any model; stays as it is.
        values: Variables of it, each with the value to put there.
    """
    state = weight_state.values(model)
    places = {id(v): k for k, v in enumerate(model.variables)}
    for variable, value in values:
        state[places[id(variable)]] = value
    return state


def seed_of(*numbers: int) -> int:
    """Returns one seed for several numbers, such as (seed, layer)."""
    drawn = np.random.SeedSequence(numbers).generate_state(1)
    return int(drawn[0] >> 1)  # Keras takes 31 bits.


def _unchanged(kernel, geometry):
    del geometry
    return kernel

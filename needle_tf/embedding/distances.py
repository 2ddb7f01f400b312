"""How far a whole network is from the CNN and LCN subspaces."""

from typing import NamedTuple

import keras

from needle_tf.embedding import unembed
from needle_tf.graphs import rewiring
from needle_tf.layers import masked_dense
from needle_tf.ops import placement
from needle_tf.ops import subspace

Distances = subspace.Distances
SquaredParts = subspace.SquaredParts


class SubspaceDistance(NamedTuple):
    """Distances of a network from the subspace of its CNN.

    Attributes:
        layers: Per untied layer, of its kernel.
        total: Of all kernels together: sums of squares, then the root.
        biases: Per untied layer with a bias, its broken sharing in [0, 1].
            Biases do not enter `layers` and `total`.
    """

    layers: dict[str, Distances]
    total: Distances
    biases: dict[str, float]


def subspace_distance(model: keras.Model) -> SubspaceDistance:
    """Returns delta, delta_share and delta_cnn of a model, now.

    Computed where the weights lie, in one pass and without a dense mask. Plain
    convolutions are in the subspace and are not listed; a model without untied
    layers has distance 0.

    Reference: the spec of the embedding after arXiv:1906.06766.
    """
    kernels, biases = squared_parts(model)
    return from_parts(kernels, biases)


def squared_parts(
    model: keras.Model,
) -> tuple[dict[str, SquaredParts], dict[str, SquaredParts]]:
    """Returns the squared parts of kernels and biases by layer, as tensors.

    Fit to be traced: reads variables and nothing else.
    """
    kernels, biases = {}, {}
    for name, layer in untied_layers(model).items():
        kernel, geometry = layer.kernel.value, layer.geometry
        if isinstance(layer, masked_dense.MaskedDense):
            # What the layer computes with: an average of weights that Keras
            # puts in after the constraints may leave a residue elsewhere.
            with placement.scope(layer.device):
                kernel = layer.mask(kernel)
                kernels[name] = subspace.dense_parts(kernel, geometry)
        else:
            kernels[name] = subspace.local_parts(kernel, geometry)
        if layer.bias is not None:
            biases[name] = subspace.bias_parts(layer.bias.value, layer.geometry)
    return kernels, biases


def from_parts(
    kernels: dict[str, SquaredParts], biases: dict[str, SquaredParts]
) -> SubspaceDistance:
    """Returns the distances of squared parts."""
    zero = SquaredParts(0.0, 0.0, 0.0)
    total = subspace.add_parts([zero, *_as_floats(kernels).values()])
    return SubspaceDistance(
        layers={
            name: subspace.distances(parts) for name, parts in kernels.items()
        },
        total=subspace.distances(total),
        biases={
            name: subspace.distances(parts).delta_share
            for name, parts in biases.items()
        },
    )


def untied_layers(model: keras.Model) -> dict[str, keras.Layer]:
    """Returns the layers of a model that have left the CNN, by name."""
    return {
        name: layer
        for name, layer in rewiring.named_layers(model).items()
        if isinstance(layer, unembed.UNTIED)
    }


def _as_floats(named):
    return {
        name: SquaredParts(*(float(part) for part in parts))
        for name, parts in named.items()
    }

"""A model and its twin, whose groups were rescaled one weight at a time."""

from collections.abc import Callable

import keras
import numpy as np

from needle_tf.scales import scale_groups
from tests.embedding import same_function

# Scales of up to e^2, and some ten layers.
TOLERANCE = {"float64": 1e-9, "float32": 1e-4}


def filled(build: Callable[[], keras.Model], dtype: str) -> keras.Model:
    """Builds a model that computes in `dtype` and fills its weights."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype)
    try:
        return same_function.fill(build())
    finally:
        keras.config.set_dtype_policy(before)


def drawn_scales(graph: scale_groups.ScaleGraph, seed: int = 5) -> np.ndarray:
    """Returns a scale for every group, and 1 for ground."""
    scales = np.exp(np.random.default_rng(seed).normal(size=graph.num_groups))
    return np.concatenate([[1.0], scales])


def rescale(
    model: keras.Model, graph: scale_groups.ScaleGraph, scales: np.ndarray
) -> None:
    """Multiplies each edge by the scale of its target over its source's."""
    for edges in graph.edges:
        variable = model.trainable_variables[edges.place]
        values = keras.ops.convert_to_numpy(variable)
        variable.assign(values * scales[edges.target] / scales[edges.source])


def difference(
    model: keras.Model,
    graph: scale_groups.ScaleGraph,
    scales: np.ndarray,
    training: bool = False,
) -> float:
    """Returns how far outputs move by a rescaling, and undoes it."""
    images = same_function.images_for(model)
    weights = model.get_weights()
    expected = same_function.outputs(model, images, training)
    model.set_weights(weights)
    rescale(model, graph, scales)
    received = same_function.outputs(model, images, training)
    model.set_weights(weights)
    return max(
        np.abs(ours - theirs).max() / max(1.0, np.abs(theirs).max())
        for ours, theirs in zip(received, expected, strict=True)
    )

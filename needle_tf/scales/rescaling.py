"""Rescales units of a model without changing its function.

    w_e -> w_e c_t / c_s    for an edge e from group s to group t, c_ground = 1

leaves every path value, hence the function of a network of positively
homogeneous parts, as it is.
"""

from typing import Any

import keras
import numpy as np

from needle_tf.scales import balancing
from needle_tf.scales import scale_groups
from needle_tf.scales import skeletons


def rescale(
    model: keras.Model,
    scales: Any,
    graph: scale_groups.ScaleGraph | None = None,
) -> None:
    """Multiplies the output of each group of units by its scale, in place.

    Weights into a group are multiplied by its scale and weights out of it
    divided by it: the function of the model stays, up to rounding to the
    precision of its weights. Products are taken in float64.

    Args:
        model: A Functional or Sequential model.
        scales: Positive numbers `(H,)`, in the order of the groups.
        graph: The scale graph of `model`; made here by default.

    Raises:
        ValueError: If the scales are of another number, not positive or not
            finite, or the graph is that of another model.
    """
    graph = scale_groups.scale_graph(model) if graph is None else graph
    scales = _checked(scales, graph)
    variables = model.trainable_variables
    weights = skeletons.weights_of(graph, variables)
    for edges, weight in zip(graph.edges, weights, strict=True):
        factor = scales[edges.target] / scales[edges.source]
        scaled = np.asarray(weight, "float64") * factor
        variables[edges.place].assign(scaled.astype(weight.dtype))


def balance(
    model: keras.Model, graph: scale_groups.ScaleGraph | None = None
) -> np.ndarray:
    """Rescales a model to the least sum of squared weights, in place.

    At this unique minimum the squares of the weights into each group sum up to
    those of the weights out of it; weights from a group to itself count on
    both sides, and scales and offsets of normalisations as weights into a
    group. The function stays. Groups that only weights of 0 connect with
    ground on one side have no best scale: they keep theirs.

    Args:
        model: A Functional or Sequential model.
        graph: The scale graph of `model`; made here by default.

    Returns:
        The scales that were applied, `(H,)`, as `rescale` takes them.

    Raises:
        ValueError: If weights are NaN or infinite, or the graph is that of
            another model.
    """
    graph = scale_groups.scale_graph(model) if graph is None else graph
    weights = skeletons.weights_of(graph, model.trainable_variables)
    scales = balancing.least_norm_scales(graph, weights)
    rescale(model, scales, graph)
    return scales


def _checked(scales: Any, graph: scale_groups.ScaleGraph) -> np.ndarray:
    """Returns the scales with that of ground, 1, in front."""
    scales = np.asarray(scales, "float64")
    if scales.shape != (graph.num_groups,):
        raise ValueError(
            f"`scales` must be a vector of {graph.num_groups} numbers, one for "
            f"each group of units. Received: shape {scales.shape}. "
            "`scale_graph(model).summary()` lists the groups."
        )
    bad = np.flatnonzero(~((scales > 0) & np.isfinite(scales)))
    if len(bad):
        raise ValueError(
            "`scales` must be positive and finite: the function would change. "
            f"Received: {scales[bad[0]]} for group {bad[0] + 1}, and "
            f"{len(bad) - 1} others. Flip signs of weights by hand if the "
            "activations are odd."
        )
    return np.concatenate([[1.0], scales])

"""Basis path values of a model, and which models differ by rescaling alone.

Rescaling changes no path value; weights with the same basis path values, and
the same signs along a skeleton, differ by rescaling alone. They are compared
in unit gauge: rescaled so that all outgoing skeleton weights are 1 or -1.
"""

from typing import NamedTuple

import keras
import numpy as np

from needle_tf.ops import basis_paths
from needle_tf.scales import scale_groups
from needle_tf.scales import skeletons


class BasisPathValues(NamedTuple):
    """The basis path values of a model, in float64.

    Attributes:
        groups: d_b of each group, `(H,)`: the value of the path that enters
            and leaves it by the skeleton. Groups that share a basis path
            repeat its value.
        weights: By path of the variable, `P_a w_e K_b` for each of its
            entries, in its shape. At skeleton entries these are d again.
    """

    groups: np.ndarray
    weights: dict[str, np.ndarray]


class Equivalence(NamedTuple):
    """What a comparison of two models found.

    Attributes:
        is_equivalent: Whether rescaling turns the first into the second.
        scales: The scales `(H,)` that do, as `rescaling.rescale` takes them;
            None if none do.
        largest_difference: Largest difference of two weights in unit gauge,
            relative to the largest in the same variable; infinite if a
            skeleton weight of the first is 0 in the second.
    """

    is_equivalent: bool
    scales: np.ndarray | None
    largest_difference: float


def basis_path_values(
    model: keras.Model,
    graph: scale_groups.ScaleGraph | None = None,
    skeleton: basis_paths.Skeleton | None = None,
) -> BasisPathValues:
    """Returns the basis path values of a model: what rescaling cannot change.

    Args:
        model: A Functional or Sequential model.
        graph: The scale graph of `model`; made here by default.
        skeleton: A skeleton of the graph; by default that of the policy
            "index", which is the same for all weights.

    Raises:
        ValueError: If the graph is that of another model.
    """
    graph = scale_groups.scale_graph(model) if graph is None else graph
    skeleton = skeletons.choose(graph) if skeleton is None else skeleton
    weights = skeletons.weights_of(graph, model.trainable_variables)
    weights = [np.asarray(weight, "float64") for weight in weights]
    prefix = _products(
        _gathered(weights, skeleton.in_place, skeleton.in_entry),
        skeleton.in_source,
    )
    suffix = _products(
        _gathered(weights, skeleton.out_place, skeleton.out_entry),
        skeleton.out_target,
    )
    values = {
        edges.path: prefix[edges.source] * weight * suffix[edges.target]
        for edges, weight in zip(graph.edges, weights, strict=True)
    }
    return BasisPathValues((prefix * suffix)[1:], values)


def equivalence(
    model: keras.Model, other: keras.Model, *, tolerance: float = 1e-5
) -> Equivalence:
    """Compares two models of one structure up to rescaling of their units.

    Weights that touch no group, and those that do not train, such as moving
    averages, are compared as they are.

    Args:
        model: A Functional or Sequential model. Weights may be 0, but not all
            of those that connect a group with ground.
        other: A model of the same structure; names may differ.
        tolerance: Largest difference that counts as equal, relative to the
            largest weight of a variable. The default allows for float32.

    Raises:
        ValueError: If the models are of different structure, or `model` has no
            skeleton without zeros.
    """
    if not tolerance >= 0:
        raise ValueError(
            f"`tolerance` must be a number of at least 0. Received: {tolerance}"
        )
    graph = scale_groups.scale_graph(model)
    _check_same(graph, scale_groups.scale_graph(other), model, other)
    first = skeletons.weights_of(graph, model.trainable_variables)
    second = skeletons.weights_of(graph, other.trainable_variables)
    skeleton = skeletons.choose(graph, "max_product", first)
    outward = skeleton.out_place, skeleton.out_entry
    inward = skeleton.in_place, skeleton.in_entry
    if not (_gathered(second, *outward) * _gathered(second, *inward)).all():
        return Equivalence(False, None, float("inf"))
    logs = [
        _log_products(_gathered(weights, *outward), skeleton.out_target)
        for weights in (first, second)
    ]
    pairs = [
        tuple(
            _in_unit_gauge(weights[number], edges, log)
            for weights, log in zip((first, second), logs, strict=True)
        )
        for number, edges in enumerate(graph.edges)
    ]
    pairs += _ungrouped_pairs(graph, model, other)
    # Not Python's maximum, which passes over NaN.
    largest = float(np.max([_difference(*pair) for pair in pairs], initial=0))
    if not largest <= tolerance:
        return Equivalence(False, None, largest)
    return Equivalence(True, np.exp(logs[0] - logs[1])[1:], largest)


def _gathered(
    weights: list[np.ndarray], place: np.ndarray, entry: np.ndarray
) -> np.ndarray:
    """Returns the skeleton weights, `(H + 1,)`; 1 for ground."""
    found = np.ones(len(place))
    for number, weight in enumerate(weights):
        is_here = place == number
        is_here[0] = False
        found[is_here] = weight.reshape(-1)[entry[is_here]]
    return found


def _products(weights: np.ndarray, parents: np.ndarray) -> np.ndarray:
    """Returns products along the chains to ground, in float64."""
    for step in basis_paths.strides(parents):
        weights = weights * weights[step]
    return weights


def _log_products(weights: np.ndarray, parents: np.ndarray) -> np.ndarray:
    """Returns log |product| along the chains: deep chains do not underflow."""
    sums = np.log(np.abs(weights))
    for step in basis_paths.strides(parents):
        sums = sums + sums[step]
    return sums


def _in_unit_gauge(weight, edges, log_suffix):
    weight = np.asarray(weight, "float64")
    return weight * np.exp(log_suffix[edges.target] - log_suffix[edges.source])


def _difference(weight, other):
    """Returns the largest difference, relative to the largest entry."""
    size = max(np.abs(weight).max(initial=0), np.abs(other).max(initial=0))
    apart = np.abs(weight - other).max(initial=0)
    return float(apart / size) if apart else 0.0


def _ungrouped_pairs(graph, model, other):
    """Returns pairs of values of the weights that rescaling leaves alone."""
    grouped = {edges.place for edges in graph.edges}
    values = []
    for network in (model, other):
        free = [
            variable
            for place, variable in enumerate(network.trainable_variables)
            if place not in grouped
        ]
        free += network.non_trainable_weights
        values.append(
            [
                np.asarray(keras.ops.convert_to_numpy(variable), "float64")
                for variable in free
            ]
        )
    return list(zip(*values, strict=True))


def _check_same(graph, other_graph, model, other):
    """Raises ValueError if two models have weights or wiring of their own."""
    shapes, others = (
        [tuple(v.shape) for v in (*m.trainable_variables, *m.weights)]
        for m in (model, other)
    )
    same = shapes == others and len(graph.edges) == len(other_graph.edges)
    same = same and all(
        (a.place, a.kind) == (b.place, b.kind)
        and np.array_equal(a.source, b.source)
        and np.array_equal(a.target, b.target)
        for a, b in zip(graph.edges, other_graph.edges, strict=True)
    )
    if not same:
        raise ValueError(
            "Both models must have the same structure: the same layers in the "
            f'same order, wired alike. Received: "{model.name}" with '
            f"{len(model.weights)} weights in {graph.num_groups} groups of "
            f'units, "{other.name}" with {len(other.weights)} in '
            f"{other_graph.num_groups}. Clone one from the other, or compare "
            "their outputs."
        )

"""The forest of the largest path values through the groups of a scale graph.

    M_b = max over edges e into b of M_s(e) |w_e|,   M_ground = 1

and the edge that attains it (the Viterbi algorithm); outwards likewise with the
edges out of a group. Rescaling multiplies all products into one group by the
same factor: the forest does not change.

Edges are taken in the order of the calls, outwards in reverse. Once a group has
been read from, its edge stands. So the forest has no cycle, whatever the
weights: an edge of a block that is added back to its stream, or one from a
group to itself, comes too late.
"""

import math
from collections.abc import Sequence

import numpy as np

from needle_tf.scales import scale_groups

# Logarithms that differ by less are equal, and the first entry is taken: the
# choice among equal weights must not depend on rounding.
_TIE = 1e-6


def forest(
    graph: scale_groups.ScaleGraph,
    weights: Sequence[np.ndarray],
    *,
    inward: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the edges of the largest path values from or to ground.

    Biases are used only for groups that nothing else reaches.

    Args:
        graph: The scale graph of a model.
        weights: One array for each of `graph.edges`, of its shape.
        inward: Whether the edges lead into the groups; else out of them.

    Returns:
        For each group, entry 0 for ground: index into `graph.edges`, flat
        index in that variable, and the group at the other end. All int64,
        length H + 1.

    Raises:
        ValueError: If a weight is not finite, or all paths of a group contain
            a zero.
    """
    _check_finite(graph, weights)
    length = graph.num_groups + 1
    place, entry, root = np.zeros((3, length), "int64")
    reach = np.full(length, -np.inf)
    reach[0] = 0
    settled = reach == 0
    order = range(len(graph.edges))

    def sweep(kinds: set[str]) -> bool:
        before = np.count_nonzero(settled)
        for number in order if inward else reversed(order):
            edges = graph.edges[number]
            if edges.kind not in kinds:
                continue
            roots, leaves = edges.source, edges.target
            if not inward:
                roots, leaves = leaves, roots
            settled[roots] = reach[roots] > -np.inf
            groups, values, entries = _best_entries(
                _log(weights[number]) + reach[roots], leaves
            )
            better = ~settled[groups] & (values > reach[groups] + _TIE)
            new = groups[better]
            reach[new] = values[better]
            place[new] = number
            entry[new] = entries[better]
            root[new] = _at(roots, entry[new], edges.shape)
        settled[reach > -np.inf] = True
        return np.count_nonzero(settled) > before

    while not settled.all():
        if sweep({"kernel", "scale"}) or sweep({"bias"}):
            continue
        raise ValueError(_only_zeros(graph, np.flatnonzero(~settled), inward))
    return place, entry, root


def _best_entries(
    scores: np.ndarray, ids: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns, for each of `ids`, its largest score and the entry of it.

    Args:
        scores: Any shape.
        ids: Broadcastable to it, of the same rank.
    """
    shape = scores.shape
    kept = [axis for axis, size in enumerate(ids.shape) if size > 1]
    over = [axis for axis, size in enumerate(ids.shape) if size == 1]
    table = np.transpose(scores, over + kept).reshape(-1, ids.size)
    best = table.max(axis=0)
    row = np.argmax(table >= best - _TIE, axis=0)
    entries = _offsets(shape, over)[row] + _offsets(shape, kept)
    groups, which = np.unique(ids, return_inverse=True)
    which = which.reshape(-1)
    values = np.full(len(groups), -np.inf)
    np.maximum.at(values, which, best)
    is_best = np.flatnonzero(best >= values[which] - _TIE)
    # Of equal entries the first: the last one assigned in falling order.
    is_best = is_best[np.argsort(-entries[is_best])]
    found = np.zeros(len(groups), "int64")
    found[which[is_best]] = entries[is_best]
    return groups, values, found


def _offsets(shape: tuple[int, ...], axes: list[int]) -> np.ndarray:
    """Returns the flat indices of the entries along some axes, row by row."""
    offsets = np.zeros(1, "int64")
    for axis in axes:
        along = np.arange(shape[axis]) * math.prod(shape[axis + 1 :])
        offsets = (offsets[:, None] + along).reshape(-1)
    return offsets


def _log(weight: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.log(np.abs(np.asarray(weight, "float64")))


def _at(
    ids: np.ndarray, entries: np.ndarray, shape: tuple[int, ...]
) -> np.ndarray:
    return np.broadcast_to(ids, shape)[np.unravel_index(entries, shape)]


def _check_finite(graph, weights):
    for edges, weight in zip(graph.edges, weights, strict=True):
        bad = math.prod(edges.shape) - np.count_nonzero(np.isfinite(weight))
        if bad:
            raise ValueError(
                "Weights must be finite to choose a skeleton by their "
                f'products. Received: {bad} weights of "{edges.path}" that '
                "are NaN or infinite."
            )


def _only_zeros(graph, groups, inward):
    layers = ", ".join(
        f'"{name}"' for name in dict.fromkeys(graph.owners[g] for g in groups)
    )
    return (
        "Skeleton weights must not be 0. Received: only paths with a weight 0 "
        f"{'from ground to' if inward else 'to ground from'} {len(groups)} "
        f"groups, first seen in {layers}. Start from other weights, or choose "
        'the policy "ones", which sets the skeleton weights to 1.'
    )

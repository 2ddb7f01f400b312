"""Chooses one incoming and one outgoing edge for each group of a scale graph.

The incoming edges `is(b)` form a forest rooted at ground, the outgoing edges
`os(a)` a forest into ground. With the products P and K of the weights along
them, the basis path of an edge e from a to b has the value `P_a w_e K_b`.

Where blocks are added to a stream, the stream takes its incoming edge from
what enters it first and its outgoing edge from what leaves it last: an edge of
a block could close a cycle.

Reference: Meng et al., arXiv:1802.03713, for equal widths and the policy
"ones"; any widths and "max_product" are ours.
"""

import math
from collections.abc import Callable
from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np

from needle_tf.ops import basis_paths
from needle_tf.scales import max_product
from needle_tf.scales import scale_groups

POLICIES = ("ones", "max_product", "index")


class _Forest(NamedTuple):
    """One edge for each group: variable, entry, and where it leads.

    Arrays of length H + 1; 0 for ground. `root` is the group at the other end
    of the edge, one step closer to ground.
    """

    place: np.ndarray
    entry: np.ndarray
    root: np.ndarray


def choose(
    graph: scale_groups.ScaleGraph,
    policy: str = "index",
    weights: Sequence[np.ndarray] | None = None,
) -> basis_paths.Skeleton:
    """Returns a skeleton of a scale graph; changes no weight.

    Args:
        graph: The scale graph of a model.
        policy: One of
            * "index": by position alone, the "diagonal" of each kernel, so
              that most edges are both the incoming edge of one group and the
              outgoing edge of another. The same for all weights.
            * "ones": chooses as "index" does. `start_at_one` then sets the
              skeleton weights.
            * "max_product": the edges of the largest absolute path value from
              ground to each group, and from it to ground. Does not change
              when groups are rescaled; an edge of largest weight would.
        weights: For "max_product": the values of the variables, one array for
            each of `graph.edges`, as `weights_of` returns them.

    Raises:
        ValueError: If the policy is unknown, weights are missing or of other
            shapes, or a group has no edge that can be used; "max_product":
            none but zeros.
    """
    if policy not in POLICIES:
        raise ValueError(
            f"`policy` must be one of {', '.join(POLICIES)}. Received: {policy}"
        )
    if policy == "max_product":
        if weights is None:
            raise ValueError(
                'The policy "max_product" needs `weights`: one array for each '
                "variable of the graph, as `weights_of(graph, "
                "model.trainable_variables)` returns them. Received: None"
            )
        check_shapes(graph, [np.shape(weight) for weight in weights])
        inward = max_product.forest(graph, weights, inward=True)
        outward = max_product.forest(graph, weights, inward=False)
    else:
        inward = _grow(graph, inward=True)
        outward = _grow(graph, inward=False)
    return basis_paths.Skeleton(
        in_place=inward[0],
        in_entry=inward[1],
        in_source=inward[2],
        out_place=outward[0],
        out_entry=outward[1],
        out_target=outward[2],
    )


def weights_of(
    graph: scale_groups.ScaleGraph, variables: Sequence[keras.Variable]
) -> list[np.ndarray]:
    """Returns the values of the variables of a graph, one for each of `edges`.

    Args:
        graph: The scale graph of a model.
        variables: The trainable variables of that model, or of one with the
            same structure, in model order.

    Raises:
        ValueError: If the variables are not those of the graph: by number and
            shape.
    """
    expected = len(graph.variable_paths)
    if len(variables) != expected:
        raise ValueError(
            f"Expected the {expected} trainable variables of the model that "
            f"the graph was made of. Received: {len(variables)} variables. "
            "Give `model.trainable_variables`, or make the graph anew."
        )
    found = [variables[edges.place] for edges in graph.edges]
    check_shapes(graph, [tuple(variable.shape) for variable in found])
    return [keras.ops.convert_to_numpy(variable) for variable in found]


def check_shapes(
    graph: scale_groups.ScaleGraph, shapes: Sequence[tuple[int, ...]]
) -> None:
    """Raises ValueError if `shapes` are not those of `graph.edges`."""
    expected = [tuple(edges.shape) for edges in graph.edges]
    if len(shapes) != len(expected):
        raise ValueError(
            f"Expected one array for each of the {len(expected)} variables in "
            f"`graph.edges`. Received: {len(shapes)} arrays. "
            "`weights_of(graph, model.trainable_variables)` returns them."
        )
    for edges, shape, received in zip(
        graph.edges, expected, shapes, strict=True
    ):
        if shape != tuple(received):
            raise ValueError(
                f'Expected shape {shape} for "{edges.path}". Received: '
                f"{tuple(received)}. The graph is that of another model: make "
                "it anew."
            )


def start_at_one(
    graph: scale_groups.ScaleGraph,
    skeleton: basis_paths.Skeleton,
    model: keras.Model,
) -> None:
    """Sets the skeleton weights of a model to 1, in place.

    This changes the function of the model, by a path of weight 1 through every
    unit, and with it the published results: use it on fresh weights. All
    products along the skeleton are 1 then, and the step on basis path values
    is as large as that on weights.

    To keep activations from growing from layer to layer, the other weights of
    the kernels between two groups are multiplied by `1 / sqrt(L)`, L being the
    number of skeleton edges from ground to the farthest group. Where
    normalisations cut the network into chains of one edge, L = 1 and nothing
    is shrunk. Kernels that read or make ground, scales and biases stay.

    Args:
        graph: The scale graph of `model`.
        skeleton: A skeleton of `graph`.
        model: The model; float weights of any precision.

    Raises:
        ValueError: If the variables of `model` are not those of the graph.

    Reference: the initialisation in the code of arXiv:1802.03713, which
    shrinks nothing: activations then grow 2.4-fold in each layer.
    """
    variables = model.trainable_variables
    weights = weights_of(graph, variables)
    depth = max(1, int(np.max(skeleton.in_level)))
    for number, (edges, weight) in enumerate(
        zip(graph.edges, weights, strict=True)
    ):
        weight = np.array(weight)
        if edges.kind == "kernel" and depth > 1:
            is_hidden = (edges.source > 0) & (edges.target > 0)
            weight *= np.where(is_hidden, depth**-0.5, 1).astype(weight.dtype)
        for place, entry in (
            (skeleton.in_place, skeleton.in_entry),
            (skeleton.out_place, skeleton.out_entry),
        ):
            is_here = place == number
            is_here[0] = False
            weight.reshape(-1)[entry[is_here]] = 1
        variables[edges.place].assign(weight)


def _grow(graph: scale_groups.ScaleGraph, *, inward: bool) -> _Forest:
    """Returns the forest of the first usable candidates.

    A candidate is usable if it comes from a group that has its edge already:
    no cycle can close, and no self loop is taken.
    """
    forest = _Forest(*np.zeros((3, graph.num_groups + 1), "int64"))
    has_edge = np.zeros(graph.num_groups + 1, bool)
    has_edge[0] = True
    order = range(len(graph.edges))

    def sweep(entries_of: Callable[[scale_groups.Edges], np.ndarray]) -> bool:
        before = np.count_nonzero(has_edge)
        for number in order if inward else reversed(order):
            edges = graph.edges[number]
            entries = entries_of(edges)
            if not len(entries):
                continue
            at = np.unravel_index(entries, edges.shape)
            roots = np.broadcast_to(edges.source, edges.shape)[at]
            leaves = np.broadcast_to(edges.target, edges.shape)[at]
            if not inward:
                roots, leaves = leaves, roots
            usable = np.flatnonzero(has_edge[roots] & ~has_edge[leaves])
            new, first = np.unique(leaves[usable], return_index=True)
            chosen = usable[first]
            forest.place[new] = number
            forest.entry[new] = entries[chosen]
            forest.root[new] = roots[chosen]
            has_edge[new] = True
        return np.count_nonzero(has_edge) > before

    while not has_edge.all():
        if sweep(lambda edges: edges.candidates) or sweep(_all_entries):
            continue
        raise ValueError(_no_edge(graph, np.flatnonzero(~has_edge), inward))
    return forest


def _all_entries(edges: scale_groups.Edges) -> np.ndarray:
    """Returns all entries of a kernel or scale that has no masked ones."""
    size = math.prod(edges.shape)
    if edges.kind == "bias" or edges.count < size:
        return np.zeros(0, "int64")
    return np.arange(size)


def _no_edge(
    graph: scale_groups.ScaleGraph, groups: np.ndarray, inward: bool
) -> str:
    layers = ", ".join(
        f'"{name}"' for name in dict.fromkeys(graph.owners[g] for g in groups)
    )
    what = "comes to" if inward else "leads from"
    return (
        f"Every group needs a weight on a path that {what} it, "
        f"{'from' if inward else 'to'} ground. Received: {len(groups)} groups "
        f"without one, first seen in {layers}. Connect these layers to the "
        f"{'input' if inward else 'output'} of the model by trainable kernels, "
        "or take them out."
    )

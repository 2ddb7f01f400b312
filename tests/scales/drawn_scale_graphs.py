"""Scale graphs of networks drawn by hypothesis, with the weights to them."""

import dataclasses
from types import SimpleNamespace

import keras
import numpy as np
from hypothesis import strategies as st

from needle_tf.ops import basis_paths
from needle_tf.scales import scale_groups
from tests.oracles import scale_graph as oracle

SEEDS = st.integers(0, 2**32 - 1)
_WIDTHS = st.integers(1, 4)


@st.composite
def perceptrons(draw: st.DrawFn) -> oracle.Network:
    """Draws a network of one to four hidden layers of unequal widths."""
    widths = draw(st.lists(_WIDTHS, min_size=3, max_size=6))
    return oracle.perceptron(widths, bias=draw(st.booleans()))


@st.composite
def networks(draw: st.DrawFn) -> oracle.Network:
    """Draws dense layers, normalisations, blocks with skips, self loops."""
    bias = draw(st.booleans())
    network = oracle.Network(draw(_WIDTHS))
    units = list(range(network.num_inputs))
    add_first = draw(st.sampled_from([oracle.dense, oracle.normalised]))
    units = add_first(network, units, draw(_WIDTHS))
    for part in draw(
        st.lists(
            st.sampled_from(["dense", "normalised", "block", "self loop"]),
            max_size=4,
        )
    ):
        if part == "dense":
            units = oracle.dense(network, units, draw(_WIDTHS), bias=bias)
        elif part == "normalised":
            units = oracle.normalised(network, units, draw(_WIDTHS))
        else:
            inner = draw(_WIDTHS) if part == "block" else 0
            units = oracle.block(network, units, inner, bias=bias)
    return oracle.close(network, units, draw(_WIDTHS), bias=bias)


def drawn_weights(network: oracle.Network, seed: int) -> np.ndarray:
    """Returns weights `(m,)`, of either sign, none close to 0."""
    generator = np.random.default_rng(seed)
    sizes = generator.uniform(0.3, 1.2, network.num_edges)
    return sizes * generator.choice([-1, 1], network.num_edges)


def drawn_scales(network: oracle.Network, seed: int) -> np.ndarray:
    """Returns scales `(H + 1,)` in [0.1, 10]; 1 for ground."""
    logs = np.random.default_rng(seed).uniform(-1, 1, network.num_groups + 1)
    logs[0] = 0
    return 10**logs


def graph_of(network: oracle.Network) -> SimpleNamespace:
    """Returns the scale graph of a network: what its readers use of it."""
    source, target = np.array(network.source), np.array(network.target)
    edges = tuple(
        scale_groups.Edges(
            path=f"layer{place}/{kind}",
            place=place,
            layer=f"layer{place}",
            kind=kind,
            shape=numbers.shape,
            source=_compact(source[numbers]),
            target=_compact(target[numbers]),
            candidates=_diagonal(kind, numbers.shape),
            count=numbers.size,
        )
        for place, (kind, numbers) in enumerate(network.variables)
    )
    return SimpleNamespace(
        edges=edges,
        num_groups=network.num_groups,
        owners=(
            "ground",
            *(f"layer of {g + 1}" for g in range(network.num_groups)),
        ),
        variable_paths=tuple(edge.path for edge in edges),
    )


def with_edges(graph: SimpleNamespace, **changes) -> SimpleNamespace:
    """Returns a graph with other fields in all of its edges."""
    edges = tuple(dataclasses.replace(e, **changes) for e in graph.edges)
    return SimpleNamespace(**{**vars(graph), "edges": edges})


def arrays_of(network: oracle.Network, weights: np.ndarray) -> list[np.ndarray]:
    """Returns the weights `(m,)` as one array for each variable."""
    return [weights[numbers] for _, numbers in network.variables]


def model_of(
    network: oracle.Network, weights: np.ndarray, dtype: str = "float64"
) -> SimpleNamespace:
    """Returns what holds the weights of a network as a model does."""
    return SimpleNamespace(
        trainable_variables=[
            keras.Variable(array, dtype=dtype)
            for array in arrays_of(network, weights)
        ]
    )


def weights_in(network: oracle.Network, model: SimpleNamespace) -> np.ndarray:
    """Returns the weights `(m,)` that a model of `model_of` holds."""
    weights = np.zeros(network.num_edges)
    for (_, numbers), variable in zip(
        network.variables, model.trainable_variables, strict=True
    ):
        weights[numbers] = keras.ops.convert_to_numpy(variable)
    return weights


def skeleton_of(drawn: oracle.Skeleton) -> basis_paths.Skeleton:
    """Returns a skeleton of the oracle by variable and entry."""
    network = drawn.network
    where = {}
    for place, (_, numbers) in enumerate(network.variables):
        for entry, edge in enumerate(numbers.reshape(-1)):
            where[int(edge)] = (place, entry)
    inward = [(*where[e], network.source[e]) for e in drawn.into[1:]]
    outward = [(*where[e], network.target[e]) for e in drawn.out_of[1:]]
    into = np.array([(0, 0, 0), *inward]).T
    out = np.array([(0, 0, 0), *outward]).T
    return basis_paths.Skeleton(*into, *out)


def oracle_of(
    network: oracle.Network, skeleton: basis_paths.Skeleton
) -> oracle.Skeleton:
    """Returns a skeleton by edge numbers, checking what it says of them."""
    chosen = []
    for place, entry, root, leaves, roots in (
        (
            skeleton.in_place,
            skeleton.in_entry,
            skeleton.in_source,
            network.target,
            network.source,
        ),
        (
            skeleton.out_place,
            skeleton.out_entry,
            skeleton.out_target,
            network.source,
            network.target,
        ),
    ):
        edges = [None]
        for group in range(1, network.num_groups + 1):
            _, numbers = network.variables[place[group]]
            edge = int(numbers.reshape(-1)[entry[group]])
            np.testing.assert_equal(leaves[edge], group)
            np.testing.assert_equal(roots[edge], root[group])
            edges.append(edge)
        chosen.append(edges)
    return oracle.Skeleton(network, *chosen)


def _compact(ids: np.ndarray) -> np.ndarray:
    """Returns ids with axes of size 1 where they do not change."""
    for axis in range(ids.ndim):
        first = np.take(ids, [0], axis=axis)
        if (ids == first).all():
            ids = first
    return ids.astype("int32")


def _diagonal(kind: str, shape: tuple[int, ...]) -> np.ndarray:
    if kind == "bias":
        return np.zeros(0, "int64")
    if kind == "scale":
        return np.arange(shape[0])
    steps = np.arange(max(shape))
    return np.ravel_multi_index((steps % shape[0], steps % shape[1]), shape)

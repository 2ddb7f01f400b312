"""Networks unit by unit in float64, and their paths one edge at a time.

A unit sums what comes to it: values of earlier units times a weight, or as they
are (a skip). Rectified units and streams carry a group, all else is ground (0).
Nothing here is fast, and nothing uses a closed form: chains are walked, path
values multiplied out, systems solved by least squares.
"""

import dataclasses
import itertools
from collections import Counter

import numpy as np

SLOPE = 0.1  # Of the leaky rectifier: gradients reach every unit.


@dataclasses.dataclass(eq=False)
class Unit:
    """One value of the network.

    Attributes:
        group: Its group; 0 for ground.
        inputs: Pairs (unit, edge); the edge is None for a skip.
        kind: "given" (an input or the constant 1), "linear", "rectified" or
            "standardised" (mean 0 and variance 1 over the samples).
    """

    group: int
    inputs: list = dataclasses.field(default_factory=list)
    kind: str = "rectified"


@dataclasses.dataclass(eq=False)
class Network:
    """Units in the order of computation, weights by variable.

    Attributes:
        units: All units; the first `num_inputs` are given, then comes the 1.
        num_inputs: Number of inputs.
        outputs: Numbers of the output units.
        variables: (kind, array of edge numbers), in the order of the calls.
        num_groups: H.
    """

    num_inputs: int
    units: list = dataclasses.field(default_factory=list)
    outputs: list = dataclasses.field(default_factory=list)
    variables: list = dataclasses.field(default_factory=list)
    source: list = dataclasses.field(default_factory=list)
    target: list = dataclasses.field(default_factory=list)
    num_groups: int = 0

    def __post_init__(self) -> None:
        self.units = [Unit(0, kind="given") for _ in range(self.num_inputs + 1)]

    @property
    def num_edges(self) -> int:
        """m."""
        return len(self.source)

    def connect(self, kind, sources, targets, elementwise=False):
        """Adds one variable of fresh edges from units to units."""
        pairs = itertools.product(range(len(sources)), range(len(targets)))
        shape = (len(sources), len(targets))
        if elementwise:
            pairs = ((number, number) for number in range(len(targets)))
            shape = (len(targets),)
        edges = []
        for s, t in pairs:
            edges.append(len(self.source))
            self.units[targets[t]].inputs.append((sources[s], edges[-1]))
            self.source.append(self.units[sources[s]].group)
            self.target.append(self.units[targets[t]].group)
        self.variables.append((kind, np.reshape(edges, shape)))

    def add_units(self, count, kind, groups=None):
        """Adds units of fresh groups, or of those given, and returns them."""
        if groups is None:
            fresh = self.num_groups + 1 + np.arange(count)
            groups = fresh if kind == "rectified" else [0] * count
            self.num_groups += count if kind == "rectified" else 0
        start = len(self.units)
        self.units += [Unit(int(group), kind=kind) for group in groups]
        return list(range(start, start + count))

    def add_bias(self, targets):
        """Adds a bias for each of the units."""
        ones = [self.num_inputs] * len(targets)
        self.connect("bias", ones, targets, elementwise=True)


def dense(network, sources, width, *, kind="rectified", bias=False):
    """Adds a dense layer and returns its units."""
    units = network.add_units(width, kind)
    network.connect("kernel", sources, units)
    if bias:
        network.add_bias(units)
    return units


def perceptron(widths, *, bias=False) -> Network:
    """Returns a network of dense layers; the last is linear."""
    network = Network(widths[0])
    units = list(range(widths[0]))
    for width in widths[1:-1]:
        units = dense(network, units, width, bias=bias)
    return close(network, units, widths[-1], bias=bias)


def close(network, units, width, *, bias=False) -> Network:
    """Adds the output layer."""
    network.outputs = dense(network, units, width, kind="linear", bias=bias)
    return network


def block(network, stream, inner, *, bias=False):
    """Adds two layers and a skip around them; `inner=0`: one and a skip."""
    units = stream
    if inner:
        units = dense(network, stream, inner, bias=bias)
    groups = [network.units[unit].group for unit in stream]
    after = network.add_units(len(stream), "rectified", groups)
    network.connect("kernel", units, after)
    for before, unit in zip(stream, after, strict=True):
        network.units[unit].inputs.append((before, None))
    if bias:
        network.add_bias(after)
    return after


def normalised(network, sources, width):
    """Adds a dense layer, a normalisation with scale and offset, a ReLU."""
    inside = dense(network, sources, width, kind="standardised")
    units = network.add_units(width, "rectified")
    network.connect("scale", inside, units, elementwise=True)
    network.add_bias(units)
    return units


def forward(network, weights, inputs):
    """Returns the values of all units, `(units, samples)`.

    Args:
        weights: `(m,)`.
        inputs: `(samples, inputs)`.
    """
    values = np.zeros((len(network.units), len(inputs)))
    values[: network.num_inputs] = inputs.T
    values[network.num_inputs] = 1
    for number, unit in enumerate(network.units):
        if unit.kind == "given":
            continue
        total = sum(
            values[source] * (1 if edge is None else weights[edge])
            for source, edge in unit.inputs
        )
        if unit.kind == "rectified":
            total = np.where(total > 0, total, SLOPE * total)
        elif unit.kind == "standardised":
            total = (total - total.mean()) / total.std()
        values[number] = total
    return values


def outputs(network, weights, inputs):
    """Returns the outputs, `(samples, outputs)`."""
    return forward(network, weights, inputs)[network.outputs].T


def gradient(network, weights, inputs, wanted):
    """Returns dL/dw of half the squared error, by back-propagation."""
    values = forward(network, weights, inputs)
    slopes = np.zeros_like(values)
    slopes[network.outputs] = values[network.outputs] - wanted.T
    found = np.zeros(network.num_edges)
    for number in reversed(range(len(network.units))):
        unit, slope = network.units[number], slopes[number]
        if unit.kind == "rectified":
            slope = np.where(values[number] > 0, slope, SLOPE * slope)
        elif unit.kind == "standardised":
            total = sum(values[s] * weights[e] for s, e in unit.inputs)
            z = values[number]
            slope = slope - slope.mean() - z * (slope * z).mean()
            slope = slope / total.std()
        for source, edge in unit.inputs:
            if edge is None:
                slopes[source] += slope
            else:
                found[edge] += slope @ values[source]
                slopes[source] += slope * weights[edge]
    return found


def rescaled(network, weights, scales):
    """Returns the weights after a rescaling; `scales[0]` is 1, for ground."""
    return np.array(
        [
            weight * scales[t] / scales[s]
            for weight, s, t in zip(
                weights, network.source, network.target, strict=True
            )
        ]
    )


def all_paths(network):
    """Returns all paths from an input to an output, as tuples of edges."""
    paths = [[()] if unit.kind == "given" else [] for unit in network.units]
    for number, unit in enumerate(network.units):
        for source, edge in unit.inputs:
            more = () if edge is None else (edge,)
            paths[number] += [path + more for path in paths[source]]
    return [path for unit in network.outputs for path in paths[unit]]


def exponents(paths, num_edges):
    """Returns how often each path has each edge: J = d log v / d log |w|."""
    matrix = np.zeros((len(paths), num_edges))
    for row, path in enumerate(paths):
        for edge, times in Counter(path).items():
            matrix[row, edge] = times
    return matrix


@dataclasses.dataclass(eq=False)
class Skeleton:
    """The edge is(b) and the edge os(b) of each group; None for ground."""

    network: Network
    into: list
    out_of: list

    def in_chain(self, group):
        """Returns the skeleton edges from ground to a group."""
        chain = []
        while group:
            chain.append(self.into[group])
            group = self.network.source[self.into[group]]
        return chain[::-1]

    def out_chain(self, group):
        """Returns the skeleton edges from a group to ground."""
        chain = []
        while group:
            chain.append(self.out_of[group])
            group = self.network.target[self.out_of[group]]
        return chain

    def basis_path(self, edge):
        """Returns the basis path of an edge, its edges sorted."""
        before = self.in_chain(self.network.source[edge])
        after = self.out_chain(self.network.target[edge])
        return tuple(sorted([*before, edge, *after]))

    def basis(self):
        """Returns the different basis paths, and which is that of each edge."""
        paths = [self.basis_path(e) for e in range(self.network.num_edges)]
        different = list(dict.fromkeys(paths))
        return different, [different.index(path) for path in paths]


def drawn_skeleton(network, rng) -> Skeleton:
    """Returns any skeleton: edges drawn one by one among those that fit."""
    forests = []
    for roots, leaves in (
        (network.source, network.target),
        (network.target, network.source),
    ):
        chosen = [None] * (network.num_groups + 1)
        has_edge = {0}
        while len(has_edge) <= network.num_groups:
            fitting = [
                edge
                for edge in range(network.num_edges)
                if roots[edge] in has_edge and leaves[edge] not in has_edge
            ]
            edge = int(rng.choice(fitting))
            chosen[leaves[edge]] = edge
            has_edge.add(leaves[edge])
        forests.append(chosen)
    return Skeleton(network, *forests)


def path_values(paths, weights):
    """Returns the products of the weights along paths."""
    return np.array([np.prod([weights[e] for e in path]) for path in paths])


def path_flows(skeleton, flows):
    """Returns y of each basis path: least squares on J^T y = x.

    Args:
        flows: x_e = w_e dL/dw_e, `(m,)`.
    """
    paths, _ = skeleton.basis()
    matrix = exponents(paths, skeleton.network.num_edges)
    return np.linalg.lstsq(matrix.T, flows, rcond=None)[0]


def step(skeleton, weights, slopes, rate, ratio_range=(-np.inf, np.inf)):
    """Returns the weights after one gradient step on the basis path values.

    Path values are stepped one by one; then, group by group from ground, the
    weights that give them: edges os keep their weights.

    Args:
        slopes: dL/dw, `(m,)`.
        rate: The learning rate.
        ratio_range: Range to which the ratios d'_b / d_b are clipped.
    """
    network = skeleton.network
    paths, which = skeleton.basis()
    values = path_values(paths, weights)
    flows = path_flows(skeleton, weights * slopes)
    for number, path in enumerate(paths):
        members = [e for e in range(network.num_edges) if which[e] == number]
        on_skeleton = [
            e for e in members if e in skeleton.into or e in skeleton.out_of
        ]
        if on_skeleton:
            ratio = 1 - rate * flows[number] / values[number] ** 2
            values[number] *= np.clip(ratio, *ratio_range)
        else:
            (edge,) = members
            others = [e for e in path if e != edge]
            slope = slopes[edge] / np.prod([weights[e] for e in others])
            values[number] -= rate * slope
    after = np.array(weights)
    order = sorted(
        range(1, network.num_groups + 1),
        key=lambda group: len(skeleton.in_chain(group)),
    )
    frozen = set(skeleton.out_of)
    for group in order:
        edge = skeleton.into[group]
        if edge not in frozen:
            after[edge] = _weight_for(skeleton, after, values, which, edge)
    for edge in range(network.num_edges):
        if edge not in frozen and edge not in skeleton.into:
            after[edge] = _weight_for(skeleton, after, values, which, edge)
    return after


def _weight_for(skeleton, weights, values, which, edge):
    """Returns the weight that gives an edge's path its value."""
    network = skeleton.network
    rest = [
        *skeleton.in_chain(network.source[edge]),
        *skeleton.out_chain(network.target[edge]),
    ]
    return values[which[edge]] / np.prod([weights[e] for e in rest])

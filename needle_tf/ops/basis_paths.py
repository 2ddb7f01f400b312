"""The math of basis paths: skeletons, path values, gradients by path.

Units that share a positive scale are a group; weights are edges between groups,
and group 0 is ground: inputs, outputs and whatever has a fixed scale. Each
group b has one skeleton edge is(b) that enters it and one, os(b), that leaves
it. The chains of skeleton edges from ground to b and from b to ground have the
products P_b and K_b, and edge e = (a -> b) of weight w_e lies on the basis path
of value

    v_e = P_a w_e K_b,        d_b = v_is(b) = v_os(b) = P_b K_b.

These values do not change when units are rescaled, and m weights have
m - H different ones, H being the number of groups.

Vectors here have H + 1 entries, the first for ground.

Reference: Meng et al., "G-SGD: Optimizing ReLU neural networks in its
positively scale-invariant space", arXiv:1802.03713, for equal widths; here for
any wiring. The published basis, paths with at most one weight off the skeleton,
has too many members where widths differ.
"""

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
from keras import ops

Tensor = Any

_FIELDS = (
    "in_place",
    "in_entry",
    "in_source",
    "out_place",
    "out_entry",
    "out_target",
)


@dataclasses.dataclass(frozen=True, eq=False)
class Skeleton:
    """One edge into and one edge out of every group.

    Attributes:
        in_place: Number of the variable that holds is(b), `(H + 1,)`; entry 0
            of every field is ground's own and means nothing.
        in_entry: Its place in that variable, flattened row by row.
        in_source: The group that it comes from.
        out_place: Number of the variable that holds os(b).
        out_entry: Its place in that variable.
        out_target: The group that it goes to.

    Raises:
        ValueError: If the fields do not fit, or skeleton edges form a circle:
            chains must begin and end at ground.
    """

    in_place: np.ndarray
    in_entry: np.ndarray
    in_source: np.ndarray
    out_place: np.ndarray
    out_entry: np.ndarray
    out_target: np.ndarray

    def __post_init__(self) -> None:
        for name in _FIELDS:
            array = np.asarray(getattr(self, name), "int64")
            object.__setattr__(self, name, array)
        lengths = {getattr(self, name).shape for name in _FIELDS}
        if len(lengths) > 1 or len(self.in_source.shape) != 1:
            raise ValueError(
                "The fields of a skeleton must be vectors of one length, the "
                f"number of groups + 1. Received: shapes {sorted(lengths)}."
            )
        for name in ("in_level", "out_level"):
            if (getattr(self, name) < 0).any():
                circle = np.flatnonzero(getattr(self, name) < 0)
                raise ValueError(
                    "Skeleton edges must lead from ground to ground. Received "
                    f"edges in a circle through the groups {circle[:10]} "
                    f"({name.partition('_')[0]}-skeleton)."
                )

    @property
    def num_groups(self) -> int:
        """H, the number of groups without ground."""
        return len(self.in_source) - 1

    @functools.cached_property
    def in_level(self) -> np.ndarray:
        """Skeleton edges from ground to each group."""
        return _levels(self.in_source)

    @functools.cached_property
    def out_level(self) -> np.ndarray:
        """Skeleton edges from each group to ground."""
        return _levels(self.out_target)

    @functools.cached_property
    def is_double_in(self) -> np.ndarray:
        """Whether is(b) is also the edge os of the group it comes from."""
        source = self.in_source
        return (
            (source != 0)
            & (self.out_place[source] == self.in_place)
            & (self.out_entry[source] == self.in_entry)
        )

    @functools.cached_property
    def is_double_out(self) -> np.ndarray:
        """Whether os(b) is also the edge is of the group it goes to."""
        target = self.out_target
        return (
            (target != 0)
            & (self.in_place[target] == self.out_place)
            & (self.in_entry[target] == self.out_entry)
        )

    @functools.cached_property
    def leader(self) -> np.ndarray:
        """The first group of those that have one basis path in common."""
        first = np.where(
            self.is_double_in, self.in_source, np.arange(len(self.in_source))
        )
        while (first[first] != first).any():
            first = first[first]
        return first

    @functools.cached_property
    def mean_length(self) -> float:
        """Mean number of edges of the paths d_b, over the groups."""
        return float(np.mean((self.in_level + self.out_level)[1:]))

    def get_config(self) -> dict[str, list[int]]:
        """Returns the fields as lists of integers."""
        return {name: getattr(self, name).tolist() for name in _FIELDS}

    @classmethod
    def from_config(cls, config: dict[str, list[int]]) -> "Skeleton":
        """Returns the skeleton of a configuration."""
        return cls(**{name: np.asarray(config[name]) for name in _FIELDS})


def path_products(
    in_weights: Tensor, out_weights: Tensor, skeleton: Skeleton
) -> tuple[Tensor, Tensor]:
    """Returns P and K: products of the weights along the chains, `(H + 1,)`.

    Args:
        in_weights: w_is(b), `(H + 1,)`; 1 for ground.
        out_weights: w_os(b), likewise.
        skeleton: Which edges these are.
    """
    prefix, suffix = in_weights, out_weights
    for step in strides(skeleton.in_source):
        prefix = prefix * ops.take(prefix, step)
    for step in strides(skeleton.out_target):
        suffix = suffix * ops.take(suffix, step)
    return prefix, suffix


def inverse_chain_rule(
    sums: Tensor, in_flow: Tensor, out_flow: Tensor, skeleton: Skeleton
) -> Tensor:
    """Returns y_b = d_b dL/dd_b of each group, `(H + 1,)`; 0 for ground.

    With x_e = w_e dL/dw_e, what flows through b on the way in to other basis
    paths is

        A_b = S_b - x_os(b) + [os(b) double] A_t(os(b))

    and y_b = x_is(b) - A_b, taken at the first group of those that share a
    basis path. Holds where S_b is also the sum of x over the edges into b: for
    the exact gradient of a loss that sees the weights through the network.

    Args:
        sums: S_b, sum of x over all edges out of b; 0 for ground.
        in_flow: x_is(b); 0 for ground.
        out_flow: x_os(b); 0 for ground.
        skeleton: The skeleton.
    """
    through = sums - out_flow
    onwards = np.where(skeleton.is_double_out, skeleton.out_target, 0)
    for step in strides(onwards):
        through = through + ops.take(through, step)
    flow = in_flow - through
    if (skeleton.leader == np.arange(len(skeleton.leader))).all():
        return flow
    return ops.take(flow, skeleton.leader.astype("int32"))


def allocated_weights(
    weights: Tensor,
    path_steps: Tensor,
    per_path: Any,
    source_ratio: Any,
) -> Tensor:
    """Returns weights off the skeleton after a step on the basis paths.

    w'_e = (w_e - step_e / (P_a K_b)) / R_a: what makes P'_a w'_e K_b the new
    path value, where edges os keep their weights for ever. w_e may be 0.

    Args:
        weights: w_e, the shape of a variable.
        path_steps: By how much path values fall, the same shape.
        per_path: 1 / (P_a K_b) before the step, broadcastable to it.
        source_ratio: R_a = d'_a / d_a of the sources, broadcastable to it.
    """
    return (weights - path_steps * per_path) / source_ratio


def skeleton_weights(
    weights: Tensor, target_ratio: Any, source_ratio: Any
) -> Tensor:
    """Returns weights w_is(b) after a step: w_is(b) R_b / R_a.

    Those that are os of a group as well stay as they are instead.
    """
    return weights * (target_ratio / source_ratio)


def _levels(parents):
    """Steps to ground; -1 where the way does not end there."""
    level = np.full(len(parents), -1)
    level[0] = 0
    while True:
        ready = (level < 0) & (level[parents] >= 0)
        if not ready.any():
            return level
        level[ready] = level[parents[ready]] + 1


def strides(parents: np.ndarray) -> Iterator[np.ndarray]:
    """Yields parents, their parents' parents, ...: chains in log2(depth) steps.

    Combining each entry with that at its stride, one stride after the other,
    combines it with all entries on its chain to ground.
    """
    step = np.array(parents)
    step[0] = 0
    while step.any():
        yield step.astype("int32")
        step = step[step]

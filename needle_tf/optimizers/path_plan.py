"""Where a model's weights lie in its scale graph, as fixed index arrays.

What a step on basis paths reads from the graph: worked out once, so that the
step itself is a few operations on whole tensors and on vectors over groups.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from needle_tf.ops import basis_paths
from needle_tf.scales import scale_groups

Tensor = Any

# Weights of a variable up to which a mask of its skeleton is kept: cheaper to
# choose by than to put single entries into their places.
_SMALL = 1 << 17


@dataclasses.dataclass(frozen=True, eq=False)
class VariablePlan:
    """One variable of weights.

    Attributes:
        source: Group of each weight's source, broadcastable to the variable;
            None if all are ground.
        target: Group of each weight's target, likewise.
        entries: Skeleton edges in it, places in the flattened variable.
        entry_source: Groups that these come from.
        entry_target: Groups that these go to.
        is_out: Which of these leave their source as its skeleton edge.
        kind: For a small variable 0 for each weight off the skeleton, 1 for
            edges is, 2 for edges os; None for a large one.
    """

    source: np.ndarray | None
    target: np.ndarray | None
    entries: np.ndarray
    entry_source: np.ndarray
    entry_target: np.ndarray
    is_out: np.ndarray
    kind: np.ndarray | None


class PathPlan:
    """All variables that touch a group, in the order of the graph.

    Args:
        graph: The scale graph of a model.
        skeleton: A skeleton of it.

    Attributes:
        skeleton: The skeleton.
        variables: A `VariablePlan` for each of `graph.edges`.
    """

    def __init__(
        self,
        graph: scale_groups.ScaleGraph,
        skeleton: basis_paths.Skeleton,
    ) -> None:
        self.skeleton = skeleton
        self.variables = [
            _variable_plan(number, edges, skeleton)
            for number, edges in enumerate(graph.edges)
        ]
        starts = np.cumsum([0, *(len(v.entries) for v in self.variables)])
        places = [self._positions(starts, side) for side in ("in", "out")]
        self._both = np.concatenate(places).astype("int32")
        self._leaving = _Gathering(
            [v.source for v in self.variables], skeleton.num_groups
        )
        self._entering = _Gathering(
            [v.target for v in self.variables], skeleton.num_groups
        )

    def _positions(self, starts, side):
        """Place of the edge of each group among all entries; ground is last."""
        place = getattr(self.skeleton, f"{side}_place")
        entry = getattr(self.skeleton, f"{side}_entry")
        found = np.full(len(place), starts[-1])
        for number, variable in enumerate(self.variables):
            own = np.flatnonzero(place == number)
            own = own[own != 0]
            where = np.searchsorted(variable.entries, entry[own])
            found[own] = starts[number] + where
        return found

    def at_skeleton(self, tensors: Sequence[Tensor], ground: float) -> Tensor:
        """Returns the entries at is, then at os of every group, `(2 H + 2,)`.

        Args:
            tensors: One per variable.
            ground: The value for ground.
        """
        parts = [
            ops.take(ops.reshape(tensor, (-1,)), plan.entries)
            for tensor, plan in zip(tensors, self.variables, strict=True)
            if len(plan.entries)
        ]
        every = ops.concatenate(
            [*parts, ops.full((1,), ground, parts[0].dtype)]
        )
        return ops.take(every, self._both)

    def leaving(self, tensors: Sequence[Tensor | None]) -> Tensor:
        """Returns sums over the edges out of each group, `(H + 1,)`.

        Args:
            tensors: One per variable; None is 0.
        """
        return self._leaving(tensors)

    def entering(self, tensors: Sequence[Tensor | None]) -> Tensor:
        """Returns sums over the edges into each group, `(H + 1,)`."""
        return self._entering(tensors)


class _Gathering:
    """Sums of the weights of each group on one side; 0 for ground."""

    def __init__(self, groups, num_groups):
        self._shapes = [None if ids is None else ids.shape for ids in groups]
        flat = [ids.reshape(-1) for ids in groups if ids is not None]
        self._ids = np.concatenate(flat).astype("int32")
        self._count = num_groups + 1
        counts = np.bincount(self._ids, minlength=self._count)
        self._order = None
        if (counts[1:] == 1).all():
            # No group twice: its place, and a zero at the end for ground.
            order = np.full(self._count, len(self._ids))
            order[self._ids] = np.arange(len(self._ids))
            order[0] = len(self._ids)
            self._order = order.astype("int32")

    def __call__(self, tensors):
        parts = [
            ops.reshape(_summed(tensor, shape), (-1,))
            for tensor, shape in zip(tensors, self._shapes, strict=True)
            if shape is not None
        ]
        zero = ops.zeros((1,), parts[0].dtype)
        if self._order is not None:
            return ops.take(ops.concatenate([*parts, zero]), self._order)
        sums = ops.segment_sum(
            ops.concatenate(parts), self._ids, num_segments=self._count
        )
        return ops.concatenate([zero, sums[1:]])


def _summed(tensor, shape):
    """Sum over the axes that have length 1 in `shape`; rows first."""
    axes = [
        axis
        for axis, (size, kept) in enumerate(
            zip(tensor.shape, shape, strict=True)
        )
        if kept == 1 and size != 1
    ]
    if axes and axes[-1] == len(shape) - 1:
        tensor = ops.sum(tensor, axis=-1, keepdims=True)
        axes.pop()
    return ops.sum(tensor, axis=axes, keepdims=True) if axes else tensor


def _variable_plan(number, edges, skeleton):
    groups = np.arange(1, skeleton.num_groups + 1)
    entering = groups[skeleton.in_place[1:] == number]
    leaving = groups[skeleton.out_place[1:] == number]
    entries = np.unique(
        np.concatenate(
            [skeleton.in_entry[entering], skeleton.out_entry[leaving]]
        )
    )
    where = np.unravel_index(entries, edges.shape)
    source = np.broadcast_to(edges.source, edges.shape)[where]
    target = np.broadcast_to(edges.target, edges.shape)[where]
    is_out = np.isin(entries, skeleton.out_entry[leaving])
    kind = None
    if np.prod(edges.shape, dtype="int64") <= _SMALL:
        kind = np.zeros(edges.shape, "int8")
        kind[where] = np.where(is_out, 2, 1)
    return VariablePlan(
        source=edges.source if edges.source.any() else None,
        target=edges.target if edges.target.any() else None,
        entries=entries.astype("int32"),
        entry_source=source.astype("int32"),
        entry_target=target.astype("int32"),
        is_out=is_out,
        kind=kind,
    )

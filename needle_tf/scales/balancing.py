"""Finds the scales of least norm: weights in and out of each unit balanced.

With u = log c, and u = 0 for ground, the sum of squared weights

    F(u) = sum over edges e from s to t of w_e^2 exp(2 u_t - 2 u_s)

is convex. Its gradient at a group is twice the squares that enter it minus
those that leave it, its Hessian the Laplacian of the graph weighted by them.
Newton's method finds the minimum, its linear systems solved by conjugate
gradients: no matrix over groups is made.
"""

from collections.abc import Callable
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from needle_tf.scales import scale_groups

# Squares in and out of a group differ by less than this share of their sum.
_TOLERANCE = 1e-12
_SWEEPS = 20
_NEWTON_STEPS = 100


class _Squares(NamedTuple):
    """Squared weights of one variable, summed where no group changes.

    `values` has the size of `source` or of `target` along each axis.
    """

    values: np.ndarray
    source: np.ndarray
    target: np.ndarray

    def reversed(self) -> "_Squares":
        """Returns the edges turned around."""
        return _Squares(self.values, self.target, self.source)


def least_norm_scales(
    graph: scale_groups.ScaleGraph, weights: Sequence[np.ndarray]
) -> np.ndarray:
    """Returns the scales `(H,)` at which the weights have least norm.

    Groups that no path of nonzero weights joins with ground, on both sides,
    have scale 1.

    Args:
        graph: The scale graph of a model.
        weights: One array for each of `graph.edges`.

    Raises:
        ValueError: If a weight is not finite.
    """
    parts = [
        _squares(edges, weight)
        for edges, weight in zip(graph.edges, weights, strict=True)
    ]
    length = graph.num_groups + 1
    backwards = [part.reversed() for part in reversed(parts)]
    joined = _reached(parts, length) & _reached(backwards, length)
    joined[0] = False
    network = _Network(parts, backwards, joined)
    logs = np.zeros(length)
    for _ in range(_SWEEPS):
        entering, leaving = network.flows(logs)
        # Half of the way that each group would go if the others stood still.
        share = np.where(joined, leaving, 1) / np.where(joined, entering, 1)
        logs += 0.125 * np.log(share)
    for _ in range(_NEWTON_STEPS):
        entering, leaving = network.flows(logs)
        excess = np.where(joined, entering - leaving, 0)
        if (np.abs(excess) <= _TOLERANCE * (entering + leaving)).all():
            break
        step = network.newton_step(logs, excess, entering + leaving)
        logs = network.descended(logs, step, 2 * excess @ step)
    return np.exp(logs[1:])


class _Network(NamedTuple):
    """The sum of squares as a function of the logs of the scales.

    Attributes:
        parts: The squares of the variables.
        backwards: The same with their edges turned around.
        joined: Which groups have a best scale.
    """

    parts: list[_Squares]
    backwards: list[_Squares]
    joined: np.ndarray

    def flows(self, logs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the squares that enter and that leave each group."""
        factors = np.exp(2 * logs)
        return (
            factors * _arriving(self.parts, 1 / factors),
            _arriving(self.backwards, factors) / factors,
        )

    def newton_step(
        self, logs: np.ndarray, excess: np.ndarray, total: np.ndarray
    ) -> np.ndarray:
        """Returns the way to the minimum of the quadratic at hand.

        Args:
            logs: Where it is taken.
            excess: What enters each group minus what leaves it.
            total: The sum of both.
        """
        factors = np.exp(2 * logs)

        def half_hessian(vector):
            arriving = factors * _arriving(self.parts, vector / factors)
            coming = _arriving(self.backwards, vector * factors) / factors
            change = 2 * (total * vector - arriving - coming)
            return np.where(self.joined, change, 0)

        diagonal = np.where(self.joined, 2 * total, 1)
        return _solve(half_hessian, -excess, diagonal)

    def descended(
        self, logs: np.ndarray, step: np.ndarray, slope: float
    ) -> np.ndarray:
        """Returns the logs after a step, shortened until the norm falls.

        Args:
            logs: Before the step.
            step: The direction.
            slope: Of the sum of squares along it.
        """
        # Longer steps leave the range in which a quadratic says anything.
        length = min(1.0, 2.0 / np.abs(step).max())
        before = self.flows(logs)[0].sum()
        # Close to the minimum the norm falls by less than it is rounded.
        enough = before * (1 + 1e-14)
        while (
            self.flows(logs + length * step)[0].sum()
            > enough + 0.1 * length * slope
        ):
            length /= 2
        return logs + length * step


def _squares(edges: scale_groups.Edges, weight: np.ndarray) -> _Squares:
    weight = np.asarray(weight, "float64")
    if not np.isfinite(weight).all():
        raise ValueError(
            "Weights must be finite to balance them. Received: NaN or infinite "
            f'weights in "{edges.path}".'
        )
    idle = tuple(
        axis
        for axis in range(weight.ndim)
        if edges.source.shape[axis] == edges.target.shape[axis] == 1
    )
    values = np.square(weight).sum(axis=idle, keepdims=True)
    # From a group to itself: no scale changes these.
    values = np.where(edges.source == edges.target, 0, values)
    return _Squares(values, edges.source, edges.target)


def _arriving(parts: list[_Squares], vector: np.ndarray) -> np.ndarray:
    """Returns for each target the sum of squares times values at sources."""
    sums = np.zeros_like(vector)
    for part in parts:
        axes = list(range(part.values.ndim))
        # No array of the size of the squares is made.
        totals = np.einsum(
            part.values,
            axes,
            vector[part.source].reshape(
                [size for size in part.source.shape if size > 1]
            ),
            [axis for axis in axes if part.source.shape[axis] > 1],
            [axis for axis in axes if part.target.shape[axis] > 1],
        )
        sums += np.bincount(
            part.target.reshape(-1), totals.reshape(-1), len(vector)
        )
    return sums


def _reached(parts: list[_Squares], length: int) -> np.ndarray:
    """Returns which groups a path of nonzero weights from ground reaches."""
    reached = np.zeros(length, bool)
    reached[0] = True
    before = 0
    while np.count_nonzero(reached) > before:
        before = np.count_nonzero(reached)
        for part in parts:
            reached |= _arriving([part], reached.astype("float64")) > 0
    return reached


def _solve(
    product: Callable[[np.ndarray], np.ndarray],
    right: np.ndarray,
    diagonal: np.ndarray,
) -> np.ndarray:
    """Solves a positive definite system by conjugate gradients.

    Preconditioned by the diagonal; at most as many steps as unknowns, which
    rounding may leave short of the solution: still a direction of descent.
    """
    solution = np.zeros_like(right)
    rest = right
    search = rest / diagonal
    norm = rest @ search
    start = norm
    for _ in range(len(right)):
        if norm <= 1e-20 * start:
            break
        image = product(search)
        length = norm / (search @ image)
        solution = solution + length * search
        rest = rest - length * image
        before, norm = norm, rest @ (rest / diagonal)
        search = rest / diagonal + norm / before * search
    return solution

"""Chains of points in NumPy float64, one flat vector per point."""

from collections.abc import Callable

import numpy as np


def flat(weights: list[np.ndarray]) -> np.ndarray:
    """Returns all weights of a point as one vector."""
    return np.concatenate([np.asarray(w, "float64").ravel() for w in weights])


def string_force(
    before: np.ndarray,
    here: np.ndarray,
    after: np.ndarray,
    gradient: np.ndarray,
    stiffness: float,
) -> np.ndarray:
    """Returns minus the slope of L + stiffness/2 (|w - a|^2 + |w - b|^2)."""
    return -gradient - stiffness * (here - before) - stiffness * (here - after)


def band_force(
    before: np.ndarray,
    here: np.ndarray,
    after: np.ndarray,
    gradient: np.ndarray,
    stiffness: float,
) -> np.ndarray:
    """Returns the loss' force across the band and the springs' along it.

    By a projection matrix, not by inner products.
    """
    chord = after - before
    length = np.sqrt(np.sum(chord**2))
    if length == 0:
        return -gradient
    along = np.outer(chord, chord) / length**2
    across = np.eye(len(chord)) - along
    stretch = np.sqrt(np.sum((after - here) ** 2))
    stretch -= np.sqrt(np.sum((here - before) ** 2))
    return -across @ gradient + stiffness * stretch * chord / length


def trained(
    points: np.ndarray,
    force: Callable,
    gradient: Callable[[np.ndarray], np.ndarray],
    stiffness: float,
    rate: float,
    steps: int,
) -> np.ndarray:
    """Returns the points after some steps, all moved at the same time.

    Args:
        points: One row per point, the two fixed ends first and last.
    """
    points = np.array(points, "float64")
    for _ in range(steps):
        old = points.copy()
        for i in range(1, len(points) - 1):
            points[i] += rate * force(
                old[i - 1], old[i], old[i + 1], gradient(old[i]), stiffness
            )
    return points


def curvilinear(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
    """Returns the point of the line, at the norm between those of the ends."""
    a, b = np.asarray(a, "float64"), np.asarray(b, "float64")
    line = a + share * (b - a)
    radius = np.linalg.norm(a) + share * (np.linalg.norm(b) - np.linalg.norm(a))
    length = np.linalg.norm(line)
    return line * radius / length if length else line

"""Angles between weights in float64, from unit vectors.

angle = 2 arctan2(||u - v||, ||u + v||) with u, v the weights over their norms:
exact to the last digits for any angle, and no way that the library goes.
"""

import numpy as np


def angle(before: np.ndarray, after: np.ndarray) -> float:
    """Returns the angle in radians, in [0, pi], between two tensors."""
    u, v = _unit(before), _unit(after)
    return 2 * np.arctan2(np.linalg.norm(u - v), np.linalg.norm(u + v))


def cosine_distance(weight: np.ndarray, start: np.ndarray) -> float:
    """Returns `1 - cos`, in [0, 2], of two tensors."""
    difference = _unit(weight) - _unit(start)
    return float(np.sum(np.square(difference))) / 2


def _unit(tensor):
    flat = np.asarray(tensor, "float64").ravel()
    return flat / np.linalg.norm(flat)

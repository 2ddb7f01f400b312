"""Layer rotation in float64, as published: one line of the paper at a time.

Vectors are flattened; `units` are the same with one column for each unit.
"""

import numpy as np


def angle(before: np.ndarray, after: np.ndarray) -> float:
    """Returns the angle in radians, from the half angle of unit vectors."""
    a = np.asarray(before, "float64").ravel()
    b = np.asarray(after, "float64").ravel()
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    return 2 * np.arctan2(np.linalg.norm(a - b), np.linalg.norm(a + b))


def cosine_distance(weight: np.ndarray, start: np.ndarray) -> float:
    """Returns 1 - cos."""
    a = np.asarray(weight, "float64").ravel()
    b = np.asarray(start, "float64").ravel()
    return 1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b)


def layca_step(
    weight: np.ndarray,
    step: np.ndarray,
    rate: float,
    norm: float | None = None,
    project: bool = True,
    restore_norm: bool = True,
) -> np.ndarray:
    """Returns the weight after one step of the published algorithm.

    Args:
        weight: Any shape.
        step: Descent direction, the same shape.
        rate: The rate.
        norm: Norm to restore; None for that of `weight`.
        project: Whether the radial part is taken out.
        restore_norm: Whether the norm is restored.
    """
    p = np.asarray(weight, "float64").ravel()
    s = np.asarray(step, "float64").ravel()
    n = np.linalg.norm(p)
    if project:
        basis = np.column_stack([p / n, s])
        # Gram-Schmidt by QR: the second column, times its length.
        q, r = np.linalg.qr(basis)
        s = q[:, 1] * r[1, 1]
    length = np.linalg.norm(s)
    u = n * s / length if length else 0 * s
    moved = p - rate * u
    if restore_norm:
        target = n if norm is None else norm
        moved = moved * target / np.linalg.norm(moved)
    return moved.reshape(np.shape(weight))


def by_unit(step, weight, other, *args, axis=-1, **kwargs) -> np.ndarray:
    """Returns `step(weight, other)` taken for each unit by itself."""
    weights = np.moveaxis(np.asarray(weight, "float64"), axis, 0)
    others = np.moveaxis(np.asarray(other, "float64"), axis, 0)
    found = [
        step(w, s, *args, **kwargs)
        for w, s in zip(weights, others, strict=True)
    ]
    return np.moveaxis(np.stack(found), 0, axis)


def prioritised(count: int, alpha: float) -> list[float]:
    """Returns the multipliers of the paper's layer prioritisation."""
    found = []
    for layer in range(count):
        if alpha > 0:
            exponent = 5 * (count - 1 - layer) / (count - 1)
            found.append((1 - alpha) ** exponent)
        else:
            found.append((1 + alpha) ** (5 * layer / (count - 1)))
    return found

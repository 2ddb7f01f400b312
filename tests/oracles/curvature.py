"""The Hessian of a small network as a matrix, from its gradient by hand.

The network: `tanh(x @ D + b) @ W + c`, mean softmax cross entropy, everything
in float64. Each column of the Hessian is a complex step of the gradient, which
has no cancellation: exact to rounding.
"""

from collections.abc import Sequence

import numpy as np

_STEP = 1e-30


def loss_and_gradient(
    weights: Sequence[np.ndarray], x: np.ndarray, y: np.ndarray
) -> tuple[complex, list[np.ndarray]]:
    """Returns the loss and its gradient, for real or complex weights.

    Args:
        weights: D, b, W, c.
        x: `(examples, pixels)`.
        y: Classes.
    """
    dense, bias, head, shift = weights
    hidden = np.tanh(x @ dense + bias)
    scores = hidden @ head + shift
    scores = scores - scores.real.max(axis=1, keepdims=True)
    powers = np.exp(scores)
    sums = powers.sum(axis=1, keepdims=True)
    rows = np.arange(len(y))
    loss = np.mean(np.log(sums[:, 0]) - scores[rows, y])
    upstream = powers / sums
    upstream[rows, y] -= 1
    upstream = upstream / len(y)
    below = (upstream @ head.T) * (1 - hidden**2)
    return loss, [
        x.T @ below,
        below.sum(axis=0),
        hidden.T @ upstream,
        upstream.sum(axis=0),
    ]


def hessian(
    weights: Sequence[np.ndarray], x: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """Returns the Hessian over all weights, flattened one after the other."""
    flat = np.concatenate([np.ravel(w) for w in weights]).astype(complex)
    ends = np.cumsum([np.size(w) for w in weights])[:-1]
    columns = []
    for place in range(len(flat)):
        moved = flat.copy()
        moved[place] += 1j * _STEP
        parts = [
            part.reshape(np.shape(weight))
            for part, weight in zip(np.split(moved, ends), weights, strict=True)
        ]
        _, gradient = loss_and_gradient(parts, x, y)
        column = np.concatenate([np.ravel(part) for part in gradient])
        columns.append(column.imag / _STEP)
    return np.stack(columns, axis=1)


def shared_basis(labels: np.ndarray) -> np.ndarray:
    """Returns an orthonormal basis of what is constant on each label.

    Args:
        labels: For each entry its label; entries of label -1 are 0.

    Returns:
        `(entries, labels)`.
    """
    labels = np.ravel(labels)
    columns = [labels == label for label in np.unique(labels[labels >= 0])]
    return np.stack([c / np.sqrt(c.sum()) for c in columns], axis=1)


def within(matrix: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Returns the eigenvalues of a matrix within a space, descending."""
    return np.linalg.eigvalsh(basis.T @ matrix @ basis)[::-1]


def complement(basis: np.ndarray) -> np.ndarray:
    """Returns an orthonormal basis of all that is orthogonal to a basis."""
    whole, _ = np.linalg.qr(basis, mode="complete")
    return whole[:, basis.shape[1] :]

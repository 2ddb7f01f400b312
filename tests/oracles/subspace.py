"""Projections and distances with an explicit label for every dense entry.

`labels` says which weight of the kernel an entry of the dense matrix holds, -1
for none (`dense_convolution.labels`). All in float64.
"""

import numpy as np


def project_local(dense: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns the nearest matrix whose off-local entries are 0."""
    return np.where(labels >= 0, np.asarray(dense, "float64"), 0.0)


def project_shared(dense: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns the nearest matrix of a convolution: the mean of each label."""
    projected = np.zeros(dense.shape)
    for label in np.unique(labels[labels >= 0]):
        same = labels == label
        projected[same] = np.asarray(dense[same], "float64").mean()
    return projected


def distances(
    dense: np.ndarray, labels: np.ndarray
) -> tuple[float, float, float]:
    """Returns `(delta, delta_share, delta_cnn)`, each from its definition."""
    dense = np.asarray(dense, "float64")
    local = project_local(dense, labels)
    shared = project_shared(dense, labels)
    norm = np.linalg.norm(dense) or 1.0
    return (
        np.linalg.norm(dense - local) / norm,
        np.linalg.norm(local - shared) / norm,
        np.linalg.norm(dense - shared) / norm,
    )

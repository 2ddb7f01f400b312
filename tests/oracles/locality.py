"""Squared weight by distance from the receptive field's centre, by loops."""

import collections

import numpy as np

from tests.oracles import dense_convolution


def by_distance(
    dense: np.ndarray, convolution: dense_convolution.Convolution
) -> dict[float, float]:
    """Returns the sum of squares at each distance that occurs.

    Args:
        dense: The dense matrix, `(H * W * C, H' * W' * F)`.
        convolution: Where its receptive fields lie.
    """
    height, width, channels = convolution.input_shape
    blocks = np.asarray(dense, "float64").reshape(
        height, width, channels, *convolution.output_shape
    )
    before = [first for first, _ in convolution.margins()]
    found = collections.defaultdict(float)
    for i, top in enumerate(convolution.starts()[0]):
        for j, left in enumerate(convolution.starts()[1]):
            # The mean of the first and the last row and column of the window.
            row = top - before[0] + (convolution.reach[0] - 1) / 2
            column = left - before[1] + (convolution.reach[1] - 1) / 2
            for a in range(height):
                for b in range(width):
                    distance = max(abs(a - row), abs(b - column))
                    found[distance] += np.sum(blocks[a, b, :, i, j, :] ** 2)
    return dict(sorted(found.items()))

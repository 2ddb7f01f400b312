"""Connected components: what hangs together by a list of pairs."""

from collections.abc import Sequence

import numpy as np


def first_members(
    count: int, pairs: Sequence[tuple[np.ndarray, np.ndarray]]
) -> np.ndarray:
    """Returns for each of `count` numbers the least one it hangs together with.

    Each round hooks the greater root of every pair that still differs to the
    lesser one and flattens the trees; roots at least halve where they meet, so
    the rounds are few however long the chains are.

    Args:
        count: The numbers are 0 to `count - 1`.
        pairs: Arrays of equal length: the numbers in them belong together,
            entry by entry.

    Returns:
        Integers, `(count,)`.
    """
    labels = np.arange(count)
    if not pairs:
        return labels
    ends = [
        np.concatenate([np.ravel(pair[i]) for pair in pairs]) for i in (0, 1)
    ]
    while len(ends[0]):
        roots = [labels[end] for end in ends]
        np.minimum.at(labels, np.maximum(*roots), np.minimum(*roots))
        while (labels != labels[labels]).any():
            labels = labels[labels]
        differ = labels[ends[0]] != labels[ends[1]]
        ends = [end[differ] for end in ends]
    return labels

"""Which entries of a weight are fit for a skeleton, the best ones first.

Source units 0 ... n-1 and target units 0 ... k-1 are paired in step, `i mod n`
with `i mod k` for i below max(n, k): every unit has an entry out and one in,
and of two equal widths both are the same entry. At equal widths throughout
this is the diagonal skeleton of Meng et al., arXiv:1802.03713.
"""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Blocks:
    """The part of a weight in which every source meets every target.

    Entry `(block, i, j)` lies at the flat index
    `start + block * steps[0] + i * steps[1] + j * steps[2]`.

    Args:
        shape: Number of blocks, sources and targets of each.
        steps: Distances from block to block, source to source, and target to
            target.
        start: Flat index of the first entry.
        remoteness: Of each source: of those of one group the least stands for
            the group, by default the middle one.
    """

    shape: tuple[int, int, int]
    steps: tuple[int, int, int]
    start: int = 0
    remoteness: np.ndarray | None = None

    def choose(
        self, source: np.ndarray, target: np.ndarray, shape: tuple[int, ...]
    ) -> np.ndarray:
        """Returns the flat indices of the diagonal of every block.

        Rows of one group count as one unit; rows of ground are units of their
        own.

        Args:
            source, target: Group of each entry, broadcastable to the weight;
                0 is ground.
            shape: Of the weight.
        """
        blocks, rows, columns = self.shape
        chosen = []
        for block in range(blocks):
            start = self.start + block * self.steps[0]
            row = start + np.arange(rows) * self.steps[1]
            column = start + np.arange(columns) * self.steps[2]
            row = row[units(at(source, row, shape), self.remoteness)]
            column = column[units(at(target, column, shape))]
            pairs = np.arange(max(len(row), len(column)))
            row, column = row[pairs % len(row)], column[pairs % len(column)]
            chosen.append(row + column - start)
        return _between(np.concatenate(chosen), source, target, shape)


def listed(
    entries: np.ndarray,
    source: np.ndarray,
    target: np.ndarray,
    shape: tuple[int, ...],
) -> np.ndarray:
    """Returns the given flat indices without those from ground to ground."""
    return _between(np.asarray(entries, "int64"), source, target, shape)


def at(
    groups: np.ndarray, entries: np.ndarray, shape: tuple[int, ...]
) -> np.ndarray:
    """Returns what `groups`, broadcastable to `shape`, has at flat indices."""
    places = np.unravel_index(entries, shape)
    return groups[
        tuple(
            place if size > 1 else np.zeros_like(place)
            for place, size in zip(places, groups.shape, strict=True)
        )
    ]


def units(
    groups: np.ndarray, remoteness: np.ndarray | None = None
) -> np.ndarray:
    """Returns one place for each unit of a list of groups.

    In the order in which the units come: of each group the least remote place,
    by default the middle one, and every place of ground (0).
    """
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    first = order[starts]
    if remoteness is None:
        sizes = np.diff(starts, append=len(groups))
        places = order[starts + sizes // 2]
    else:
        places = np.lexsort((remoteness, groups))[starts]
    is_ground = groups[first] == 0
    ground = np.flatnonzero(groups == 0)
    places = np.concatenate([places[~is_ground], ground])
    return places[np.argsort(np.concatenate([first[~is_ground], ground]))]


def _between(entries, source, target, shape):
    """Those entries of which at least one end is no ground."""
    is_edge = at(source, entries, shape) > 0
    is_edge |= at(target, entries, shape) > 0
    return entries[is_edge].astype("int64")

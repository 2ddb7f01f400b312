"""From what was taken down to numbered groups that a skeleton can span.

A group that no chain of skeleton candidates leads to from ground, or from which
none leads to ground, has no path of its own and becomes ground.
"""

from typing import NamedTuple

import numpy as np

from needle_tf.scales import events
from needle_tf.scales import skeleton_entries

Use = events.Use
Ledger = events.Ledger


class Groups(NamedTuple):
    """The groups of a model.

    Attributes:
        uses: Each weight with the groups of its entries and the candidates
            for a skeleton: `(use, source, target, candidates)`.
        owners: Layer in whose output each group first appears; "ground" at 0.
        is_ground: For each id of the ledger.
    """

    uses: list[tuple[Use, np.ndarray, np.ndarray, np.ndarray]]
    owners: tuple[str, ...]
    is_ground: np.ndarray


def group(ledger: Ledger) -> Groups:
    """Returns the groups; what had to become ground is added to the ledger."""
    labels = ledger.labels()
    while True:
        rows = [_row(use, labels) for use in ledger.uses()]
        stranded = _stranded(rows, labels)
        if not len(stranded):
            break
        _explain(stranded, rows, ledger)
        labels = np.where(np.isin(labels, stranded), 0, labels)
    known = _known(rows)
    numbers = np.zeros(len(labels), "int32")
    numbers[known] = np.arange(len(known))
    return Groups(
        uses=[
            (
                use,
                events.shared(numbers[source]),
                events.shared(numbers[target]),
                candidates,
            )
            for use, source, target, candidates in rows
        ],
        owners=tuple(ledger.owner(label) for label in known),
        is_ground=labels == 0,
    )


def _row(use, labels):
    source, target = labels[use.source], labels[use.target]
    candidates = np.zeros(0, "int64")
    if isinstance(use.entries, skeleton_entries.Blocks):
        candidates = use.entries.choose(source, target, use.shape)
    elif use.entries is not None:
        candidates = skeleton_entries.listed(
            use.entries, source, target, use.shape
        )
    return use, source, target, candidates


def _known(rows):
    """Labels at the ends of weights, ground first."""
    ends = [np.zeros(1, "int64")]
    for _, source, target, _ in rows:
        ends += [source.reshape(-1), target.reshape(-1)]
    return np.unique(np.concatenate(ends))


def _stranded(rows, labels):
    """Labels that candidates do not connect with ground on both sides."""
    pairs = [np.zeros((2, 0), "int64")]
    for use, source, target, candidates in rows:
        ends = [
            skeleton_entries.at(groups, candidates, use.shape)
            for groups in (source, target)
        ]
        pairs.append(np.stack(ends))
    sources, targets = np.concatenate(pairs, axis=1)
    known = _known(rows)[1:]
    ends = np.isin(known, sources) & np.isin(known, targets)
    if not ends.all():
        return known[~ends]  # What leads to these then leads to ground.
    is_spanned = _reached(sources, targets, len(labels))
    is_spanned &= _reached(targets, sources, len(labels))
    return known[~is_spanned[known]]


def _reached(sources, targets, count):
    """Which labels a chain of pairs leads to from ground."""
    reached = np.zeros(count, bool)
    reached[0] = True
    while len(sources):
        steps = reached[sources]
        if not steps.any():
            break
        reached[targets[steps]] = True
        rest = ~reached[targets]
        sources, targets = sources[rest], targets[rest]
    return reached


def _explain(stranded, rows, ledger):
    """Says what groups lack that are no part of a path through ground."""
    left, entered, biased = set(), set(), set()
    for use, source, target, _ in rows:
        left.update(np.unique(source))
        into = biased if use.kind == "bias" else entered
        into.update(np.unique(target))
    for label in stranded:
        if label not in left:
            why = "no weight that trains leads out of it"
        elif label in entered:
            why = "no chain of weights leads through it"
        elif label in biased:
            why = "nothing but a bias leads into it"
        else:
            why = "no weight that trains leads into it"
        ledger.explain(ledger.owner(label), why)

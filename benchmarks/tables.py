"""Measurements as rows: what, against which floor or peer, and the goal."""

import statistics
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks import pairs

_HEAD = ("what", "median", "min - max", "against", "median", "ratio", "goal")
# Unit of a row, and how its values are shown, from the largest on.
_SCALES = {
    "s": ((1.0, 1.0, "s"), (1e-3, 1e-3, "ms"), (0.0, 1e-6, "us")),
    "B": ((2.0**30, 2.0**30, "GiB"), (0.0, 2.0**20, "MiB")),
    "": ((0.0, 1.0, ""),),
}


class Row(NamedTuple):
    """One measurement against one reference.

    Attributes:
        what: What was measured.
        measured: Its values, a round each.
        against: The floor, peer or goal that it is held against, by name.
        reference: Values of that, in the same unit; of the same rounds if as
            many.
        at_most: Goal: the largest ratio `measured / reference`; None if none
            was set.
        unit: `"s"`, `"B"` (bytes), or `""` for plain numbers.
        not_measured: Why there are no values, and what to type to get them.
    """

    what: str
    measured: Sequence[float] = ()
    against: str = ""
    reference: Sequence[float] = ()
    at_most: float | None = None
    unit: str = "s"
    not_measured: str = ""

    @property
    def ratio(self) -> float:
        return pairs.ratio(self.measured, self.reference)


def as_markdown(rows: Sequence[Row]) -> str:
    """Returns a Markdown table, columns aligned so that it reads as text."""
    lines = [_HEAD, *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, tuple("-" * width for width in widths))
    return "\n".join(
        f"| {' | '.join(map(str.ljust, line, widths))} |" for line in lines
    )


def _cells(row):
    if row.not_measured:
        return (row.what, "-", "-", row.against, "-", "-", row.not_measured)
    spread = [_shown(f(row.measured), row.unit) for f in (min, max)]
    return (
        row.what,
        _shown(statistics.median(row.measured), row.unit),
        " - ".join(spread) if len(row.measured) > 1 else "once",
        row.against,
        _shown(statistics.median(row.reference), row.unit),
        f"{row.ratio:.3g}",
        _verdict(row),
    )


def _verdict(row):
    if row.at_most is None:
        return ""
    word = "met" if row.ratio <= row.at_most else "MISSED"
    return f"at most {row.at_most:g}: {word}"


def _shown(value, unit):
    least, scale, name = next(
        step for step in _SCALES[unit] if abs(value) >= step[0]
    )
    del least
    return f"{value / scale:.3g} {name}".rstrip()

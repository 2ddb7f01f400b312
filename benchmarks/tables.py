"""Measurements as rows: what, against which floor or peer, and the goal."""

import statistics
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

from benchmarks import pairs

_HEAD = ("what", "median", "min - max", "against", "median", "ratio", "goal")
PER_SECOND = "images/s"
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
        at_most: Goal: the largest ratio allowed; None if none was set.
        unit: `"s"`, `"B"` (bytes), `"images/s"`, or `""` for plain numbers.
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
        """`measured / reference`; of rates upside down: time over time."""
        if self.unit == PER_SECOND:
            return pairs.ratio(self.reference, self.measured)
        return pairs.ratio(self.measured, self.reference)

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is met; None without one."""
        if self.at_most is None or self.not_measured:
            return None
        return self.ratio <= self.at_most


def as_markdown(rows: Sequence[Row]) -> str:
    """Returns a Markdown table, columns aligned so that it reads as text."""
    lines = [_HEAD, *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, tuple("-" * width for width in widths))
    return "\n".join(
        f"| {' | '.join(map(str.ljust, line, widths))} |" for line in lines
    )


def as_record(section: str, row: Row) -> dict[str, Any]:
    """Returns a row as JSON has it; what was not measured is null.

    Args:
        section: Name of the benchmark that the row belongs to.
    """
    record = {
        "section": section,
        "what": row.what,
        "against": row.against,
        "unit": row.unit,
        "goal": row.at_most,
        "met": row.is_met,
        "ratio": None if row.not_measured else row.ratio,
        "not_measured": row.not_measured or None,
    }
    for name in ("measured", "reference"):
        values = getattr(row, name)
        record[name] = {
            "median": statistics.median(values) if values else None,
            "min": min(values, default=None),
            "max": max(values, default=None),
            "values": list(values),
        }
    return record


def _cells(row):
    if row.not_measured:
        return (row.what, "-", "-", row.against, "-", "-", row.not_measured)
    return (
        row.what,
        _shown(statistics.median(row.measured), row.unit),
        _spread(row.measured, row.unit),
        row.against,
        _shown(statistics.median(row.reference), row.unit),
        f"{row.ratio:.3g}",
        _verdict(row),
    )


def _spread(values, unit):
    if len(values) == 1:
        return "once"
    least, largest = (_shown(f(values), unit) for f in (min, max))
    if unit == PER_SECOND:
        least = least.removesuffix(f" {unit}")
    return f"{least} - {largest}"


def _verdict(row):
    if row.is_met is None:
        return ""
    return f"at most {row.at_most:.3g}: {'met' if row.is_met else 'MISSED'}"


def _shown(value, unit):
    if unit == PER_SECOND:
        return f"{value:,.0f} {unit}"
    least, scale, name = next(
        step for step in _SCALES[unit] if abs(value) >= step[0]
    )
    del least
    return f"{value / scale:.3g} {name}".rstrip()

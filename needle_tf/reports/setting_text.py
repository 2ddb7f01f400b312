"""How the values of a swept setting are written, and how they are spaced.

0.111, 0.037, 0.0123  ->  3⁻², 3⁻³, 3⁻⁴
"""

import dataclasses
import math
import numbers
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

# Bases of the grids that are in use; half steps are refinements of a grid.
_BASES = (10, 2, 3, 5)
# How far an exponent may be off: values are written with three digits or so.
_OFF = 0.004
# The largest value over the smallest from which an axis is logarithmic.
_WIDE = 30
_SUPERSCRIPTS = str.maketrans("-0123456789.", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹·")
_MINUS = "\N{MINUS SIGN}"


@dataclasses.dataclass(frozen=True)
class Identity:
    """What tells one line or panel from the others.

    Attributes:
        label: Text that no other has.
        variant: Name of the group of settings, or None.
        settings: The swept settings by name.
    """

    label: str
    variant: str | None
    settings: Mapping[str, Any]


def is_number(value: Any) -> bool:
    """Whether the value is a real and finite number."""
    return (
        isinstance(value, numbers.Real)
        and not isinstance(value, bool)
        and math.isfinite(value)
    )


def base_of(values: Sequence[Any]) -> int | None:
    """Returns b if all values are b^(k/2), k whole, and None otherwise.

    Whole numbers count things, so they have no base, and one value alone says
    nothing of a grid.
    """
    values = [value for value in values if is_number(value)]
    if len(set(values)) < 2 or min(values) <= 0:
        return None
    if all(float(value).is_integer() for value in values):
        return None
    for step in (1, 0.5):
        for base in _BASES:
            places = [math.log(value, base) / step for value in values]
            if all(abs(p - round(p)) * step <= _OFF for p in places):
                return base
    return None


def is_logarithmic(values: Sequence[float]) -> bool:
    """Whether the numbers but 0 are a geometric grid, or reach very far."""
    values = sorted(set(values) - {0})
    if len(values) < 2 or values[0] <= 0:
        return False
    ratios = [b / a for a, b in zip(values, values[1:], strict=False)]
    is_even = len(ratios) > 1 and max(ratios) < 1.05 * min(ratios)
    is_grid = is_even and min(ratios) > 1.4
    return bool(base_of(values)) or is_grid or values[-1] / values[0] >= _WIDE


def text(value: Any, base: int | None = None) -> str:
    """Returns the value as it is written at a tick or in a label.

    Args:
        value: Any value of a setting.
        base: What `base_of` returned for all its values.
    """
    if not is_number(value):
        return str(value)
    if base is None or value <= 0 or (base == 10 and 1e-3 <= value < 1e4):
        return f"{value:.4g}".replace("-", _MINUS)
    return power(value, base)


def power(value: float, base: int) -> str:
    """Returns the value as a power of `base`, to the nearest half step."""
    exponent = round(2 * math.log(value, base)) / 2
    return f"{base}{f'{exponent:g}'.translate(_SUPERSCRIPTS)}"


def columns(identities: Sequence[Identity]) -> dict[str, list[str]]:
    """Returns variant and settings as text, only those that are needed.

    What follows from the others, as the settings of a variant do from its
    name, is left out. Empty if even all of them do not tell all identities
    apart: then only labels do.
    """
    found = {}
    variants = [identity.variant for identity in identities]
    if len(set(variants)) > 1:
        found["variant"] = [variant or "-" for variant in variants]
    names = dict.fromkeys(n for one in identities for n in one.settings)
    for name in names:
        values = [one.settings.get(name) for one in identities]
        base = base_of(values)
        cells = ["-" if v is None else text(v, base) for v in values]
        if _lines({**found, name: cells}) > max(_lines(found), 1):
            found[name] = cells
    return found if _lines(found) == len(identities) else {}


def _lines(columns: Mapping[str, Sequence[str]]) -> int:
    """Returns how many different lines the columns have."""
    return len(set(zip(*columns.values(), strict=True)))


def texts(identities: Sequence[Identity]) -> list[str]:
    """Returns a short text for each, made of what differs between them."""
    found = columns(identities)
    if not found:
        return [identity.label for identity in identities]
    lines = zip(*found.values(), strict=True)
    return [
        line_of(dict(zip(found, cells, strict=True))) or identity.label
        for cells, identity in zip(lines, identities, strict=True)
    ]


def line_of(cells: Mapping[str, str]) -> str:
    """Returns the cells of one of `columns` as text: `slow, momentum=0.9`."""
    return ", ".join(
        cell if name == "variant" else f"{name}={cell}"
        for name, cell in cells.items()
        if cell != "-"
    )

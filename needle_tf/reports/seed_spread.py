"""What several seeds have measured: mean and spread as text, and one table.

In text `mean ± sample standard deviation`. One seed is its own mean, without a
spread.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import numpy as np


def text(
    values: Sequence[float | None], digits: int = 2, scale: float = 1
) -> str:
    """Returns `mean ± deviation`, `mean` of one value, `-` of none.

    Args:
        values: One per seed; a value that is None makes the mean unknown.
        digits: After the point.
        scale: What values are multiplied by, 100 for percent.
    """
    if not values or any(value is None for value in values):
        return "-"
    found = scale * np.array(values, float)
    if not np.isfinite(found).all():
        return "-"
    mean = f"{found.mean():.{digits}f}"
    if len(found) == 1:
        return mean
    return f"{mean} \N{PLUS-MINUS SIGN} {found.std(ddof=1):.{digits}f}"


def significant(values: Sequence[float | None]) -> str:
    """Returns the same to three significant digits of the mean."""
    known = [abs(value) for value in values if value is not None]
    mean = float(np.mean(known)) if known else 0.0
    if not np.isfinite(mean) or mean == 0 or 1e-4 <= mean < 1e5:
        digits = 3 if not mean else 2 - int(np.floor(np.log10(mean)))
        return text(values, min(max(digits, 0), 6))
    power = int(np.floor(np.log10(mean)))
    found = text(values, 2, 10.0**-power)
    if found == "-":
        return found
    found = f"({found})" if len(values) > 1 else found
    return f"{found}e{power}"


def on_one_grid(
    curves: Sequence[tuple[Sequence[float], Sequence[float]]],
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the places of all curves, and each curve's values at them.

    Between their own places curves are straight lines, so nothing is lost.

    Args:
        curves: Places, rising, and values; NaN where there is none.

    Returns:
        `(places,)` and `(curves, places)`.
    """
    places = [np.asarray(own, float) for own, _ in curves]
    # Equal places that were rounded otherwise are one.
    grid = np.unique(np.round(np.concatenate(places), 9))
    table = [
        np.interp(grid, np.round(own, 9), np.asarray(values, float))
        for own, (_, values) in zip(places, curves, strict=True)
    ]
    return grid, np.stack(table)


def numbers(values: Sequence[float | None]) -> list[float]:
    """Returns the values with NaN in the place of None."""
    return [np.nan if value is None else float(value) for value in values]


def has_spread(groups: Mapping[str, Sequence[Any]]) -> bool:
    """Whether some label has several seeds."""
    return any(len(results) > 1 for results in groups.values())


def check_groups(groups: Mapping[str, Sequence[Any]], what: str) -> None:
    """Refuses groups of which nothing can be drawn.

    Args:
        groups: Results of one analysis over seeds by label.
        what: Which results are expected.

    Raises:
        ValueError: If there is no label, or one without results.
    """
    empty = [label for label, results in groups.items() if not results]
    if not groups or empty:
        raise ValueError(
            f"A picture needs at least one label with results of {what}. "
            f"Received: {len(groups)} labels, without results: {empty}."
        )

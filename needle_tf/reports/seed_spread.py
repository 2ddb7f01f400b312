"""What several seeds have measured: mean and spread, as text and as bands.

In text `mean ± sample standard deviation`, in pictures the mean as a line and
the range as a band around it. One seed is its own mean, without a spread.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

import numpy as np

from needle_tf.reports import axes_style
from needle_tf.reports import palette
from needle_tf.reports import pictures

if TYPE_CHECKING:
    from matplotlib import axes as mpl_axes
    from matplotlib import figure as mpl_figure

_BAND = 0.18
# What bands and bars look like in a legend.
BAND_LOOK = {"lw": 7, "alpha": 0.3, "solid_capstyle": "butt"}
BAR_LOOK = {"lw": 4, "alpha": 0.35, "solid_capstyle": "butt"}
SPREAD = "mean and range over seeds"
_NAME_LENGTH = 30
# What is told apart by colour in a legend: so many characters in a line of it.
_LEGEND_LENGTH = 110
# Inches for one of its lines.
_LEGEND_ROW = 0.2
# Inches for the label of all x axes.
_LABEL_ROW = 0.2


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


def draw_curve(
    axes: "mpl_axes.Axes",
    places: np.ndarray,
    table: np.ndarray,
    look: Mapping[str, Any],
) -> np.ndarray:
    """Draws the mean over seeds as a line and their range as a band.

    Where a seed has no value there is no mean, and the line has a gap.

    Args:
        axes: Where to.
        places: `(places,)`.
        table: `(seeds, places)`.
        look: Properties of the line.

    Returns:
        The mean, `(places,)`.
    """
    mean = table.mean(axis=0)
    axes.plot(places, mean, **look)
    if len(table) > 1:
        axes.fill_between(
            places,
            table.min(axis=0),
            table.max(axis=0),
            color=look["color"],
            alpha=_BAND,
            linewidth=0,
        )
    return mean


def draw_mark(
    axes: "mpl_axes.Axes",
    place: float,
    values: Sequence[float],
    look: Mapping[str, Any],
    *,
    is_lying: bool = False,
) -> None:
    """Draws the mean over seeds as a mark and their range as a bar.

    Args:
        axes: Where to.
        place: On the axis of categories.
        values: One per seed.
        look: Properties of the mark.
        is_lying: Whether values are on the x axis.
    """
    values = np.asarray(values, float)
    values = values[np.isfinite(values)]
    if not values.size:
        return
    if len(values) > 1:
        lines = axes.hlines if is_lying else axes.vlines
        lines(
            place,
            values.min(),
            values.max(),
            color=look["color"],
            linewidth=4,
            alpha=0.35,
        )
    ends = (values.mean(), place) if is_lying else (place, values.mean())
    axes.plot(*ends, **{"linestyle": "", **look})


def looks(labels: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Returns colour, marker and dashes of each label's lines."""
    found = palette.line_looks(len(labels), is_ordered=False)
    return dict(zip(labels, found, strict=True))


def short(label: str) -> str:
    """Returns a label that fits beside a picture."""
    return pictures.shortened(label, _NAME_LENGTH)


def has_spread(groups: Mapping[str, Sequence[Any]]) -> bool:
    """Whether some label has several seeds."""
    return any(len(results) > 1 for results in groups.values())


def explain_below(
    figure: "mpl_figure.Figure", styles: Mapping[str, Mapping[str, Any]]
) -> None:
    """Writes a legend under all else, which makes the figure higher.

    Args:
        figure: With a layout that is still to be found.
        styles: Properties of the line or mark by what it means; grey unless
            they name another colour.
    """
    from matplotlib import lines

    if not styles:
        return
    handles = [
        lines.Line2D(
            [], [], label=short(name), **{"color": axes_style.GREY, **look}
        )
        for name, look in styles.items()
    ]
    # The widest name decides how many stand in a line.
    widest = max(len(handle.get_label()) for handle in handles) + 6
    columns = min(len(handles), max(1, _LEGEND_LENGTH // widest))
    rows = -(-len(handles) // columns)
    room = rows * _LEGEND_ROW + 0.05
    figure.set_figheight(figure.get_figheight() + room)
    height = figure.get_figheight()
    label = figure.get_supxlabel()
    if label:
        # The layout makes no room for one that is not at its usual place.
        figure.supxlabel(label, y=room / height, fontsize=pictures.FONT)
        room += _LABEL_ROW
    figure.get_layout_engine().set(
        rect=(0, room / height, 1, 1 - room / height)
    )
    legend = figure.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0, 0),
        ncols=columns,
        frameon=False,
        borderaxespad=0.3,
        labelspacing=0.35,
        handlelength=1.8,
        columnspacing=1.4,
    )
    # Its room has been made.
    legend.set_in_layout(False)


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

"""What several seeds have measured, in pictures: mean and range.

Of curves the mean is a line and the range a band around it, of single values
a mark and a bar. One seed is its own mean, without a range.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

import numpy as np

from needle_tf.figures import axes_style
from needle_tf.figures import palette
from needle_tf.figures import pictures
from needle_tf.reports import seed_spread

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


def explain_marks(
    figure: "mpl_figure.Figure",
    groups: Mapping[str, Sequence[Mapping[str, Any]]],
    looks: Mapping[str, Mapping[str, Any]],
) -> None:
    """Writes a legend of the marks that `draw_mark` drew under all else.

    Args:
        figure: With a layout that is still to be found.
        groups: Results by label, one per seed.
        looks: What `looks` returned for the labels.
    """
    styles = {label: {**look, "lw": 0} for label, look in looks.items()}
    if seed_spread.has_spread(groups):
        styles[SPREAD] = BAR_LOOK
    explain_below(figure, styles)


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

"""How axes are titled, scaled and explained, the same in every picture."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from needle_tf.reports import setting_text

if TYPE_CHECKING:
    from matplotlib import axes as mpl_axes
    from matplotlib import figure as mpl_figure

GREY = "#444444"
# Room over the axes for one line of a legend, in points.
_LEGEND_PAD = 24
# Least distance of two ticks, in widths of the axes.
_TICK_GAP = 0.09


def set_up(
    axes: "mpl_axes.Axes",
    title: str,
    x_label: str,
    beside: "mpl_axes.Axes | None" = None,
) -> None:
    """Writes the title, above a legend if there is one, and the x label.

    Args:
        axes: Where to.
        title: Of these axes.
        x_label: Of the x axis.
        beside: Axes in the same row, whose legend lifts this title, too.
    """
    has_legend = any(
        each is not None and each.get_legend() is not None
        for each in (axes, beside)
    )
    axes.set_title(title, loc="left", pad=_LEGEND_PAD if has_legend else 8)
    axes.set_xlabel(x_label)


def explain(axes: "mpl_axes.Axes", styles: Mapping[str, Mapping]) -> None:
    """Writes a legend of one line over the axes.

    Args:
        axes: Where to.
        styles: Properties of the line or mark by what it means; grey unless
            they name another colour.
    """
    if not styles:
        return
    for text, look in styles.items():
        axes.plot([], [], label=text, **{"color": GREY, **look})
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=len(styles),
        frameon=False,
        borderaxespad=0,
        borderpad=0.35,
        handlelength=1.6,
        handletextpad=0.5,
        columnspacing=1.0,
    )


def explain_above(
    figure: "mpl_figure.Figure", styles: Mapping[str, Mapping]
) -> None:
    """Writes a legend of one line into the top right corner of a figure."""
    from matplotlib import lines

    handles = [
        lines.Line2D([], [], label=text, **{"color": GREY, **look})
        for text, look in styles.items()
    ]
    if handles:
        legend = figure.legend(
            handles=handles,
            loc="upper right",
            ncols=len(handles),
            frameon=False,
            borderaxespad=0.3,
            handlelength=1.6,
            handletextpad=0.5,
            columnspacing=1.0,
        )
        # The title has made room for it.
        legend.set_in_layout(False)


def set_percent(
    axes: "mpl_axes.Axes",
    label: str = "test accuracy (%)",
    axis: str = "y",
    bounds: tuple[float, float] = (-1, 101),
) -> None:
    """Keeps an axis of percentages to what can be, and never too fine."""
    from matplotlib import ticker

    axes.set(**{f"{axis}label": label})
    axes.margins(**{axis: 0.08})
    low, high = getattr(axes, f"get_{axis}lim")()
    missing = max(0.0, 2.0 - (high - low)) / 2
    limits = (max(low - missing, bounds[0]), min(high + missing, bounds[1]))
    axes.set(**{f"{axis}lim": limits})
    getattr(axes, f"{axis}axis").set_major_locator(
        ticker.MaxNLocator(nbins=10, steps=[1, 2, 5, 10])
    )


def set_epochs(axes: "mpl_axes.Axes", ticks: int = 8) -> None:
    """Lets the axis of epochs end where the lines do, in whole epochs."""
    axes.set_xlim(0, max(axes.dataLim.x1, 1))
    set_epoch_ticks(axes, ticks)


def set_epoch_ticks(axes: "mpl_axes.Axes", ticks: int) -> None:
    """Writes about so many ticks on an axis of epochs, at whole epochs."""
    from matplotlib import ticker

    axes.xaxis.set_major_locator(
        ticker.MaxNLocator(nbins=ticks, steps=[1, 2, 5, 10], integer=True)
    )


def set_x_ticks(axes: "mpl_axes.Axes", ticks: Mapping[float, str]) -> None:
    """Writes ticks at these places, as many as have room, the last for sure.

    Args:
        axes: With scale and limits as they shall stay.
        ticks: The text of each tick by its place.
    """
    axes.get_xlim()  # Settles them where data were drawn since.
    to_fraction = axes.transScale + axes.transLimits
    kept, last = [], np.inf
    for place in sorted(ticks, reverse=True):
        fraction = to_fraction.transform((place, 1))[0]
        if last - fraction >= _TICK_GAP:
            kept, last = [place, *kept], fraction
    axes.set_xticks(kept, [ticks[place] for place in kept])
    axes.set_xticks([], minor=True)


def set_logarithmic(axes: "mpl_axes.Axes", axis: str = "y") -> None:
    """Makes an axis logarithmic, its ticks few and plain to read."""
    from matplotlib import ticker

    axes.set(**{f"{axis}scale": "log"})
    low, high = getattr(axes, f"get_{axis}lim")()
    own = getattr(axes, f"{axis}axis")
    # Powers of ten alone would be too few on a short axis.
    steps = (1,) if high > 100 * low else (1, 2, 5)
    own.set_major_locator(ticker.LogLocator(subs=steps, numticks=7))
    own.set_major_formatter(
        ticker.FuncFormatter(
            lambda value, _: setting_text.text(
                value, 10 if len(steps) == 1 else None
            )
        )
    )
    own.set_minor_locator(ticker.NullLocator())

"""Many small panels of one kind, with shared axes.

Few panels stand in one row; many are drawn smaller, at most five in a row.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from needle_tf.figures import pictures
from needle_tf.figures import rotation_panels
from needle_tf.reports import cells

if TYPE_CHECKING:
    from matplotlib import axes as mpl_axes
    from matplotlib import figure as mpl_figure

_MOST_COLUMNS = 5
# Inches per row of panels without its title, for few columns and for many.
_HEIGHTS = {1: 4.0, 2: 3.2, 3: 2.5, 4: 2.1, 5: 1.9}
# Characters of a title that fit over a panel.
_TITLES = {1: 100, 2: 50, 3: 34, 4: 27, 5: 20}
_LINE = 0.17
_HEAD = 0.9


def blank(
    titles: Sequence[str],
    title: str,
    *,
    x_label: str,
    y_label: str,
    columns: int | None = None,
) -> "tuple[mpl_figure.Figure, list[mpl_axes.Axes]]":
    """Returns a figure and one panel per title, row by row.

    Args:
        titles: What is written over the panels; long ones take more lines.
        title: What is written over all of them.
        x_label: What all x axes are.
        y_label: What all y axes are.
        columns: Panels per row; None chooses.
    """
    columns = columns or column_count(len(titles))
    figure = pictures.blank(_HEAD + height_of(titles, columns), title)
    all_axes = fill(figure, titles, columns)
    figure.supxlabel(x_label, fontsize=pictures.FONT)
    figure.supylabel(y_label, fontsize=pictures.FONT)
    return figure, all_axes


def height_of(titles: Sequence[str], columns: int) -> float:
    """Returns the height of all rows of panels in inches.

    Args:
        titles: What is written over the panels.
        columns: Panels per row.
    """
    rows = -(-len(titles) // columns)
    # Lines that the titles bring along count by themselves.
    wrapped = [_wrapped(text, _TITLES[columns]) for text in titles]
    lines = max(text.count("\n") + 1 for text in wrapped)
    return rows * (_HEIGHTS[columns] + lines * _LINE)


def fill(
    figure: "mpl_figure.Figure | mpl_figure.SubFigure",
    titles: Sequence[str],
    columns: int,
) -> "list[mpl_axes.Axes]":
    """Puts one panel per title into an empty figure, and returns them.

    Args:
        figure: The figure, or a part of one.
        titles: What is written over the panels; long ones take more lines.
        columns: Panels per row.
    """
    rows = -(-len(titles) // columns)
    wrapped = [_wrapped(text, _TITLES[columns]) for text in titles]
    grid = figure.subplots(
        rows, columns, sharex=True, sharey=True, squeeze=False
    )
    all_axes = list(grid.flat)
    for axes, text in zip(all_axes, wrapped, strict=False):
        axes.set_title(
            text,
            loc="left",
            fontsize=pictures.SMALL_FONT,
            fontweight="normal",
            pad=4,
        )
        axes.tick_params(labelsize=pictures.SMALL_FONT)
    for place, axes in enumerate(all_axes[len(titles) :], len(titles)):
        axes.set_visible(False)
        # The panel above has no other below it: it shows the numbers.
        all_axes[place - columns].xaxis.set_tick_params(labelbottom=True)
    return all_axes[: len(titles)]


def column_count(panels: int) -> int:
    """Returns how many panels stand in a row, the last row as full as it can.

    Args:
        panels: Number of panels.
    """
    if panels <= 3:
        return panels
    if panels == 4:
        return 4
    fewest_rows = -(-panels // _MOST_COLUMNS)
    return max(-(-panels // fewest_rows), 3)


def finish(figure: "mpl_figure.Figure", kernels: int) -> None:
    """Adds the bar that explains colours of depth, and lays all out.

    Args:
        figure: What `blank` returned, with all curves.
        kernels: The largest number of kernels in a panel.
    """
    rotation_panels.add_color_bar(
        figure,
        list(figure.axes),
        kernels,
        is_small=True,
        # A bar of one height however many rows there are.
        shrink=min(1.0, 2.2 / (figure.get_figheight() - _HEAD)),
        anchor=(0, 1),
    )
    pictures.lay_out(figure)


def _wrapped(text: str, width: int) -> str:
    """Returns the text in lines, broken after commas where that helps."""
    lines = []
    for line in text.split("\n"):
        parts = [line] if len(line) <= width else line.split(", ")
        for place, part in enumerate(parts):
            text = part + ("," if place < len(parts) - 1 else "")
            name, equals, value = text.partition("=")
            # Rather between name and value than within the value.
            fits = len(text) <= width or len(name) >= width
            for piece in [text] if fits else [name + equals, value]:
                lines += cells.wrapped(piece, width, indent="")
    return "\n".join(lines)

"""Test accuracy after training against the relax epoch.

    +----------+------------+
    | accuracy | difference |   one row for settings that have the CNN, the
    |          | to the CNN |   LCN and the FCN in common
    +----------+------------+

The difference is that of each seed to its own CNN, so that what makes one seed
better than another is not in its range.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from needle_tf.figures import axes_style
from needle_tf.figures import end_labels
from needle_tf.figures import pictures
from needle_tf.figures import relax_lines
from needle_tf.figures import relax_panels
from needle_tf.reports import relax_groups
from needle_tf.reports import relax_names
from needle_tf.reports import relax_trials

if TYPE_CHECKING:
    from matplotlib import axes as mpl_axes
    from matplotlib import figure as mpl_figure

_KINDS = ("cnn", "lcn", "fcn")
# Characters of a setting that fit into the title of a panel.
_TEXT_LENGTH = 28


def build_figure(
    sweep: relax_trials.RelaxSweep,
) -> "mpl_figure.Figure | None":
    """Returns the picture, or None if no relaxed network came to its end.

    Args:
        sweep: What `relax_trials.read` returned, finished or not.
    """
    facets = [
        facet
        for facet in relax_groups.facets(sweep)
        if any(
            one.is_relaxed and one.finals(relax_groups.ACCURACY).values
            for one in facet.groups
        )
    ]
    if not facets:
        return None
    names = relax_names.Names(sweep)
    all_lines = [relax_lines.of(facet, names) for facet in facets]
    height = relax_panels.row_height(max(map(len, all_lines)) + 1)
    with pictures.style():
        figure = pictures.blank(len(facets) * height, sweep.title)
        grid = figure.subplots(
            len(facets), 2, squeeze=False, width_ratios=[1.15, 1]
        )
        columns = []
        for axes, facet, lines in zip(grid, facets, all_lines, strict=True):
            columns += _draw(axes, facet, lines)
        pictures.lay_out(figure, columns)
    return figure


def _draw(
    both: "Sequence[mpl_axes.Axes]",
    facet: relax_groups.Facet,
    lines: Sequence[relax_lines.Line],
) -> list[tuple]:
    """Draws one row; returns its axes and their labels."""
    left, right = both
    relax_panels.draw_by_relax_epoch(left, lines, relax_panels.ACCURACY)
    levels = relax_panels.draw_levels(left, facet.groups, _KINDS)
    axes_style.explain(left, relax_panels.range_look(facet.groups))
    names = relax_panels.draw_by_relax_epoch(
        right, lines, relax_panels.DIFFERENCE
    )
    right.axhline(0, color="black", lw=1.6, ls=relax_panels.LEVEL_DASHES)
    relaxed = [one for line in lines for one in line.groups]
    axes_style.explain(right, relax_panels.lost_look(relaxed))
    text = pictures.shortened(facet.text, _TEXT_LENGTH)
    head = f"{text}: accuracy" if text else "Accuracy"
    axes_style.set_up(
        left, f"{head} after training", "relax epoch", beside=right
    )
    axes_style.set_percent(left)
    axes_style.set_up(
        right, "Difference to the CNN", "relax epoch", beside=left
    )
    axes_style.set_percent(
        right, "points above the CNN of its seed", bounds=(-101, 101)
    )
    return [
        (left, end_labels.draw(left, levels, pictures.FONT)),
        (right, end_labels.draw(right, names, pictures.FONT)),
    ]

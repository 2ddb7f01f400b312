"""Test accuracy against the distance from the CNN subspace, after training.

Each seed of each relaxed network is a point, and so is each FCN. Where relaxed
networks come down to the level of the FCN is the threshold beyond which they
have lost what they had from the CNN.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from needle_tf.figures import axes_style
from needle_tf.figures import end_labels
from needle_tf.figures import palette
from needle_tf.figures import pictures
from needle_tf.figures import relax_lines
from needle_tf.figures import relax_panels
from needle_tf.reports import relax_groups
from needle_tf.reports import relax_names
from needle_tf.reports import relax_trials

if TYPE_CHECKING:
    from matplotlib import axes as mpl_axes
    from matplotlib import figure as mpl_figure

_LEVELS = ("cnn", "fcn")
# The largest distance over the smallest from which the axis is logarithmic.
_WIDE = 5
# Characters of a setting that fit into the title of a panel.
_TEXT_LENGTH = 40

Groups = Sequence[relax_groups.StageGroup]


def build_figure(
    sweep: relax_trials.RelaxSweep,
) -> "mpl_figure.Figure | None":
    """Returns the picture, or None if no relaxed network has such a point.

    Args:
        sweep: What `relax_trials.read` returned, finished or not.
    """
    names = relax_names.Names(sweep)
    rows = [
        (facet, lines)
        for facet in relax_groups.facets(sweep)
        if (lines := relax_lines.with_distance(relax_lines.of(facet, names)))
    ]
    if not rows:
        return None
    most = max(len(lines) for _, lines in rows)
    height = relax_panels.row_height(most + 2)
    with pictures.style():
        figure = pictures.blank(len(rows) * height, sweep.title)
        grid = figure.subplots(len(rows), 1, squeeze=False)[:, 0]
        columns = []
        for axes, (facet, lines) in zip(grid, rows, strict=True):
            labels = _draw(axes, facet, lines)
            annotations = end_labels.draw(axes, labels, pictures.FONT)
            columns.append((axes, annotations))
        pictures.lay_out(figure, columns)
    return figure


def _draw(
    axes: "mpl_axes.Axes",
    facet: relax_groups.Facet,
    lines: Sequence[relax_lines.Line],
) -> list[end_labels.EndLabel]:
    fcns = [one for one in facet.groups if one.kind == "fcn"]
    names = relax_panels.draw_against_distance(axes, lines, fcns)
    _set_x(axes, facet.groups)
    levels = relax_panels.draw_levels(axes, facet.groups, _LEVELS)
    kinds = [line.kind for line in lines]
    looks = relax_panels.seed_looks(facet.groups)
    # Of several lines of a kind, colours tell the settings apart.
    if len(kinds) == len(set(kinds)):
        looks = _relax_epochs(lines) | looks
    axes_style.explain(axes, looks)
    text = pictures.shortened(facet.text, _TEXT_LENGTH)
    head = f"{text}: accuracy" if text else "Accuracy"
    axes_style.set_up(
        axes,
        f"{head} against distance from the CNN subspace, after training",
        "delta: off-local share of the weights' norm",
    )
    axes_style.set_percent(axes)
    return names + levels


def _set_x(axes: "mpl_axes.Axes", groups: Groups) -> None:
    """Scales the axis of distances, which FCNs reach much farther along."""
    found = [
        value
        for one in groups
        if one.kind == "fcn" or one.is_relaxed and one.kind != "elcn"
        for value in one.finals("delta").values
    ]
    low, high = min(found), max(found)
    if 0 < _WIDE * low < high:
        axes.set_xlim(low / 1.2, high * 1.1)
        axes_style.set_logarithmic(axes, "x")
    else:
        axes.set_xlim(0, 1.02 * max(high, 0.01))


def _relax_epochs(lines: Sequence[relax_lines.Line]) -> dict[str, dict]:
    """Returns what tells the relax epochs of one line of each kind apart."""
    looks = {}
    for line in lines:
        colors = palette.colors_of(line.groups)
        marker = palette.MARKERS[line.kind]
        for name, one in relax_lines.samples(line.groups).items():
            if one.finals("delta").values:
                looks[name] = {
                    "lw": 0,
                    "marker": marker,
                    "color": colors[one.stage],
                }
    return looks

"""How far relaxed networks go from the CNN subspace.

+---------------+-------------+     +-----+-----+-----+
| over training | after it,   |     |  setting by     |
|               | by relax    | or  |  setting        |
|               | epoch       |     +-----+-----+-----+
+---------------+-------------+     | by relax epoch  |
      one setting                   +-----------------+
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from needle_tf.figures import axes_style
from needle_tf.figures import end_labels
from needle_tf.figures import palette
from needle_tf.figures import panels
from needle_tf.figures import pictures
from needle_tf.figures import relax_lines
from needle_tf.figures import relax_panels
from needle_tf.figures import small_multiples
from needle_tf.reports import relax_groups
from needle_tf.reports import relax_names
from needle_tf.reports import relax_trials

if TYPE_CHECKING:
    from matplotlib import axes as mpl_axes
    from matplotlib import figure as mpl_figure

# Networks in a panel up to which delta_share is drawn beside delta.
_FEW = 6
_EPOCHS = "epochs of training in total"
_SHARE = "share of the weights' norm"
# Inches for legend and labels of the panels that are set out in rows.
_HEAD = 1.0

Groups = Sequence[relax_groups.StageGroup]


def build_figure(
    sweep: relax_trials.RelaxSweep,
) -> "mpl_figure.Figure | None":
    """Returns the picture, or None if no distance was measured.

    Args:
        sweep: What `relax_trials.read` returned, finished or not.
    """
    groups = [
        one
        for one in relax_groups.group(sweep)
        if relax_panels.has_distance(one)
    ]
    if not groups:
        return None
    names = relax_names.Names(sweep)
    whole = relax_groups.Facet("", names.labels, tuple(groups))
    lines = relax_lines.with_distance(relax_lines.of(whole, names))
    with pictures.style():
        if len(relax_groups.labels_of(groups, names)) > 1:
            return _build_of_many(names, groups, lines)
        return _build_of_one(sweep.title, groups, lines)


def _build_of_one(
    title: str, groups: Groups, lines: Sequence[relax_lines.Line]
) -> "mpl_figure.Figure":
    # One point says no more than the end of its line.
    lines = [line for line in lines if len(line.groups) > 1]
    height = relax_panels.row_height(len(groups) + 1)
    figure = pictures.blank(height, title)
    all_axes = figure.subplots(
        1,
        2 if lines else 1,
        squeeze=False,
        width_ratios=[1.3, 1][: 1 + bool(lines)],
    )[0]
    left = all_axes[0]
    has_share = len(groups) <= _FEW
    ends = relax_panels.draw_distances(
        left, groups, palette.colors_of(groups), has_share
    )
    axes_style.explain(left, _looks(groups, has_share))
    axes_style.set_up(left, "Distance over training", _EPOCHS)
    left.set_ylabel(_SHARE)
    left.set_ylim(bottom=0)
    axes_style.set_epochs(left)
    columns = [(left, end_labels.draw(left, ends, pictures.FONT))]
    if lines:
        right = all_axes[1]
        names = _draw_by_relax_epoch(right, lines, beside=left)
        names = names if len(lines) > 1 else []
        columns.append((right, end_labels.draw(right, names, pictures.FONT)))
    pictures.lay_out(figure, columns)
    return figure


def _build_of_many(
    names: relax_names.Names, groups: Groups, lines: Sequence[relax_lines.Line]
) -> "mpl_figure.Figure":
    labels = relax_groups.labels_of(groups, names)
    titles = [names.text_of([label]) for label in labels]
    columns = small_multiples.column_count(len(labels))
    heights = [small_multiples.height_of(titles, columns) + _HEAD]
    if lines:
        heights.append(relax_panels.row_height(len(lines) + 1))
    figure = pictures.blank(sum(heights), "Delta over training")
    parts = figure.subfigures(len(heights), 1, height_ratios=heights)
    parts = list(parts) if lines else [parts]
    all_axes = small_multiples.fill(parts[0], titles, columns)
    parts[0].supxlabel(_EPOCHS, fontsize=pictures.FONT)
    parts[0].supylabel(_SHARE, fontsize=pictures.FONT)
    colors = relax_lines.colors_of(groups)
    for axes, label in zip(all_axes, labels, strict=True):
        own = [one for one in groups if label in one.labels]
        relax_panels.draw_distances(axes, own, colors, has_share=False)
    # The axes are shared: the panel that needs most decides.
    all_axes[0].set_xlim(0, max(axes.dataLim.x1 for axes in all_axes))
    all_axes[0].set_ylim(bottom=0)
    axes_style.set_epoch_ticks(all_axes[0], ticks=4)
    axes_style.explain_above(
        figure,
        {
            name: {"color": colors[one.stage], "lw": 2.0}
            for name, one in relax_lines.samples(groups).items()
        },
    )
    placed = []
    if lines:
        axes = parts[1].subplots()
        ends = _draw_by_relax_epoch(axes, lines)
        placed = [(axes, end_labels.draw(axes, ends, pictures.FONT))]
    pictures.lay_out(figure, placed)
    return figure


def _looks(groups: Groups, has_share: bool) -> dict[str, dict]:
    """Returns what a legend has to say of the lines."""
    kinds = {one.kind for one in groups}
    looks = {"delta: off-local": {"lw": 2.0}} if kinds != {"elcn"} else {}
    if has_share or "elcn" in kinds:
        look = {"lw": 1.1, "linestyle": panels.DASHES}
        looks["delta_share: sharing"] = look
    return looks


def _draw_by_relax_epoch(
    axes: "mpl_axes.Axes",
    lines: Sequence[relax_lines.Line],
    beside: "mpl_axes.Axes | None" = None,
) -> list[end_labels.EndLabel]:
    ends = relax_panels.draw_by_relax_epoch(axes, lines, relax_panels.DELTA)
    relaxed = [one for line in lines for one in line.groups]
    looks = relax_panels.range_look(relaxed) | relax_panels.lost_look(relaxed)
    axes_style.explain(axes, looks)
    axes_style.set_up(axes, "Delta after training", "relax epoch", beside)
    axes.set_ylabel(_SHARE)
    axes.set_ylim(0, 1.08 * max(axes.dataLim.y1, 1e-6))
    return ends

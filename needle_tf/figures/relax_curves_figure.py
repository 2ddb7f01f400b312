"""Test accuracy of relax sweeps over epochs: a panel for each setting.

Means and ranges over the seeds; relaxed networks branch off the CNN.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from needle_tf.figures import axes_style
from needle_tf.figures import curves_figure
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
    from matplotlib import figure as mpl_figure

_TITLE = "Test accuracy"
_EPOCHS = "epochs of training in total"

Groups = Sequence[relax_groups.StageGroup]


def build_figure(
    sweep: relax_trials.RelaxSweep,
) -> "mpl_figure.Figure | None":
    """Returns the picture, or None if nothing has begun.

    Of one run, which is no sweep, it is the picture that the run itself draws.

    Args:
        sweep: What `relax_trials.read` returned, finished or not.
    """
    groups = relax_groups.group(sweep)
    if not any(one.curves(relax_groups.ACCURACY)[0].size for one in groups):
        return None
    if not sweep.is_sweep:
        stages = list(sweep.trials[0].stages.values())
        return curves_figure.build_figure(stages, sweep.title)
    names = relax_names.Names(sweep)
    with pictures.style():
        if len(relax_groups.labels_of(groups, names)) > 1:
            return _build_of_many(names, groups)
        return _build_of_one(sweep.title, groups)


def _build_of_one(title: str, groups: Groups) -> "mpl_figure.Figure":
    figure = pictures.blank(relax_panels.row_height(len(groups) + 1), title)
    axes = figure.subplots()
    ends = relax_panels.draw_accuracies(axes, groups, palette.colors_of(groups))
    axes_style.explain(
        axes, relax_panels.range_look(groups) | panels.relaxation_look(groups)
    )
    axes_style.set_up(axes, _TITLE, _EPOCHS)
    axes_style.set_percent(axes)
    axes_style.set_epochs(axes)
    annotations = end_labels.draw(axes, ends, pictures.FONT)
    pictures.lay_out(figure, [(axes, annotations)])
    return figure


def _build_of_many(
    names: relax_names.Names, groups: Groups
) -> "mpl_figure.Figure":
    labels = relax_groups.labels_of(groups, names)
    figure, all_axes = small_multiples.blank(
        [names.text_of([label]) for label in labels],
        _TITLE,
        x_label=_EPOCHS,
        y_label="test accuracy (%)",
    )
    colors = relax_lines.colors_of(groups)
    for axes, label in zip(all_axes, labels, strict=True):
        own = [one for one in groups if label in one.labels]
        relax_panels.draw_accuracies(axes, own, colors)
    all_axes[0].set_xlim(0, max(1, *(axes.dataLim.x1 for axes in all_axes)))
    axes_style.set_epoch_ticks(all_axes[0], ticks=4)
    axes_style.explain_above(
        figure,
        {
            name: {"color": colors[one.stage], "lw": 2.0}
            for name, one in relax_lines.samples(groups).items()
        },
    )
    pictures.lay_out(figure)
    return figure

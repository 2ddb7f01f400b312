"""How fast the trials of a sweep fit: training accuracy and loss over epochs.

Each line is the mean over the seeds of one label.
"""

from typing import TYPE_CHECKING

from needle_tf.figures import axes_style
from needle_tf.figures import end_labels
from needle_tf.figures import palette
from needle_tf.figures import pictures
from needle_tf.reports import groups as groups_lib
from needle_tf.reports import setting_text
from needle_tf.reports import trials as trials_lib

if TYPE_CHECKING:
    from matplotlib import axes as mpl_axes
    from matplotlib import figure as mpl_figure

_HEIGHT = 4.4
# The largest loss over the smallest from which the axis is logarithmic.
_LOG_FROM = 5
# Longer names take room from the curves: only if they need it to differ.
_NAME_LENGTHS = (32, 44)


def build_figure(sweep: trials_lib.Sweep) -> "mpl_figure.Figure | None":
    """Returns the picture, or None if nothing was trained yet.

    Args:
        sweep: What `trials.read_sweep` returned.
    """
    groups = [
        group
        for group in groups_lib.group(sweep)
        if group.curve("accuracy")[0].size
    ]
    if not groups:
        return None
    looks = palette.line_looks(len(groups), _is_ordered(sweep))
    length = _name_length([group.text for group in groups])
    font = pictures.FONT if len(groups) <= 12 else pictures.SMALL_FONT
    height = end_labels.required_height(len(groups) + 1, font) / 72 + 1.3
    with pictures.style():
        figure = pictures.blank(max(_HEIGHT, height))
        left, right = figure.subplots(1, 2)
        labels = []
        for group, look in zip(groups, looks, strict=True):
            look = {k: v for k, v in look.items() if k != "marker"}
            _draw(left, group, "accuracy", 100, look)
            _draw(right, group, "loss", 1, look)
            # Right of both panels, in the order of the losses.
            epochs, values = group.curve("loss")
            if epochs.size:
                name = pictures.shortened(group.text, length)
                labels.append(
                    end_labels.EndLabel(
                        name,
                        epochs[-1],
                        values[-1],
                        palette.readable(look["color"]),
                    )
                )
        _set_up(left, right)
        annotations = end_labels.draw(right, labels, font)
        pictures.lay_out(figure, [(right, annotations)])
    return figure


def _name_length(names: list[str]) -> int:
    """Returns to how many characters names may be cut."""
    short, long = _NAME_LENGTHS
    cut = {pictures.shortened(name, short) for name in names}
    return short if len(cut) == len(set(names)) else long


def _is_ordered(sweep: trials_lib.Sweep) -> bool:
    """Whether one number only is swept, so that dark to light is its order."""
    varied = groups_lib.varied(sweep)
    if len(sweep.variants) > 1 or len(varied) != 1:
        return False
    return all(setting_text.is_number(v) for v in sweep.axes[varied[0]])


def _draw(
    axes: "mpl_axes.Axes",
    group: groups_lib.Group,
    name: str,
    scale: float,
    look: dict[str, object],
) -> None:
    epochs, values = group.curve(name)
    is_lost = not group.ended and group.troubles() and len(epochs)
    axes.plot(
        epochs,
        scale * values,
        linewidth=1.8,
        marker="o" if len(epochs) == 1 else None,
        **look,
    )
    if is_lost and any(t.status == "diverged" for t in group.trials):
        axes.plot(
            epochs[-1],
            scale * values[-1],
            marker="x",
            color=look["color"],
            markersize=9,
            markeredgewidth=2.4,
            zorder=6,
        )


def _set_up(left: "mpl_axes.Axes", right: "mpl_axes.Axes") -> None:
    axes_style.set_up(left, "Training accuracy", "epochs")
    axes_style.set_percent(left, "training accuracy (%)")
    axes_style.set_up(right, "Training loss", "epochs")
    right.set_ylabel("training loss")
    low, high = right.dataLim.intervaly
    if 0 < _LOG_FROM * low < high:
        axes_style.set_logarithmic(right)
    for axes in (left, right):
        axes_style.set_epochs(axes, ticks=6)

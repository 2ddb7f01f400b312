"""Test accuracy of all trials of a sweep, at the end of training.

Against a swept number if there is one: a line through the means over seeds per
variant and per value of the other settings. Otherwise one row per label.

Trials that diverged or failed are marked at the accuracy of an untrained
network, which is chance; they are in no mean.
"""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

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

_HEIGHT = 4.6
# Inches per label where labels are rows.
_ROW = 0.34
_LOST = {
    "diverged": {"marker": "x", "markersize": 9, "markeredgewidth": 2.4},
    "failed": {"marker": "+", "markersize": 11, "markeredgewidth": 2.4},
}
_LOST_WIDTH = 10
_NAME_LENGTH = 40


@dataclasses.dataclass(frozen=True, eq=False)
class _Line:
    """Groups that differ in the number of the x axis only."""

    name: str
    groups: list[groups_lib.Group]
    look: dict[str, object]


def build_figure(sweep: trials_lib.Sweep) -> "mpl_figure.Figure":
    """Returns the picture of a sweep, finished or not.

    Args:
        sweep: What `trials.read_sweep` returned.
    """
    groups = groups_lib.group(sweep)
    axis = numeric_axis(sweep, groups)
    if axis is None:
        return _build_rows(groups)
    lines = _lines(sweep, groups, axis)
    labels_height = end_labels.required_height(len(lines) + 1, pictures.FONT)
    with pictures.style():
        figure = pictures.blank(max(_HEIGHT, labels_height / 72 + 1.3))
        axes = figure.subplots()
        values = [group.settings[axis] for group in groups]
        _set_x_scale(axes, values)
        level = chance(groups)
        labels = []
        for place, line in enumerate(lines):
            labels += _draw_line(axes, line, axis)
            # Those of other lines at this place lie beside each other.
            shift = place - (len(lines) - 1) / 2
            _draw_lost(axes, line, axis, level, shift)
        if len(lines) == 1:
            labels = []
        _explain(axes, groups)
        axes_style.set_up(axes, f"Test accuracy by {axis}", axis)
        labels += _set_y(axes, level)
        base = setting_text.base_of(values)
        ticks = {value: setting_text.text(value, base) for value in values}
        axes_style.set_x_ticks(axes, ticks)
        annotations = end_labels.draw(axes, labels, pictures.FONT)
        pictures.lay_out(figure, [(axes, annotations)])
    return figure


def numeric_axis(
    sweep: trials_lib.Sweep, groups: Sequence[groups_lib.Group]
) -> str | None:
    """Returns the setting with the most values, all of them numbers.

    None if there is none, or if a group does not have it.
    """
    candidates = [
        name
        for name in groups_lib.varied(sweep)
        if all(setting_text.is_number(v) for v in sweep.axes[name])
        and all(setting_text.is_number(g.settings.get(name)) for g in groups)
    ]
    return max(candidates, key=lambda n: len(sweep.axes[n]), default=None)


def chance(groups: Sequence[groups_lib.Group]) -> float:
    """Returns the accuracy of untrained networks, 0 if none was measured."""
    firsts = [
        float(values[0])
        for group in groups
        for trial in group.trials
        for epochs, values in [trial.curve("test_accuracy")]
        if epochs.size and epochs[0] == 0
    ]
    return float(np.median(firsts)) if firsts else 0.0


def _lines(
    sweep: trials_lib.Sweep, groups: Sequence[groups_lib.Group], axis: str
) -> list[_Line]:
    """Returns the groups line by line, each rising along the axis."""
    members = {}
    for group in groups:
        others = {n: v for n, v in group.settings.items() if n != axis}
        key = (group.variant, *map(str, sorted(others.items())))
        members.setdefault(key, []).append(group)
    names = setting_text.texts(
        [
            setting_text.Identity(
                ", ".join(map(str, key)),
                own[0].variant,
                {n: v for n, v in own[0].settings.items() if n != axis},
            )
            for key, own in members.items()
        ]
    )
    is_ordered = not sweep.variants and len(groups_lib.varied(sweep)) == 2
    looks = palette.line_looks(len(members), is_ordered)
    return [
        _Line(
            name=pictures.shortened(name, _NAME_LENGTH),
            groups=sorted(own, key=lambda group: group.settings[axis]),
            look=look,
        )
        for name, own, look in zip(names, members.values(), looks, strict=True)
    ]


def _draw_line(
    axes: "mpl_axes.Axes", line: _Line, axis: str
) -> list[end_labels.EndLabel]:
    """Draws means, ranges and seeds; returns the label of the line's end."""
    means, places = [], []
    for group in line.groups:
        x = group.settings[axis]
        results = 100 * np.array(group.results("test_accuracy"))
        _draw_trials(axes, group, x, line.look)
        if results.size:
            places.append(x)
            means.append(results.mean())
            axes.vlines(
                x,
                results.min(),
                results.max(),
                color=line.look["color"],
                linewidth=3.5,
                alpha=0.35,
                zorder=3,
            )
    axes.plot(places, means, linewidth=1.8, zorder=4, **line.look)
    if not means:
        return []
    color = palette.readable(line.look["color"])
    return [end_labels.EndLabel(line.name, places[-1], means[-1], color)]


def _draw_trials(
    axes: "mpl_axes.Axes",
    group: groups_lib.Group,
    x: float,
    look: dict[str, object],
) -> None:
    """Draws what no mean shows: the seeds, and trials that still run."""
    for trial in group.trials:
        value = trial.result("test_accuracy")
        own = {"color": look["color"], "linestyle": "", "zorder": 5}
        if value is None or trial.status in _LOST:
            continue
        if trial.status == "running":
            axes.plot(x, 100 * value, marker="o", mfc="white", **own)
        elif len(group.ended) > 1:
            axes.plot(x, 100 * value, marker="o", ms=2.5, alpha=0.6, **own)


def _draw_lost(
    axes: "mpl_axes.Axes", line: _Line, axis: str, level: float, shift: float
) -> None:
    """Marks the trials that diverged or failed, moved by widths of a mark."""
    from matplotlib import transforms

    moved = axes.transData + transforms.ScaledTranslation(
        shift * _LOST_WIDTH / 72, 0, axes.figure.dpi_scale_trans
    )
    for group in line.groups:
        for status in {trial.status for trial in group.trials} & _LOST.keys():
            axes.plot(
                group.settings[axis],
                100 * level,
                color=line.look["color"],
                transform=moved,
                zorder=5,
                **_LOST[status],
            )
    # A moved mark does not count for the limits of the axes by itself.
    if any(t.status in _LOST for group in line.groups for t in group.trials):
        axes.update_datalim([(line.groups[0].settings[axis], 100 * level)])


def _build_rows(groups: Sequence[groups_lib.Group]) -> "mpl_figure.Figure":
    """Returns a picture with one row per label, the first one at the top."""
    with pictures.style():
        figure = pictures.blank(1.4 + _ROW * max(len(groups), 3))
        axes = figure.subplots()
        color = palette.line_looks(1, is_ordered=False)[0]["color"]
        level = chance(groups)
        for place, group in enumerate(groups):
            results = 100 * np.array(group.results("test_accuracy"))
            # The same marks as along an axis, lying on their side.
            for trial in group.trials:
                own = {"color": color, "linestyle": "", "zorder": 5}
                value = trial.result("test_accuracy")
                if trial.status in _LOST:
                    axes.plot(100 * level, place, **own, **_LOST[trial.status])
                elif value is not None:
                    face = {} if trial in group.ended else {"mfc": "white"}
                    axes.plot(
                        100 * value, place, marker="o", ms=4, **face, **own
                    )
            if results.size:
                axes.hlines(
                    place,
                    results.min(),
                    results.max(),
                    color=color,
                    linewidth=5,
                    alpha=0.35,
                    zorder=3,
                )
                axes.plot(results.mean(), place, "|", ms=15, mew=2, color=color)
        _explain(axes, groups)
        axes_style.set_up(axes, "Test accuracy", "")
        axes_style.set_percent(axes, axis="x")
        axes.set_ylim(len(groups) - 0.5, -0.5)
        axes.set_yticks(
            range(len(groups)),
            [pictures.shortened(group.text, _NAME_LENGTH) for group in groups],
        )
        _write_outcomes(axes, groups)
        pictures.lay_out(figure)
    return figure


def _write_outcomes(
    axes: "mpl_axes.Axes", groups: Sequence[groups_lib.Group]
) -> None:
    """Writes the figures right of the axes, one per row."""
    for place, group in enumerate(groups):
        text = group.outcome("\n")
        axes.annotate(
            text,
            (1.01, place),
            xycoords=axes.get_yaxis_transform(),
            va="center",
            fontsize=pictures.SMALL_FONT if "\n" in text else pictures.FONT,
            annotation_clip=False,
        )


def _set_x_scale(axes: "mpl_axes.Axes", values: Sequence[float]) -> None:
    low, high = min(values), max(values)
    if setting_text.is_logarithmic(values):
        least = min(value for value in values if value > 0)
        room = (high / least) ** 0.04
        if low > 0:
            axes.set_xscale("log")
            axes.set_xlim(low / room, high * room)
        else:
            # Linear below the first positive one: 0 has a place, too.
            axes.set_xscale("symlog", linthresh=least, linscale=0.5)
            axes.set_xlim(-0.3 * least, high * room)
    else:
        room = 0.04 * (high - low)
        axes.set_xlim(low - room, high + room)


def _set_y(axes: "mpl_axes.Axes", level: float) -> list[end_labels.EndLabel]:
    """Scales the axis; returns the label of the level of chance, if seen."""
    axes_style.set_percent(axes)
    if axes.get_ylim()[0] >= 100 * level or not level:
        return []
    axes.axhline(100 * level, color=axes_style.GREY, lw=1.0, ls=(0, (2, 2)))
    right = axes.get_xlim()[1]
    return [end_labels.EndLabel("chance", right, 100 * level, axes_style.GREY)]


def _explain(axes: "mpl_axes.Axes", groups: Sequence[groups_lib.Group]) -> None:
    """Says what the marks mean, those that occur."""
    trials = [trial for group in groups for trial in group.trials]
    statuses = {trial.status for trial in trials}
    looks = {}
    if any(len(group.ended) > 1 for group in groups):
        looks["mean and range over seeds"] = {"lw": 3.5, "alpha": 0.35}
    if "running" in statuses:
        looks["not finished"] = {"lw": 0, "marker": "o", "mfc": "white"}
    for status, look in _LOST.items():
        if status in statuses:
            looks[f"{status} (at chance)"] = {"lw": 0, **look}
    axes_style.explain(axes, looks)

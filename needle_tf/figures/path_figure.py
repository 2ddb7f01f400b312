"""Loss and accuracy along paths between two networks.

Above the loss, below the accuracy, on the test images (lines) and on the
training images (dashes). Position 0 is the first network and 1 the second. The
barrier is the largest excess of the loss over the straight line between the
losses of the two ends.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

import numpy as np

from needle_tf.figures import axes_style
from needle_tf.figures import end_labels
from needle_tf.figures import palette
from needle_tf.figures import pictures
from needle_tf.figures import spread_marks
from needle_tf.reports import analysis_rows
from needle_tf.reports import seed_spread

if TYPE_CHECKING:
    from matplotlib import axes as mpl_axes
    from matplotlib import figure as mpl_figure

_LOOKS = {
    "test": {"lw": 2.0, "linestyle": "-", "ms": 4.5},
    "train": {"lw": 1.3, "linestyle": (0, (4, 2)), "marker": ""},
}
_WORDS = {"test": "test images", "train": "training images"}
_PANEL = 3.1
# The largest test loss over the smallest from which the axis is logarithmic.
_WIDE = 30

Groups = Mapping[str, Sequence[Mapping[str, Any]]]


def build_figure(groups: Groups, title: str = "") -> "mpl_figure.Figure":
    """Returns the picture.

    Args:
        groups: The JSON of a path by label, one per seed: of an interpolation,
            a string or a band.
        title: What is written over the panels.

    Raises:
        ValueError: If there is nothing to be drawn.
    """
    seed_spread.check_groups(groups, "a path")
    looks = spread_marks.looks(list(groups))
    labels_height = end_labels.required_height(len(groups), pictures.FONT) / 72
    height = max(_PANEL, labels_height + 0.8)
    with pictures.style():
        figure = pictures.blank(2 * height + 0.6, title)
        panels = figure.subplots(2, 1, sharex=True)
        columns = []
        for axes, name in zip(panels, ("loss", "accuracy"), strict=True):
            labels = _draw(axes, groups, name, looks)
            columns.append((axes, labels))
        _set_losses(panels[0])
        axes_style.set_percent(panels[1], "accuracy (%)")
        _explain(panels[0], groups)
        panels[0].set_title("Loss", loc="left", pad=24)
        panels[1].set_title("Accuracy", loc="left", pad=8)
        panels[1].set_xlabel("position on the path: 0 first network, 1 second")
        panels[1].set_xlim(0, 1)
        written = [
            (axes, end_labels.draw(axes, labels, pictures.FONT))
            for axes, labels in columns
        ]
        pictures.lay_out(figure, written)
    return figure


def barriers(results: Sequence[Mapping[str, Any]], part: str) -> list[float]:
    """Returns the height of the barrier for each seed; None if not known."""
    return [
        result["barriers"].get(part, {}).get("above_line") for result in results
    ]


def _draw(
    axes: "mpl_axes.Axes",
    groups: Groups,
    name: str,
    looks: Mapping[str, Mapping[str, Any]],
) -> list[end_labels.EndLabel]:
    """Draws one figure of all groups; returns the labels of the lines."""
    labels = []
    scale = 100 if name == "accuracy" else 1
    for label, results in groups.items():
        parts = analysis_rows.parts_of(results)
        for part in reversed(parts):
            places, table = _curves(results, part, name)
            look = {**looks[label], **_LOOKS[part]}
            if len(places) > len(results[0]["points"]):
                # Marks are points of the path, and seeds have others.
                look["marker"] = ""
            mean = spread_marks.draw_curve(axes, places, scale * table, look)
        if not parts:
            continue
        known = np.flatnonzero(np.isfinite(mean))
        text = spread_marks.short(label)
        if name == "loss":
            height = seed_spread.significant(barriers(results, parts[0]))
            text = f"{text}: barrier {height}"
        if known.size:
            labels.append(
                end_labels.EndLabel(
                    text,
                    float(places[known[-1]]),
                    float(mean[known[-1]]),
                    palette.readable(looks[label]["color"]),
                )
            )
    return labels


def _curves(
    results: Sequence[Mapping[str, Any]], part: str, name: str
) -> tuple[np.ndarray, np.ndarray]:
    return seed_spread.on_one_grid(
        [
            (
                [point["position"] for point in result["points"]],
                seed_spread.numbers(
                    [point[part][name] for point in result["points"]]
                ),
            )
            for result in results
        ]
    )


def _set_losses(axes: "mpl_axes.Axes") -> None:
    axes.set_ylabel("loss")
    # Losses on training images are often next to 0, where nothing happens.
    solid = [line for line in axes.lines if line.get_linestyle() == "-"]
    values = [line.get_ydata() for line in solid or axes.lines]
    values = np.concatenate(values or [[]])
    values = values[np.isfinite(values)]
    if values.size and values.min() > 0 and values.max() > _WIDE * values.min():
        axes_style.set_logarithmic(axes)
    else:
        axes.set_ylim(bottom=0)


def _explain(axes: "mpl_axes.Axes", groups: Groups) -> None:
    parts = [
        part
        for part in analysis_rows.PARTS
        if any(
            part in analysis_rows.parts_of(results)
            for results in groups.values()
        )
    ]
    styles = {
        _WORDS[part]: {k: v for k, v in _LOOKS[part].items() if k != "ms"}
        for part in parts
    }
    if seed_spread.has_spread(groups):
        styles[spread_marks.SPREAD] = spread_marks.BAND_LOOK
    axes_style.explain(axes, styles)

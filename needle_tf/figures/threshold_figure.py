"""Accuracy of a network that is pushed to set distances from the CNN.

Finding 5: beyond some distance accuracy falls to the level of an FCN. The
level is drawn where a result brings it along; a star marks the network itself,
at its own distance.
Reference: d'Ascoli et al., arXiv:1906.06766.
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

_HEIGHT = 4.6
_DISTANCES = {
    "off_local": "delta: off-local share of the weights' norm",
    "not_cnn": "delta_cnn: share of the weights' norm off the CNN subspace",
}
_DIRECTIONS = {
    "noise": "pushed along noise",
    "learned": "pushed along what it has learnt",
}
_STAR = {"marker": "*", "ms": 15, "mec": "white", "zorder": 6}
_LEVEL = {"lw": 1.6, "linestyle": (0, (6, 2))}

Groups = Mapping[str, Sequence[Mapping[str, Any]]]


def build_figure(groups: Groups, title: str = "") -> "mpl_figure.Figure":
    """Returns the picture.

    Args:
        groups: The JSON of `analysis.noise_threshold` by label, one per seed;
            `level` in it is the accuracy that is compared with.
        title: What is written over the panel.

    Raises:
        ValueError: If there is nothing to be drawn.
    """
    seed_spread.check_groups(groups, "a threshold")
    looks = spread_marks.looks(list(groups))
    levels = _levels(groups)
    count = len(groups) + len(levels)
    height = end_labels.required_height(count, pictures.FONT) / 72 + 1.8
    with pictures.style():
        figure = pictures.blank(max(_HEIGHT, height), title)
        axes = figure.subplots()
        labels = [
            _draw_group(axes, label, results, looks[label])
            for label, results in groups.items()
        ]
        axes.set_xlim(0, max(axes.dataLim.x1, 0.05))
        for name, (color, values) in levels.items():
            labels.append(_draw_level(axes, name, values, color))
        _explain(axes, groups, levels)
        axes_style.set_up(
            axes,
            _common(groups, "direction", _DIRECTIONS, "Accuracy by distance"),
            _common(groups, "part", _DISTANCES, "distance"),
        )
        axes_style.set_percent(axes, "accuracy (%)")
        annotations = end_labels.draw(axes, labels, pictures.FONT)
        pictures.lay_out(figure, [(axes, annotations)])
    return figure


def _draw_group(
    axes: "mpl_axes.Axes",
    label: str,
    results: Sequence[Mapping[str, Any]],
    look: Mapping[str, Any],
) -> end_labels.EndLabel:
    """Draws one line with the network's own place; returns its label."""
    curves = []
    for result in results:
        means = analysis_rows.mean_accuracies(result)
        curves.append((list(means), seed_spread.numbers(means.values())))
    places, table = seed_spread.on_one_grid(curves)
    look = {**look, "lw": 2.0, "ms": 5, "zorder": 4}
    mean = spread_marks.draw_curve(axes, places, 100 * table, look)
    own = np.mean([result["own_distance"] for result in results])
    intact = np.mean([result["intact"]["accuracy"] for result in results])
    axes.plot(own, 100 * intact, color=look["color"], **_STAR)
    text = spread_marks.short(label)
    thresholds = [result.get("threshold") for result in results]
    if None not in thresholds:
        text += f": below from {seed_spread.text(thresholds)}"
    return end_labels.EndLabel(
        text,
        float(places[-1]),
        float(np.nan_to_num(mean[-1])),
        palette.readable(look["color"]),
    )


def _levels(groups: Groups) -> dict[str, tuple[str, list[float]]]:
    """Returns colour and percentages of each level by its name.

    Labels that were compared with the same networks share a grey level.
    """
    looks = spread_marks.looks(list(groups))
    found = {}
    for label, results in groups.items():
        own = [each["level"] for each in results if each.get("level")]
        if own:
            values = [100 * level["accuracy"] for level in own]
            found[label] = own[0]["network"], values
    if len({(name, *values) for name, values in found.values()}) == 1:
        name, values = next(iter(found.values()))
        return {name: (axes_style.GREY, values)}
    return {
        f"{name} ({spread_marks.short(label)})": (looks[label]["color"], values)
        for label, (name, values) in found.items()
    }


def _draw_level(
    axes: "mpl_axes.Axes", name: str, values: Sequence[float], color: str
) -> end_labels.EndLabel:
    mean = float(np.mean(values))
    axes.axhline(mean, color=color, zorder=2, **_LEVEL)
    if len(values) > 1:
        axes.axhspan(
            min(values), max(values), color=color, alpha=0.12, linewidth=0
        )
    right = axes.get_xlim()[1]
    return end_labels.EndLabel(name, right, mean, palette.readable(color))


def _common(
    groups: Groups, name: str, words: Mapping[str, str], otherwise: str
) -> str:
    """Returns what all results have in common, in words."""
    found = {each[name] for results in groups.values() for each in results}
    if len(found) != 1:
        return otherwise
    text = words.get(found.pop(), otherwise)
    return f"Accuracy, {text}" if name == "direction" else text


def _explain(
    axes: "mpl_axes.Axes", groups: Groups, levels: Mapping[str, Any]
) -> None:
    styles = {"the network itself": {**_STAR, "lw": 0}}
    if levels:
        styles["level to compare with"] = _LEVEL
    if seed_spread.has_spread(groups):
        styles[spread_marks.SPREAD] = spread_marks.BAND_LOOK
    axes_style.explain(axes, styles)

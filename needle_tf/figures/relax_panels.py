"""The panels of the pictures of relax sweeps: means and ranges over seeds.

    accuracies        test accuracy over epochs
    distances         delta and delta_share over epochs
    by relax epoch    a figure after training against the relax epoch
    against distance  test accuracy against delta, both after training

Each draws its lines and returns the labels of their ends, which are placed
when the picture is laid out. `%` means percent of the test images; distances
are shares of the norm of the weights, in [0, 1].
"""

import dataclasses
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from needle_tf.figures import end_labels
from needle_tf.figures import palette
from needle_tf.figures import panels
from needle_tf.figures import pictures
from needle_tf.figures import relax_lines
from needle_tf.reports import network_names
from needle_tf.reports import relax_groups

if TYPE_CHECKING:
    from matplotlib import axes as mpl_axes

BAND = {"alpha": 0.18, "linewidth": 0}
LEVEL_DASHES = (0, (6, 2))
_LOW = 4.4
# Inches beside the panels: title, axis and their labels.
_HEAD = 1.4
# Areas of marks, in square points.
_MEAN_SIZE, _SEED_SIZE = 110, 32
_LOST = ("diverged", "failed")
_LOST_LOOK = {"marker": "x", "markersize": 8, "markeredgewidth": 2.2}
_LOST_WIDTH = 10

Groups = Sequence[relax_groups.StageGroup]
Spreads = Callable[[relax_groups.StageGroup], relax_groups.Spread]


@dataclasses.dataclass(frozen=True)
class Measure:
    """A figure after training.

    Attributes:
        of: Returns it over the seeds of a network.
        scale: What it is multiplied by.
    """

    of: Spreads
    scale: float

    def values(self, one: relax_groups.StageGroup) -> np.ndarray:
        """Returns it for each seed, scaled."""
        return self.scale * np.array(self.of(one).values, float)


ACCURACY = Measure(lambda one: one.finals(relax_groups.ACCURACY), 100)
DIFFERENCE = Measure(lambda one: one.differences(), 100)
DELTA = Measure(lambda one: one.finals("delta"), 1)


def draw_accuracies(
    axes: "mpl_axes.Axes", groups: Groups, colors: Mapping[str, str]
) -> list[end_labels.EndLabel]:
    """Draws test accuracy over epochs; returns the labels of the lines.

    Args:
        axes: Where to.
        groups: The networks of one setting.
        colors: By the names of their stages.
    """
    labels = []
    for one in groups:
        is_cnn = one.kind == "cnn"
        color = colors[one.stage]
        # Relaxed lines start on the CNN's and must stay visible there.
        look = {"lw": 2.6 if is_cnn else 1.8, "zorder": 3 if is_cnn else 4}
        end = _draw_curve(axes, one, relax_groups.ACCURACY, 100, color, look)
        if end is not None:
            text = f"{network_names.name_of(one)}  {outcome(one)}"
            labels.append(end_labels.EndLabel(text, *end, color))
    return labels


def draw_distances(
    axes: "mpl_axes.Axes",
    groups: Groups,
    colors: Mapping[str, str],
    has_share: bool,
) -> list[end_labels.EndLabel]:
    """Draws distances over epochs; returns the labels of the lines.

    Args:
        axes: Where to.
        groups: The networks of one setting.
        colors: By the names of their stages.
        has_share: Whether `delta_share` is drawn beside `delta`; of an eLCN,
            which has no off-local weights, it always is.
    """
    labels = []
    for one in filter(has_distance, groups):
        ends, color = [], colors[one.stage]
        if has_share or one.kind == "elcn":
            look = {"lw": 1.1, "linestyle": panels.DASHES, "zorder": 3}
            ends.append(_draw_curve(axes, one, "delta_share", 1, color, look))
        if one.kind != "elcn":
            look = {"lw": 2.0, "zorder": 4}
            ends.append(_draw_curve(axes, one, "delta", 1, color, look))
        ends = [end for end in ends if end is not None]
        if ends:
            name = network_names.name_of(one)
            labels.append(end_labels.EndLabel(name, *ends[-1], color))
    return labels


def draw_by_relax_epoch(
    axes: "mpl_axes.Axes",
    lines: Sequence[relax_lines.Line],
    measure: Measure,
) -> list[end_labels.EndLabel]:
    """Draws a figure after training against the relax epoch.

    Crosses at the lower end are networks without a result: they diverged, or
    an error ended them.

    Args:
        axes: Where to.
        lines: What `relax_lines.of` returned.
        measure: The figure.
    """
    labels = []
    for line in lines:
        x, table = _points(line, measure)
        if not x:
            continue
        means = [values.mean() for values in table]
        low = [values.min() for values in table]
        high = [values.max() for values in table]
        if len(x) > 1:
            axes.fill_between(x, low, high, color=line.color, **BAND)
        else:
            axes.vlines(x, low, high, color=line.color, lw=3.5, alpha=0.35)
        axes.plot(
            x,
            means,
            color=line.color,
            linestyle=line.dashes,
            lw=1.8,
            marker=palette.MARKERS[line.kind],
            markersize=5.5,
            zorder=4,
        )
        color = palette.readable(line.color)
        labels.append(end_labels.EndLabel(line.name, x[-1], means[-1], color))
    _draw_lost(axes, lines)
    epochs = {one.relax_epoch for line in lines for one in line.groups}
    panels.set_relax_epochs(axes, sorted(epochs))
    return labels


def draw_levels(
    axes: "mpl_axes.Axes", groups: Groups, kinds: Sequence[str]
) -> list[end_labels.EndLabel]:
    """Draws the accuracy of networks that were not relaxed as levels.

    The limits of the x axis must be as they shall stay.

    Args:
        axes: Where to.
        groups: The networks.
        kinds: Those that are wanted.
    """
    colors, labels = palette.colors_of(groups), []
    right = axes.get_xlim()[1]
    for one in groups:
        values = ACCURACY.values(one)
        if one.kind not in kinds or not values.size:
            continue
        color, mean = colors[one.stage], values.mean()
        axes.axhline(mean, color=color, lw=1.6, ls=LEVEL_DASHES)
        if values.size > 1:
            axes.axhspan(values.min(), values.max(), color=color, **BAND)
        text = f"{network_names.name_of(one)}  {outcome(one)}"
        labels.append(end_labels.EndLabel(text, right, mean, color))
    return labels


def draw_against_distance(
    axes: "mpl_axes.Axes",
    lines: Sequence[relax_lines.Line],
    fcns: Groups,
) -> list[end_labels.EndLabel]:
    """Draws accuracy against delta after training, a point for each seed.

    A line goes through the means in the order of the relax epochs.

    Args:
        axes: Where to.
        lines: What `relax_lines.of` returned.
        fcns: FCNs from scratch.
    """
    kinds = [line.kind for line in lines]
    labels = []
    for line in lines:
        points = {
            one.stage: found
            for one in line.groups
            if (found := _seeds(one)).size
        }
        if not points:
            continue
        colors = dict.fromkeys(points, line.color)
        if kinds.count(line.kind) == 1:
            colors = palette.colors_of(line.groups)
        means = np.array([found.mean(axis=0) for found in points.values()])
        axes.plot(*means.T, color=line.color, lw=1.2, ls=line.dashes, zorder=3)
        for stage, found in points.items():
            _draw_seeds(axes, found, line.kind, colors[stage])
        end = means[np.argmax(means[:, 0])]
        color = palette.readable(line.color)
        labels.append(end_labels.EndLabel(line.name, *end, color))
    for stage, color in palette.colors_of(fcns).items():
        for one in fcns:
            if one.stage == stage and _seeds(one).size:
                _draw_seeds(axes, _seeds(one), "efcn", color)
    return labels


def has_distance(one: relax_groups.StageGroup) -> bool:
    """Whether the network is relaxed and its distances were measured."""
    return one.is_relaxed and bool(one.curves("delta_share")[0].size)


def outcome(one: relax_groups.StageGroup) -> str:
    """Returns its accuracy in percent, and how many seeds have none."""
    values, counts = ACCURACY.values(one), one.counts()
    if not values.size:
        return next(iter(counts))
    text = f"{values.mean():.1f}"
    if values.size > 1:
        text += f" \N{PLUS-MINUS SIGN} {values.std(ddof=1):.1f}"
    if len(one.members) > counts.get("finished", 0):
        text += f" ({values.size} of {len(one.members)})"
    return text


def lost_look(groups: Groups) -> dict[str, dict]:
    """Returns what a legend has to say of crosses, if there are any."""
    found = {status for one in groups for status in one.counts()}
    words = " or ".join(status for status in _LOST if status in found)
    return {words: {"lw": 0, **_LOST_LOOK}} if words else {}


def range_look(groups: Groups) -> dict[str, dict]:
    """Returns what a legend has to say of bands, if there are any."""
    if any(len(one.drawn()) > 1 for one in groups):
        return {"mean and range over seeds": {"lw": 7, "alpha": 0.35}}
    return {}


def seed_looks(groups: Groups) -> dict[str, dict]:
    """Returns what a legend has to say of points, if means are among them."""
    if all(len(one.finals("delta").values) < 2 for one in groups):
        return {}
    seed, mean = np.sqrt([_SEED_SIZE, _MEAN_SIZE])
    return {
        "one seed": {"lw": 0, "marker": "o", "markersize": seed},
        "mean": {"lw": 0, "marker": "o", "markersize": mean, "alpha": 0.45},
    }


def _draw_curve(
    axes: "mpl_axes.Axes",
    one: relax_groups.StageGroup,
    name: str,
    scale: float,
    color: str,
    look: Mapping[str, object],
) -> tuple[float, float] | None:
    """Draws mean and range over epochs; returns where the line ends."""
    epochs, table = one.curves(name)
    if not epochs.size:
        return None
    means = scale * np.nanmean(table, axis=0)
    if len(table) > 1:
        low, high = np.nanmin(table, axis=0), np.nanmax(table, axis=0)
        axes.fill_between(
            epochs, scale * low, scale * high, color=color, zorder=2, **BAND
        )
    # A line of one point is seen by its marker only.
    marker = {"marker": "o", "clip_on": False} if len(epochs) == 1 else {}
    axes.plot(epochs, means, color=color, **marker, **look)
    if one.is_relaxed and name == relax_groups.ACCURACY:
        panels.mark_start(axes, one, epochs[0], means[0], color)
    if one.drawn()[0].status == "diverged":
        panels.mark_divergence(axes, epochs[-1], means[-1], color)
    return epochs[-1], means[-1]


def _points(
    line: relax_lines.Line, measure: Measure
) -> tuple[list[int], list[np.ndarray]]:
    """Returns relax epochs, and the values of the seeds at each of them."""
    found = [(one.relax_epoch, measure.values(one)) for one in line.groups]
    known = [(epoch, values) for epoch, values in found if values.size]
    return [epoch for epoch, _ in known], [values for _, values in known]


def _draw_lost(
    axes: "mpl_axes.Axes", lines: Sequence[relax_lines.Line]
) -> None:
    """Marks networks without a result, those of other lines beside them."""
    from matplotlib import transforms

    for place, line in enumerate(lines):
        shift = (place - (len(lines) - 1) / 2) * _LOST_WIDTH / 72
        moved = axes.get_xaxis_transform() + transforms.ScaledTranslation(
            shift, 0, axes.figure.dpi_scale_trans
        )
        for one in line.groups:
            if set(_LOST) & one.counts().keys():
                axes.plot(
                    one.relax_epoch,
                    0.04,
                    color=line.color,
                    transform=moved,
                    zorder=6,
                    linestyle="",
                    **_LOST_LOOK,
                )
                # A moved mark does not count for the limits by itself.
                low, high = axes.dataLim.intervaly
                height = low if np.isfinite(low) and low <= high else 0
                axes.update_datalim([(one.relax_epoch, height)])


def _seeds(one: relax_groups.StageGroup) -> np.ndarray:
    """Returns delta and accuracy in percent of each finished seed."""
    found = [
        (member.final("delta"), member.final(relax_groups.ACCURACY))
        for member in one.members
    ]
    known = [pair for pair in found if None not in pair]
    return np.array(known, float).reshape(-1, 2) * [1, 100]


def _draw_seeds(
    axes: "mpl_axes.Axes", found: np.ndarray, kind: str, color: str
) -> None:
    """Draws a point for each seed, their mean behind them."""
    look = {"marker": palette.MARKERS[kind], "color": color}
    if len(found) > 1:
        axes.scatter(*found.mean(axis=0), s=_MEAN_SIZE, alpha=0.45, **look)
    axes.scatter(
        *found.T, s=_SEED_SIZE, edgecolors="white", lw=0.6, zorder=5, **look
    )


def row_height(labels: int) -> float:
    """Returns the height in inches of panels with so many labels beside."""
    needed = end_labels.required_height(labels, pictures.FONT) / 72
    return max(_LOW, needed + _HEAD)

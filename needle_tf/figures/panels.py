"""The three panels of the picture of one run.

    accuracy        test accuracy over epochs, relaxed nets branching off
    distance        how far the relaxed nets are from the CNN subspace
    relax epochs    final test accuracy against the relax epoch

Each draws its lines and returns the labels of their ends, which are placed
when the picture is laid out. `%` means percent of the test images; distances
are shares of the norm of the weights, in [0, 1].
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from needle_tf.figures import axes_style
from needle_tf.figures import end_labels
from needle_tf.figures import palette
from needle_tf.reports import histories
from needle_tf.reports import network_names

if TYPE_CHECKING:
    from matplotlib import axes as mpl_axes

DASHES = (0, (4, 2))
# The last relax epoch over the first from which their axis is logarithmic.
_WIDE = 12


def draw_accuracies(
    axes: "mpl_axes.Axes",
    stages: Sequence[histories.History],
    colors: dict[str, str],
) -> list[end_labels.EndLabel]:
    """Draws test accuracy over epochs; returns the labels of the lines."""
    labels = []
    for stage in stages:
        epochs, percent = _measured(stage, "test_accuracy", scale=100)
        if not epochs.size:
            continue
        color = colors[stage.stage]
        is_cnn = stage.kind == "cnn"
        axes.plot(
            epochs,
            percent,
            color=color,
            linewidth=2.6 if is_cnn else 1.8,
            # A line of one point is seen by its marker only.
            marker="o" if len(epochs) == 1 else None,
            clip_on=len(epochs) > 1,
            # Relaxed lines start on the CNN's and must stay visible there.
            zorder=3 if is_cnn else 4,
        )
        if stage.is_relaxed:
            mark_start(axes, stage, epochs[0], percent[0], color)
        if stage.diverged is not None:
            mark_divergence(axes, epochs[-1], percent[-1], color)
        text = f"{network_names.name_of(stage)}  {_outcome(stage, percent[-1])}"
        labels.append(end_labels.EndLabel(text, epochs[-1], percent[-1], color))
    axes_style.explain(axes, relaxation_look(stages))
    axes_style.set_up(axes, "Test accuracy", "epochs of training in total")
    axes_style.set_percent(axes)
    axes_style.set_epochs(axes)
    return labels


def draw_distances(
    axes: "mpl_axes.Axes",
    stages: Sequence[histories.History],
    colors: dict[str, str],
) -> list[end_labels.EndLabel]:
    """Draws both distances over epochs; returns the labels of the lines."""
    labels = []
    for stage in stages:
        if not has_distance(stage):
            continue
        color = colors[stage.stage]
        epochs, values = _measured(stage, "delta_share")
        axes.plot(epochs, values, color=color, lw=1.1, linestyle=DASHES)
        # An eLCN has no off-local weights: only its sharing can break.
        if stage.kind != "elcn" and _measured(stage, "delta")[0].size:
            epochs, values = _measured(stage, "delta")
            axes.plot(epochs, values, color=color, lw=2.0)
        if stage.diverged is not None:
            mark_divergence(axes, epochs[-1], values[-1], color)
        labels.append(
            end_labels.EndLabel(
                network_names.name_of(stage), epochs[-1], values[-1], color
            )
        )
    axes_style.explain(
        axes,
        {
            "delta: off-local": {"lw": 2.0},
            "delta_share: sharing": {"lw": 1.1, "linestyle": DASHES},
        },
    )
    axes_style.set_up(
        axes, "Distance from the CNN subspace", "epochs of training in total"
    )
    axes.set_ylabel("share of the weights' norm")
    axes.set_ylim(bottom=0)
    axes_style.set_epochs(axes)
    return labels


def draw_relax_epochs(
    axes: "mpl_axes.Axes",
    stages: Sequence[histories.History],
    colors: dict[str, str],
) -> list[end_labels.EndLabel]:
    """Draws final accuracy against relax epoch, the others as levels.

    What has not come to its end is left out.
    """
    finals = {
        stage: values[-1]
        for stage in filter(is_final, stages)
        if len(values := _measured(stage, "test_accuracy", scale=100)[1])
    }
    labels = []
    for kind in dict.fromkeys(s.kind for s in finals if s.is_relaxed):
        own = [stage for stage in finals if stage.kind == kind]
        x, y = [s.relax_epoch for s in own], [finals[s] for s in own]
        color = palette.color_of_kind(kind)
        axes.plot(x, y, color=color, linewidth=1.6, zorder=3)
        axes.scatter(
            x,
            y,
            s=60,
            marker=palette.MARKERS[kind],
            color=[colors[stage.stage] for stage in own],
            zorder=4,
        )
        name = network_names.name_of_kind(kind)
        labels.append(end_labels.EndLabel(name, x[-1], y[-1], color))
    set_relax_epochs(
        axes, sorted({s.relax_epoch for s in finals if s.is_relaxed})
    )
    right = axes.get_xlim()[1]
    for stage, value in finals.items():
        if not stage.is_relaxed:
            color, name = colors[stage.stage], network_names.name_of(stage)
            axes.axhline(value, color=color, lw=1.6, ls=(0, (6, 2)))
            labels.append(end_labels.EndLabel(name, right, value, color))
    axes_style.set_up(axes, "Final accuracy by relax epoch", "relax epoch")
    axes_style.set_percent(axes)
    return labels


def has_distance(stage: histories.History) -> bool:
    """Whether the stage is relaxed and its distances were measured."""
    return stage.is_relaxed and bool(_measured(stage, "delta_share")[0].size)


def is_final(stage: histories.History) -> bool:
    """Whether the last figures of the stage are its result."""
    return stage.finished and stage.diverged is None


def _measured(
    stage: histories.History, name: str, scale: float = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the epochs in which `name` was measured, and its values."""
    epochs, values = stage.column("epoch"), stage.column(name)
    known = ~np.isnan(values)
    return epochs[known], scale * values[known]


def _outcome(stage: histories.History, percent: float) -> str:
    if stage.diverged is not None:
        return "diverged"
    return f"{percent:.1f}" if stage.finished else "running"


def mark_start(
    axes: "mpl_axes.Axes",
    stage: histories.Network,
    epoch: float,
    percent: float,
    color: str,
) -> None:
    """Puts a mark where the network took over from the CNN."""
    # Two kinds relaxed at one epoch: the square lies within the circle.
    is_inner = stage.kind == "elcn"
    axes.plot(
        epoch,
        percent,
        marker=palette.MARKERS[stage.kind],
        color=color,
        markersize=5 if is_inner else 8.5,
        markeredgecolor="white",
        zorder=6 if is_inner else 5,
        clip_on=False,
    )


def mark_divergence(
    axes: "mpl_axes.Axes", epoch: float, value: float, color: str
) -> None:
    """Puts a cross where a network diverged."""
    axes.plot(
        epoch,
        value,
        marker="x",
        color=color,
        markersize=9,
        markeredgewidth=2.4,
        zorder=6,
        clip_on=False,
    )


def relaxation_look(stages: Sequence[histories.Network]) -> dict[str, dict]:
    """Returns what a legend has to say of marks and names of relaxed nets."""
    relaxed = [stage for stage in stages if stage.is_relaxed]
    if not relaxed:
        return {}
    # The last of its kind: relaxed at epoch 0 would explain little.
    example = [s for s in relaxed if s.kind == relaxed[0].kind][-1]
    text = (
        f"{network_names.name_of(example)}: the CNN, relaxed at epoch "
        f"{example.relax_epoch}"
    )
    return {text: {"lw": 0, "marker": palette.MARKERS[example.kind]}}


def set_relax_epochs(axes: "mpl_axes.Axes", epochs: list[int]) -> None:
    """Puts ticks at relax epochs, on a log scale if that parts them better."""
    positive = [epoch for epoch in epochs if epoch > 0]
    gaps = np.diff(epochs)
    is_even = gaps.size and 2 * gaps.min() >= gaps.mean()
    if positive and positive[-1] > _WIDE * positive[0] and not is_even:
        # Linear below the first positive one: 0 has a place, too.
        axes.set_xscale("symlog", linthresh=positive[0], linscale=0.5)
    axes_style.set_x_ticks(axes, {epoch: str(epoch) for epoch in epochs})

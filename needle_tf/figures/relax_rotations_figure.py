"""Layer rotation in relax runs: one panel per network and label.

A network from scratch turns away from its random start, a relaxed one from the
CNN that it stems from. The mean over seeds and, of few kernels, their range.
Reference: Carbonnelle & De Vleeschouwer, arXiv:1806.01603v2, figure 1.
"""

from collections.abc import Iterable
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from needle_tf.figures import axes_style
from needle_tf.figures import palette
from needle_tf.figures import pictures
from needle_tf.figures import rotation_panels
from needle_tf.figures import small_multiples
from needle_tf.reports import groups as groups_lib
from needle_tf.reports import histories
from needle_tf.reports import network_names
from needle_tf.reports import relax_groups
from needle_tf.reports import relax_trials

if TYPE_CHECKING:
    from matplotlib import axes as mpl_axes
    from matplotlib import figure as mpl_figure

# Of more networks, the first are shown.
_MOST_PANELS = 25
# Of more kernels, bands would hide each other.
_MOST_BANDS = 4
_BAND = 0.16
# Epochs, then per kernel a table of one row per seed.
_Curves = tuple[np.ndarray, dict[str, np.ndarray]]


def build_figure(
    sweep: relax_trials.RelaxSweep,
) -> "mpl_figure.Figure | None":
    """Returns the picture, or None if no rotation was measured.

    Args:
        sweep: What `relax_trials.read` returned.
    """
    groups = relax_groups.group(sweep)
    curves = [_curves(group) for group in groups]
    measured = [k for k, (_, layers) in enumerate(curves) if layers]
    shown = measured[:_MOST_PANELS]
    if not shown:
        return None
    has_labels = len({group.text for group in groups}) > 1
    titles = [_name(groups[k], has_labels) for k in shown]
    with pictures.style():
        figure, all_axes = small_multiples.blank(
            titles,
            _title([groups[k] for k in shown], len(measured)),
            x_label="epochs of training in total",
            y_label=rotation_panels.LABEL,
        )
        kernels, explanations = 0, {}
        for axes, k in zip(all_axes, shown, strict=True):
            epochs, layers = curves[k]
            _draw(axes, epochs, layers)
            kernels = max(kernels, len(layers))
            explanations |= rotation_panels.explanations(layers, True)
        all_axes[0].set_ylim(0, _top(curves[k] for k in shown))
        last = max(curves[k][0][-1] for k in shown)
        all_axes[0].set_xlim(0, max(last, 1))
        axes_style.set_epoch_ticks(all_axes[0], ticks=4)
        axes_style.explain_above(figure, explanations)
        small_multiples.finish(figure, kernels)
    return figure


def _curves(group: relax_groups.StageGroup) -> _Curves:
    """Returns the rotations of a network, by kernel."""
    drawn = [m for m in group.drawn() if _rotations(m.history)]
    epochs, layers = np.empty(0), {}
    if not drawn:
        return epochs, layers
    found = [_rotations(member.history) for member in drawn]
    for name in found[0]:
        if not all(name in rotations for rotations in found):
            continue
        epochs, layers[name] = groups_lib.table_of(
            [
                (
                    member.history.column("epoch"),
                    rotations[name],
                    member.status == "finished",
                )
                for member, rotations in zip(drawn, found, strict=True)
            ]
        )
    return epochs, layers


def _rotations(history: histories.History) -> dict[str, np.ndarray]:
    """Returns one value per row and kernel, NaN where there is none."""
    found = {}
    for name, measures in history.layers.items():
        # A list may be ahead of the rows by what is being written.
        numbers = measures.get("rotation", ())[: len(history.epochs)]
        values = np.full(len(history.epochs), np.nan)
        values[: len(numbers)] = [np.nan if v is None else v for v in numbers]
        if np.isfinite(values).any():
            found[name] = values
    return found


def _draw(
    axes: "mpl_axes.Axes", epochs: np.ndarray, layers: dict[str, np.ndarray]
) -> None:
    means = {name: table.mean(axis=0) for name, table in layers.items()}
    rotation_panels.draw(axes, epochs, means, is_small=True)
    if len(layers) > _MOST_BANDS:
        return
    colors = palette.depth_colors(len(layers))
    for color, table in zip(colors, layers.values(), strict=True):
        if len(table) > 1:
            axes.fill_between(
                epochs,
                table.min(axis=0),
                table.max(axis=0),
                color=color,
                alpha=_BAND,
                linewidth=0,
            )


def _top(curves: Iterable[_Curves]) -> float:
    """Returns where the shared axis ends.

    Near 1 as in the study, but lower where a relaxed network hardly turns.
    """
    highest = max(
        np.nanmax(table) for _, layers in curves for table in layers.values()
    )
    if highest > rotation_panels.TOP / 3:
        return max(rotation_panels.TOP, 1.05 * highest)
    return 1.2 * highest or rotation_panels.TOP


def _name(group: relax_groups.StageGroup, has_labels: bool) -> str:
    name = network_names.name_of(group)
    return f"{name}, {group.text}" if has_labels else name


def _title(groups: Sequence[relax_groups.StageGroup], count: int) -> str:
    seeds = max(len(group.drawn()) for group in groups)
    parts = ["Layer rotation"]
    if seeds > 1:
        parts.append(f" (means over {seeds} seeds)")
    if count > len(groups):
        parts.append(f", {len(groups)} of {count} networks")
    return "".join(parts)

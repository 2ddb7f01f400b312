"""Curves of layer rotation: one line per kernel, its colour is its depth.

The layer rotation is the cosine distance of a kernel from its initialisation:
0 unturned, 1 orthogonal, 2 opposite.
Reference: Carbonnelle & De Vleeschouwer, arXiv:1806.01603v2, figure 1.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from needle_tf.figures import end_labels
from needle_tf.figures import palette
from needle_tf.figures import pictures

if TYPE_CHECKING:
    from matplotlib import axes as mpl_axes
    from matplotlib import colorbar as mpl_colorbar
    from matplotlib import figure as mpl_figure

LABEL = "layer rotation (cosine distance)"
# All of a paper's curves end near 1; more is shown where it occurs.
TOP = 1.1
# So many kernels are called by name, others by the colour of their depth.
_NAMED = 6
# Likewise where curves have no labels, but a legend.
_NAMED_SMALL = 3
_NAME_LENGTH = 24
_SHORTCUT_DASHES = (0, (3, 1.5))
_MEAN_COLOR = "#000000"
MEAN_LOOK = {"color": _MEAN_COLOR, "lw": 2.6}
SHORTCUT_LOOK = {"lw": 1.2, "linestyle": _SHORTCUT_DASHES}


def draw(
    axes: "mpl_axes.Axes",
    steps: np.ndarray,
    layers: Mapping[str, np.ndarray],
    is_small: bool = False,
) -> list[end_labels.EndLabel]:
    """Draws the curves and their mean; returns the labels of their ends.

    Args:
        axes: Where to.
        steps: Positions, rising.
        layers: Per kernel, first to last, one value per position; NaN where
            none was measured.
        is_small: Whether the axes are one of many.
    """
    colors = palette.depth_colors(len(layers))
    width = (0.9 if is_small else 1.3) if len(layers) > _NAMED else 1.8
    labels = []
    for color, (name, values) in zip(colors, layers.items(), strict=True):
        known = np.isfinite(values)
        axes.plot(
            steps[known],
            values[known],
            color=color,
            linewidth=width,
            linestyle=dashes_of(name),
            # A line of one point is seen by its marker only.
            marker="o" if known.sum() == 1 else None,
            zorder=3,
        )
        if known.any() and len(layers) <= _NAMED:
            labels.append(_label(name, steps[known], values[known], color))
    if len(layers) > 1:
        positions, mean = _mean(steps, layers)
        axes.plot(
            positions,
            mean,
            color=_MEAN_COLOR,
            linewidth=1.6 if is_small else MEAN_LOOK["lw"],
            zorder=4,
        )
        if positions.size and len(layers) > _NAMED:
            labels.append(_label("mean", positions, mean, _MEAN_COLOR))
    highest = max((np.nanmax(v, initial=0) for v in layers.values()), default=0)
    axes.set_ylim(0, max(TOP, 1.05 * highest))
    return labels


def explanations(
    layers: Mapping[str, np.ndarray], is_small: bool = False
) -> dict[str, dict]:
    """Returns what a legend has to say of these kernels, by its text.

    Args:
        layers: The kernels.
        is_small: Whether there are no labels at the ends of their curves.
    """
    looks = {"mean": MEAN_LOOK} if len(layers) > 1 else {}
    if is_small:
        looks |= kernel_looks(layers)
    if any(is_shortcut(name) for name in layers):
        looks["shortcut"] = SHORTCUT_LOOK
    return looks


def kernel_looks(layers: Mapping[str, np.ndarray]) -> dict[str, dict]:
    """Returns the looks of kernels by name, if they are few."""
    if len(layers) > _NAMED_SMALL:
        return {}
    colors = palette.depth_colors(len(layers))
    return {
        _name(name): {"color": color, "lw": 1.8}
        for name, color in zip(layers, colors, strict=True)
    }


def add_color_bar(
    figure: "mpl_figure.Figure",
    axes: "mpl_axes.Axes | list[mpl_axes.Axes]",
    count: int,
    is_small: bool = False,
    **place: object,
) -> "mpl_colorbar.Colorbar | None":
    """Adds a bar from the first layer to the last, if colours need one.

    Args:
        figure: The figure.
        axes: Those that give room for the bar.
        count: Number of kernels.
        is_small: Whether there are no labels at the ends of their curves.
        **place: How large and where, as in `Figure.colorbar`.
    """
    from matplotlib import cm

    if count <= (_NAMED_SMALL if is_small else _NAMED):
        return None
    scale = cm.ScalarMappable(cmap=palette.depth_map())
    bar = figure.colorbar(
        scale, ax=axes, **{"shrink": 0.6, "aspect": 25, "pad": 0.02, **place}
    )
    bar.set_ticks([0, 1], labels=["first\nlayer", "last\nlayer"])
    bar.ax.tick_params(length=0, labelsize=pictures.SMALL_FONT)
    bar.outline.set_visible(False)
    # Layers that come first are above, as in the summary of a network.
    bar.ax.invert_yaxis()
    return bar


def is_shortcut(name: str) -> bool:
    """Whether a kernel of this name lies beside the main path."""
    return "shortcut" in name


def dashes_of(name: str) -> str | tuple:
    """Returns the style of line of the kernel of this name."""
    return _SHORTCUT_DASHES if is_shortcut(name) else "-"


def _name(name: str) -> str:
    return pictures.shortened(name.removesuffix("/kernel"), _NAME_LENGTH)


def _label(
    name: str, steps: np.ndarray, values: np.ndarray, color: str
) -> end_labels.EndLabel:
    text = f"{_name(name)}  {values[-1]:.2f}"
    return end_labels.EndLabel(
        text, steps[-1], values[-1], palette.readable(color)
    )


def _mean(
    steps: np.ndarray, layers: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the positions at which all kernels were measured, and means."""
    table = np.array(list(layers.values()), float)
    known = np.isfinite(table).all(axis=0)
    return steps[known], table[:, known].mean(axis=0)

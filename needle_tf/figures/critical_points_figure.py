"""Where the gradient is 0, in the weights and in the path values.

Left: the loss over the two weights of one ReLU unit. Points of one path value
are one function (dotted); at the origin the gradient is 0, and it is no
minimum. Right: the loss of two units over their path values. All four marked
points have zero gradient in the weights, and only the filled one has in the
path values: arrows go down the slope that the others still have.
Reference: Meng et al., arXiv:1802.03713.
"""

from collections.abc import Callable
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import NamedTuple

import numpy as np

from needle_tf.figures import axes_style
from needle_tf.figures import pictures

if TYPE_CHECKING:
    from matplotlib import axes as mpl_axes
    from matplotlib import figure as mpl_figure

_RANGE = 1.6
_POINTS = 161
_VERMILION = "#D55E00"
_LEVELS = 14


class Point(NamedTuple):
    """A point without gradient in the weights.

    Attributes:
        place: Its path values, (v_1, v_2).
        slope: dL/dv there; (0, 0) at a minimum.
    """

    place: tuple[float, float]
    slope: tuple[float, float]


def build_figure(
    unit_loss: Callable[[np.ndarray], np.ndarray],
    path_loss: Callable[[np.ndarray], np.ndarray],
    points: Sequence[Point],
) -> "mpl_figure.Figure":
    """Returns the picture.

    Args:
        unit_loss: Loss of the weights (into, out of) of one unit, from
            `(..., 2)` to `(...)`.
        path_loss: Loss of the path values of two units, likewise.
        points: What to mark in the second.
    """
    from matplotlib import figure as mpl_figure

    with pictures.style():
        figure = mpl_figure.Figure(figsize=(10, 4.8), layout="constrained")
        left, right = figure.subplots(1, 2)
        _draw_weights(left, unit_loss)
        _draw_paths(right, path_loss, points)
    return figure


def _draw_weights(axes: "mpl_axes.Axes", loss: Callable) -> None:
    values = _contours(axes, loss)
    positive = values[values > 0.15]
    for value in (0.25, 0.6, 1.0):
        for sign in (1, -1):
            axes.plot(
                sign * positive,
                sign * value / positive,
                color=axes_style.GREY,
                linestyle=":",
                linewidth=1.2,
            )
    axes.plot([0], [0], "o", color="white", mec=_VERMILION, mew=2, ms=9)
    axes.annotate(
        "gradient 0, no minimum",
        (0, 0),
        (-1.45, 1.1),
        arrowprops={"arrowstyle": "-", "color": _VERMILION},
        color="black",
    )
    axes.set(xlim=(-_RANGE, _RANGE), ylim=(-_RANGE, _RANGE))
    axes.set_ylabel("weight out of the unit, w")
    axes_style.explain(axes, {"one function, u w = const.": {"linestyle": ":"}})
    axes_style.set_up(
        axes, "Loss by the weights of one unit", "weight into the unit, u"
    )


def _draw_paths(
    axes: "mpl_axes.Axes", loss: Callable, points: Sequence[Point]
) -> None:
    _contours(axes, loss)
    for point in points:
        is_minimum = np.linalg.norm(point.slope) < 1e-9
        axes.plot(
            *point.place,
            "o",
            color=_VERMILION if is_minimum else "white",
            mec=_VERMILION,
            mew=2,
            ms=9,
            zorder=4,
        )
        if not is_minimum:
            way = -0.45 * np.array(point.slope) / np.linalg.norm(point.slope)
            axes.annotate(
                "",
                np.array(point.place) + way,
                point.place,
                arrowprops={
                    "arrowstyle": "->",
                    "color": _VERMILION,
                    "lw": 2,
                    "shrinkA": 5,
                },
            )
    axes.set(xlim=(-_RANGE, _RANGE), ylim=(-_RANGE, _RANGE))
    axes.set_ylabel("path value of unit 2, v2")
    mark = {"marker": "o", "linestyle": "", "color": _VERMILION}
    axes_style.explain(
        axes,
        {
            "minimum": mark,
            "gradient 0 in the weights only": {
                **mark,
                "markerfacecolor": "white",
                "markeredgewidth": 2,
            },
        },
    )
    axes_style.set_up(
        axes, "Loss by the path values of two units", "path value of unit 1, v1"
    )


def _contours(axes: "mpl_axes.Axes", loss: Callable) -> np.ndarray:
    values = np.linspace(-_RANGE, _RANGE, _POINTS)
    grid = np.stack(np.meshgrid(values, values), axis=-1)
    height = loss(grid)
    levels = np.quantile(height, np.linspace(0, 1, _LEVELS))
    axes.contourf(
        values, values, height, np.unique(levels), cmap="Blues_r", alpha=0.4
    )
    axes.set_aspect("equal")
    return values

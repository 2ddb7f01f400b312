"""Names lines where they end, in a column beside the axes.

Labels that would overlap are moved apart by as little as possible: their
heights solve

    minimise  sum_i (y_i - wanted_i)^2   with   y_{i+1} - y_i >= gap

which, for `z_i = y_i - i * gap`, is the regression on rising sequences.
Reference: Ayer et al., "An empirical distribution function for sampling with
incomplete information" (1955): pool adjacent violators.
"""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib import axes as mpl_axes
    from matplotlib import text as mpl_text
    from matplotlib import transforms

# Where the column begins, in points from the axes.
_COLUMN = 14
# A line of text and the air to the next one, in heights of its font.
_LINE = 1.35


@dataclasses.dataclass(frozen=True)
class EndLabel:
    """The name of a line.

    Attributes:
        text: What is written.
        x: Where the line ends, in the data's units.
        y: Likewise.
        color: The line's colour.
    """

    text: str
    x: float
    y: float
    color: str


def spread(
    wanted: np.ndarray, gap: float, low: float, high: float
) -> np.ndarray:
    """Returns heights at least `gap` apart, as near to `wanted` as possible.

    Args:
        wanted: One height per label, in any order, which is kept.
        gap: Least distance of two heights; shrunk if they would not fit.
        low: Least height allowed.
        high: Largest height allowed.
    """
    wanted = np.asarray(wanted, float)
    count = len(wanted)
    if count > 1:
        gap = min(gap, (high - low) / (count - 1))
    # Stable, so that labels of one height keep the order of their lines.
    order = np.argsort(wanted, kind="stable")
    offsets = gap * np.arange(count)
    rising = _nearest_rising(wanted[order] - offsets)
    # The bounds of the last label, seen from the first.
    top = high - gap * max(count - 1, 0)
    heights = np.empty(count)
    heights[order] = np.clip(rising, low, top) + offsets
    return heights


def required_height(count: int, font_size: float) -> float:
    """Returns the height in points that a column of labels takes."""
    return count * font_size * _LINE


def draw(
    axes: "mpl_axes.Axes", labels: list[EndLabel], font_size: float
) -> "list[mpl_text.Annotation]":
    """Writes the labels, for now all at one height.

    `move_apart` finishes the work: it needs the size of the axes, which is
    known only when room has been made for these labels.
    """
    right = axes.get_xlim()[1]
    return [
        axes.annotate(
            label.text,
            xy=(label.x, label.y),
            xytext=(1, 0.5),
            textcoords=_column(axes),
            color=label.color,
            fontsize=font_size,
            ha="left",
            va="center",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": label.color,
                "linewidth": 0.8,
                # Long ones, to lines that ended early, are no data.
                "linestyle": ":" if label.x < right else "-",
                "relpos": (0, 0.5),
                "shrinkA": 2,
                "shrinkB": 4,
            },
        )
        for label in labels
    ]


def move_apart(
    axes: "mpl_axes.Axes", annotations: "list[mpl_text.Annotation]"
) -> None:
    """Moves the labels of `draw` until none overlaps another.

    The figure must have been laid out.
    """
    if not annotations:
        return
    ends = np.array([annotation.xy for annotation in annotations])
    to_pixels = axes.transData.transform(ends)[:, 1]
    pixels_per_point = axes.figure.dpi / 72
    gap = annotations[0].get_fontsize() * pixels_per_point * _LINE
    box = axes.get_window_extent()
    # Half a line within the axes, away from title and axis beyond them.
    heights = spread(to_pixels, gap, box.y0 + gap / 2, box.y1 - gap / 2)
    for annotation, height in zip(annotations, heights, strict=True):
        annotation.xyann = (1, (height - box.y0) / box.height)


def _column(axes: "mpl_axes.Axes") -> "transforms.Transform":
    """Returns coordinates in sizes of the axes, moved off them."""
    from matplotlib import transforms

    return axes.transAxes + transforms.ScaledTranslation(
        _COLUMN / 72, 0, axes.figure.dpi_scale_trans
    )


def _nearest_rising(values: np.ndarray) -> np.ndarray:
    """Returns the non-decreasing sequence with the least squared distance."""
    blocks = []  # [mean, size] with rising means
    for value in values:
        blocks.append([value, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            mean, size = blocks.pop()
            before = blocks[-1]
            total = before[1] + size
            before[0] += (mean - before[0]) * size / total
            before[1] = total
    return np.concatenate([np.full(n, mean) for mean, n in blocks] or [[]])

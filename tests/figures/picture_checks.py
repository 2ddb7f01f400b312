"""What holds for every picture: texts in their places, and large enough."""

import itertools

import numpy as np
from absl.testing import absltest
from matplotlib import colors as mpl_colors
from matplotlib import figure as mpl_figure
from matplotlib import text as mpl_text


def has_color(picture: np.ndarray, color: str, least: int) -> bool:
    """Whether at least so many pixels of `(height, width, 4)` have it."""
    near = np.abs(picture[..., :3] - mpl_colors.to_rgb(color)) < 0.02
    return np.all(near, axis=-1).sum() >= least


def texts_of(figure: mpl_figure.Figure) -> list[mpl_text.Text]:
    """Returns all texts that are seen, ticks outside of the axes left out."""
    # Ticks are placed when they are drawn.
    figure.draw_without_rendering()
    ticks, seen = set(), set()
    for axes in figure.axes:
        hidden = not axes.get_visible() or not axes.axison
        if hidden:
            ticks.update(axes.findobj(mpl_text.Text))
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
                labels = tick.label1, tick.label2
                ticks.update(labels)
                if low <= tick.get_loc() <= high and not hidden:
                    seen.update(labels)
    seen.update(set(figure.findobj(mpl_text.Text)) - ticks)
    return [
        text for text in seen if text.get_visible() and text.get_text().strip()
    ]


def words_of(figure: mpl_figure.Figure) -> str:
    """Returns all that is to be read, one text per line, sorted."""
    return "\n".join(sorted(text.get_text() for text in texts_of(figure)))


def assert_in_place(test: absltest.TestCase, figure: mpl_figure.Figure) -> None:
    """Asserts that no text overlaps another or leaves the picture."""
    boxes = {
        # An annotation's own extent includes the line to its point.
        text: mpl_text.Text.get_window_extent(text)
        for text in texts_of(figure)
    }
    for text, box in boxes.items():
        test.assertGreaterEqual(min(box.x0, box.y0), 0, text)
        test.assertLessEqual(box.x1, figure.bbox.x1, text)
        test.assertLessEqual(box.y1, figure.bbox.y1, text)
    for (a, one), (b, other) in itertools.combinations(boxes.items(), 2):
        width = min(one.x1, other.x1) - max(one.x0, other.x0)
        height = min(one.y1, other.y1) - max(one.y0, other.y0)
        # Boxes have the room for accents and descenders in them.
        test.assertFalse(width > 1 and height > 3, f"{a} and {b}")


def assert_large_enough(
    test: absltest.TestCase, figure: mpl_figure.Figure
) -> None:
    """Asserts that all texts are readable where the picture is shrunk."""
    for text in texts_of(figure):
        test.assertGreaterEqual(text.get_fontsize(), 9, text)

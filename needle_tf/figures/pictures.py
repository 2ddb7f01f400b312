"""What all pictures share: style, size, title, and how they become files.

Equal figures give equal files, byte by byte.
"""

import contextlib
import io
import os
import pathlib
from collections.abc import Iterator
from collections.abc import Sequence
from typing import TYPE_CHECKING

from needle_tf.figures import end_labels
from needle_tf.reports import atomic

if TYPE_CHECKING:
    from matplotlib import axes as mpl_axes
    from matplotlib import figure as mpl_figure
    from matplotlib import text as mpl_text

# 1500 pixels wide: sharp in a README, which shows about 900 of them.
DPI = 150
WIDTH = 10.0
FONT = 11.0
# What is written smaller is no longer read in a README.
SMALL_FONT = 9.5
# Characters of a title that fit over the panels.
_TITLE_LENGTH = 72
_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": FONT,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.labelsize": FONT,
    "legend.fontsize": SMALL_FONT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E4E4E4",
    "figure.facecolor": "white",
    # A dollar sign in a file's or layer's name begins no formula.
    "text.parse_math": False,
}


@contextlib.contextmanager
def style() -> Iterator[None]:
    """Neither takes the style of the user's own plots nor changes it."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


def blank(height: float, title: str = "") -> "mpl_figure.Figure":
    """Returns an empty figure, to be filled within `style`.

    Args:
        height: In inches; the width is `WIDTH`.
        title: What is written over all panels; shortened if it is too long.
    """
    from matplotlib import figure as mpl_figure
    from matplotlib.backends import backend_agg

    figure = mpl_figure.Figure((WIDTH, height), dpi=DPI, layout="constrained")
    backend_agg.FigureCanvasAgg(figure)
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08, wspace=0.03)
    if title:
        figure.suptitle(
            shortened(title, _TITLE_LENGTH), x=0.01, ha="left", fontsize=13
        )
    return figure


def shortened(text: str, length: int) -> str:
    """Returns the text, or its beginning and an ellipsis."""
    if len(text) <= length:
        return text
    return text[: length - 1] + "\N{HORIZONTAL ELLIPSIS}"


def lay_out(
    figure: "mpl_figure.Figure",
    columns: "Sequence[tuple[mpl_axes.Axes, list[mpl_text.Annotation]]]" = (),
) -> None:
    """Finds the places of all parts, and keeps them there.

    Args:
        figure: A figure that is complete but for the heights of labels.
        columns: Axes and what `end_labels.draw` returned for them.
    """
    # Room for the labels first; their heights depend on it.
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes, annotations in columns:
        end_labels.move_apart(axes, annotations)


def save(figure: "mpl_figure.Figure", path: str | os.PathLike) -> pathlib.Path:
    """Writes the figure as a PNG file, whole or not at all.

    Returns:
        The path of the file.

    Raises:
        OSError: If it cannot be written.
    """
    path = pathlib.Path(path)
    file = io.BytesIO()
    with style():
        # Without the version of matplotlib, which would be in the file.
        figure.savefig(file, format="png", metadata={"Software": None})
    atomic.write_bytes(path, file.getvalue())
    return path

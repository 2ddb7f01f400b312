"""The picture of one run: accuracies, and distances from the CNN subspace.

    +-----------+-----------+        +----------+    +----------+----------+
    | accuracy  | distance  |   or   | accuracy |    | accuracy | distance |
    |           +-----------+        +----------+    +----------+----------+
    |           | relax ep. |         only a CNN       one relax epoch
    +-----------+-----------+

Equal histories give an equal file, byte by byte.
"""

import os
import pathlib
from collections.abc import Callable
from collections.abc import Sequence
from typing import TYPE_CHECKING

from needle_tf.figures import end_labels
from needle_tf.figures import palette
from needle_tf.figures import panels
from needle_tf.figures import pictures
from needle_tf.reports import histories
from needle_tf.reports import network_names
from needle_tf.reports import trials as trials_lib

if TYPE_CHECKING:
    from matplotlib import figure as mpl_figure

_LOW = 4.3
_TALL = 6.6


def draw_curves(run_dir: str | os.PathLike) -> pathlib.Path:
    """Draws `curves.png` into the run folder, 1500 pixels wide.

    Args:
        run_dir: The folder of a run, finished or not.

    Returns:
        The path of the picture.

    Raises:
        ValueError: If there is no such folder, no stage in it, or a file of
            the run that is not whole; the message names the file.
        OSError: If the folder cannot be written to.
    """
    run_dir = pathlib.Path(run_dir)
    stages = histories.read_histories(run_dir)
    figure = build_figure(stages, _title(run_dir))
    return pictures.save(figure, run_dir / "curves.png")


def build_figure(
    stages: Sequence[histories.History], title: str = ""
) -> "mpl_figure.Figure":
    """Returns the picture of a run, to be shown or saved.

    Args:
        stages: What `histories.read_histories` returned.
        title: What is written over the panels; shortened if it is too long.
    """
    drawings = _drawings(stages)
    mosaic = {1: "A", 2: "AB", 3: "AB;AC"}[len(drawings)]
    with pictures.style():
        figure = pictures.blank(
            _height(stages, rows=2 if ";" in mosaic else 1), title
        )
        all_axes = figure.subplot_mosaic(
            mosaic, width_ratios=[1.15, 1][: len(drawings)]
        )
        colors = palette.colors_of(stages)
        columns = []
        for letter, draw in zip("ABC", drawings, strict=False):
            axes = all_axes[letter]
            labels = draw(axes, stages, colors)
            columns.append((axes, end_labels.draw(axes, labels, pictures.FONT)))
        pictures.lay_out(figure, columns)
    return figure


def _drawings(stages: Sequence[histories.History]) -> list[Callable]:
    """Returns the panels for which there is something to show."""
    drawings = [panels.draw_accuracies]
    if any(panels.has_distance(stage) for stage in stages):
        drawings.append(panels.draw_distances)
    final = [s for s in stages if s.is_relaxed and panels.is_final(s)]
    if len({s.relax_epoch for s in final}) > 1:
        drawings.append(panels.draw_relax_epochs)
    return drawings


def _height(stages: Sequence[histories.History], rows: int) -> float:
    """Returns the height in inches, enough for the labels of many stages."""
    labels = end_labels.required_height(len(stages) + 1, pictures.FONT) / 72
    # Title, axis and their labels take about 1.3 inches.
    return max(_TALL if rows == 2 else _LOW, rows * labels + 1.3)


def _title(run_dir: pathlib.Path) -> str:
    """Returns which network on which data, as far as the run says so."""
    config = trials_lib.read_config(run_dir)
    title, seed = network_names.title_of(config), config.get("seed")
    return title if seed is None or not title else f"{title}, seed {seed}"

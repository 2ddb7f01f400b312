"""What the first layer looks for: its incoming weights as small pictures.

           unit 1  unit 2  unit 3 ...
    initial   ..      ..      ..
    3⁻³       ..      ..      ..        one row per run, equal units below
    3⁻²       ..      ..      ..        each other

Grey is 0, white and black are plus and minus the largest weight of the row;
weights on colour images are shown as colours.
Reference: Carbonnelle & De Vleeschouwer, arXiv:1806.01603v2, figure 8.
"""

import pathlib
import zipfile
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from needle_tf.figures import pictures
from needle_tf.reports import cells
from needle_tf.reports import trials as trials_lib

if TYPE_CHECKING:
    from matplotlib import axes as mpl_axes
    from matplotlib import figure as mpl_figure

FILE = "features.npz"
_DAMAGES = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)
INITIAL = "initial"
_UNITS = 10
# Of more runs, so many are shown, spread evenly over them.
_MOST_RUNS = 16
# Inches left of the pictures for the name of the row, and over them.
_NAME_WIDTH = 2.3
_HEAD = 0.5


def build_figure(
    trials: Mapping[str, trials_lib.Trial], title: str = ""
) -> "mpl_figure.Figure | None":
    """Returns the picture, or None if no trial wrote its features down.

    Args:
        trials: The trials by the name of their row.
        title: What is written over the pictures.

    Raises:
        ValueError: If a file of features is not whole; the message names it.
    """
    found = {
        name: (trial, *read(trial.path))
        for name, trial in trials.items()
        if (trial.path / trials_lib.STAGE / FILE).is_file()
    }
    if not found:
        return None
    title = title or "Features of the first layer"
    if len(found) > _MOST_RUNS:
        title += f" ({_MOST_RUNS} of {len(found)} runs)"
        places = np.linspace(0, len(found) - 1, _MOST_RUNS).round().astype(int)
        found = {list(found)[k]: list(found.values())[k] for k in places}
    rows = _rows(found)
    count = max(len(images) for images in rows.values())
    side = (pictures.WIDTH - _NAME_WIDTH) / max(count, 4)
    height = _HEAD + side * len(rows)
    with pictures.style():
        figure = pictures.blank(height, title)
        # Sizes are given: a layout that is searched for would shift the rows.
        figure.set_layout_engine("none")
        for row, (name, images) in enumerate(rows.items()):
            bottom = 1 - (_HEAD + side * (row + 1)) / height
            figure.text(
                0.01,
                bottom + side / height / 2,
                name,
                va="center",
                fontsize=pictures.SMALL_FONT,
            )
            for column, image in enumerate(images):
                box = (
                    (_NAME_WIDTH + side * (column + 0.03)) / pictures.WIDTH,
                    bottom + 0.03 * side / height,
                    0.94 * side / pictures.WIDTH,
                    0.94 * side / height,
                )
                _show(figure.add_axes(box), image)
    return figure


def read(run_dir: pathlib.Path) -> tuple[np.ndarray, np.ndarray]:
    """Returns the first kernel before training and after, as images.

    Returns:
        Two arrays `(units, height, width)`, or `(units, height, width, 3)` if
        the images have colours.

    Raises:
        ValueError: If the file is not whole; the message names it.
    """
    path = run_dir / trials_lib.STAGE / FILE
    try:
        with open(path, "rb") as file, np.load(file) as content:
            shape = tuple(int(size) for size in content["image_shape"])
            return tuple(
                _as_images(content[name], shape) for name in ("start", "end")
            )
    except _DAMAGES as error:
        raise ValueError(
            f"{path} holds no features: {error} Delete it, and the picture "
            "is drawn without this run."
        ) from error


def _rows(
    found: Mapping[str, tuple[trials_lib.Trial, np.ndarray, np.ndarray]],
) -> dict[str, np.ndarray]:
    """Returns the images of each row, normalised, by its name."""
    rows = {}
    starts = []
    for name, (trial, start, end) in found.items():
        # Runs of one seed start from equal weights, which are shown once.
        if not any(_is_equal(start, other) for other in starts):
            is_shared = not starts
            starts.append(start)
            head = INITIAL if is_shared else f"{INITIAL} of\n{_short(name)}"
            rows[head] = _normalised(start)
        rows[_described(name, trial)] = _normalised(end)
    return rows


def _described(name: str, trial: trials_lib.Trial) -> str:
    """Returns the name of a row, with rotation and accuracy below it."""
    facts, figures = [], []
    rotations = trial.rotations()
    if rotations:
        values = next(iter(rotations.values()))
        known = values[np.isfinite(values)]
        if known.size:
            figures.append(f"rotation {known[-1]:.2f}")
    accuracy = trial.result("test_accuracy")
    if accuracy is not None:
        figures.append(f"test {100 * accuracy:.1f} %")
    if figures:
        facts.append(", ".join(figures))
    if trial.status not in trials_lib.WITH_RESULT:
        facts.append(trial.status)
    return "\n".join([_short(name) or "end of training", *facts])


def _short(name: str) -> str:
    return "\n".join(
        pictures.shortened(line, 28) for line in cells.wrapped(name, 28)[:2]
    )


def _as_images(kernel: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Returns one image per unit, the first of them only."""
    if kernel.ndim == 2:
        kernel = kernel.reshape(*shape, kernel.shape[1])
    if kernel.ndim == 3:
        kernel = kernel[:, :, None]
    if kernel.ndim != 4 or 0 in kernel.shape:
        raise ValueError(
            "weights of a dense layer or of a convolution of images were "
            f"expected. Received: shape {kernel.shape}."
        )
    images = np.moveaxis(kernel, -1, 0)[:_UNITS].astype(float)
    # Only three channels are colours; of others the first is shown.
    return images if images.shape[-1] == 3 else images[..., 0]


def _normalised(images: np.ndarray) -> np.ndarray:
    """Returns the images in [0, 1], weights of 0 at 0.5."""
    images = np.nan_to_num(images, nan=0.0, posinf=0.0, neginf=0.0)
    largest = np.abs(images).max()
    return 0.5 + 0.5 * images / (largest if largest > 0 else 1.0)


def _is_equal(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and np.allclose(one, other)


def _show(axes: "mpl_axes.Axes", image: np.ndarray) -> None:
    axes.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set_axis_off()

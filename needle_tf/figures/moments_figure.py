"""Second moments of the gradient over training, per kernel.

Lines are the medians over the weights of one kernel, bands the tenth to the
ninetieth percentile; the colour is the depth. Where lines lie further apart
than bands are wide, an adaptive method mostly sets a rate per layer.
Reference: Carbonnelle & De Vleeschouwer, arXiv:1806.01603v2, section 6.
"""

import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import Any

import numpy as np

from needle_tf.figures import axes_style
from needle_tf.figures import palette
from needle_tf.figures import pictures
from needle_tf.figures import rotation_panels
from needle_tf.figures import small_multiples
from needle_tf.reports import histories
from needle_tf.reports import trials as trials_lib

if TYPE_CHECKING:
    from matplotlib import axes as mpl_axes
    from matplotlib import figure as mpl_figure

FILE = "second_moments.json"


def build_figure(
    trials: Mapping[str, trials_lib.Trial], title: str = ""
) -> "mpl_figure.Figure | None":
    """Returns the picture, or None if no trial wrote the moments down.

    Args:
        trials: The trials by the name of their panel.
        title: What is written over the panels.

    Raises:
        ValueError: If a file of moments is not whole; the message names it.
    """
    found = {
        name: read(trial.path)
        for name, trial in trials.items()
        if (trial.path / trials_lib.STAGE / FILE).is_file()
    }
    if not found:
        return None
    with pictures.style():
        figure, all_axes = small_multiples.blank(
            list(found),
            title or "Second moments of the gradient: median per kernel",
            x_label="epochs",
            y_label="second moment",
        )
        kernels, looks = 0, {}
        for axes, (epochs, layers) in zip(
            all_axes, found.values(), strict=True
        ):
            _draw(axes, epochs, layers)
            kernels = max(kernels, len(layers))
            looks |= rotation_panels.kernel_looks(layers)
        if np.isfinite(all_axes[0].dataLim.minpos[1]):
            axes_style.set_logarithmic(all_axes[0])
        axes_style.set_epochs(all_axes[0], ticks=5)
        axes_style.explain_above(figure, looks)
        small_multiples.finish(figure, kernels)
    return figure


def read(run_dir: pathlib.Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Returns epochs, and per kernel percentiles `(epochs, 3)`.

    Raises:
        ValueError: If the file is not whole; the message names it.
    """
    path = run_dir / trials_lib.STAGE / FILE
    try:
        content = histories.read_object(path)
        epochs = _numbers(content["epochs"])
        layers = {
            name: _numbers(rows).reshape(len(epochs), 3)
            for name, rows in content["layers"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} holds no second moments: {error} Delete it, and the "
            "picture is drawn without this run."
        ) from error
    return epochs, layers


def _numbers(values: Any) -> np.ndarray:
    """Returns an array in which null is NaN."""
    return np.array(values, dtype=object).astype(float)


def _draw(
    axes: "mpl_axes.Axes", epochs: np.ndarray, layers: dict[str, np.ndarray]
) -> None:
    colors = palette.depth_colors(len(layers))
    # Bands of all kernels would hide each other.
    banded = {0, len(layers) // 2, len(layers) - 1}
    for k, (name, rows) in enumerate(layers.items()):
        # Nothing below 0 and no 0 has a place on a logarithmic axis.
        low, median, high = np.where(rows > 0, rows, np.nan).T
        axes.plot(
            epochs,
            median,
            color=colors[k],
            linewidth=2.0 if k in banded else 0.9,
            linestyle=rotation_panels.dashes_of(name),
            marker="o" if len(epochs) == 1 else None,
            zorder=4 if k in banded else 3,
        )
        if k in banded:
            axes.fill_between(
                epochs, low, high, color=colors[k], alpha=0.2, linewidth=0
            )

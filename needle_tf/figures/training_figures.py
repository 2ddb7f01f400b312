"""The pictures of one training run.

    +-----------+----------------+
    | accuracy  | layer rotation |    curves.png
    +-----------+----------------+

and, where a run wrote them down, the first layer's features and the second
moments. Equal runs give equal files, byte by byte.
"""

import os
import pathlib
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

import numpy as np

from needle_tf.figures import axes_style
from needle_tf.figures import end_labels
from needle_tf.figures import features_figure
from needle_tf.figures import moments_figure
from needle_tf.figures import pictures
from needle_tf.figures import rotation_panels
from needle_tf.reports import trials as trials_lib

if TYPE_CHECKING:
    from matplotlib import axes as mpl_axes
    from matplotlib import figure as mpl_figure

_HEIGHT = 4.5
_LINES = {
    "train": ("accuracy", "#0072B2"),
    "val": ("val_accuracy", "#D55E00"),
    "test": ("test_accuracy", "#000000"),
}


def draw_run(run_dir: str | os.PathLike) -> list[pathlib.Path]:
    """Draws every picture for which the run wrote something down.

    Args:
        run_dir: The folder of a training run, finished or not.

    Returns:
        The paths: `curves.png`; `features.png` and `second_moments.png` too
        where their numbers lie.

    Raises:
        ValueError: As `draw_curves`.
        OSError: If the folder cannot be written to.
    """
    run_dir = pathlib.Path(run_dir)
    trial = trials_lib.read_run(run_dir)
    paths = [draw_curves(run_dir)]
    for module, name in (
        (features_figure, "features.png"),
        (moments_figure, "second_moments.png"),
    ):
        figure = module.build_figure({"": trial})
        if figure is not None:
            paths.append(pictures.save(figure, run_dir / name))
    return paths


def draw_curves(run_dir: str | os.PathLike) -> pathlib.Path:
    """Draws `curves.png` into the run folder, 1500 pixels wide.

    Args:
        run_dir: The folder of a training run, finished or not.

    Returns:
        The path of the picture.

    Raises:
        ValueError: If there is no such folder, no training run in it, or a
            file of the run that is not whole; the message names the file.
        OSError: If the folder cannot be written to.
    """
    trial = trials_lib.read_run(run_dir)
    figure = build_figure(trial, _title(trials_lib.read_config(run_dir)))
    return pictures.save(figure, pathlib.Path(run_dir, "curves.png"))


def draw_layer_rotation(
    rotations: Mapping[str, Sequence[float]] | Sequence[Any],
    steps: Sequence[float] | None,
    path: str | os.PathLike,
    *,
    title: str = "Layer rotation",
    x_label: str = "training steps",
) -> pathlib.Path:
    """Draws rotation curves as a picture of their own.

    Args:
        rotations: Per kernel, first to last, one cosine distance per position;
            or the history of a `LayerRotation` callback, whose records have
            `step` and `layers`.
        steps: The positions, rising; None takes them from the history, or
            counts from 0.
        path: The PNG file to write.
        title: What is written over the curves.
        x_label: What the positions are.

    Returns:
        The path of the picture.

    Raises:
        ValueError: If a kernel has not one value per position.
        OSError: If the file cannot be written.
    """
    steps, layers = _as_arrays(rotations, steps)
    with pictures.style():
        figure = pictures.blank(_HEIGHT)
        axes = figure.subplots()
        labels = _draw_rotations(axes, steps, layers)
        axes_style.set_up(axes, title, x_label)
        axes_style.set_epochs(axes)
        _finish(figure, {axes: labels}, axes, len(layers))
    return pictures.save(figure, path)


def build_figure(
    trial: trials_lib.Trial, title: str = ""
) -> "mpl_figure.Figure":
    """Returns the picture of one run, to be shown or saved.

    Args:
        trial: What `trials.read_run` returned.
        title: What is written over the panels; shortened if it is too long.
    """
    layers = {
        name: values
        for name, values in trial.rotations().items()
        if np.isfinite(values).any()
    }
    with pictures.style():
        figure = pictures.blank(_HEIGHT, title)
        if not layers:
            axes = figure.subplots()
            _finish(figure, {axes: _draw_accuracies(axes, trial)})
            return figure
        left, right = figure.subplots(1, 2)
        steps = trial.history.column("epoch")
        labels = {right: _draw_rotations(right, steps, layers)}
        axes_style.set_up(right, "Layer rotation", "epochs")
        axes_style.set_epochs(right)
        labels[left] = _draw_accuracies(left, trial, beside=right)
        _finish(figure, labels, right, len(layers))
    return figure


def _draw_accuracies(
    axes: "mpl_axes.Axes",
    trial: trials_lib.Trial,
    beside: "mpl_axes.Axes | None" = None,
) -> list[end_labels.EndLabel]:
    """Draws accuracies over epochs; returns the labels of the lines."""
    labels = []
    for name, (column, color) in _LINES.items():
        epochs, values = trial.curve(column)
        if not epochs.size:
            continue
        axes.plot(
            epochs,
            100 * values,
            color=color,
            linewidth=2.2 if name == "test" else 1.5,
            marker="o" if len(epochs) == 1 else None,
            zorder=4 if name == "test" else 3,
        )
        percent = 100 * values[-1]
        labels.append(
            end_labels.EndLabel(
                f"{name} {percent:.1f}", epochs[-1], percent, color
            )
        )
        if trial.status == "diverged" and name == "test":
            axes.plot(
                epochs[-1],
                percent,
                marker="x",
                color=color,
                markersize=9,
                markeredgewidth=2.4,
                zorder=6,
                clip_on=False,
            )
    x_label = f"epochs{_ending(trial)}"
    axes_style.set_up(axes, "Accuracy", x_label, beside)
    axes_style.set_percent(axes, "accuracy (%)")
    axes_style.set_epochs(axes)
    return labels


def _draw_rotations(
    axes: "mpl_axes.Axes", steps: np.ndarray, layers: Mapping[str, np.ndarray]
) -> list[end_labels.EndLabel]:
    labels = rotation_panels.draw(axes, steps, layers)
    axes.set_ylabel(rotation_panels.LABEL)
    axes_style.explain(axes, rotation_panels.explanations(layers))
    return labels


def _finish(
    figure: "mpl_figure.Figure",
    labels: "dict[mpl_axes.Axes, list[end_labels.EndLabel]]",
    rotation_axes: "mpl_axes.Axes | None" = None,
    kernels: int = 0,
) -> None:
    columns = [
        (axes, end_labels.draw(axes, own, pictures.FONT))
        for axes, own in labels.items()
    ]
    if rotation_axes is not None:
        rotation_panels.add_color_bar(figure, rotation_axes, kernels)
    pictures.lay_out(figure, columns)


def _as_arrays(
    rotations: Mapping[str, Sequence[float]] | Sequence[Any],
    steps: Sequence[float] | None,
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Returns positions and curves, checked against each other."""
    if not isinstance(rotations, Mapping):
        records = list(rotations)
        if steps is None:
            steps = [record.step for record in records]
        names = records[0].layers if records else ()
        rotations = {
            name: [record.layers[name] for record in records] for name in names
        }
    layers = {
        name: np.array([np.nan if v is None else v for v in values], float)
        for name, values in rotations.items()
    }
    if steps is None:
        steps = range(max(map(len, layers.values()), default=0))
    steps = np.asarray(steps, float)
    for name, values in layers.items():
        if values.shape != steps.shape:
            raise ValueError(
                "Every kernel must have one rotation per position. Received: "
                f"{len(steps)} positions, {len(values)} rotations of {name!r}. "
                "Pass the `steps` and the layers of one monitor."
            )
    return steps, layers


def _ending(trial: trials_lib.Trial) -> str:
    """Returns a line that says how the run ended, if it ended early."""
    history = trial.history
    if trial.status == "diverged":
        return f"\ndiverged at epoch {history.diverged['epoch']}"
    if trial.status == "stopped":
        reason = str(history.stopped.get("reason") or "")
        text = f"stopped at epoch {history.stopped['epoch']}: {reason}"
        return "\n" + pictures.shortened(text.removesuffix(": "), 56)
    if trial.status == "running":
        return f"\nnot finished: {history.last_epoch} epochs were asked for"
    return ""


def _title(config: Mapping[str, Any]) -> str:
    """Returns task, data and optimizer, as far as the run says so."""
    network = config.get("task") or config.get("model_file")
    network = network or config.get("model") or ""
    parts = [pathlib.PurePath(str(network)).name, config.get("dataset")]
    title = " on ".join(str(part) for part in parts if part)
    optimizer = config.get("optimizer")
    seed = config.get("seed")
    more = [
        str(optimizer) if optimizer else "",
        "" if seed is None else f"seed {seed}",
    ]
    return ", ".join(filter(None, [title, *more])) if title else ""

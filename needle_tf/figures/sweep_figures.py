"""The pictures of a sweep: those for which its trials wrote something down.

    accuracy.png         test accuracy against what is swept
    rotations.png        rotation curves, one panel per label
    speed.png            training accuracy and loss over epochs
    features.png         what the first layer looks for
    second_moments.png   of the gradient, as an adaptive method keeps them

Equal sweeps give equal files, byte by byte.
"""

import os
import pathlib

from needle_tf.figures import accuracy_figure
from needle_tf.figures import features_figure
from needle_tf.figures import moments_figure
from needle_tf.figures import pictures
from needle_tf.figures import rotations_figure
from needle_tf.figures import speed_figure
from needle_tf.reports import groups as groups_lib
from needle_tf.reports import trials as trials_lib


def draw_sweep(sweep_dir: str | os.PathLike) -> list[pathlib.Path]:
    """Draws the pictures of a sweep into its folder.

    Args:
        sweep_dir: The folder of a sweep, finished or not.

    Returns:
        The paths of the pictures, none if no trial has begun.

    Raises:
        ValueError: If there is no sweep in the folder, or a file that is not
            whole; the message names the file.
        OSError: If the folder cannot be written to.
    """
    sweep_dir = pathlib.Path(sweep_dir)
    sweep = trials_lib.read_sweep(sweep_dir)
    if not any(trial.history for trial in sweep.trials):
        return []
    figures = {
        "accuracy.png": accuracy_figure.build_figure(sweep),
        "rotations.png": rotations_figure.build_figure(sweep),
        "speed.png": speed_figure.build_figure(sweep),
        "features.png": features_figure.build_figure(
            _examples(sweep, features_figure.FILE)
        ),
        "second_moments.png": moments_figure.build_figure(
            _examples(sweep, moments_figure.FILE)
        ),
    }
    return [
        pictures.save(figure, sweep_dir / name)
        for name, figure in figures.items()
        if figure is not None
    ]


def _examples(
    sweep: trials_lib.Sweep, file: str
) -> dict[str, trials_lib.Trial]:
    """Returns one trial per label, by its text: the first that has the file.

    Features of several seeds have no mean: they are other features.
    """
    examples = {}
    for group in groups_lib.group(sweep):
        for trial in group.trials:
            if (trial.path / trials_lib.STAGE / file).is_file():
                examples.setdefault(group.text, trial)
    return examples

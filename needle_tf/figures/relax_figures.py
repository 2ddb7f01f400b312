"""The pictures of relax sweeps: those for which something was measured.

    relax_epochs.png        accuracy after training against the relax epoch
    distances.png           distance over training and against the relax epoch
    accuracy_distance.png   accuracy against distance, both after training
    curves.png              test accuracy over epochs

Means and ranges are over the seeds that came to their end. Equal folders give
equal files, byte by byte.
"""

import os
import pathlib

from needle_tf.figures import accuracy_distance_figure
from needle_tf.figures import distances_figure
from needle_tf.figures import pictures
from needle_tf.figures import relax_curves_figure
from needle_tf.figures import relax_epochs_figure
from needle_tf.reports import relax_trials

build_relax_epochs = relax_epochs_figure.build_figure
build_distances = distances_figure.build_figure
build_accuracy_distance = accuracy_distance_figure.build_figure
build_curves = relax_curves_figure.build_figure

_BUILDERS = {
    "relax_epochs.png": build_relax_epochs,
    "distances.png": build_distances,
    "accuracy_distance.png": build_accuracy_distance,
    "curves.png": build_curves,
}


def draw_sweep(folder: str | os.PathLike) -> list[pathlib.Path]:
    """Draws the pictures of relax runs into their folder.

    Args:
        folder: The folder of a sweep of relax runs or of one, finished or not.

    Returns:
        The paths of the pictures, none if nothing has begun.

    Raises:
        ValueError: As `relax_trials.read`.
        OSError: If the folder cannot be written to.
    """
    sweep = relax_trials.read(folder)
    # All of them before the first file, so that none is of another moment.
    drawn = {name: build(sweep) for name, build in _BUILDERS.items()}
    return [
        pictures.save(figure, sweep.folder / name)
        for name, figure in drawn.items()
        if figure is not None
    ]

"""Keeps what a network sees with: its first kernel before and after training.

features.npz    start, end: (inputs, units) or (height, width, channels,
                units), at most 64 units; image_shape
"""

import math
import pathlib
from collections.abc import Sequence

import numpy as np

from needle_tf.protocol import run_folder

FILE = "features.npz"
MOST_UNITS = 64


def write(
    stage_path: pathlib.Path, last_epoch: int, image_shape: Sequence[int]
) -> None:
    """Writes `features.npz` of a finished stage, unless it is there.

    A network whose first kernel does not look at images, neither a convolution
    nor a dense layer on all pixels, leaves none.

    Args:
        stage_path: The folder of the stage; the checkpoints of epoch 0 and of
            the last one lie there.
        last_epoch: The epoch of the latter.
        image_shape: (height, width, channels) of the images.

    Raises:
        ValueError: If a checkpoint is missing or damaged.
    """
    file = stage_path / FILE
    if file.exists():
        return
    from needle_tf.protocol import monitors

    start = _first_kernel(monitors.kernels_of(stage_path, 0), image_shape)
    if start is None:
        return
    end = monitors.kernels_of(stage_path, last_epoch)
    run_folder.write(
        file,
        lambda path: _save(
            path,
            start=start,
            end=_first_kernel(end, image_shape),
            image_shape=np.array(image_shape),
        ),
    )


def _first_kernel(kernels, image_shape):
    """Returns the first kernel, cut; None if it is none for images."""
    kernel = next(iter(kernels.values()))
    is_dense = kernel.shape[:-1] == (math.prod(image_shape),)
    is_convolution = kernel.ndim == 4 and kernel.shape[2] == image_shape[-1]
    if not is_dense and not is_convolution:
        return None
    return kernel[..., :MOST_UNITS]


def _save(path, **arrays):
    with open(path, "wb") as file:  # Given a name, NumPy would change it.
        np.savez(file, **arrays)

"""Recorded angles that another run turns by, checked against its network."""

import pathlib

import keras
import numpy as np

from needle_tf.callbacks import stepwise_rotation
from needle_tf.graphs import kernels


def angles(
    file: pathlib.Path, network: keras.Model, *, steps: int
) -> np.ndarray:
    """Returns the recorded angles in radians, of shape `(steps, kernels)`.

    Args:
        file: The recording, `angles.npz`.
        network: What will turn by it.
        steps: Training steps that there will be.

    Raises:
        ValueError: If the file holds no recording, one of other kernels, or
            one of fewer steps, such as that of a run that was stopped early.
    """
    names, recorded = stepwise_rotation.StepwiseRotation.load(file)
    known = list(kernels.named_kernels(network))
    if names != known:
        raise ValueError(
            f"{file} was recorded of other kernels than those of this network. "
            f"Recorded: {', '.join(names)}. Here: {', '.join(known)}. Replay "
            "a run of the same --model."
        )
    if len(recorded) < steps:
        raise ValueError(
            f"{file} holds {len(recorded)} steps, and this run makes {steps}: "
            "beyond the last one nothing would turn. Lower --epochs, or replay "
            "a run of as many steps that was not stopped early."
        )
    return recorded[:steps]

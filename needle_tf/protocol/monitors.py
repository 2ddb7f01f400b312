"""What a stage measures besides loss and accuracy, and what it keeps of it.

A monitor brings callbacks, gives columns for the rows of the history and
measures for its layers, and may keep files of its own, which it cuts where a
resumed stage goes on.
"""

import dataclasses
import pathlib
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras

from needle_tf.callbacks import gradient_norm
from needle_tf.callbacks import layer_rotation
from needle_tf.callbacks import path_ratios
from needle_tf.callbacks import second_moments
from needle_tf.callbacks import step_scalars
from needle_tf.callbacks import stepwise_rotation
from needle_tf.callbacks import stops as stops_lib
from needle_tf.callbacks import subspace_distance
from needle_tf.graphs import kernels
from needle_tf.protocol import checkpoints
from needle_tf.protocol import history as history_lib
from needle_tf.protocol import run_folder

ANGLES_FILE = "angles.npz"
SECOND_MOMENTS_FILE = "second_moments.json"


@dataclasses.dataclass(frozen=True)
class Sitting:
    """The part of a stage that one process trains.

    Attributes:
        network: The network, as it goes on.
        path: The folder of the stage.
        log_dir: The folder of its event files.
        history: Its history so far.
        begun_at: Epochs of training behind it when the stage began.
        first_epoch: Epochs of training behind it now.
        first_step: Steps of training behind it now.
    """

    network: keras.Model
    path: pathlib.Path
    log_dir: str
    history: history_lib.History
    begun_at: int
    first_epoch: int
    first_step: int

    @property
    def is_resumed(self) -> bool:
        """Whether another process trained the stage up to here."""
        return self.first_epoch > self.begun_at


class Monitor:
    """Measures nothing: the base of what does.

    Attributes:
        figures: Callbacks that add to the logs of an epoch.
        callbacks: Callbacks that only look.
    """

    figures: Sequence[keras.callbacks.Callback] = ()
    callbacks: Sequence[keras.callbacks.Callback] = ()

    def row(self) -> dict[str, Any]:
        """Returns the columns of the newest row."""
        return {}

    def layers(self) -> dict[str, dict[str, float]]:
        """Returns figures by measure for each layer, of the newest row."""
        return {}

    def stopped(self) -> dict[str, Any] | None:
        """Returns `epoch` and `reason` if it ends the stage here."""
        return None

    def save(self) -> None:
        """Writes its own files, if any; called before each checkpoint."""


Stop = (
    stops_lib.StopAtLoss
    | stops_lib.StopIfNotLearning
    | stops_lib.StopIfUnchanged
)
# Makes the monitors of a stage for one sitting.
Monitors = Callable[[Sitting], Sequence[Monitor]]


class Distance(Monitor):
    """The distance from the CNN, of relaxed networks."""

    def __init__(self, sitting: Sitting, every_steps: int):
        self._distance = subspace_distance.SubspaceDistance(
            sitting.log_dir,
            every_steps=every_steps,
            first_step=sitting.first_step,
        )
        self.callbacks = [self._distance]

    def row(self) -> dict[str, Any]:
        return self._distance.history[-1].total._asdict()

    def layers(self) -> dict[str, dict[str, float]]:
        layers = self._distance.history[-1].layers
        return {name: one._asdict() for name, one in layers.items()}


class Gradient(Monitor):
    """The norm of the gradient on one batch."""

    def __init__(self, sitting: Sitting, images: Any, labels: Any):
        self._gradient = gradient_norm.GradientNorm(
            sitting.log_dir, images, labels, first_step=sitting.first_step
        )
        self.callbacks = [self._gradient]

    def row(self) -> dict[str, Any]:
        return {"gradient_norm": self._gradient.history[-1]}


class Rotation(Monitor):
    """How far each kernel turned from where the stage began.

    The checkpoint of the stage's first epoch must be among those that are
    kept: a resumed stage takes its reference from there.
    """

    def __init__(self, sitting: Sitting, every_steps: int = 0):
        reference = None
        if sitting.is_resumed:
            reference = kernels_of(sitting.path, sitting.begun_at)
        self._rotation = layer_rotation.LayerRotation(
            sitting.log_dir,
            every_steps=every_steps,
            first_step=sitting.first_step,
            reference=reference,
        )
        self.callbacks = [self._rotation]

    def row(self) -> dict[str, Any]:
        rotations = self._rotation.history[-1]
        return {
            "rotation_mean": rotations.mean,
            "rotation_min": rotations.min,
        }

    def layers(self) -> dict[str, dict[str, float]]:
        rotations = self._rotation.history[-1].layers
        return {name: {"rotation": one} for name, one in rotations.items()}


def kernels_of(stage_path: pathlib.Path, epoch: int) -> dict[str, Any]:
    """Returns the kernels of a stage's checkpoint by name, as arrays.

    Raises:
        ValueError: If it is missing or damaged.
    """
    file = checkpoints.file_of(stage_path, epoch)
    wrong = checkpoints.damage(file)
    if wrong:
        raise ValueError(
            f"{file} is missing or corrupt ({wrong}), and rotations are "
            "measured from these weights. Put a good copy back, or remove "
            f"the folder {stage_path} to train this stage anew."
        )
    named = kernels.named_kernels(checkpoints.load(file))
    to_numpy = keras.ops.convert_to_numpy
    return {name: to_numpy(kernel) for name, kernel in named.items()}


class PathRatios(Monitor):
    """How often EC-Opt kept a path value from changing too much in a step."""

    def __init__(self, sitting: Sitting):
        self._ratios = path_ratios.PathRatios(
            sitting.log_dir, first_step=sitting.first_step
        )
        self.callbacks = [self._ratios]

    def row(self) -> dict[str, Any]:
        seen = self._ratios.history
        return {"clipped_share": seen[-1].clipped_share if seen else None}


class StepScalars(Monitor):
    """Loss and accuracy within the epochs, in the event files alone."""

    def __init__(self, sitting: Sitting, every_steps: int):
        self.callbacks = [
            step_scalars.StepScalars(
                sitting.log_dir, every_steps, first_step=sitting.first_step
            )
        ]


class Angles(Monitor):
    """The angle by which each kernel turned in each step, as `angles.npz`."""

    def __init__(self, sitting: Sitting):
        self._file = sitting.path / ANGLES_FILE
        earlier = None
        if sitting.is_resumed:
            names, angles = stepwise_rotation.StepwiseRotation.load(self._file)
            if len(angles) < sitting.first_step:
                raise ValueError(
                    f"{self._file} ends at step {len(angles)}, before the "
                    f"checkpoint (step {sitting.first_step}). Put a good copy "
                    f"back, or remove the folder {sitting.path} to train this "
                    "stage anew."
                )
            earlier = names, angles[: sitting.first_step]
        self._stepwise = stepwise_rotation.StepwiseRotation(
            sitting.log_dir, first_step=sitting.first_step, earlier=earlier
        )
        self.callbacks = [self._stepwise]

    def save(self) -> None:
        run_folder.write(self._file, self._stepwise.save)


class SecondMoments(Monitor):
    """Percentiles of second moments per epoch, as `second_moments.json`."""

    def __init__(self, sitting: Sitting):
        self._file = sitting.path / SECOND_MOMENTS_FILE
        earlier = None
        if sitting.is_resumed:
            earlier = _cut(run_folder.read_json(self._file), sitting)
        self._moments = second_moments.SecondMoments(
            sitting.log_dir, first_step=sitting.first_step, earlier=earlier
        )
        self.callbacks = [self._moments]

    def save(self) -> None:
        run_folder.write_json(self._file, self._moments.as_json())


def _cut(moments, sitting):
    """Returns second moments without the epochs that will come again."""
    count = sum(epoch <= sitting.first_epoch for epoch in moments["epochs"])
    return {
        "percentiles": moments["percentiles"],
        "epochs": moments["epochs"][:count],
        "layers": {n: rows[:count] for n, rows in moments["layers"].items()},
    }


class Stops(Monitor):
    """The criteria that end training early."""

    def __init__(self, *stops: Stop):
        self.callbacks = stops

    def stopped(self) -> dict[str, Any] | None:
        for stop in self.callbacks:
            if stop.stopped_epoch is not None:
                # Rows count the epochs behind, criteria from 0.
                epoch = stop.stopped_epoch + 1
                return {"epoch": epoch, "reason": stop.reason}
        return None

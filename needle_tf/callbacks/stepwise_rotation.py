"""Records the angle by which each kernel turns in each training step.

angle = arctan2(||D_perp||, <after, before> / ||before||),  D = after - before

Computed from the difference, not from the cosine, whose float32 digits are
used up below 3e-4 rad: small steps of adaptive methods are recorded too.
"""

import io
import os
import pathlib
import zipfile
from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from needle_tf.callbacks import step_axis
from needle_tf.callbacks import tags
from needle_tf.callbacks import watched_kernels
from needle_tf.ops import rotation

# What NumPy raises for a file that is cut, empty or another one.
_DAMAGE = (EOFError, IndexError, KeyError, ValueError, zipfile.BadZipFile)

Recording = tuple[Sequence[str], np.ndarray]


class StepwiseRotation(keras.callbacks.Callback):
    """Records by how much each kernel turned, step by step.

    What was recorded can be replayed: `optimizers.layca.Layca(angles=...)`
    makes another run turn by the same angles. After each step one traced pass
    compares the kernels with copies of them from before and moves the copies
    on; nothing comes to the host before the epoch ends. The copies cost the
    memory of the kernels once more.

    A step to or from a kernel that is all zero has no angle and counts as 0.

    Args:
        log_dir: Folder of an event file for the mean and the median over the
            steps of each epoch, per kernel and of all; None writes none.
        first_step: Step on the axis where the first `fit` begins, see
            `LayerRotation`. Concerns the event file only.
        kernels: Which kernels, as of `LayerRotation`; None for all.
        earlier: Names and angles of a recording to go on with, as `load`
            returns them, after a run was resumed.

    Attributes:
        names: Names of the kernels, in model order; those of `earlier`, or
            none, before the first `fit`.

    Raises:
        ValueError: At construction for an `earlier` that is no recording; when
            `fit` begins for a model with several steps per execution, which
            cannot be looked at one by one, for kernels that are unknown or all
            zero, and for others than those recorded before.

    Reference: the replay of Carbonnelle & De Vleeschouwer, arXiv:1806.01603.
    Differs: they recorded the tangent, from a float32 cosine, in which turns
    below 3e-4 rad came out as none.
    """

    def __init__(
        self,
        log_dir: str | None = None,
        *,
        first_step: int | None = None,
        kernels: Iterable[watched_kernels.Choice] | None = None,
        earlier: Recording | None = None,
    ):
        super().__init__()
        self.log_dir = None if log_dir is None else str(log_dir)
        self.kernels = kernels
        self.names: list[str] = []
        self._blocks: list[np.ndarray] = []
        if earlier is not None:
            self.names, angles = _checked(*earlier, "`earlier`")
            _refuse_no_angles(self.names, angles)
            self._blocks.append(angles)
        self._axis = step_axis.StepAxis(first_step)
        self._waiting: list[Any] = []
        self._measure = None
        self._writer = None

    @property
    def angles(self) -> np.ndarray:
        """Radians in [0, pi], float64 of shape `(steps, kernels)`.

        Over all fits so far, `earlier` ones first.
        """
        self._fetch()
        return np.concatenate(
            [np.zeros((0, len(self.names))), *self._blocks], axis=0
        )

    def save(self, file: str | os.PathLike) -> None:
        """Writes names and angles as `.npz`, whole or not at all.

        Raises:
            OSError: If the file cannot be written; one of this name that was
                there before is untouched.
        """
        content = io.BytesIO()
        # An empty list would be saved as floats.
        names = np.array(self.names, dtype=np.str_)
        np.savez(content, names=names, angles=self.angles)
        path = pathlib.Path(file)
        draft = path.with_name(f".writing_{os.getpid()}_{path.name}")
        try:
            with open(draft, "wb") as draft_file:
                draft_file.write(content.getvalue())
                draft_file.flush()
                os.fsync(draft_file.fileno())
            os.replace(draft, path)
        finally:
            draft.unlink(missing_ok=True)

    @staticmethod
    def load(file: str | os.PathLike) -> tuple[list[str], np.ndarray]:
        """Returns names and angles, of shape `(steps, kernels)`, of a file.

        Raises:
            FileNotFoundError: If there is none.
            ValueError: Naming the file, if it holds no recording.
        """
        try:
            # Opened here: NumPy leaves a damaged file open.
            with open(file, "rb") as opened:
                content = np.load(opened, allow_pickle=False)
                names, angles = content["names"].tolist(), content["angles"]
        except _DAMAGE as error:
            raise ValueError(
                f"{file} is no recording of angles ({error}). Expected what "
                "`StepwiseRotation.save` writes: .npz with names and angles."
            ) from error
        return _checked(names, angles, str(file))

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        import tensorflow as tf

        del logs
        _refuse_executions(self.model)
        self._begin_recording()
        if self.log_dir is not None:
            self._writer = tf.summary.create_file_writer(self.log_dir)
        self._axis.begin(self.model)

    def on_train_batch_end(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        del logs
        self._axis.count(batch, self.params)
        self._waiting.append(self._measure())

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        del epoch, logs
        self._axis.end_epoch()
        angles = self._fetch()
        if self._writer is not None and len(angles):
            _write(self._writer, self._axis.step, self.names, angles)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        del logs
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _begin_recording(self):
        """Chooses the kernels, copies them and traces the pass."""
        import tensorflow as tf

        chosen = watched_kernels.choose(self.model, self.kernels)
        if self.names and self.names != list(chosen):
            raise ValueError(
                "A recording goes on with the kernels with which it began. "
                f"Expected: {self.names}. Received: {list(chosen)}. Use "
                "another `StepwiseRotation` for another model."
            )
        kernels = list(chosen.values())
        watched_kernels.refuse_zero(
            chosen,
            kernels,
            "kernel",
            "Leave it out with `kernels=[...]`, or give it another "
            "initializer.",
        )
        self._fetch()
        self.names = list(chosen)
        copies = watched_kernels.copies(kernels)

        def measure():
            angles = []
            for kernel, copy in zip(kernels, copies, strict=True):
                before, after = copy.read_value(), kernel.value.read_value()
                angle = rotation.angle(before, after)
                angles.append(
                    watched_kernels.or_instead(angle, before, after, 0.0)
                )
                copy.assign(after)
            return keras.ops.stack(angles)

        self._measure = tf.function(measure, autograph=False)

    def _fetch(self) -> np.ndarray:
        """Moves what waits on the device to the host, and returns it."""
        import tensorflow as tf

        if not self._waiting:
            return np.zeros((0, len(self.names)))
        # One transfer for all steps.
        block = tf.stack(self._waiting).numpy().astype("float64")
        self._waiting = []
        self._blocks.append(block)
        return block


def _write(writer, step, names, angles):
    import tensorflow as tf

    with writer.as_default(step=step):
        for tag, statistic in (
            (tags.STEP_ANGLE_MEAN, np.mean),
            (tags.STEP_ANGLE_MEDIAN, np.median),
        ):
            tf.summary.scalar(tag, statistic(angles))
            for name, column in zip(names, angles.T, strict=True):
                tf.summary.scalar(tags.of_layer(tag, name), statistic(column))
    writer.flush()


def _refuse_executions(model):
    steps = model.steps_per_execution
    if steps != 1:
        raise ValueError(
            "`StepwiseRotation` looks at the weights after each step, so it "
            f"needs steps_per_execution=1. Received: {steps}. Give "
            "steps_per_execution=1 to `compile`."
        )


def _checked(names, angles, where):
    """Names as a list and angles in float64, if they make a recording."""
    names, angles = [str(name) for name in names], np.asarray(angles)
    is_table = angles.ndim == 2 and angles.shape[1] == len(names)
    if not is_table or angles.dtype.kind not in "fiu":
        raise ValueError(
            f"{where} must hold names and angles of shape (steps, names). "
            f"Received: {len(names)} names, angles of shape {angles.shape} and "
            f"type {angles.dtype}. Give it what `StepwiseRotation.load` "
            "returns."
        )
    return names, angles.astype("float64")


def _refuse_no_angles(names, angles):
    # Written so that NaN fails; a little above pi is float32's rounding.
    outside = ~((angles >= 0) & (angles <= np.pi + 1e-6))
    if outside.any():
        step, kernel = np.argwhere(outside)[0]
        raise ValueError(
            "`earlier` must hold angles in [0, pi] radians. Received: "
            f'{angles[step, kernel]} for "{names[kernel]}" in step {step}. '
            "Cut it off before, or record it anew."
        )

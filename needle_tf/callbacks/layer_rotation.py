"""Watches how far each layer turns from where it began, while it trains.

rotation = 1 - <w(t), w(0)> / (||w(t)|| ||w(0)||)     per kernel, in [0, 2]
"""

import math
from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any
from typing import NamedTuple

import keras
import numpy as np

from needle_tf.callbacks import step_axis
from needle_tf.callbacks import tags
from needle_tf.callbacks import watched_kernels
from needle_tf.graphs import kernels as kernels_lib
from needle_tf.ops import rotation

Reference = keras.Model | Mapping[str, Any]


class Rotations(NamedTuple):
    """How far each kernel was from its reference.

    Attributes:
        step: Training steps on the axis by then.
        layers: Cosine distance in [0, 2] by kernel name, in model order.
    """

    step: int
    layers: dict[str, float]

    @property
    def mean(self) -> float:
        """Mean over the kernels, each counted once whatever its size."""
        return math.fsum(self.layers.values()) / len(self.layers)

    @property
    def min(self) -> float:
        """Rotation of the kernel that turned least."""
        return min(self.layers.values())


class LayerRotation(keras.callbacks.Callback):
    """Writes the cosine distance of each kernel from its reference.

    Before the first step, after every epoch, and every `every_steps` steps if
    asked for, each at the step where it was measured: 0 at the start, and the
    end of training is among them. Computed where the weights lie, in one
    traced pass over whole kernels (all filters together), from the angle, so
    that small turns keep their digits; one number per kernel comes to the
    host. The reference costs the memory of the kernels once more.

    A kernel that becomes all zero in training has no direction; its rotation
    counts as 1, as that of a kernel that has nothing in common with the start.

    Args:
        log_dir: Folder of the event file, as of `keras.callbacks.TensorBoard`;
            None writes none.
        every_steps: Also measure at each multiple of so many steps on the
            axis; 0 for epochs only.
        first_step: Step on the axis where the first `fit` begins; further ones
            of the same model go on where the last ended. None takes the
            optimizer's own count, which resets with a new optimizer.
        reference: What rotation 0 is. None: the weights when `fit` first
            begins, kept over further fits of the same model, so that training
            can be split. A model, whose kernels are matched by name, as it is
            when `fit` first begins; or arrays by kernel name.
        kernels: Which kernels, by name, pattern of names (`"conv*"`), layer or
            variable; None for all of `graphs.kernels.named_kernels`.

    Attributes:
        history: One `Rotations` for the start and each epoch of the current
            `fit`.
        measured: The same with those in between, by step.

    Raises:
        ValueError: At construction for counts that are none; when `fit` begins
            for a model that is not built or has no kernels, kernels that are
            unknown or all zero, and a reference that does not fit.

    Reference: Carbonnelle & De Vleeschouwer, arXiv:1806.01603. Differs: their
    record was made after the first batch of each epoch and drawn one epoch
    late, and never held the end of training.
    """

    def __init__(
        self,
        log_dir: str | None = None,
        *,
        every_steps: int = 0,
        first_step: int | None = None,
        reference: Reference | None = None,
        kernels: Iterable[watched_kernels.Choice] | None = None,
    ):
        super().__init__()
        _refuse_other_references(reference)
        self.log_dir = None if log_dir is None else str(log_dir)
        self.every_steps = step_axis.as_count("every_steps", every_steps)
        self.first_step = first_step
        self.reference = reference
        self.kernels = kernels
        self.history: list[Rotations] = []
        self.measured: list[Rotations] = []
        self._axis = step_axis.StepAxis(first_step)
        self._names: list[str] = []
        self._measure = None
        self._measured_model = None
        self._writer = None

    def reset_reference(self) -> None:
        """Lets the next `fit` take its reference anew when it begins."""
        self._measure = None

    def as_arrays(self) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Returns `history` as arrays.

        Returns:
            The steps, int64 of shape `(measurements,)`, and the rotations,
            float64 of the same shape, by kernel name in model order.
        """
        steps = np.array([each.step for each in self.history], "int64")
        names = self.history[0].layers if self.history else ()
        return steps, {
            name: np.array([each.layers[name] for each in self.history])
            for name in names
        }

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        import tensorflow as tf

        del logs
        if self.model is not self._measured_model:
            self.reset_reference()
        if self._measure is None:
            self._begin_reference()
        if self.log_dir is not None:
            self._writer = tf.summary.create_file_writer(self.log_dir)
        self._axis.begin(self.model)
        self.history, self.measured = [], []
        self.history.append(self._record())

    def on_train_batch_end(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        del logs
        self._axis.count(batch, self.params)
        if self._axis.has_passed(self.every_steps):
            self._record()

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        del epoch, logs
        self._axis.end_epoch()
        self.history.append(self._record())
        if self._writer is not None:
            self._writer.flush()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        del logs
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _begin_reference(self):
        """Chooses the kernels, keeps their reference and traces the pass."""
        import tensorflow as tf

        chosen = watched_kernels.choose(self.model, self.kernels)
        self._names, kernels = list(chosen), list(chosen.values())
        leave = "Leave it out with `kernels=[...]`, or give it another"
        watched_kernels.refuse_zero(
            chosen, kernels, "kernel", f"{leave} initializer."
        )
        if self.reference is None:
            starts = watched_kernels.copies(kernels)
        else:
            starts = _matched(self.reference, chosen, self.model)
            watched_kernels.refuse_zero(
                chosen, starts, "reference of a kernel", f"{leave} reference."
            )

        def measure():
            return keras.ops.stack(
                [
                    _distance(kernel.value, start)
                    for kernel, start in zip(kernels, starts, strict=True)
                ]
            )

        self._measure = tf.function(measure, autograph=False)
        self._measured_model = self.model

    def _record(self) -> Rotations:
        """Measures, and keeps and writes it if the step is a new one."""
        values = [float(value) for value in self._measure().numpy()]
        layers = dict(zip(self._names, values, strict=True))
        rotations = Rotations(self._axis.step, layers)
        if self.measured and self.measured[-1].step == rotations.step:
            return rotations
        self.measured.append(rotations)
        if self._writer is not None:
            _write(self._writer, rotations)
        return rotations


def _write(writer, rotations):
    import tensorflow as tf

    with writer.as_default(step=rotations.step):
        tf.summary.scalar(tags.LAYER_ROTATION_MEAN, rotations.mean)
        tf.summary.scalar(tags.LAYER_ROTATION_MIN, rotations.min)
        for name, value in rotations.layers.items():
            tf.summary.scalar(tags.of_layer(tags.LAYER_ROTATION, name), value)


def _distance(kernel, start):
    """Cosine distance in the wider of the two types, at least float32."""
    wide = keras.backend.result_type(kernel.dtype, start.dtype, "float32")
    kernel = keras.ops.cast(kernel, wide)
    start = keras.ops.cast(start, wide)
    distance = rotation.cosine_distance(kernel, start)
    return watched_kernels.or_instead(distance, start, kernel, 1.0)


def _matched(reference, chosen, model):
    """Copies of the reference, where the chosen kernels lie, in their order."""
    import tensorflow as tf

    values = reference
    if isinstance(reference, keras.Model):
        values = kernels_lib.named_kernels(reference)
    known = kernels_lib.named_kernels(model)
    odd = [f'"{name}" is missing' for name in chosen if name not in values]
    odd += [f'"{name}" is unknown' for name in values if name not in known]
    for name, kernel in chosen.items():
        if name not in values:
            continue
        shape = tuple(np.shape(values[name]))
        if shape != tuple(kernel.shape):
            odd.append(f'"{name}" has shape {shape}, not {tuple(kernel.shape)}')
    if odd:
        raise ValueError(
            "`reference` must hold the kernels of the trained model by name "
            f"and shape. Received: {'; '.join(odd)}. The model's kernels: "
            f"{list(known)}."
        )
    starts = []
    for name, kernel in chosen.items():
        with tf.device(kernel.value.device):
            value = keras.ops.convert_to_tensor(values[name])
            starts.append(tf.Variable(value, trainable=False))
    return starts


def _refuse_other_references(reference):
    if reference is None or isinstance(reference, keras.Model | Mapping):
        return
    raise ValueError(
        "`reference` must be None, a keras.Model, or a dictionary of arrays by "
        f"kernel name. Received: reference of type {type(reference).__name__}."
    )

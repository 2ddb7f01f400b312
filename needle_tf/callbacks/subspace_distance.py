"""Watches how far a relaxed network is from its CNN while it trains."""

import numbers
from typing import Any

import keras

from needle_tf.callbacks import tags
from needle_tf.embedding import distances


class SubspaceDistance(keras.callbacks.Callback):
    """Writes delta, delta_share and delta_cnn to TensorBoard.

    Per layer and in total: before the first step, after every epoch, and
    every `every_steps` steps if asked for. The distances are computed where
    the weights lie, in one traced pass; only the sums come to the host.

    Works with any model; one without untied layers is at distance 0.

    Args:
        log_dir: Folder of the event file, as of `keras.callbacks.TensorBoard`.
        every_steps: Also measure each time that many steps have passed; 0 for
            epochs only.
        first_step: Step on the axis at which this training begins, so that a
            relaxed net goes on where its CNN stopped. None takes the
            optimizer's own count, which resets with a new optimizer.

    Attributes:
        history: One `SubspaceDistance` of `embedding.distances` for the start
            and each epoch of the current `fit`.

    Reference: the delta of d'Ascoli et al., arXiv:1906.06766; the other two
    distances are ours.
    """

    def __init__(
        self,
        log_dir: str,
        *,
        every_steps: int = 0,
        first_step: int | None = None,
    ):
        super().__init__()
        for name, value in (
            ("every_steps", every_steps),
            ("first_step", 0 if first_step is None else first_step),
        ):
            is_count = isinstance(value, numbers.Integral)
            if isinstance(value, bool) or not is_count or value < 0:
                raise ValueError(
                    f"`{name}` must be an integer of at least 0. "
                    f"Received: {name}={value!r}."
                )
        self.log_dir = str(log_dir)
        self.every_steps = int(every_steps)
        self.first_step = first_step
        self.history: list[distances.SubspaceDistance] = []
        self._measure = None
        self._writer = None
        self._steps = 0
        self._epoch_start = 0
        self._written_at = None

    def set_model(self, model: keras.Model) -> None:
        super().set_model(model)
        self._measure = None  # A trace reads the variables of one model.

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        import tensorflow as tf

        self._writer = tf.summary.create_file_writer(self.log_dir)
        self.history = []
        self._steps = 0
        self._written_at = None
        if self.first_step is None:
            self._steps = _step_count(self.model)
        self._epoch_start = self._steps
        self.history.append(self._write())

    def on_train_batch_end(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        del logs
        before = self._steps
        # Several steps per execution overshoot at the end of an epoch.
        last = (self.params or {}).get("steps") or batch + 1
        self._steps = self._epoch_start + min(batch + 1, last)
        if not self.every_steps:
            return
        if before // self.every_steps != self._steps // self.every_steps:
            self._write()

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        del epoch, logs
        self._epoch_start = self._steps
        self.history.append(self._write())
        self._writer.flush()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        del logs
        self._writer.close()

    def _write(self):
        """Measures and writes at the current step; returns the distances."""
        import tensorflow as tf

        if self._measure is None:
            self._measure = tf.function(
                lambda: distances.squared_parts(self.model)
            )
        distance = distances.from_parts(*self._measure())
        step = self._steps + (self.first_step or 0)
        if step == self._written_at:
            return distance
        self._written_at = step
        with self._writer.as_default(step=step):
            for tag, value in _scalars(distance):
                tf.summary.scalar(tag, value)
        return distance


def _scalars(distance):
    """Tags and values of one measurement."""
    for tag, value in zip(tags.SUBSPACE, distance.total, strict=True):
        yield tag, value
    for name, layer in distance.layers.items():
        for tag, value in zip(tags.SUBSPACE, layer, strict=True):
            yield tags.of_layer(tag, name), value
    for name, value in distance.biases.items():
        yield tags.of_layer(tags.SUBSPACE_BIAS_SHARE, name), value


def _step_count(model):
    optimizer = getattr(model, "optimizer", None)
    return 0 if optimizer is None else int(optimizer.iterations)

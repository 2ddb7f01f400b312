"""Watches how far a relaxed network is from its CNN while it trains."""

from typing import Any

import keras

from needle_tf.callbacks import step_axis
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
        every_steps: Also measure at each multiple of so many steps on the
            axis; 0 for epochs only.
        first_step: Step on the axis at which each `fit` begins, so that a
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
        self.log_dir = str(log_dir)
        self.every_steps = step_axis.as_count("every_steps", every_steps)
        self.first_step = first_step
        self._axis = step_axis.StepAxis(first_step)
        self.history: list[distances.SubspaceDistance] = []
        self._measure = None
        self._writer = None
        self._written_at = None

    def set_model(self, model: keras.Model) -> None:
        super().set_model(model)
        self._measure = None  # A trace reads the variables of one model.

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        import tensorflow as tf

        self._writer = tf.summary.create_file_writer(self.log_dir)
        self.history = []
        self._written_at = None
        # A new one: each `fit` begins at the first step.
        self._axis = step_axis.StepAxis(self.first_step)
        self._axis.begin(self.model)
        self.history.append(self._write())

    def on_train_batch_end(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        del logs
        self._axis.count(batch, self.params)
        if self._axis.has_passed(self.every_steps):
            self._write()

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        del epoch, logs
        self._axis.end_epoch()
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
                lambda: distances.squared_parts(self.model), autograph=False
            )
        distance = distances.from_parts(*self._measure())
        step = self._axis.step
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

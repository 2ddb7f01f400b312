"""Writes loss, accuracy and speed of each epoch to TensorBoard."""

import time
from typing import Any

import keras

from needle_tf.callbacks import tags

# Names in `logs` and their tags.
TAGS = {
    "loss": tags.TRAIN_LOSS,
    "accuracy": tags.TRAIN_ACCURACY,
    "val_loss": tags.TEST_LOSS,
    "val_accuracy": tags.TEST_ACCURACY,
    "validation_loss": tags.VALIDATION_LOSS,
    "validation_accuracy": tags.VALIDATION_ACCURACY,
    "learning_rate": tags.LEARNING_RATE,
    "seconds": tags.EPOCH_SECONDS,
    "images_per_second": tags.IMAGES_PER_SECOND,
}


class EpochScalars(keras.callbacks.Callback):
    """Writes what Keras measured in an epoch, and how fast it went.

    The step on the axis is given and goes on through a relaxation, which that
    of `keras.callbacks.TensorBoard` does not: it restarts with each `fit`.

    The time is that of the training steps alone, without tests; tracing and
    compiling count in the first epoch. It is added to `logs` as `seconds`, and
    as `images_per_second` if `images_per_epoch` is given, for the callbacks
    that follow.

    Args:
        log_dir: Folder of the event file.
        first_step: Step on the axis at which this training begins.
        images_per_epoch: Training images of an epoch.
    """

    def __init__(
        self,
        log_dir: str,
        *,
        first_step: int = 0,
        images_per_epoch: int | None = None,
    ):
        super().__init__()
        self.log_dir = str(log_dir)
        self.first_step = first_step
        self.images_per_epoch = images_per_epoch
        self._writer = None
        self._step = first_step
        self._steps_in_epoch = 0
        self._began = 0.0
        self._seconds = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        import tensorflow as tf

        del logs
        self._writer = tf.summary.create_file_writer(self.log_dir)
        self._step = self.first_step

    def on_epoch_begin(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        del epoch, logs
        self._seconds = None
        self._began = time.perf_counter()

    def on_train_batch_end(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        del logs
        self._steps_in_epoch = batch + 1

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        del logs
        self._stop_clock()

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        import tensorflow as tf

        del epoch
        self._stop_clock()
        logs = {} if logs is None else logs
        logs["seconds"] = self._seconds
        if self.images_per_epoch:
            logs["images_per_second"] = self.images_per_epoch / self._seconds
        self._step += self._steps_in_epoch
        with self._writer.as_default(step=self._step):
            for name, tag in TAGS.items():
                if name in logs:
                    tf.summary.scalar(tag, logs[name])
        self._writer.flush()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        del logs
        self._writer.close()

    def _stop_clock(self):
        """Ends the time of the training steps, when tests begin or without."""
        if self._seconds is None:
            self._seconds = time.perf_counter() - self._began

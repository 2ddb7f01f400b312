"""Writes loss and accuracy within the epochs to TensorBoard."""

from typing import Any

import keras

from needle_tf.callbacks import step_axis
from needle_tf.callbacks import tags

# Names in `logs` and their tags.
TAGS = {"loss": tags.STEP_LOSS, "accuracy": tags.STEP_ACCURACY}


class StepScalars(keras.callbacks.Callback):
    """Writes the running training loss and accuracy every few steps.

    These are the figures that Keras shows while it trains: means over the
    epoch so far, beginning anew with each epoch. What a model does not report
    is left out.

    Args:
        log_dir: Folder of the event file.
        every_steps: Write at each multiple of so many steps on the axis; at
            least 1.
        first_step: Step on the axis where the first `fit` begins, see
            `LayerRotation`.

    Raises:
        ValueError: For counts that are none.
    """

    def __init__(
        self,
        log_dir: str,
        every_steps: int = 1,
        first_step: int | None = None,
    ):
        super().__init__()
        self.log_dir = str(log_dir)
        self.every_steps = step_axis.as_count(
            "every_steps", every_steps, least=1
        )
        self._axis = step_axis.StepAxis(first_step)
        self._writer = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        import tensorflow as tf

        del logs
        self._writer = tf.summary.create_file_writer(self.log_dir)
        self._axis.begin(self.model)

    def on_train_batch_end(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        import tensorflow as tf

        self._axis.count(batch, self.params)
        if not self._axis.has_passed(self.every_steps):
            return
        with self._writer.as_default(step=self._axis.step):
            for name, tag in TAGS.items():
                if name in (logs or {}):
                    tf.summary.scalar(tag, logs[name])

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        del epoch, logs
        self._axis.end_epoch()
        self._writer.flush()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        del logs
        self._writer.close()

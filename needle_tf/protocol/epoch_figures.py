"""Figures of an epoch that Keras does not report: validation, learning rate.

They are added to the logs, before anything is written.
"""

from collections.abc import Callable
from typing import Any

import keras

from needle_tf.protocol import monitors


class Validation(monitors.Monitor):
    """Loss and accuracy on images that are held out, as `val_*`.

    Keras' own validation images are the test images of a run, so these are
    evaluated besides.

    Args:
        evaluate: Returns `loss` and `accuracy` of a network.
    """

    def __init__(self, evaluate: Callable[[keras.Model], dict[str, float]]):
        self._evaluated = _Evaluated(evaluate)
        self.figures = [self._evaluated]

    def row(self) -> dict[str, Any]:
        return {
            "val_loss": self._evaluated.newest["loss"],
            "val_accuracy": self._evaluated.newest["accuracy"],
        }


class _Evaluated(keras.callbacks.Callback):
    def __init__(self, evaluate):
        super().__init__()
        self._evaluate = evaluate
        self.newest = {}

    def on_train_begin(self, logs=None):
        del logs
        self.newest = self._evaluate(self.model)

    def on_epoch_end(self, epoch, logs=None):
        del epoch
        self.newest = self._evaluate(self.model)
        logs["validation_loss"] = self.newest["loss"]
        logs["validation_accuracy"] = self.newest["accuracy"]


class Rate(monitors.Monitor):
    """The learning rate of the last step; before training, of the first.

    Args:
        rate: A number, a schedule, or None where there is no rate.
    """

    def __init__(
        self,
        rate: "float | keras.optimizers.schedules.LearningRateSchedule | None",
    ):
        self._logged = _Logged(rate)
        self.figures = [self._logged]

    def row(self) -> dict[str, Any]:
        return {"learning_rate": self._logged.newest}


class _Logged(keras.callbacks.Callback):
    def __init__(self, rate):
        super().__init__()
        self._rate = rate
        self.newest = None

    def on_train_begin(self, logs=None):
        del logs
        self.newest = self._now()

    def on_epoch_end(self, epoch, logs=None):
        del epoch
        self.newest = self._now()
        if self.newest is not None:
            logs["learning_rate"] = self.newest

    def _now(self):
        if not callable(self._rate):
            return self._rate
        done = int(self.model.optimizer.iterations)
        return float(self._rate(max(done - 1, 0)))

"""Stops training at once when the loss is no longer a number."""

import math
from typing import Any

import keras


class DivergedError(ArithmeticError):
    """The loss became NaN or infinite.

    Attributes:
        epoch: Epochs that were complete before.
        step: Training steps by which it had happened, over all epochs.
    """

    def __init__(self, epoch: int, step: int):
        super().__init__(
            f"The loss was no longer a finite number by step {step}, in "
            f"epoch {epoch} (counted from 0). Lower the learning rate, or clip "
            "the gradients."
        )
        self.epoch = epoch
        self.step = step


class Divergence(keras.callbacks.Callback):
    """Raises `DivergedError` as soon as a loss is NaN or infinite.

    `keras.callbacks.TerminateOnNaN` would go on to test the network and to
    call the other callbacks, which then write NaN and save useless weights.
    Put this one first. What is looked at is the mean loss of the epoch so far,
    after each call of the device (`steps_per_execution` steps), and after the
    epoch the test loss.

    Args:
        first_step: Training steps before this `fit`.
    """

    def __init__(self, first_step: int = 0):
        super().__init__()
        self._first_step = first_step
        self._epoch_start = first_step
        self._step = first_step
        self._epoch = 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        del logs
        self._step = self._first_step

    def on_epoch_begin(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        del logs
        self._epoch, self._epoch_start = epoch, self._step

    def on_train_batch_end(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        self._step = self._epoch_start + batch + 1
        self._check(logs, "loss")

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        del epoch
        self._check(logs, "loss", "val_loss")

    def _check(self, logs, *names):
        for name in names:
            if not math.isfinite((logs or {}).get(name, 0.0)):
                raise DivergedError(self._epoch, self._step)

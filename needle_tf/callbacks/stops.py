"""The stopping criteria of the layer rotation study.

Each looks at the figures of the training epoch that Keras reports: means over
the epoch while the network was changing, with dropout and batch statistics.
The loss includes what regularisers add, so that a threshold for it is rarely
met with weight decay in the loss.

Reference: Carbonnelle & De Vleeschouwer, arXiv:1806.01603.
"""

import math
import numbers
from collections.abc import Iterable
from typing import Any

import keras

from needle_tf.callbacks import step_axis


class _Stop(keras.callbacks.Callback):
    """Asks once per epoch whether training should stop.

    Attributes:
        monitor: The figure that is looked at.
        stopped_epoch: Index of the epoch after which it stopped, counted from
            0; None as long as it did not.
        reason: Why it stopped, as a sentence; "" as long as it did not.
    """

    def __init__(self, monitor: str):
        super().__init__()
        if not isinstance(monitor, str) or not monitor:
            raise ValueError(
                "`monitor` must be the name of a figure in the logs, such as "
                f'"loss". Received: monitor={monitor!r}.'
            )
        self.monitor = monitor
        self.stopped_epoch: int | None = None
        self.reason = ""

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        del logs
        self.stopped_epoch, self.reason = None, ""

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        logs = logs or {}
        if self.monitor not in logs:
            raise ValueError(
                f'`{type(self).__name__}` looks at "{self.monitor}", which '
                f"this model does not report. Received: {sorted(logs)}. Name "
                "one of these with `monitor=...`, or add the metric to "
                "`compile`."
            )
        reason = self._reason(epoch, float(logs[self.monitor]))
        if reason:
            self.model.stop_training = True
            self.stopped_epoch, self.reason = epoch, reason

    def _reason(self, epoch: int, value: float) -> str:
        """Returns why to stop after this epoch, or ""."""
        raise NotImplementedError


class StopIfNotLearning(_Stop):
    """Stops a training whose accuracy is still too low after some epochs.

    Looks once, after the epoch with index `epoch`, as published: a training
    that gets worse later goes on, and so does one resumed after this epoch.

    Args:
        accuracy: Stops if the training accuracy is at most this, in [0, 1].
        epoch: Index of the epoch after which it looks, counted from 0.
        monitor: Name of the accuracy in the logs.
    """

    def __init__(
        self, accuracy: float, epoch: int, *, monitor: str = "accuracy"
    ):
        super().__init__(monitor)
        self.accuracy = _number("accuracy", accuracy, most=1.0)
        self.epoch = step_axis.as_count("epoch", epoch)

    def _reason(self, epoch, value):
        if epoch != self.epoch or value > self.accuracy:
            return ""
        return (
            f"Not learning: {self.monitor} {value:g} after epoch {epoch} "
            f"(counted from 0) is not above {self.accuracy:g}."
        )


class StopAtLoss(_Stop):
    """Stops a training that is finished: its loss is small.

    Args:
        loss: Stops after an epoch whose training loss is at most this; at
            least 0. The reported loss includes penalties of regularisers,
            which may keep it above for good.
        monitor: Name of the loss in the logs.
    """

    def __init__(self, loss: float, *, monitor: str = "loss"):
        super().__init__(monitor)
        self.loss = _number("loss", loss)

    def _reason(self, epoch, value):
        if not value <= self.loss:
            return ""
        return (
            f"Finished: {self.monitor} {value:g} after epoch {epoch} (counted "
            f"from 0) is not above {self.loss:g}."
        )


class StopIfUnchanged(_Stop):
    """Stops a training that no longer moves: its loss repeats to the bit.

    Args:
        epochs: Stops after so many epochs in a row whose training loss equals
            that of the epoch before; at least 1.
        monitor: Name of the loss in the logs.
        earlier: Losses of the epochs before, in order, to go on with after a
            resume.

    Attributes:
        losses: The losses so far, `earlier` ones first. They are kept over
            further fits of the same model.
    """

    def __init__(
        self,
        epochs: int = 3,
        *,
        monitor: str = "loss",
        earlier: Iterable[float] = (),
    ):
        super().__init__(monitor)
        self.epochs = step_axis.as_count("epochs", epochs, least=1)
        self._earlier = [_real("earlier", loss) for loss in earlier]
        self.losses = list(self._earlier)
        self._fitted = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        super().on_train_begin(logs)
        if self.model is not self._fitted:
            self.losses = list(self._earlier)
        self._fitted = self.model

    def _reason(self, epoch, value):
        self.losses.append(value)
        last = self.losses[-self.epochs - 1 :]
        if len(last) <= self.epochs or any(loss != value for loss in last):
            return ""
        return (
            f"Unchanged: {self.monitor} is {value!r} to the bit since "
            f"{self.epochs} epochs, after epoch {epoch} (counted from 0)."
        )


def _number(name, value, *, most=math.inf):
    """A bound for a figure: a number from 0 to `most`, infinity excluded."""
    if not 0 <= _real(name, value) <= most or math.isinf(value):
        bound = "at least 0" if math.isinf(most) else f"in [0, {most:g}]"
        raise ValueError(
            f"`{name}` must be a number {bound}. Received: {name}={value!r}."
        )
    return float(value)


def _real(name, value):
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise ValueError(
            f"`{name}` must hold numbers only. Received: {name}={value!r}."
        )
    return float(value)

"""Keeps what a stage has reached: history and checkpoints, epoch by epoch.

The history is written before the checkpoint of the same epoch, so that every
checkpoint finds the rows up to it; rows beyond the checkpoint that a run is
resumed from are measured again. So it is with the files of monitors.
"""

import pathlib
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras

from needle_tf.protocol import checkpoints
from needle_tf.protocol import history as history_lib
from needle_tf.protocol import monitors as monitors_lib
from needle_tf.protocol import plan as plan_lib

RESUME_POINTS = 2


class Recorder(keras.callbacks.Callback):
    """Writes `history.json` after each epoch, and checkpoints when due.

    Put it behind the callbacks that measure.

    Args:
        plan: The stage.
        stage_path: Its folder.
        history: Its history so far, appended to.
        monitors: What was measured besides, in the order of the columns.
        interval: Epochs between two resume points.
        start_logs: Test figures before the first step; only read if the
            history is empty.
        on_row: Told of each row that is written.
    """

    def __init__(
        self,
        plan: plan_lib.StagePlan,
        stage_path: pathlib.Path,
        history: history_lib.History,
        monitors: Sequence[monitors_lib.Monitor],
        interval: int,
        start_logs: dict[str, float],
        on_row: Callable[[dict[str, Any]], None],
    ):
        super().__init__()
        self._plan = plan
        self._path = stage_path
        self._history = history
        self._monitors = monitors
        self._interval = interval
        self._start_logs = start_logs
        self._on_row = on_row

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        del logs
        if not self._history.epochs:
            self._record(self._plan.first_epoch, self._start_logs)

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        self._record(epoch + 1, logs or {})

    def _record(self, epoch: int, logs: dict[str, Any]) -> None:
        row = {
            "epoch": epoch,
            "loss": logs.get("loss"),
            "accuracy": logs.get("accuracy"),
            "test_loss": logs["val_loss"],
            "test_accuracy": logs["val_accuracy"],
        }
        layers: dict[str, dict[str, float]] = {}
        for monitor in self._monitors:
            row |= monitor.row()
            for name, measures in monitor.layers().items():
                layers.setdefault(name, {}).update(measures)
            self._history.stopped = self._history.stopped or monitor.stopped()
        row["seconds"] = logs.get("seconds")
        row["images_per_second"] = logs.get("images_per_second")
        self._history.add(row, layers)
        self._history.write(self._path)
        if self._is_due(epoch):
            for monitor in self._monitors:
                monitor.save()
            checkpoints.save(self.model, self._path, epoch)
            checkpoints.prune(self._path, self._plan.kept_epochs, RESUME_POINTS)
        self._on_row(row)

    def _is_due(self, epoch: int) -> bool:
        done = epoch - self._plan.first_epoch
        # Where a stage begins it can be built again, so only kept epochs.
        return (
            epoch in self._plan.kept_epochs
            or self._history.stopped is not None
            or (done > 0 and done % self._interval == 0)
        )

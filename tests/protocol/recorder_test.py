"""Tests of what is kept, and in which order it reaches the disk."""

import math
import pathlib
from unittest import mock

from absl.testing import absltest

from needle_tf.protocol import checkpoints
from needle_tf.protocol import history as history_lib
from needle_tf.protocol import monitors
from needle_tf.protocol import plan as plan_lib
from needle_tf.protocol import recorder
from tests.callbacks import small_fits

PLAN = plan_lib.StagePlan(
    name="efcn_relax2",
    kind="efcn",
    relax_epoch=2,
    first_epoch=2,
    last_epoch=9,
    learning_rate=0.1,
    kept_epochs=(4, 9),
    seed=0,
)


class Distance(monitors.Monitor):
    def row(self):
        return {"delta": 0.4, "delta_cnn": 0.6}

    def layers(self):
        return {"conv": {"delta": 0.1, "delta_share": 0.2}}


class Rotation(monitors.Monitor):
    """Ends the stage after epoch 6, and counts what it was asked to save."""

    def __init__(self, history):
        self._history = history
        self.saves = []

    def row(self):
        return {"rotation_mean": 0.75}

    def layers(self):
        return {"conv": {"rotation": 0.3}, "logits": {"rotation": 0.5}}

    def stopped(self):
        if self._history.reached + 1 == 6:
            return {"epoch": 6, "reason": "Enough."}
        return None

    def save(self):
        self.saves.append(self._history.reached)


LOGS = {"loss": 1.0, "accuracy": 0.5, "val_loss": 2.0, "val_accuracy": 0.25}
START = {"val_loss": 3.0, "val_accuracy": 0.125}


class RecorderTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.path = pathlib.Path(self.create_tempdir().full_path)
        self.rows = []
        self.monitors = [Distance()]
        self.history = history_lib.History.begun(PLAN, parameters=7)

    def recorder(self, interval=2):
        record = recorder.Recorder(
            PLAN,
            self.path,
            self.history,
            self.monitors,
            interval,
            START,
            self.rows.append,
        )
        record.set_model(small_fits.network())
        return record

    def run_epochs(self, record, first, last):
        """Runs from `first` to `last`; returns the checkpoints after each."""
        record.on_train_begin()
        found = []
        for epoch in range(first, last):
            record.on_epoch_end(epoch, dict(LOGS))
            found.append(checkpoints.epochs_in(self.path))
        return found

    def test_rows_hold_what_was_measured(self):
        self.run_epochs(self.recorder(), 2, 3)
        back = history_lib.History.read(self.path)
        start, row = back.epochs
        self.assertEqual(start["epoch"], 2)
        self.assertIsNone(start["loss"])
        self.assertEqual(start["test_accuracy"], 0.125)
        self.assertEqual(row["epoch"], 3)
        self.assertEqual((row["loss"], row["test_loss"]), (1.0, 2.0))
        self.assertEqual((row["delta"], row["delta_cnn"]), (0.4, 0.6))
        self.assertEqual(back.layers["conv"]["delta_share"], [0.2, 0.2])
        self.assertEqual(self.rows[1]["loss"], 1.0)
        self.assertFalse(back.finished)

    def test_monitors_add_columns_and_measures_in_their_order(self):
        self.monitors.append(Rotation(self.history))
        self.run_epochs(self.recorder(), 2, 3)
        self.assertEqual(
            list(self.rows[1])[5:],
            ["delta", "delta_cnn", "rotation_mean", "seconds"]
            + ["images_per_second"],
        )
        self.assertEqual(
            self.history.layers,
            {
                "conv": {
                    "delta": [0.1, 0.1],
                    "delta_share": [0.2, 0.2],
                    "rotation": [0.3, 0.3],
                },
                "logits": {"rotation": [0.5, 0.5]},
            },
        )

    def test_monitors_save_before_each_checkpoint(self):
        rotation = Rotation(self.history)
        self.monitors.append(rotation)
        self.run_epochs(self.recorder(interval=3), 2, 6)
        self.assertEqual(rotation.saves, [4, 5, 6])

    def test_stage_that_is_stopped_keeps_its_last_epoch_and_says_why(self):
        self.monitors.append(Rotation(self.history))
        found = self.run_epochs(self.recorder(interval=100), 2, 6)
        self.assertEqual(found, [[], [4], [4], [4, 6]])
        back = history_lib.History.read(self.path)
        self.assertEqual(back.stopped, {"epoch": 6, "reason": "Enough."})

    def test_stage_that_goes_on_has_its_first_row_already(self):
        self.run_epochs(self.recorder(), 2, 4)
        self.run_epochs(self.recorder(), 4, 5)
        epochs = [row["epoch"] for row in self.history.epochs]
        self.assertEqual(epochs, [2, 3, 4, 5])

    def test_checkpoints_are_due_at_intervals_and_kept_epochs(self):
        found = self.run_epochs(self.recorder(interval=3), 2, 9)
        self.assertEqual(
            found,
            # After epochs 3, 4 (kept), 5 (interval), ... 8 (interval), 9.
            [[], [4], [4, 5], [4, 5], [4, 5], [4, 5, 8], [4, 8, 9]],
        )

    def test_history_is_on_the_disk_before_its_checkpoint(self):
        calls = []
        write = history_lib.History.write
        save = checkpoints.save
        with (
            mock.patch.object(
                history_lib.History,
                "write",
                lambda *a: (calls.append("history"), write(*a)),
            ),
            mock.patch.object(
                checkpoints,
                "save",
                lambda *a: (calls.append("checkpoint"), save(*a)),
            ),
        ):
            self.run_epochs(self.recorder(interval=1), 2, 4)
        self.assertEqual(calls, ["history"] + ["history", "checkpoint"] * 2)

    def test_figures_that_are_not_finite_are_none(self):
        record = self.recorder()
        record.on_train_begin()
        record.on_epoch_end(2, LOGS | {"accuracy": math.nan})
        self.assertIsNone(
            history_lib.History.read(self.path).epochs[1]["accuracy"]
        )


if __name__ == "__main__":
    absltest.main()

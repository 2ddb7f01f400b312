"""Tests of the rows of training runs, and of the files that hold them."""

import csv
import json
import pathlib

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.reports import training_results
from tests.reports import synthetic_sweeps

# Written out: the best test accuracy after 1, the best held-out one after 2.
HISTORY = {
    "stage": "train",
    "kind": "train",
    "relax_epoch": None,
    "first_epoch": 0,
    "last_epoch": 3,
    "parameters": 1_234,
    "finished": True,
    "diverged": None,
    "stopped": None,
    "epochs": [
        {
            "epoch": epoch,
            "loss": loss,
            "accuracy": None if loss is None else 1 - loss,
            "val_loss": 1 - val,
            "val_accuracy": val,
            "test_loss": 1 - test,
            "test_accuracy": test,
            "rotation_mean": 0.25 * epoch,
            "rotation_min": 0.125 * epoch,
            "learning_rate": 0.1,
            "seconds": seconds,
            "images_per_second": speed,
        }
        for epoch, loss, val, test, seconds, speed in [
            (0, None, 0.125, 0.125, None, None),
            (1, 0.75, 0.25, 0.75, 8.0, 10.0),
            (2, 0.5, 0.75, 0.5, 2.0, 40.0),
            (3, 0.25, 0.75, 0.625, 2.5, 35.0),
        ]
    ],
    "layers": {
        name: {"rotation": [k * epoch / 8 for epoch in range(4)]}
        for k, name in enumerate(
            ("conv", "a/shortcut", "b_shortcut_2", "dense"), 1
        )
    },
}
ROW = training_results.Result(
    name="my_run",
    label="my_run",
    variant=None,
    settings={},
    seed=5,
    parameters=1_234,
    epochs_reached=3,
    planned_epochs=3,
    train_loss=0.25,
    train_accuracy=0.75,
    val_loss=0.25,
    val_accuracy=0.75,
    test_loss=0.375,
    test_accuracy=0.625,
    test_at_best_val=0.5,
    best_val_epoch=2,
    best_test_accuracy=0.75,
    best_test_epoch=1,
    rotation_mean=0.75,
    rotation_min=0.375,
    rotation_first=0.375,
    rotation_last=1.5,
    rotation_shortcuts=(0.75 + 1.125) / 2,
    seconds=12.5,
    images_per_second=35.0,
    status="finished",
    stop_epoch=None,
    stop_reason=None,
)


class RowsTest(parameterized.TestCase):
    def row(self, **changes):
        folder = f"{self.create_tempdir().full_path}/my_run"
        synthetic_sweeps.write_run(folder, HISTORY | changes, seed=5)
        (row,) = training_results.rows(folder)
        return row

    def test_a_row_holds_the_last_state_and_the_best(self):
        self.assertEqual(self.row(), ROW)

    def test_result_is_that_at_the_best_validation_if_asked_for(self):
        folder = f"{self.create_tempdir().full_path}/my_run"
        synthetic_sweeps.write_run(folder, HISTORY, test_at_best=True)
        (row,) = training_results.rows(folder)
        self.assertEqual(row.test_accuracy, 0.5)
        self.assertEqual(row.train_accuracy, 0.75)
        synthetic_sweeps.write_run(folder, HISTORY, test_at_best=False)
        (row,) = training_results.rows(folder)
        self.assertEqual(row.test_accuracy, 0.625)

    def test_without_validation_nothing_is_chosen_by_it(self):
        rows = [
            {k: v for k, v in row.items() if not k.startswith("val_")}
            for row in HISTORY["epochs"]
        ]
        row = self.row(epochs=rows)
        self.assertIsNone(row.test_at_best_val)
        self.assertIsNone(row.best_val_epoch)
        self.assertIsNone(row.val_accuracy)
        self.assertEqual(row.test_accuracy, 0.625)

    @parameterized.parameters(
        (
            {"diverged": {"epoch": 3, "step": 44}},
            ("diverged", 3, "the loss was no number at step 44"),
        ),
        (
            {"diverged": {"epoch": 3}},
            ("diverged", 3, "the loss was no number"),
        ),
        (
            {"stopped": {"epoch": 3, "reason": "loss"}},
            ("stopped", 3, "loss"),
        ),
        ({"stopped": {"epoch": 3}}, ("stopped", 3, "")),
        ({"finished": False}, ("running", None, None)),
    )
    def test_how_a_run_ended_is_told(self, changes, expected):
        row = self.row(**changes)
        self.assertEqual(
            (row.status, row.stop_epoch, row.stop_reason), expected
        )

    def test_a_run_without_any_epoch_has_no_figures(self):
        row = self.row(epochs=[], layers={}, finished=False)
        self.assertEqual((row.epochs_reached, row.status), (0, "running"))
        self.assertIsNone(row.test_accuracy)
        self.assertIsNone(row.rotation_first)

    def test_numbers_that_are_none_are_left_out(self):
        rows = [*HISTORY["epochs"][:3], {"epoch": 3, "loss": float("nan")}]
        layers = {"conv": {"rotation": [0, 0.1, 0.2, None]}}
        row = self.row(epochs=rows, layers=layers)
        self.assertIsNone(row.train_loss)
        self.assertIsNone(row.rotation_first)
        self.assertIsNone(row.rotation_shortcuts)
        self.assertEqual(row.best_test_accuracy, 0.75)

    def test_a_sweep_gives_a_row_per_trial_begun_or_not(self):
        trial = synthetic_sweeps.trial
        folder = synthetic_sweeps.write_sweep(
            self.create_tempdir().full_path,
            {"rate": [0.1, 0.2, 0.3]},
            [
                trial({"rate": 0.1}, variant="sgd", reached=1, planned=1),
                trial({"rate": 0.2}, status="waiting"),
                trial({"rate": 0.3}, status="failed", error="disk full"),
                trial({"rate": 0.4}, status="failed"),
            ],
        )
        rows = training_results.rows(folder)
        self.assertEqual(
            [row.status for row in rows],
            ["finished", "waiting", "failed", "failed"],
        )
        self.assertEqual(rows[0].settings, {"rate": 0.1})
        self.assertEqual(rows[0].variant, "sgd")
        self.assertIsNone(rows[1].parameters)
        self.assertEqual(rows[2].stop_reason, "disk full")
        self.assertEqual(rows[3].stop_reason, "no reason was noted")


class WriteResultsTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        trial = synthetic_sweeps.trial
        self.folder = synthetic_sweeps.write_sweep(
            pathlib.Path(self.create_tempdir().full_path, "a sweep/of mine"),
            {"rate": [0.1], "seconds": [3, 4]},
            [
                trial(
                    {"rate": 0.1}, reached=2, planned=2, has_validation=False
                ),
                trial({"rate": 0.1, "seconds": 3}, seed=1, status="waiting"),
                trial({"seconds": 4}, reached=1, diverged_step=7),
            ],
        )

    def test_json_gives_the_rows_back(self):
        rows = training_results.write_results(self.folder)
        content = json.loads((self.folder / "results.json").read_text())
        self.assertEqual(
            [training_results.Result(**record) for record in content], rows
        )
        self.assertEqual(rows, training_results.rows(self.folder))

    def test_csv_has_a_column_per_setting_and_empty_cells(self):
        rows = training_results.write_results(self.folder)
        with open(self.folder / "results.csv", newline="") as file:
            records = list(csv.DictReader(file))
        self.assertLen(records, 3)
        self.assertEqual([r["rate"] for r in records], ["0.1", "0.1", ""])
        # A setting that is called like a figure does not take its place.
        self.assertEqual(
            [r["setting_seconds"] for r in records], ["", "3", "4"]
        )
        self.assertEqual(float(records[0]["seconds"]), rows[0].seconds)
        self.assertEqual(records[1]["test_accuracy"], "")
        self.assertEqual(records[2]["status"], "diverged")
        self.assertNotIn("settings", records[0])
        for record, row in zip(records, rows, strict=True):
            self.assertEqual(record["name"], row.name)

    def test_equal_sweeps_give_equal_files_and_one_run_has_its_own(self):
        contents = []
        for _ in range(2):
            training_results.write_results(self.folder)
            contents.append(
                [
                    (self.folder / f"results.{end}").read_bytes()
                    for end in ("json", "csv")
                ]
            )
        self.assertEqual(contents[0], contents[1])
        (run_dir,) = self.folder.glob("rate0.1_seed0")
        (row,) = training_results.write_results(run_dir)
        self.assertTrue((run_dir / "results.csv").is_file())
        self.assertIn(row.label, training_results.format_table([row]))

    def test_a_broken_history_writes_nothing(self):
        (path,) = self.folder.glob("rate0.1_seed0/train/history.json")
        path.write_text('{"stage": ')
        with self.assertRaisesRegex(ValueError, "history.json is no whole"):
            training_results.write_results(self.folder)
        self.assertFalse((self.folder / "results.json").exists())


if __name__ == "__main__":
    absltest.main()

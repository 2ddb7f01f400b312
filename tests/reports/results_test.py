"""Tests of the rows of a run, and of the files that hold them."""

import csv
import dataclasses
import errno
import json
import os
import pathlib
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.reports import results
from tests.reports import synthetic_runs

# Written out: epochs 5 to 8, the best after 7, the first row untrained.
EFCN = {
    "stage": "efcn_relax5",
    "kind": "efcn",
    "relax_epoch": 5,
    "first_epoch": 5,
    "last_epoch": 8,
    "parameters": 2_170_000,
    "finished": True,
    "diverged": None,
    "epochs": [
        {
            "epoch": epoch,
            "loss": loss,
            "accuracy": None if loss is None else 1 - loss,
            "test_loss": 2 * test,
            "test_accuracy": 1 - test,
            "delta": 0.01 * (epoch - 5),
            "delta_share": 0.02 * (epoch - 5),
            "delta_cnn": 0.03 * (epoch - 5),
            "gradient_norm": 1.0,
            "seconds": seconds,
            "images_per_second": speed,
        }
        for epoch, loss, test, seconds, speed in [
            (5, None, 0.5, None, None),
            (6, 0.75, 0.375, 8.0, 10.0),
            (7, 0.5, 0.125, 2.0, 40.0),
            (8, 0.25, 0.25, 2.5, 35.0),
        ]
    ],
    "layers": {},
}
EFCN_ROW = results.Result(
    stage="efcn_relax5",
    kind="efcn",
    relax_epoch=5,
    first_epoch=5,
    last_epoch=8,
    planned_last_epoch=8,
    parameters=2_170_000,
    train_loss=0.25,
    train_accuracy=0.75,
    test_loss=0.5,
    test_accuracy=0.75,
    best_test_accuracy=0.875,
    best_epoch=7,
    delta=0.03,
    delta_share=0.06,
    delta_cnn=0.09,
    seconds=12.5,
    images_per_second=35.0,
    status="finished",
    diverged_epoch=None,
    diverged_step=None,
)


class RowsTest(absltest.TestCase):
    def rows(self, *stages):
        run_dir = self.create_tempdir().full_path
        return results.rows(synthetic_runs.write(run_dir, *stages))

    def test_a_row_holds_the_last_state_and_the_best(self):
        self.assertEqual(self.rows(EFCN), [EFCN_ROW])

    def test_rows_are_in_the_order_in_which_networks_are_compared(self):
        found = self.rows(
            synthetic_runs.fcn(),
            synthetic_runs.lcn(),
            synthetic_runs.relaxed(10),
            synthetic_runs.relaxed(5),
            synthetic_runs.cnn(),
        )
        self.assertEqual(
            [row.stage for row in found],
            ["cnn", "efcn_relax5", "efcn_relax10", "lcn", "fcn"],
        )

    def test_of_equal_accuracies_the_first_is_the_best(self):
        rows = [{"epoch": e, "test_accuracy": 0.5} for e in (0, 1)]
        (row,) = self.rows(synthetic_runs.cnn() | {"epochs": rows})
        self.assertEqual((row.best_test_accuracy, row.best_epoch), (0.5, 0))

    def test_a_stage_that_still_runs_says_how_far_it_is(self):
        rows = EFCN["epochs"][:3]
        (row,) = self.rows(EFCN | {"finished": False, "epochs": rows})
        self.assertEqual(row.status, "running")
        self.assertEqual((row.last_epoch, row.planned_last_epoch), (7, 8))
        self.assertEqual(row.test_accuracy, 0.875)

    def test_a_stage_that_has_only_begun_has_no_training_figures(self):
        rows = EFCN["epochs"][:1]
        (row,) = self.rows(EFCN | {"finished": False, "epochs": rows})
        self.assertEqual(row.last_epoch, 5)
        self.assertEqual(row.test_accuracy, 0.5)
        for name in (
            "train_loss",
            "train_accuracy",
            "seconds",
            "images_per_second",
        ):
            self.assertIsNone(getattr(row, name), name)

    def test_a_stage_without_any_epoch_has_no_figures(self):
        (row,) = self.rows(EFCN | {"finished": False, "epochs": []})
        self.assertEqual((row.first_epoch, row.last_epoch), (5, 5))
        self.assertIsNone(row.test_accuracy)
        self.assertIsNone(row.best_epoch)

    def test_a_diverged_stage_says_where_whether_finished_or_not(self):
        diverged = {"epoch": 8, "step": 517}
        for finished in (True, False):
            (row,) = self.rows(
                EFCN | {"diverged": diverged, "finished": finished}
            )
            self.assertEqual(row.status, "diverged")
            self.assertEqual((row.diverged_epoch, row.diverged_step), (8, 517))

    def test_a_loss_that_is_no_number_is_left_out_of_the_row(self):
        last = {"epoch": 9, "loss": float("nan"), "test_accuracy": 0.1}
        (row,) = self.rows(EFCN | {"epochs": [*EFCN["epochs"], last]})
        self.assertIsNone(row.train_loss)
        self.assertEqual(row.test_accuracy, 0.1)

    def test_a_folder_without_stages_is_refused(self):
        with self.assertRaisesRegex(ValueError, "holds no stage of a run"):
            results.rows(self.create_tempdir().full_path)


class WriteResultsTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.run_dir = pathlib.Path(self.create_tempdir().full_path)
        synthetic_runs.write(
            self.run_dir,
            synthetic_runs.cnn(),
            EFCN,
            synthetic_runs.fcn(reached=7, diverged_step=420),
            synthetic_runs.lcn() | {"epochs": []},
        )

    def test_json_gives_the_rows_back(self):
        rows = results.write_results(self.run_dir)
        content = json.loads((self.run_dir / "results.json").read_text())
        self.assertEqual([results.Result(**record) for record in content], rows)
        self.assertEqual(rows, results.rows(self.run_dir))
        self.assertLen(rows, 4)

    def test_csv_gives_the_rows_back(self):
        rows = results.write_results(self.run_dir)
        with open(self.run_dir / "results.csv", newline="") as file:
            records = list(csv.DictReader(file))
        for record, row in zip(records, rows, strict=True):
            for field in dataclasses.fields(row):
                value, cell = getattr(row, field.name), record[field.name]
                if value is None:
                    self.assertEqual(cell, "", field.name)
                else:
                    self.assertEqual(type(value)(cell), value, field.name)

    def test_equal_runs_give_equal_files(self):
        contents = []
        for _ in range(2):
            results.write_results(self.run_dir)
            contents.append(
                [
                    (self.run_dir / f"results.{end}").read_bytes()
                    for end in ("json", "csv")
                ]
            )
        self.assertEqual(contents[0], contents[1])

    def test_results_follow_a_run_that_goes_on(self):
        for reached in (2, 5):
            content = synthetic_runs.relaxed(0, reached=reached)
            synthetic_runs.write(self.run_dir, content)
            row = results.write_results(self.run_dir)[1]
            self.assertEqual(row.stage, "efcn_relax0")
            self.assertEqual((row.last_epoch, row.status), (reached, "running"))

    def test_a_full_disk_leaves_the_former_results(self):
        results.write_results(self.run_dir)
        former = (self.run_dir / "results.json").read_bytes()
        synthetic_runs.write(self.run_dir, synthetic_runs.fcn())
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with mock.patch.object(os, "fsync", side_effect=full):
            with self.assertRaisesRegex(OSError, "No space.*results.json"):
                results.write_results(self.run_dir)
        self.assertEqual((self.run_dir / "results.json").read_bytes(), former)

    def test_a_broken_history_writes_nothing(self):
        (self.run_dir / "fcn" / "history.json").write_text('{"stage": "fc')
        with self.assertRaisesRegex(ValueError, "fcn/history.json is no whole"):
            results.write_results(self.run_dir)
        self.assertFalse((self.run_dir / "results.json").exists())

    def test_the_table_has_every_stage(self):
        text = results.format_table(results.write_results(self.run_dir))
        for stage in ("cnn", "efcn_relax5", "lcn", "fcn"):
            self.assertRegex(text, rf"(?m)^{stage} ")


if __name__ == "__main__":
    absltest.main()

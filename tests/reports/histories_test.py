"""Tests of reading histories: their order, and what is refused."""

import json
import pathlib

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.reports import histories
from tests.reports import synthetic_runs


class ReadHistoriesTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.run_dir = pathlib.Path(self.create_tempdir().full_path)

    def write_cnn(self, **changes):
        content = synthetic_runs.cnn(reached=3) | changes
        synthetic_runs.write(self.run_dir, content | {"stage": "cnn"})
        return self.run_dir / "cnn" / "history.json"

    def test_a_history_is_read_as_it_was_written(self):
        written = synthetic_runs.relaxed(20, reached=23, diverged_step=1391)
        synthetic_runs.write(self.run_dir, written)
        (read,) = histories.read_histories(self.run_dir)
        for name, value in written.items():
            expected = tuple(value) if name == "epochs" else value
            self.assertEqual(getattr(read, name), expected, name)
        self.assertTrue(read.is_relaxed)

    def test_order_is_cnn_relaxed_by_relax_epoch_lcn_elcn_fcn(self):
        stages = [
            synthetic_runs.fcn(),
            synthetic_runs.lcn(),
            *(synthetic_runs.relaxed(e, "elcn") for e in (20, 0)),
            *(synthetic_runs.relaxed(e) for e in (10, 5, 0)),
            synthetic_runs.relaxed(7, "band"),
            synthetic_runs.cnn(),
        ]
        run_dir = synthetic_runs.write(self.run_dir, *stages)
        self.assertEqual(
            [stage.stage for stage in histories.read_histories(run_dir)],
            [
                "cnn",
                "efcn_relax0",
                "efcn_relax5",
                "band_relax7",
                "efcn_relax10",
                "lcn",
                "elcn_relax0",
                "elcn_relax20",
                "fcn",
            ],
        )

    def test_other_folders_and_stages_that_wrote_nothing_are_left_out(self):
        self.write_cnn()
        (self.run_dir / "fcn" / "checkpoints").mkdir(parents=True)
        (self.run_dir / "tensorboard" / "cnn").mkdir(parents=True)
        (self.run_dir / "results.json").write_text("[]")
        stages = histories.read_histories(self.run_dir)
        self.assertEqual([stage.stage for stage in stages], ["cnn"])

    def test_columns_are_nan_where_nothing_was_measured(self):
        rows = [
            {"epoch": 0, "loss": None, "accuracy": 0.25},
            {"epoch": 1, "loss": 0.5},
        ]
        self.write_cnn(epochs=rows)
        (stage,) = histories.read_histories(self.run_dir)
        np.testing.assert_array_equal(stage.column("epoch"), [0, 1])
        np.testing.assert_array_equal(stage.column("loss"), [np.nan, 0.5])
        np.testing.assert_array_equal(stage.column("accuracy"), [0.25, np.nan])
        np.testing.assert_array_equal(stage.column("unknown"), [np.nan] * 2)

    def test_what_is_not_finite_counts_as_not_measured(self):
        for value in (float("nan"), float("inf")):
            self.write_cnn(epochs=[{"epoch": 0, "test_loss": value}])
            (stage,) = histories.read_histories(self.run_dir)
            self.assertIsNone(stage.epochs[0]["test_loss"])

    def test_a_stage_without_epochs_is_read(self):
        self.write_cnn(epochs=[], finished=False)
        (stage,) = histories.read_histories(self.run_dir)
        self.assertEqual(stage.column("epoch").shape, (0,))

    def test_a_missing_folder_is_refused_with_what_to_type(self):
        with self.assertRaisesRegex(
            ValueError, "no folder '.*nowhere'. Give --run_dir the folder of"
        ):
            histories.read_histories(self.run_dir / "nowhere")

    def test_a_folder_without_stages_is_refused_with_what_to_type(self):
        with self.assertRaisesRegex(
            ValueError,
            "holds no stage of a run.*python -m needle_tf.main --run_dir=.*or "
            "give --run_dir the folder of another run",
        ):
            histories.read_histories(self.run_dir)

    def test_the_folder_of_a_stage_is_refused_with_that_of_its_run(self):
        path = self.write_cnn()
        with self.assertRaisesRegex(
            ValueError,
            f"the folder of one stage.*Type --run_dir={self.run_dir} instead",
        ):
            histories.read_histories(path.parent)

    @parameterized.parameters(0, 1, 200)
    def test_a_part_of_a_history_is_refused_by_name(self, size):
        path = self.write_cnn()
        path.write_bytes(path.read_bytes()[:size])
        with self.assertRaisesRegex(
            ValueError,
            f"{path} is no whole history: it cannot be read as JSON.*Restore "
            f"the file, or delete the folder {path.parent} and repeat",
        ):
            histories.read_histories(self.run_dir)

    def test_bytes_that_are_no_text_are_refused_by_name(self):
        path = self.write_cnn()
        path.write_bytes(b"\xff\xfe\x00\x81")
        with self.assertRaisesRegex(ValueError, f"{path} is no whole history"):
            histories.read_histories(self.run_dir)

    def test_a_list_is_refused(self):
        path = self.write_cnn()
        path.write_text("[]")
        with self.assertRaisesRegex(
            ValueError, f"{path} is.* must hold a JSON object. Received: list"
        ):
            histories.read_histories(self.run_dir)

    @parameterized.parameters(*synthetic_runs.cnn())
    def test_every_field_is_required(self, name):
        path = self.write_cnn()
        content = json.loads(path.read_text())
        del content[name]
        path.write_text(json.dumps(content))
        with self.assertRaisesRegex(
            ValueError, f"{path} is no whole history: '{name}' is missing"
        ):
            histories.read_histories(self.run_dir)

    @parameterized.parameters(
        ("kind", "cnm", "one of cnn, efcn.*Received: 'cnm'"),
        ("kind", [], "one of cnn, efcn"),
        ("first_epoch", -1, "a count. Received: '-1'"),
        ("last_epoch", 4.0, "a count. Received: '4.0'"),
        ("parameters", True, "a count. Received: 'True'"),
        ("finished", 1, "true or false. Received: '1'"),
        ("diverged", {"step": 3}, "null or an object with an epoch"),
        ("diverged", "yes", "null or an object with an epoch"),
        ("stopped", {"reason": "loss"}, "null or an object with an epoch"),
        ("epochs", {}, "a list of rows"),
        ("epochs", [3], "rows with a count `epoch`"),
        ("epochs", [{"loss": 1.0}], "rows with a count `epoch`"),
        ("epochs", [{"epoch": 1}, {"epoch": 1}], "rows whose `epoch` rises"),
        ("layers", [], "an object"),
    )
    def test_a_field_of_another_type_is_refused(self, name, value, message):
        path = self.write_cnn(**{name: value})
        with self.assertRaisesRegex(
            ValueError, f"{path} is.*'{name}' must be {message}"
        ):
            histories.read_histories(self.run_dir)

    @parameterized.parameters("0.5", True)
    def test_a_measurement_that_is_no_number_is_refused(self, value):
        self.write_cnn(epochs=[{"epoch": 0, "test_loss": value}])
        with self.assertRaisesRegex(
            ValueError, f"'test_loss' must be a number. Received: '{value}'"
        ):
            histories.read_histories(self.run_dir)

    def test_a_network_of_no_protocol_may_have_been_stopped(self):
        self.write_cnn(kind="train")
        (stage,) = histories.read_histories(self.run_dir)
        self.assertEqual((stage.kind, stage.stopped), ("train", None))
        stopped = {"epoch": 3, "reason": "the loss was small"}
        self.write_cnn(kind="train", stopped=stopped)
        (stage,) = histories.read_histories(self.run_dir)
        self.assertEqual(stage.stopped, stopped)

    def test_a_relaxed_network_needs_its_relax_epoch(self):
        self.write_cnn(kind="efcn")
        with self.assertRaisesRegex(
            ValueError, "'relax_epoch' must be a count. Received: 'None'"
        ):
            histories.read_histories(self.run_dir)

    def test_a_stage_that_is_being_copied_is_left_out(self):
        self.write_cnn()
        folder = pathlib.Path(self.run_dir)
        (folder / "cnn").rename(folder / ".writing_cnn")
        self.assertEmpty(histories.stage_files(folder))
        with self.assertRaisesRegex(ValueError, "holds no stage of a run"):
            histories.read_histories(folder)


if __name__ == "__main__":
    absltest.main()

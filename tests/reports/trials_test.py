"""Tests of reading training runs and sweeps, whole and in part."""

import json

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.reports import trials
from tests.reports import synthetic_sweeps


class ReadRunTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.run_dir = f"{self.create_tempdir().full_path}/my_run"

    def read(self, **changes):
        content = synthetic_sweeps.history(reached=3, planned=3) | changes
        synthetic_sweeps.write_run(self.run_dir, content, seed=7)
        return trials.read_run(self.run_dir)

    def test_a_run_is_called_by_its_folder_and_knows_its_seed(self):
        trial = self.read()
        self.assertEqual(
            (trial.name, trial.label, trial.seed), ("my_run", "my_run", 7)
        )
        self.assertEqual(trial.status, "finished")
        self.assertEqual(trial.last("epoch"), 3)

    @parameterized.parameters(
        ({"finished": False}, "running"),
        ({"diverged": {"epoch": 3, "step": 9}}, "diverged"),
        ({"stopped": {"epoch": 3, "reason": "loss"}}, "stopped"),
    )
    def test_the_status_is_read_from_the_history(self, changes, status):
        self.assertEqual(self.read(**changes).status, status)

    def test_curves_leave_out_what_was_not_measured(self):
        epochs, values = self.read().curve("loss")
        np.testing.assert_array_equal(epochs, [1, 2, 3])
        self.assertLen(values, 3)
        self.assertEqual(self.read().curve("nothing")[0].size, 0)

    def test_rotations_begin_at_0_and_are_nan_where_none_was_measured(self):
        layers = {"a": {"rotation": [None, 0.25, None]}, "b": {}}
        rotations = self.read(layers=layers).rotations()
        np.testing.assert_array_equal(rotations["a"], [0, 0.25, np.nan, np.nan])
        np.testing.assert_array_equal(rotations["b"], [0] + 3 * [np.nan])

    def test_a_list_ahead_of_its_rows_is_cut(self):
        layers = {"a": {"rotation": [0, 0.1, 0.2, 0.3, 0.4]}}
        rotations = self.read(layers=layers).rotations()
        np.testing.assert_array_equal(rotations["a"], [0, 0.1, 0.2, 0.3])

    def test_a_history_without_rows_is_read(self):
        trial = self.read(epochs=[], finished=False, layers={"a": {}})
        self.assertIsNone(trial.last("epoch"))
        self.assertEqual(trial.rotations()["a"].size, 0)

    def test_a_missing_folder_is_refused(self):
        with self.assertRaisesRegex(ValueError, "no folder '.*nowhere'. Give"):
            trials.read_run(f"{self.run_dir}/nowhere")

    def test_a_folder_without_run_or_sweep_is_refused(self):
        with self.assertRaisesRegex(
            ValueError, "no training run.*needle_tf.train --run_dir="
        ):
            trials.read_trials(self.create_tempdir().full_path)

    def test_a_broken_history_or_configuration_is_named(self):
        self.read()
        path = f"{self.run_dir}/train/history.json"
        with open(path, "w") as file:
            file.write("{")
        with self.assertRaisesRegex(ValueError, "history.json is no whole"):
            trials.read_run(self.run_dir)
        self.read()
        with open(f"{self.run_dir}/config.json", "w") as file:
            file.write("[")
        with self.assertRaisesRegex(
            ValueError, "config.json is no whole configuration"
        ):
            trials.read_run(self.run_dir)


class ReadSweepTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path

    def write(self, *entries):
        return synthetic_sweeps.write_sweep(
            self.folder, {"rate": [0.1], "seed": [0, 1]}, entries
        )

    def test_trials_come_in_order_with_what_became_of_them(self):
        one = synthetic_sweeps.trial
        self.write(
            one({"rate": 0.1}, reached=2, planned=2),
            one({"rate": 0.1}, seed=1, reached=1, planned=2),
            one({"rate": 0.2}, status="waiting"),
            one({"rate": 0.3}, status="failed", error="disk full"),
            one({"rate": 0.4}, status="failed", error="x", reached=1),
            one({"rate": 5}, status="failed", reached=1, diverged_step=3),
        )
        sweep = trials.read_sweep(self.folder)
        self.assertEqual(sweep.axes, {"rate": (0.1,), "seed": (0, 1)})
        self.assertEqual(
            [trial.status for trial in sweep.trials],
            ["finished", "running", "waiting", "failed", "failed", "diverged"],
        )
        self.assertEqual(sweep.trials[0].label, sweep.trials[1].label)
        self.assertIsNone(sweep.trials[2].history)
        self.assertEqual(sweep.trials[2].rotations(), {})
        self.assertEqual(sweep.trials[2].curve("loss")[0].size, 0)
        self.assertEqual(sweep.trials[3].error, "disk full")
        self.assertTrue(trials.is_sweep(self.folder))
        self.assertLen(trials.read_trials(self.folder), 6)

    @parameterized.parameters(
        ({"axes": []}, "'axes' must be an object. Received: '\\[\\]'"),
        ({"axes": {"a": 3}}, "'a' must be a list of values. Received: '3'"),
        ({"variants": None}, "'variants' must be a list"),
        ({"trials": {}}, "'trials' must be a list"),
        ({"trials": [3]}, "'trials' must be a list of objects"),
        ({"trials": [{"label": "x"}]}, "'name' is missing"),
        ({"trials": [{"name": "a", "label": 1}]}, "'label' must be text"),
        (
            {"trials": [{"name": "a", "label": "a", "settings": 1}]},
            "'settings' must be an object",
        ),
    )
    def test_a_field_of_another_type_is_refused(self, changes, message):
        content = {"axes": {}, "variants": [], "trials": []} | changes
        with open(f"{self.folder}/sweep.json", "w") as file:
            json.dump(content, file)
        with self.assertRaisesRegex(
            ValueError, f"sweep.json is no whole sweep: {message}.*Restore"
        ):
            trials.read_sweep(self.folder)

    def test_a_missing_field_is_named(self):
        with open(f"{self.folder}/sweep.json", "w") as file:
            file.write('{"axes": {}, "variants": []}')
        with self.assertRaisesRegex(ValueError, "'trials' is missing"):
            trials.read_sweep(self.folder)

    def test_a_folder_without_a_sweep_is_refused(self):
        with self.assertRaisesRegex(ValueError, "holds no sweep.*Give"):
            trials.read_sweep(self.folder)


if __name__ == "__main__":
    absltest.main()

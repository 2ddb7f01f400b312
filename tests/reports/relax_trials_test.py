"""Tests of reading relax runs and sweeps of them, whole and in part."""

import json
import pathlib
import shutil

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.reports import relax_trials
from tests.reports import synthetic_relax_sweeps
from tests.reports import synthetic_runs
from tests.reports import synthetic_sweeps


class ReadTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path, "here")

    def test_a_run_is_a_sweep_of_one_trial(self):
        synthetic_runs.write(
            self.folder, synthetic_runs.relaxed(20), synthetic_runs.cnn()
        )
        config = {"model": "skinny", "dataset": "cifar10", "seed": 4}
        (self.folder / "config.json").write_text(json.dumps(config))
        sweep = relax_trials.read(str(self.folder))
        self.assertFalse(sweep.is_sweep)
        self.assertTrue(sweep.has_begun)
        self.assertEqual(sweep.title, "skinny on cifar10, seed 4")
        (trial,) = sweep.trials
        self.assertEqual(
            (trial.name, trial.label, trial.seed), ("here",) * 2 + (4,)
        )
        self.assertEqual(list(trial.stages), ["cnn", "efcn_relax20"])
        self.assertIs(trial.cnn, trial.stages["cnn"])

    def test_trials_of_a_sweep_come_in_order_with_their_stages(self):
        synthetic_relax_sweeps.rate_sweep(
            self.folder, (0.03, 0.1), (0, 1), (0, 20)
        )
        sweep = relax_trials.read(self.folder)
        self.assertTrue(sweep.is_sweep)
        self.assertEqual(sweep.title, "skinny on cifar10, 2 seeds")
        self.assertEqual(sweep.axes["seed"], (0, 1))
        self.assertEqual([trial.seed for trial in sweep.trials], [0, 1, 0, 1])
        self.assertEqual(
            [trial.settings["relaxed_learning_rate"] for trial in sweep.trials],
            [0.03, 0.03, 0.1, 0.1],
        )
        for trial in sweep.trials:
            self.assertEqual(trial.path, self.folder / trial.name)
            self.assertEqual(
                list(trial.stages),
                ["cnn", "efcn_relax0", "efcn_relax20", "lcn", "fcn"],
            )

    def test_a_sweep_that_goes_on_is_read_as_far_as_it_is(self):
        one = synthetic_relax_sweeps.entry
        cnn, relaxed = synthetic_runs.cnn(), synthetic_runs.relaxed
        synthetic_relax_sweeps.write(
            self.folder,
            {"seed": [0, 1, 2, 3]},
            [
                (one({}, 0), [cnn, relaxed(5)]),
                (
                    one({}, 1, "failed", "efcn_relax5 diverged."),
                    [cnn, relaxed(5, reached=9, diverged_step=611)],
                ),
                (one({}, 2, "waiting"), [cnn, relaxed(5, reached=7)]),
                (one({}, 3, "waiting"), None),
                (
                    one({}, 4, "failed", "no memory"),
                    [cnn, relaxed(5, reached=7)],
                ),
            ],
        )
        sweep = relax_trials.read(self.folder)
        self.assertEqual(
            [trial.status_of("efcn_relax5") for trial in sweep.trials],
            ["finished", "diverged", "running", "waiting", "failed"],
        )
        self.assertEqual(
            [trial.status_of("fcn") for trial in sweep.trials],
            ["waiting", "failed", "waiting", "waiting", "failed"],
        )
        self.assertIsNone(sweep.trials[3].cnn)
        self.assertEqual(sweep.trials[4].error, "no memory")
        self.assertEqual(sweep.title, "")

    def test_a_stage_that_is_being_copied_is_none_yet(self):
        synthetic_relax_sweeps.seed_sweep(self.folder, (0,), (5,))
        run_dir = self.folder / "sgd_seed0"
        shutil.move(run_dir / "fcn", run_dir / ".writing_fcn")
        (trial,) = relax_trials.read(self.folder).trials
        self.assertEqual(list(trial.stages), ["cnn", "efcn_relax5", "lcn"])

    def test_a_sweep_in_which_nothing_has_begun_is_read(self):
        synthetic_relax_sweeps.seed_sweep(self.folder, (0, 1))
        for path in self.folder.glob("sgd_*"):
            shutil.rmtree(path)
        sweep = relax_trials.read(self.folder)
        self.assertFalse(sweep.has_begun)
        self.assertLen(sweep.trials, 2)

    def test_other_networks_have_no_title_in_common(self):
        one = synthetic_relax_sweeps.entry
        cnn = synthetic_runs.cnn()
        folder = synthetic_relax_sweeps.write(
            self.folder,
            {"model": ["a", "b"]},
            [(one({"model": m}), [cnn]) for m in "ab"],
            dataset="d",
        )
        self.assertEqual(relax_trials.read(folder).title, "d, seed 0")
        for name in "ab":
            path = folder / f"model{name}_seed0" / "config.json"
            path.write_text(json.dumps({"model": name}))
        self.assertEqual(relax_trials.read(folder).title, "")


class RefusedTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)

    def test_a_missing_folder(self):
        with self.assertRaisesRegex(ValueError, "no folder '.*nowhere'. Give"):
            relax_trials.read(self.folder / "nowhere")

    def test_a_folder_with_neither_run_nor_sweep(self):
        with self.assertRaisesRegex(ValueError, "holds no stage of a run"):
            relax_trials.read(self.folder)

    def test_a_training_run(self):
        synthetic_sweeps.write_run(self.folder)
        with self.assertRaisesRegex(ValueError, "is a training run; one of"):
            relax_trials.read(self.folder)

    def test_a_sweep_of_training_runs(self):
        synthetic_sweeps.rate_sweep(self.folder, (-3,), (0,), reached=1)
        with self.assertRaisesRegex(ValueError, "sweep of training runs"):
            relax_trials.read(self.folder)

    @parameterized.parameters("cnn/history.json", "config.json")
    def test_a_file_that_is_not_whole_is_named(self, name):
        synthetic_relax_sweeps.seed_sweep(self.folder, (0,), (5,))
        (self.folder / "sgd_seed0" / name).write_text("{")
        with self.assertRaisesRegex(
            ValueError, f"sgd_seed0/{name} is no whole"
        ):
            relax_trials.read(self.folder)


if __name__ == "__main__":
    absltest.main()

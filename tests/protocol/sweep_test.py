"""Tests of sweeps: what is run, what fails, and how they go on."""

import json
import pathlib
from unittest import mock

import keras
from absl.testing import absltest
from tensorboard.backend.event_processing import event_accumulator

from needle_tf.callbacks import tags
from needle_tf.protocol import sweep
from needle_tf.protocol import sweep_plan
from needle_tf.protocol import training
from tests.protocol import tiny_runs

GIVEN = {
    "dataset": "digits",
    "train_size": 120,
    "test_size": 60,
    "batch_size": 20,
    "epochs": 2,
    "learning_rate": 0.05,
}


def without_training(config, run_dir, **settings):
    """Stands for `training.run` where its network does not matter."""
    del config, run_dir, settings
    return mock.Mock(problems=[])


class SweepCase(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path) / "sweep"
        self.lines = []

    def plan(self, axes=(), variants=(), **given):
        return sweep_plan.expand(GIVEN | given, axes, variants, self.folder)

    def run_all(self, plan, **settings):
        settings = {"told": str, "report": self.lines.append} | settings
        return sweep.run(plan, self.folder, **settings)

    def statuses(self):
        content = json.loads((self.folder / "sweep.json").read_text())
        return {t["name"]: t["status"] for t in content["trials"]}


class RunTest(SweepCase):
    def test_every_trial_is_a_training_run_like_one_alone(self):
        plan = self.plan(["seed=1"], ["a:l2=0", "b:momentum=0.5"])
        self.assertEmpty(self.run_all(plan, notes={"flags.txt": "--x\n"}))
        self.assertEqual((self.folder / "flags.txt").read_text(), "--x\n")
        content = json.loads((self.folder / "sweep.json").read_text())
        self.assertEqual(content["kind"], "sweep")
        self.assertEqual(content["axes"], {"seed": [1]})
        self.assertEqual(content["variants"], ["a", "b"])
        last = content["trials"][-1]
        self.assertEqual(
            [last[key] for key in ("name", "label", "variant", "settings")],
            ["b_seed1", "b", "b", {"momentum": 0.5}],
        )
        self.assertEqual(
            [last[key] for key in ("seed", "status", "error")],
            [1, "done", None],
        )
        alone = self.folder.parent / "alone"
        config = plan.trials[-1].config
        training.run(config, alone, report=self.lines.append)
        # Not to the bit without --deterministic.
        rows = [
            tiny_runs.numbers(path)["train"]["epochs"][-1]
            for path in (alone, self.folder / "b_seed1")
        ]
        self.assertAlmostEqual(rows[0]["loss"], rows[1]["loss"], places=3)
        self.assert_event_files_lie_together()
        # A finished sweep is not run again.
        with mock.patch.object(keras.Model, "fit", side_effect=AssertionError):
            self.assertEmpty(self.run_all(plan))
        self.assertIn("[2/2] b_seed1: done before", self.lines)

    def assert_event_files_lie_together(self):
        events = event_accumulator.EventAccumulator(
            str(self.folder / "tensorboard/b_seed1")
        )
        events.Reload()
        self.assertLen(events.Tensors(tags.TEST_ACCURACY), 2)
        self.assertIn("_hparams_/session_start_info", events.Tags()["tensors"])
        self.assertFalse((self.folder / "b_seed1/tensorboard").exists())

    def test_variant_replays_another_one(self):
        plan = self.plan(
            (),
            ["ad:optimizer=adam,learning_rate=0.01,record_angles=true"]
            + ["again:replay=@ad"],
            learning_rate=None,
        )
        self.assertEmpty(self.run_all(plan))
        self.assertEqual(self.statuses(), {"ad": "done", "again": "done"})


class FailureTest(SweepCase):
    def test_trial_that_fails_does_not_stop_the_others(self):
        plan = self.plan(["learning_rate=1e38,0.05"], learning_rate=None)
        problems = self.run_all(plan)
        self.assertLen(problems, 1)
        self.assertRegex(problems[0], r"^lr1e38: train diverged in epoch 0")
        self.assertEqual(
            self.statuses(), {"lr1e38": "failed", "lr0.05": "done"}
        )
        # It is told again, and nothing is trained.
        with mock.patch.object(keras.Model, "fit", side_effect=AssertionError):
            self.assertEqual(self.run_all(plan), problems)

    def test_trial_that_raises_is_told_and_tried_again(self):
        plan = self.plan(["seed=0,1,2"])

        def failing(config, run_dir, **settings):
            if config.seed == 1:
                raise OSError("the cable is loose")
            return without_training(config, run_dir, **settings)

        with mock.patch.object(training, "run", failing):
            problems = self.run_all(plan)
        self.assertEqual(problems, ["seed1: the cable is loose"])
        self.assertEqual(
            list(self.statuses().values()), ["done", "failed", "done"]
        )
        self.assertEmpty(self.run_all(plan))
        self.assertEqual(set(self.statuses().values()), {"done"})

    def test_mistake_of_ours_is_raised(self):
        with mock.patch.object(training, "run", side_effect=TypeError("oops")):
            with self.assertRaisesRegex(TypeError, "oops"):
                self.run_all(self.plan(["seed=0"]), told=lambda error: None)
        self.assertEqual(self.statuses(), {"seed0": "waiting"})

    def test_interrupted_sweep_goes_on_where_it_was(self):
        plan = self.plan(["seed=0,1,2"])
        begun = []

        def interrupted(config, run_dir, **settings):
            begun.append(config.seed)
            if config.seed == 1 and len(begun) == 2:
                raise KeyboardInterrupt
            return without_training(config, run_dir, **settings)

        with mock.patch.object(training, "run", interrupted):
            with self.assertRaises(KeyboardInterrupt):
                self.run_all(plan)
            self.assertEqual(
                list(self.statuses().values()), ["done", "waiting", "waiting"]
            )
            self.assertEmpty(self.run_all(plan))
        self.assertEqual(begun, [0, 1, 1, 2])


class RefusalTest(SweepCase):
    def test_impossible_trial_is_refused_before_the_first_one_is_run(self):
        plan = self.plan(["steps_per_execution=3,4"])
        with self.assertRaisesRegex(
            ValueError,
            "the run steps_per_execution4 is not possible: --steps_per_exec",
        ):
            self.run_all(plan)
        self.assertFalse(self.folder.exists())

    def test_folder_of_another_sweep_is_refused(self):
        with mock.patch.object(training, "run", without_training):
            self.run_all(self.plan(["seed=0"]))
        before = (self.folder / "sweep.json").read_bytes()
        with self.assertRaisesRegex(
            ValueError,
            "holds another sweep. Different: seed1. Take the flags of .*flags",
        ):
            self.run_all(self.plan(["seed=0,1"]))
        with self.assertRaisesRegex(ValueError, "Different: seed0. Take"):
            self.run_all(self.plan(["seed=0"], epochs=3))
        self.assertEqual((self.folder / "sweep.json").read_bytes(), before)

    def test_folder_of_something_else_is_refused(self):
        self.folder.mkdir()
        (self.folder / "thesis.tex").write_text("precious")
        with self.assertRaisesRegex(
            ValueError, "neither empty nor the folder of a sweep.*thesis.tex"
        ):
            self.run_all(self.plan(["seed=0"]))
        file = self.folder / "thesis.tex"
        with self.assertRaisesRegex(ValueError, "is a file. Name a folder"):
            sweep.run(self.plan(["seed=0"]), file)

    def test_damaged_record_is_named(self):
        self.folder.mkdir()
        (self.folder / "sweep.json").write_text("{}")
        with self.assertRaisesRegex(
            ValueError, r"sweep.json is no record of a sweep \(KeyError"
        ):
            self.run_all(self.plan(["seed=0"]))


if __name__ == "__main__":
    absltest.main()

"""Tests of stages that several runs have in common."""

import dataclasses
import pathlib
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.protocol import history as history_lib
from needle_tf.protocol import plan as plan_lib
from needle_tf.protocol import run_folder
from needle_tf.protocol import shared_stages
from tests.protocol import tiny_runs

INPUTS = {"data": "0123"}


class IsSharedTest(parameterized.TestCase):
    @parameterized.parameters(
        ({"relaxed_learning_rate": 0.01}, {"cnn", "fcn", "lcn"}),
        ({"space": "band", "radius": 1}, {"cnn", "fcn", "lcn", "elcn"}),
        ({"relaxed_layers": ["conv_1"]}, {"cnn"}),
        ({"baseline_learning_rate": 0.01}, {"cnn", "efcn", "band", "elcn"}),
        ({"baselines": ["fcn"]}, {"cnn", "efcn", "band", "elcn", "fcn", "lcn"}),
        ({"seed": 1}, set()),
        ({"epochs": 5}, set()),
        ({"snapshots": "none"}, set()),
    )
    def test_only_what_a_stage_does_not_read_may_differ(self, changes, shared):
        ours = tiny_runs.config(baselines=["fcn", "lcn"])
        theirs = dataclasses.replace(ours, **changes)
        kinds = ("cnn", "efcn", "band", "elcn", "fcn", "lcn")
        found = {
            kind
            for kind in kinds
            if shared_stages.is_shared(kind, ours, theirs)
        }
        self.assertEqual(found, shared)


class TakeOverTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.root = pathlib.Path(self.create_tempdir().full_path)
        self.lines = []

    def begin(self, name, config, over=(), inputs=INPUTS):
        """Makes a run with some stages that are over; returns its folder."""
        with run_folder.opened(self.root / name, config) as folder:
            folder.record("inputs", inputs)
        for plan in plan_lib.stages(config):
            path = self.root / name / plan.name
            if plan.name in over:
                history = history_lib.History.begun(plan, 7)
                history.finished = True
                history.write(path)
                (path / "checkpoints").mkdir()
                (path / "checkpoints/epoch_0004.keras").write_text(name)
        return folder

    def take(self, config, folder, *others):
        shared_stages.take_over(
            plan_lib.stages(config),
            config,
            folder,
            [self.root / other for other in others],
            self.lines.append,
        )

    def test_finished_stages_are_taken_as_the_same_files(self):
        first = tiny_runs.config(baselines=["fcn"])
        second = dataclasses.replace(first, relaxed_learning_rate=0.01)
        self.begin("first", first, over=["cnn", "efcn_relax2"])
        folder = self.begin("second", second)
        self.take(second, folder, "nowhere", "first")
        self.assertTrue(history_lib.History.read(folder.stage("cnn")).finished)
        files = [
            self.root / name / "cnn/checkpoints/epoch_0004.keras"
            for name in ("first", "second")
        ]
        self.assertTrue(files[0].samefile(files[1]))
        self.assertFalse(folder.stage("efcn_relax2").exists())
        self.assertFalse(folder.stage("fcn").exists())
        self.assertEqual(
            self.lines, ["cnn: the same as in first, taken from it"]
        )

    def test_what_differs_or_is_begun_is_left_alone(self):
        config = tiny_runs.config()
        other = dataclasses.replace(config, relaxed_learning_rate=0.01)
        self.begin("other_data", other, over=["cnn"], inputs={"data": "9"})
        self.begin("other_seed", tiny_runs.config(seed=1), over=["cnn"])
        self.begin("unfinished", other)
        folder = self.begin("ours", config)
        self.take(config, folder, "other_data", "other_seed", "unfinished")
        self.assertFalse(folder.stage("cnn").exists())
        self.begin("finished", other, over=["cnn"])
        folder.stage("cnn").mkdir()
        self.take(config, folder, "finished")
        self.assertEmpty(list(folder.stage("cnn").iterdir()))

    def test_files_are_copied_where_there_are_no_links(self):
        config = tiny_runs.config()
        other = dataclasses.replace(config, relaxed_learning_rate=0.01)
        self.begin("first", other, over=["cnn"])
        folder = self.begin("second", config)
        with mock.patch("os.link", side_effect=OSError("no links")):
            self.take(config, folder, "first")
        copy = folder.stage("cnn") / "checkpoints/epoch_0004.keras"
        self.assertEqual(copy.read_text(), "first")
        self.assertEqual(copy.stat().st_nlink, 1)

    def test_half_a_stage_of_a_killed_process_is_removed(self):
        config = tiny_runs.config()
        other = dataclasses.replace(config, relaxed_learning_rate=0.01)
        self.begin("first", other, over=["cnn"])
        self.begin("second", config)
        half = self.root / "second" / f"{run_folder.UNFINISHED}cnn/checkpoints"
        half.mkdir(parents=True)
        (half / f"{run_folder.UNFINISHED}epoch_0004.keras").write_text("half")
        folder = self.begin("second", config)
        self.assertFalse(half.exists())
        self.take(config, folder, "first")
        self.assertTrue(folder.stage("cnn").exists())


if __name__ == "__main__":
    absltest.main()

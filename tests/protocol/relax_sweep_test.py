"""Tests of sweeps of the relax protocol, on runs of a second."""

import json
import pathlib
import shutil
import tempfile
from unittest import mock

import keras
from absl.testing import absltest
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.plugins.hparams import plugin_data_pb2

from needle_tf.protocol import config as config_lib
from needle_tf.protocol import relax
from needle_tf.protocol import sweep
from needle_tf.protocol import sweep_plan
from tests.protocol import tiny_runs

GIVEN = {
    "dataset": "digits",
    "train_size": 120,
    "test_size": 60,
    "batch_size": 20,
    "epochs": 1,
    "learning_rate": 0.05,
    "relax_epochs": [0],
    "baselines": [],
    "log_checkpoints": 0,
}
VARIANTS = (
    "slow:relaxed_learning_rate=0.01",
    "lost:relaxed_learning_rate=1e38",
    "band:space=band,radius=1",
)


def events_of(folder):
    events = event_accumulator.EventAccumulator(str(folder))
    events.Reload()
    return events


class RelaxSweepTest(absltest.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.root = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.root)
        cls.folder = cls.root / "sweep"
        cls.plan = sweep_plan.expand(
            GIVEN, (), VARIANTS, cls.folder, config_lib.ProtocolConfig
        )
        cls.lines = []
        cls.problems = sweep.run(
            cls.plan, cls.folder, report=cls.lines.append, told=str
        )

    def test_trial_that_diverges_is_reported_and_stops_nothing(self):
        self.assertLen(self.problems, 1)
        self.assertRegex(
            self.problems[0], r"^lost: efcn_relax0 diverged in epoch 0"
        )
        content = json.loads((self.folder / "sweep.json").read_text())
        self.assertEqual(content["runs"], "relax")
        self.assertEqual(
            [trial["status"] for trial in content["trials"]],
            ["done", "failed", "done"],
        )

    def test_stages_in_common_are_trained_once(self):
        files = [
            self.folder / name / "cnn/history.json"
            for name in ("slow", "lost", "band")
        ]
        self.assertTrue(files[0].samefile(files[1]))
        self.assertTrue(files[0].samefile(files[2]))
        self.assertIn("cnn: the same as in slow, taken from it", self.lines)
        self.assertTrue((self.folder / "band/band_relax0").exists())

    def test_each_run_is_like_one_alone(self):
        alone = self.root / "alone"
        trial = self.plan.trials[-1]
        relax.run(trial.config, alone, report=self.lines.append)
        rows, expected = (
            {
                stage: history["epochs"][-1]
                for stage, history in tiny_runs.numbers(path).items()
            }
            for path in (alone, self.folder / "band")
        )
        self.assertEqual(rows.keys(), expected.keys())
        # Not to the bit without --deterministic, which would stay on in the
        # process, for tests of XLA too.
        for stage, row in rows.items():
            self.assertAlmostEqual(
                row["loss"], expected[stage]["loss"], places=3
            )

    def test_finished_sweep_trains_nothing_more(self):
        with mock.patch.object(keras.Model, "fit", side_effect=AssertionError):
            again = sweep.run(
                self.plan, self.folder, report=lambda line: None, told=str
            )
        self.assertEqual(again, self.problems)

    def test_disk_is_said_beforehand(self):
        (line,) = [x for x in self.lines if x.startswith("snapshots of all")]
        self.assertRegex(line, r"^snapshots of all runs: [\d.]+ MB, less what")
        first = next(
            number for number, x in enumerate(self.lines) if "cnn: " in x
        )
        self.assertLess(self.lines.index(line), first)

    def test_hyperparameters_have_one_type_each(self):
        root = self.folder / "tensorboard"
        self.assertFalse((root / "band/cnn").exists())
        kinds = {}
        for stage in ("slow/cnn", "slow/efcn_relax0", "band/band_relax0"):
            tensors = events_of(root / stage).summary_metadata
            content = tensors["_hparams_/session_start_info"]
            data = plugin_data_pb2.HParamsPluginData.FromString(
                content.plugin_data.content
            )
            for name, value in data.session_start_info.hparams.items():
                kinds.setdefault(name, set()).add(value.WhichOneof("kind"))
        self.assertEqual(set(map(len, kinds.values())), {1}, kinds)
        self.assertLessEqual(
            {"network", "relax_epoch", "space", "radius", "seed", "variant"},
            set(kinds),
        )


class RefusalTest(absltest.TestCase):
    def test_relax_epochs_are_no_runs_of_their_own(self):
        for name in ("relax_epoch", "relax_epochs"):
            with self.assertRaisesRegex(
                ValueError, "one CNN serves many.*Give --relax_epoch many times"
            ):
                sweep_plan.expand(
                    GIVEN,
                    [f"{name}=1,2"],
                    (),
                    pathlib.Path("x"),
                    config_lib.ProtocolConfig,
                )


if __name__ == "__main__":
    absltest.main()

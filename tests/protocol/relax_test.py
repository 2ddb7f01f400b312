"""Tests of the whole protocol, on runs of a few seconds."""

import dataclasses
import json
import pathlib
import shutil
import tempfile
from unittest import mock

import keras
import numpy as np
from absl.testing import absltest

from needle_tf.callbacks import tags
from needle_tf.data import batches
from needle_tf.data import loading
from needle_tf.protocol import checkpoints
from needle_tf.protocol import relax
from tests.callbacks import event_files
from tests.protocol import tiny_runs

STEPS = 6  # Of an epoch of a tiny run.
PLAIN = {"optimizer_options": {}, "optimizer_slots": "reset"}


def run(config, run_dir, **settings):
    """Runs the protocol; returns its outcome and its lines."""
    lines = []
    outcome = relax.run(config, run_dir, report=lines.append, **settings)
    return outcome, lines


class RunCase(absltest.TestCase):
    """One run for all tests of a class, which only look at it or at copies."""

    config = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.root = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.root)
        cls.folder = cls.root / "run"
        cls.outcome, cls.lines = run(cls.config, cls.folder)
        cls.numbers = tiny_runs.numbers(cls.folder)

    def copy(self):
        """Returns a copy of the run that a test may spoil."""
        path = pathlib.Path(self.create_tempdir().full_path) / "run"
        return pathlib.Path(shutil.copytree(self.folder, path))

    def rows(self, stage_name):
        return self.numbers[stage_name]["epochs"]


class WholeRunTest(RunCase):
    config = tiny_runs.config(
        epochs=3,
        relax_epochs=[0, 2],
        baselines=["fcn", "lcn", "elcn"],
        log_checkpoints=2,
        distance_every_steps=3,
        relaxed_layers=["conv_1", "conv_2"],
    )

    def test_stages_come_in_the_order_of_the_plan(self):
        self.assertEqual(
            [history.stage for history in self.outcome.histories],
            ["cnn", "efcn_relax0", "elcn_relax0", "efcn_relax2", "elcn_relax2"]
            + ["fcn", "lcn"],
        )
        self.assertEmpty(self.outcome.problems)
        self.assertTrue(all(h.finished for h in self.outcome.histories))
        self.assertLen([li for li in self.lines if "epochs 2 to 3" in li], 2)

    def test_rows_run_from_the_first_epoch_to_the_last(self):
        for name, first in (("cnn", 0), ("efcn_relax2", 2), ("fcn", 0)):
            epochs = [row["epoch"] for row in self.rows(name)]
            self.assertEqual(epochs, list(range(first, 4)))
            start, *others = self.rows(name)
            self.assertIsNone(start["loss"])
            self.assertIsNone(start["accuracy"])
            for row in others:
                self.assertGreater(row["loss"], 0)
                self.assertBetween(row["test_accuracy"], 0, 1)
                self.assertGreater(row["gradient_norm"], 0)

    def test_times_are_measured(self):
        history = json.loads((self.folder / "cnn/history.json").read_text())
        start, *others = history["epochs"]
        self.assertIsNone(start["seconds"])
        for row in others:
            self.assertAlmostEqual(
                row["seconds"] * row["images_per_second"], 120, places=3
            )

    def test_relaxed_nets_begin_with_the_function_of_the_cnn(self):
        for epoch in (0, 2):
            for kind in ("efcn", "elcn"):
                (cnn,) = [r for r in self.rows("cnn") if r["epoch"] == epoch]
                relaxed = self.rows(f"{kind}_relax{epoch}")[0]
                for name in ("test_loss", "test_accuracy"):
                    # float32: equal to rounding.
                    self.assertAlmostEqual(
                        relaxed[name], cnn[name], places=5, msg=name
                    )

    def test_relaxed_nets_begin_in_the_subspace_and_leave_it(self):
        for name in ("efcn_relax0", "elcn_relax0"):
            start, *others = self.rows(name)
            self.assertLess(start["delta_cnn"], 1e-6)
            self.assertGreater(others[-1]["delta_cnn"], 1e-4)
        self.assertGreater(self.rows("efcn_relax0")[-1]["delta"], 1e-4)
        for name in ("elcn_relax0", "lcn", "cnn"):
            self.assertEqual(self.rows(name)[-1]["delta"], 0)
        self.assertEqual(self.rows("cnn")[-1]["delta_cnn"], 0)
        self.assertGreater(self.rows("fcn")[0]["delta"], 0.5)
        self.assertGreater(self.rows("lcn")[0]["delta_share"], 0.5)

    def test_layers_have_one_distance_per_row(self):
        layers = self.numbers["efcn_relax0"]["layers"]
        self.assertEqual(list(layers), ["conv_1", "conv_2"])
        for layer in layers.values():
            self.assertEqual(list(layer), ["delta", "delta_share", "delta_cnn"])
            for values in layer.values():
                self.assertLen(values, 4)
        self.assertEmpty(self.numbers["cnn"]["layers"])

    def test_parameters_are_the_trainable_weights(self):
        cnn = keras.saving.load_model(
            checkpoints.file_of(self.folder / "cnn", 3)
        )
        count = sum(int(np.prod(v.shape)) for v in cnn.trainable_variables)
        self.assertEqual(self.numbers["cnn"]["parameters"], count)
        self.assertGreater(
            self.numbers["efcn_relax0"]["parameters"], 10 * count
        )

    def test_kept_checkpoints_are_there_and_no_others(self):
        kept = checkpoints.epochs_in(self.folder / "cnn")
        self.assertEqual(kept, [0, 1, 2, 3])
        for name in ("efcn_relax0", "fcn"):
            self.assertEqual(checkpoints.epochs_in(self.folder / name), [3])

    def test_last_checkpoint_is_the_network_of_the_last_row(self):
        file = checkpoints.file_of(self.folder / "efcn_relax2", 3)
        network = checkpoints.load(file)
        data = _data(self.config)
        tests = batches.test_batches(data, batch_size=20)
        figures = network.evaluate(tests, verbose=0, return_dict=True)
        row = self.rows("efcn_relax2")[-1]
        self.assertAlmostEqual(figures["loss"], row["test_loss"], places=5)

    def test_steps_in_tensorboard_go_on_through_the_relaxation(self):
        found = event_files.scalars(self.folder / "tensorboard/efcn_relax2")
        for tag, name in (
            (tags.TEST_LOSS, "test_loss"),
            (tags.TRAIN_ACCURACY, "accuracy"),
        ):
            ((step, value),) = found[tag]
            self.assertEqual(step, 3 * STEPS)
            self.assertAlmostEqual(value, self.rows("efcn_relax2")[1][name], 5)
        steps = [step for step, _ in found[tags.GRADIENT_NORM]]
        self.assertEqual(steps, [2 * STEPS, 3 * STEPS])
        # And every three steps, as asked for.
        deltas = found[tags.SUBSPACE_DELTA]
        self.assertEqual(
            [step for step, _ in deltas], [2 * STEPS, 2 * STEPS + 3, 3 * STEPS]
        )
        self.assertAlmostEqual(
            deltas[-1][1], self.rows("efcn_relax2")[1]["delta"], places=5
        )

    def test_finished_run_is_not_run_again(self):
        copy = self.copy()
        before = {
            path: path.stat().st_mtime_ns
            for path in copy.rglob("*")
            if path.is_file() and path.name != ".lock"
        }
        with mock.patch.object(keras.Model, "fit", side_effect=AssertionError):
            outcome, lines = run(self.config, copy)
        self.assertEqual(outcome.histories, self.outcome.histories)
        self.assertLen([line for line in lines if "done before" in line], 7)
        for path, time in before.items():
            self.assertEqual(path.stat().st_mtime_ns, time, path)

    def test_lost_relax_checkpoint_is_trained_again(self):
        copy = self.copy()
        shutil.rmtree(copy / "elcn_relax2")
        file = checkpoints.file_of(copy / "cnn", 2)
        file.write_bytes(file.read_bytes()[:999])
        _, lines = run(self.config, copy)
        self.assertRegex(
            "\n".join(lines),
            r"epoch_0002.keras is missing or corrupt: training cnn again from "
            r"epoch 1 to 2",
        )
        # Without --deterministic equal to rounding only.
        row = tiny_runs.numbers(copy)["elcn_relax2"]["epochs"][-1]
        expected = self.rows("elcn_relax2")[-1]
        self.assertAlmostEqual(row["loss"], expected["loss"], places=3)
        self.assertEqual(checkpoints.epochs_in(copy / "cnn"), [0, 1, 2, 3])

    def test_damaged_newest_checkpoint_costs_an_epoch_not_the_run(self):
        copy = self.copy()
        shutil.rmtree(copy / "lcn")
        history = json.loads((copy / "cnn/history.json").read_text())
        history["finished"] = False
        (copy / "cnn/history.json").write_text(json.dumps(history))
        file = checkpoints.file_of(copy / "cnn", 3)
        file.write_bytes(file.read_bytes()[:999])
        config = dataclasses.replace(self.config, baselines=("fcn", "elcn"))
        shutil.rmtree(copy / "tensorboard/lcn")
        (copy / "config.json").write_text(json.dumps(config.to_json()))
        _, lines = run(config, copy)
        text = "\n".join(lines)
        self.assertRegex(
            text,
            r"epoch_0003.keras is corrupt .*Going on from the last good one, "
            r".*epoch_0002.keras",
        )
        self.assertIn("going on from epoch 2", text)
        row = tiny_runs.numbers(copy)["cnn"]["epochs"][-1]
        self.assertEqual(row["epoch"], 3)
        self.assertAlmostEqual(
            row["loss"], self.rows("cnn")[-1]["loss"], places=3
        )

    def test_other_data_than_before_are_refused(self):
        copy = self.copy()
        other = dataclasses.replace(_data(self.config), class_names=range(10))
        with mock.patch.object(loading, "load", return_value=other):
            with self.assertRaisesRegex(
                ValueError, r"begun with other inputs: data \(then .+, now .+\)"
            ):
                run(self.config, copy)


class LayerRotationTest(RunCase):
    """An eFCN under Layca, watched from its relaxation."""

    config = tiny_runs.config(
        epochs=3,
        relax_epochs=[1],
        baselines=[],
        optimizer="layca",
        learning_rate=3.0**-3,
        layer_rotation=True,
        **PLAIN,
    )

    def test_rotation_begins_at_0_where_each_stage_does(self):
        for name in ("cnn", "efcn_relax1"):
            start, *others = self.rows(name)
            self.assertEqual(start["rotation_mean"], 0)
            for row in others:
                self.assertGreater(row["rotation_mean"], 0)
                self.assertLessEqual(row["rotation_min"], row["rotation_mean"])
            means = [row["rotation_mean"] for row in others]
            self.assertEqual(means, sorted(means))

    def test_layers_have_their_rotation_beside_their_distance(self):
        layers = self.numbers["efcn_relax1"]["layers"]
        for name in ("conv_1", "conv_2"):
            self.assertEqual(
                list(layers[name]),
                ["delta", "delta_share", "delta_cnn", "rotation"],
            )
        self.assertEqual(list(layers["logits"]), ["rotation"])
        self.assertLen(layers["logits"]["rotation"], 3)

    def test_weights_that_rotations_are_measured_from_are_kept(self):
        for name, epochs in (("cnn", [0, 1, 3]), ("efcn_relax1", [1, 3])):
            kept = checkpoints.epochs_in(self.folder / name)
            self.assertEqual(kept, epochs)

    def test_resumed_stage_is_measured_from_its_start(self):
        copy = self.copy()
        path = copy / "efcn_relax1"
        history = json.loads((path / "history.json").read_text())
        history["finished"] = False
        (path / "history.json").write_text(json.dumps(history))
        # Only the relaxation is left to go on from.
        checkpoints.file_of(path, 3).unlink()
        run(self.config, copy)
        row = tiny_runs.numbers(copy)["efcn_relax1"]["epochs"][-1]
        expected = self.rows("efcn_relax1")[-1]
        # Without --deterministic equal to rounding only.
        self.assertAlmostEqual(
            row["rotation_mean"], expected["rotation_mean"], places=4
        )


class DivergedCnnTest(RunCase):
    """The CNN's loss is NaN from its first steps on."""

    config = tiny_runs.config(
        epochs=2,
        relax_epochs=[0, 1],
        learning_rate=1e38,
        relaxed_learning_rate=0.01,
        baselines=[],
        **PLAIN,
    )

    def test_stage_stops_and_says_when(self):
        history = json.loads((self.folder / "cnn/history.json").read_text())
        self.assertFalse(history["finished"])
        self.assertEqual(history["diverged"]["epoch"], 0)
        self.assertBetween(history["diverged"]["step"], 1, STEPS)
        # What there is is kept: the row before training and its checkpoint.
        self.assertEqual([row["epoch"] for row in history["epochs"]], [0])
        self.assertEqual(checkpoints.epochs_in(self.folder / "cnn"), [0])
        self.assertRegex(
            "\n".join(self.lines), r"cnn: stopped, the loss was no longer"
        )

    def test_stages_that_can_go_on_do(self):
        names = [history.stage for history in self.outcome.histories]
        self.assertEqual(names, ["cnn", "efcn_relax0"])
        self.assertTrue(self.outcome.histories[1].finished)
        self.assertRegex(
            "\n".join(self.outcome.problems),
            r"(?s)cnn diverged in epoch 0 \(step \d\).*"
            r"efcn_relax1 could not start: the CNN diverged in epoch 0",
        )

    def test_repeating_the_command_says_the_same_and_trains_nothing(self):
        with mock.patch.object(keras.Model, "fit", side_effect=AssertionError):
            outcome, _ = run(self.config, self.copy())
        self.assertEqual(outcome.problems, self.outcome.problems)


def _data(config):
    return loading.load(
        config.dataset,
        seed=config.seed,
        train_size=config.train_size,
        test_size=config.test_size,
    )


if __name__ == "__main__":
    absltest.main()

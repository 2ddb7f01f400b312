"""Tests of training runs of a second or two."""

import json
import pathlib
import shutil
import tempfile
from unittest import mock

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.callbacks import tags
from needle_tf.protocol import checkpoints
from needle_tf.protocol import monitors
from needle_tf.protocol import training
from tests.callbacks import event_files
from tests.protocol import tiny_runs

STEPS = 5  # Of an epoch of a tiny run: 96 images are trained on.


def run(config, run_dir, **settings):
    """Trains; returns the outcome and its lines."""
    lines = []
    outcome = training.run(config, run_dir, report=lines.append, **settings)
    return outcome, lines


def weights(run_dir, epoch):
    """Returns the kernels of a checkpoint by name."""
    return monitors.kernels_of(pathlib.Path(run_dir, "train"), epoch)


def rotation(one, other):
    """Returns 1 - cos of two arrays, in float64."""
    one, other = (np.ravel(a).astype("float64") for a in (one, other))
    lengths = np.linalg.norm(one) * np.linalg.norm(other)
    return 1 - one @ other / lengths


class RunCase(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path) / "run"


class WholeRunTest(RunCase):
    """One run for all tests of the class, which only look at it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        root = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, root)
        cls.run_dir = root / "run"
        cls.config = tiny_runs.training(
            optimizer="adam",
            learning_rate=0.01,
            optimizer_options={},
            drop_epochs=[1, 2],
            warmup_epochs=1,
            warmup="discrete",
            rotation_every_steps=2,
            record_angles=True,
            second_moments=True,
        )
        cls.outcome, cls.lines = run(cls.config, cls.run_dir)
        cls.history = json.loads(
            (cls.run_dir / "train/history.json").read_text()
        )

    def test_rows_hold_what_is_measured_in_an_epoch(self):
        self.assertEqual(self.history["stage"], "train")
        self.assertEqual(self.history["kind"], "train")
        self.assertTrue(self.history["finished"])
        self.assertIsNone(self.history["stopped"])
        start, *others = self.history["epochs"]
        self.assertEqual([row["epoch"] for row in others], [1, 2, 3])
        self.assertIsNone(start["loss"])
        self.assertEqual(start["rotation_mean"], 0)
        for row in others:
            self.assertEqual(row.keys(), start.keys())
            for name in ("loss", "val_loss", "test_loss"):
                self.assertGreater(row[name], 0)
            for name in ("accuracy", "val_accuracy", "test_accuracy"):
                self.assertBetween(row[name], 0, 1)
            self.assertGreater(row["rotation_mean"], row["rotation_min"])
            self.assertGreater(row["images_per_second"], 0)

    def test_learning_rate_is_that_of_the_last_step(self):
        rates = [row["learning_rate"] for row in self.history["epochs"]]
        self.assertSequenceAlmostEqual(
            rates, [0.001, 0.001, 0.002, 0.0004], places=7
        )

    def test_rotations_are_those_of_the_checkpoints(self):
        start, end = (weights(self.run_dir, epoch) for epoch in (0, 3))
        self.assertEqual(list(self.history["layers"]), list(start))
        expected = [rotation(end[name], start[name]) for name in start]
        found = [one["rotation"][-1] for one in self.history["layers"].values()]
        # float32 angles.
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7)
        row = self.history["epochs"][-1]
        self.assertAlmostEqual(row["rotation_mean"], np.mean(found))
        self.assertAlmostEqual(row["rotation_min"], np.min(found))

    def test_validation_images_are_held_out(self):
        data = training.load(self.config, None, False)
        self.assertLen(data.data.train_images, 96)
        self.assertLen(data.validation.test_images, 24)
        network = checkpoints.load(
            checkpoints.file_of(self.run_dir / "train", 3)
        )
        pixels = (data.validation.test_images - data.data.mean) / data.data.std
        figures = network.evaluate(
            pixels, data.validation.test_labels, verbose=0, return_dict=True
        )
        row = self.history["epochs"][-1]
        self.assertAlmostEqual(row["val_loss"], figures["loss"], places=5)
        self.assertAlmostEqual(row["val_accuracy"], figures["accuracy"])

    def test_angles_of_every_step_are_kept(self):
        with np.load(self.run_dir / "train/angles.npz") as content:
            self.assertEqual(
                content["names"].tolist(), list(self.history["layers"])
            )
            self.assertEqual(content["angles"].shape, (3 * STEPS, 4))
            self.assertTrue((content["angles"] > 0).all())

    def test_second_moments_are_kept_for_each_epoch(self):
        content = json.loads(
            (self.run_dir / "train/second_moments.json").read_text()
        )
        self.assertEqual(content["percentiles"], [10, 50, 90])
        self.assertEqual(content["epochs"], [1, 2, 3])
        for rows in content["layers"].values():
            self.assertLen(rows, 3)

    def test_features_are_the_first_kernel_at_start_and_end(self):
        with np.load(self.run_dir / "train/features.npz") as content:
            for name, epoch in (("start", 0), ("end", 3)):
                kernel = next(iter(weights(self.run_dir, epoch).values()))
                np.testing.assert_array_equal(content[name], kernel)
            self.assertEqual(content["image_shape"].tolist(), [8, 8, 1])

    def test_event_file_holds_rates_validation_and_steps(self):
        found = event_files.scalars(self.run_dir / "tensorboard/train")
        steps = [step for step, _ in found[tags.LEARNING_RATE]]
        self.assertEqual(steps, [STEPS, 2 * STEPS, 3 * STEPS])
        self.assertLen(found[tags.VALIDATION_ACCURACY], 3)
        steps = [step for step, _ in found[tags.LAYER_ROTATION_MEAN]]
        self.assertEqual(steps, [0, 2, 4, 5, 6, 8, 10, 12, 14, 15])
        self.assertLen(found[tags.STEP_LOSS], 7)

    def test_checkpoints_of_start_and_end_stay(self):
        kept = checkpoints.epochs_in(self.run_dir / "train")
        self.assertEqual(kept, [0, 3])

    def test_lines_say_what_goes_on(self):
        self.assertRegex(
            self.lines[-1],
            r"^train  epoch 3/3  loss .*  validation accuracy .*  test accuracy"
            r" .*  rotation 0\.\d{4}  ",
        )

    def test_finished_run_is_not_run_again(self):
        with mock.patch.object(keras.Model, "fit", side_effect=AssertionError):
            outcome, lines = run(self.config, self.run_dir)
        self.assertEqual(outcome.history, self.outcome.history)
        self.assertIn("train: done before", lines)


class SeedsTest(RunCase):
    def start(self, **changes):
        config = tiny_runs.training(epochs=1, **changes)
        folder = pathlib.Path(self.create_tempdir().full_path)
        run(config, folder)
        return weights(folder, 0)

    def test_runs_may_share_their_initial_weights(self):
        one, other = (self.start(seed=s, init_seed=7) for s in (0, 1))
        for name in one:
            np.testing.assert_array_equal(one[name], other[name])
        one, other = (self.start(seed=seed) for seed in (0, 1))
        self.assertGreater(np.abs(one["conv_1"] - other["conv_1"]).max(), 0.01)


class StopTest(RunCase):
    def test_run_ends_where_a_criterion_is_met(self):
        config = tiny_runs.training(stop_loss=1e6, epochs=9)
        outcome, lines = run(config, self.folder)
        self.assertEqual(outcome.history.stopped["epoch"], 1)
        self.assertRegex(outcome.history.stopped["reason"], "^Finished: loss")
        self.assertTrue(outcome.history.finished)
        self.assertEqual(outcome.history.reached, 1)
        self.assertEqual(checkpoints.epochs_in(self.folder / "train"), [0, 1])
        self.assertTrue((self.folder / "train/features.npz").exists())
        self.assertIn("Finished: loss", lines[-1])
        with mock.patch.object(keras.Model, "fit", side_effect=AssertionError):
            again, _ = run(config, self.folder)
        self.assertEqual(again.history, outcome.history)

    def test_run_killed_behind_a_stop_is_not_trained_on(self):
        config = tiny_runs.training(stop_loss=1e6, epochs=9)
        run(config, self.folder)
        file = self.folder / "train/history.json"
        content = json.loads(file.read_text())
        content["finished"] = False
        file.write_text(json.dumps(content))
        with mock.patch.object(keras.Model, "fit", side_effect=AssertionError):
            outcome, _ = run(config, self.folder)
        self.assertTrue(outcome.history.finished)

    def test_network_that_does_not_learn_is_given_up(self):
        config = tiny_runs.training(
            stop_accuracy=0.99, stop_accuracy_epoch=1, learning_rate=1e-6
        )
        outcome, _ = run(config, self.folder)
        self.assertEqual(outcome.history.stopped["epoch"], 2)

    def test_diverged_run_is_told(self):
        outcome, _ = run(tiny_runs.training(learning_rate=1e38), self.folder)
        self.assertRegex(outcome.problems[0], r"train diverged in epoch 0 \(st")
        self.assertFalse((self.folder / "train/features.npz").exists())


class PenaltyTest(RunCase):
    def test_penalty_is_the_factor_times_the_sum_of_squares(self):
        plain, _ = run(tiny_runs.training(epochs=1), self.folder / "plain")
        config = tiny_runs.training(epochs=1, l2=1e-3, l2_skips=["logits"])
        outcome, _ = run(config, self.folder / "l2")
        start = weights(self.folder / "l2", 0)
        squares = [
            np.sum(np.square(kernel.astype("float64")))
            for name, kernel in start.items()
            if name != "logits"
        ]
        more = (
            outcome.history.epochs[0]["test_loss"]
            - plain.history.epochs[0]["test_loss"]
        )
        self.assertAlmostEqual(more, 1e-3 * sum(squares), places=5)


class RefusedRunTest(RunCase):
    @parameterized.named_parameters(
        ("skips", {"l2": 1, "l2_skips": ["conv_9"]}, '"conv_9", which is no k'),
        ("moments", {"second_moments": True}, "SGD"),
        ("steps", {"steps_per_execution": 4}, "must divide the 5 steps"),
        ("crop", {"crop_padding": 8}, "`crop_padding` must be"),
        (
            "replay",
            {"replay": "nowhere", "learning_rate": None, "optimizer": None},
            r"there is no file nowhere/train/angles.npz. Name a training run",
        ),
    )
    def test_what_does_not_fit_is_refused_before_the_folder(self, given, says):
        config = tiny_runs.training(**given)
        with self.assertRaisesRegex(ValueError, says):
            run(config, self.folder)
        self.assertFalse(self.folder.exists())

    def test_regulariser_of_the_network_is_not_replaced(self):
        file = pathlib.Path(self.create_tempdir().full_path, "mine.keras")
        keras.Sequential(
            [
                keras.Input((8, 8, 1)),
                keras.layers.Flatten(),
                keras.layers.Dense(10, kernel_regularizer="l2", name="logits"),
            ],
            name="mine",
        ).save(file)
        run(tiny_runs.training(file, epochs=1), self.folder)
        with self.assertRaisesRegex(
            ValueError, '--l2=0.5 would replace the regulariser of "logits"'
        ):
            run(tiny_runs.training(file, l2=0.5), self.folder / "other")


class EcOptTest(RunCase):
    """Runs on path values: how they start, and how they go on."""

    SETTINGS = {
        "model": "ec_digits_mlp",
        "epochs": 3,
        "learning_rate": 0.02,
        "optimizer_options": {},
    }

    def run_of(self, name, **changes):
        config = tiny_runs.training(**(self.SETTINGS | changes))
        # Every checkpoint stays.
        with mock.patch.object(checkpoints, "prune"):
            run(config, self.folder / name)
        return config

    def losses_of(self, name):
        history = tiny_runs.numbers(self.folder / name)["train"]
        return [row["test_loss"] for row in history["epochs"]]

    def test_resumed_run_ends_with_the_numbers_of_one_that_was_not(self):
        config = self.run_of("whole", optimizer="ec_adam")
        whole, cut = self.folder / "whole", self.folder / "cut"
        shutil.copytree(whole, cut)
        checkpoints.file_of(cut / "train", 3).unlink()
        file = cut / "train/history.json"
        content = json.loads(file.read_text())
        content["finished"] = False
        file.write_text(json.dumps(content))
        with mock.patch.object(checkpoints, "prune"):
            _, lines = run(config, cut)
        self.assertIn("going on from epoch 2", lines[0])
        self.assertEqual(tiny_runs.numbers(cut), tiny_runs.numbers(whole))
        expected, found = map(tiny_runs.weights, (whole, cut))
        self.assertEqual(found.keys(), expected.keys())
        for name, array in found.items():
            np.testing.assert_array_equal(array, expected[name], err_msg=name)

    def test_paths_do_not_see_how_units_are_scaled(self):
        for spread in (1, 10):
            self.run_of(
                str(spread),
                optimizer="ec_sgd",
                epochs=1,
                skeleton_start=True,
                unit_scale_spread=spread,
            )
        (start, end), others = self.losses_of("1"), self.losses_of("10")
        self.assertLess(end, start)
        # float32, and 5 steps of it.
        np.testing.assert_allclose(others[0], start, rtol=1e-5)
        self.assertAlmostEqual(others[1], end, places=3)


class ReplayTest(RunCase):
    def test_each_kernel_turns_by_the_recorded_angles(self):
        adam = tiny_runs.training(
            optimizer="adam",
            learning_rate=0.003,
            optimizer_options={},
            record_angles=True,
        )
        run(adam, self.folder / "adam")
        again = tiny_runs.training(
            optimizer=None,
            learning_rate=None,
            optimizer_options={},
            replay=str(self.folder / "adam"),
            record_angles=True,
        )
        outcome, _ = run(again, self.folder / "again")
        angles = []
        for name in ("adam", "again"):
            with np.load(self.folder / name / "train/angles.npz") as content:
                angles.append(content["angles"])
        # float32: angles come back to 1e-4 of themselves.
        np.testing.assert_allclose(*angles, rtol=1e-3, atol=1e-6)
        self.assertIsNone(outcome.history.epochs[-1]["learning_rate"])
        with self.assertRaisesRegex(ValueError, "holds 15 steps, and this run"):
            longer = tiny_runs.training(
                optimizer=None,
                learning_rate=None,
                optimizer_options={},
                replay=str(self.folder / "adam"),
                epochs=4,
            )
            run(longer, self.folder / "longer")


if __name__ == "__main__":
    absltest.main()

"""Tests of the pictures of one training run."""

import collections
import pathlib
from unittest import mock

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from matplotlib import image as mpl_image

from needle_tf.figures import training_figures
from needle_tf.reports import trials
from tests.figures import picture_checks
from tests.reports import synthetic_sweeps

ONE_EPOCH = {"reached": 1, "planned": 1}
# Name, number of axes (the colour bar is one), history.
SITUATIONS = (
    ("finished", 3, {}),
    ("resnet", 3, {"kernels": synthetic_sweeps.RESNET}),
    ("two_kernels", 2, {"kernels": synthetic_sweeps.MLP}),
    ("one_kernel", 2, {"kernels": ("a/very/long/name/of/a/kernel" * 2,)}),
    ("no_kernels", 1, {"kernels": ()}),
    ("no_validation", 3, {"has_validation": False}),
    ("one_epoch", 3, ONE_EPOCH),
    ("only_begun", 3, {"reached": 0}),
    ("running", 3, {"reached": 37}),
    ("diverged", 3, {"reached": 12, "diverged_step": 4_300}),
    (
        "stopped",
        3,
        {"reached": 84, "stopped": {"epoch": 84, "reason": "loss " * 30}},
    ),
)


class BuildFigureTest(parameterized.TestCase):
    @parameterized.named_parameters(*SITUATIONS)
    def test_texts_are_in_place_and_large_enough(self, panel_count, changes):
        folder = self.create_tempdir().full_path
        content = synthetic_sweeps.history(**changes)
        synthetic_sweeps.write_run(folder, content)
        figure = training_figures.build_figure(trials.read_run(folder), "title")
        self.assertLen(figure.axes, panel_count)
        picture_checks.assert_in_place(self, figure)
        picture_checks.assert_large_enough(self, figure)
        words = picture_checks.words_of(figure)
        for word in ("Accuracy", "epochs", "test "):
            self.assertIn(word, words)
        self.assertEqual(
            "val " in words, content["epochs"][0].keys() > {"val_loss"}
        )


class DrawCurvesTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.run_dir = pathlib.Path(self.create_tempdir().full_path)

    def write(self, config=None, **changes):
        return synthetic_sweeps.write_run(
            self.run_dir, synthetic_sweeps.history(**changes), **(config or {})
        )

    def test_the_picture_is_1500_wide_and_equal_for_equal_runs(self):
        self.write({"task": "c10_cnn1", "dataset": "cifar10"})
        path = training_figures.draw_curves(self.run_dir)
        self.assertEqual(path, self.run_dir / "curves.png")
        self.assertEqual(mpl_image.imread(path).shape[1:], (1500, 4))
        first = path.read_bytes()
        training_figures.draw_curves(str(self.run_dir))
        self.assertEqual(path.read_bytes(), first)

    def test_what_a_run_wrote_down_is_drawn(self):
        self.write(kernels=synthetic_sweeps.MLP)
        synthetic_sweeps.write_features(self.run_dir)
        synthetic_sweeps.write_second_moments(
            self.run_dir, synthetic_sweeps.MLP, epochs=5
        )
        paths = training_figures.draw_run(self.run_dir)
        self.assertEqual(
            [path.name for path in paths],
            ["curves.png", "features.png", "second_moments.png"],
        )
        for path in paths:
            self.assertGreater(mpl_image.imread(path)[..., 0].std(), 0.02)

    def test_a_run_without_more_has_its_curves_only(self):
        self.write(**ONE_EPOCH)
        (path,) = training_figures.draw_run(self.run_dir)
        self.assertEqual(path.name, "curves.png")

    def test_a_broken_history_is_named_and_the_former_picture_stays(self):
        self.write(**ONE_EPOCH)
        former = training_figures.draw_curves(self.run_dir).read_bytes()
        (self.run_dir / "train" / "history.json").write_text("{")
        with self.assertRaisesRegex(ValueError, "history.json is no whole"):
            training_figures.draw_curves(self.run_dir)
        self.assertEqual((self.run_dir / "curves.png").read_bytes(), former)

    @parameterized.parameters(
        ({}, ""),
        ({"seed": 1}, ""),
        ({"model": "m", "dataset": "d"}, "m on d"),
        ({"model": None, "model_file": "/a/mine.keras"}, "mine.keras"),
        (
            {"task": "t", "dataset": "d", "optimizer": "layca", "seed": 0},
            "t on d, layca, seed 0",
        ),
    )
    def test_the_title_tells_task_data_and_optimizer(self, config, title):
        self.write(config, **ONE_EPOCH)
        with mock.patch.object(
            training_figures,
            "build_figure",
            wraps=training_figures.build_figure,
        ) as build:
            training_figures.draw_curves(self.run_dir)
        self.assertEqual(build.call_args.args[1], title)


class DrawLayerRotationTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.path = pathlib.Path(self.create_tempdir().full_path, "a.png")

    def test_arrays_and_history_give_equal_pictures(self):
        steps = np.array([0, 352, 704])
        layers = {"a": np.array([0, 0.2, 0.4]), "b": np.array([0, 0.5, 0.7])}
        path = training_figures.draw_layer_rotation(layers, steps, self.path)
        first = path.read_bytes()
        record = collections.namedtuple("Record", ["step", "layers"])
        history = [
            record(step, {name: v[k] for name, v in layers.items()})
            for k, step in enumerate(steps)
        ]
        training_figures.draw_layer_rotation(history, None, self.path)
        self.assertEqual(self.path.read_bytes(), first)
        self.assertEqual(mpl_image.imread(path).shape[1], 1500)

    def test_title_and_axis_may_be_named(self):
        drawn = [
            training_figures.draw_layer_rotation(
                {"a": [0, None, 0.5]}, None, self.path, **names
            ).read_bytes()
            for names in ({}, {"title": "Rotation since relaxation"})
        ]
        self.assertNotEqual(drawn[0], drawn[1])

    def test_nothing_recorded_is_no_trouble(self):
        training_figures.draw_layer_rotation([], None, self.path)
        training_figures.draw_layer_rotation({}, None, self.path)
        self.assertTrue(self.path.is_file())

    def test_curves_of_another_length_are_refused(self):
        with self.assertRaisesRegex(
            ValueError, "Received: 3 positions, 2 rotations of 'a'. Pass the"
        ):
            training_figures.draw_layer_rotation(
                {"a": [0, 1]}, [0, 1, 2], self.path
            )


if __name__ == "__main__":
    absltest.main()

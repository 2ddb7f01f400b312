"""Tests of the picture of the first layer's features."""

import pathlib

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.figures import features_figure
from needle_tf.reports import trials
from tests.figures import picture_checks
from tests.reports import synthetic_sweeps


class FeaturesFigureTest(parameterized.TestCase):
    def trial(
        self, name="run", shape=(784, 64), image_shape=(28, 28, 1), **more
    ):
        run_dir = pathlib.Path(self.create_tempdir().full_path, name)
        content = synthetic_sweeps.history(
            reached=2, planned=2, kernels=synthetic_sweeps.MLP, **more
        )
        synthetic_sweeps.write_run(run_dir, content)
        if shape:
            synthetic_sweeps.write_features(
                run_dir, shape=shape, image_shape=image_shape
            )
        return trials.read_run(run_dir)

    def save(self, trial, **arrays):
        with np.load(trial.path / "train" / "features.npz") as old:
            np.savez(
                trial.path / "train" / "features.npz", **(dict(old) | arrays)
            )

    @parameterized.parameters(
        ((784, 64), (28, 28, 1), (10, 28, 28)),
        ((784, 3), (28, 28), (3, 28, 28)),
        ((3072, 12), (32, 32, 3), (10, 32, 32, 3)),
        ((3, 3, 3, 16), (32, 32, 3), (10, 3, 3, 3)),
        ((5, 5, 1, 6), (28, 28, 1), (6, 5, 5)),
        ((3, 3, 4, 6), (28, 28, 4), (6, 3, 3)),
    )
    def test_kernels_become_one_image_per_unit(
        self, shape, image_shape, images
    ):
        trial = self.trial(shape=None)
        rng = np.random.default_rng(0)
        kernel = rng.normal(size=shape)
        np.savez(
            trial.path / "train" / "features.npz",
            start=kernel,
            end=kernel,
            image_shape=image_shape,
        )
        start, _ = features_figure.read(trial.path)
        self.assertEqual(start.shape, images)
        unit = kernel[..., 1].reshape(*images[1:3], -1)[..., 0]
        np.testing.assert_array_equal(
            start[1].reshape(*unit.shape, -1)[..., 0], unit
        )

    def test_rows_are_initial_and_each_run_with_its_facts(self):
        shown = {"rate=1": self.trial(), "b/c": self.trial(seed=1)}
        figure = features_figure.build_figure(shown)
        self.assertLen(figure.axes, 3 * 10)
        words = picture_checks.words_of(figure)
        self.assertIn("initial", words)
        self.assertRegex(words, r"rate=1\nrotation 0.\d\d, test \d\d.\d %")
        picture_checks.assert_in_place(self, figure)
        picture_checks.assert_large_enough(self, figure)

    def test_each_row_is_grey_at_0_and_reaches_white_or_black(self):
        figure = features_figure.build_figure({"a": self.trial()})
        rows = np.array(
            [axes.get_images()[0].get_array() for axes in figure.axes]
        ).reshape(2, 10, 28, 28)
        for row in rows:
            self.assertAlmostEqual(np.abs(row - 0.5).max(), 0.5, places=6)
        start, _ = features_figure.read(self.trial().path)
        np.testing.assert_array_equal(rows[0] > 0.5, start > 0)

    def test_another_start_has_a_row_of_its_own(self):
        one, other = self.trial(), self.trial(seed=1)
        self.save(other, start=np.ones((784, 64), "float32"))
        figure = features_figure.build_figure({"a": one, "b": other})
        self.assertLen(figure.axes, 4 * 10)
        self.assertIn("initial of\nb", picture_checks.words_of(figure))

    def test_zeros_and_what_is_no_number_are_grey(self):
        trial = self.trial()
        self.save(
            trial, start=np.zeros((784, 4)), end=np.full((784, 4), np.nan)
        )
        figure = features_figure.build_figure({"": trial})
        for axes in figure.axes:
            np.testing.assert_array_equal(axes.get_images()[0].get_array(), 0.5)
        self.assertIn("end of training", picture_checks.words_of(figure))

    def test_of_many_runs_some_are_shown(self):
        trial = self.trial()
        figure = features_figure.build_figure(
            {f"run {k}": trial for k in range(40)}
        )
        words = picture_checks.words_of(figure)
        self.assertIn("16 of 40 runs", words)
        self.assertIn("run 0\n", words)
        self.assertIn("run 39\n", words)

    def test_runs_without_features_are_left_out(self):
        without = self.trial(shape=None)
        self.assertIsNone(features_figure.build_figure({"a": without}))
        both = {"a": without, "b": self.trial()}
        self.assertLen(features_figure.build_figure(both).axes, 20)

    @parameterized.parameters(
        ({"start": np.zeros((785, 4))}, "cannot reshape"),
        ({"start": np.zeros(784)}, "expected. Received: shape"),
        ({"start": np.zeros((3, 3, 1, 0))}, "expected. Received: shape"),
    )
    def test_other_shapes_are_refused_by_name(self, arrays, message):
        trial = self.trial()
        self.save(trial, **arrays)
        with self.assertRaisesRegex(
            ValueError, f"features.npz holds no features: .*{message}.*Delete"
        ):
            features_figure.read(trial.path)

    @parameterized.parameters(b"", b"PK\x03\x04 part", b"text")
    def test_a_part_of_a_file_is_refused_by_name(self, content):
        trial = self.trial()
        (trial.path / "train" / "features.npz").write_bytes(content)
        with self.assertRaisesRegex(ValueError, "features.npz holds no feat"):
            features_figure.build_figure({"a": trial})


if __name__ == "__main__":
    absltest.main()

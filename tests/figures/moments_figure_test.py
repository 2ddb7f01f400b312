"""Tests of the picture of second moments."""

import json
import pathlib

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.figures import moments_figure
from needle_tf.figures import palette
from needle_tf.reports import trials
from tests.figures import picture_checks
from tests.reports import synthetic_sweeps


class MomentsFigureTest(parameterized.TestCase):
    def trial(self, kernels=synthetic_sweeps.KERNELS, count=4, **content):
        run_dir = pathlib.Path(self.create_tempdir().full_path)
        synthetic_sweeps.write_run(run_dir)
        synthetic_sweeps.write_second_moments(run_dir, kernels, count)
        path = run_dir / "train" / "second_moments.json"
        if content:
            former = json.loads(path.read_text())
            path.write_text(json.dumps(former | content))
        return trials.read_run(run_dir)

    def test_medians_are_lines_and_a_few_have_bands(self):
        figure = moments_figure.build_figure({"adam": self.trial()})
        axes = figure.axes[0]
        self.assertEqual(axes.get_yscale(), "log")
        colors = [line.get_color() for line in axes.get_lines()]
        self.assertEqual(colors, palette.depth_colors(24))
        self.assertLen(axes.collections, 3)
        np.testing.assert_allclose(axes.get_lines()[0].get_ydata()[0], 10**-2.5)
        words = picture_checks.words_of(figure)
        self.assertIn("adam", words)
        self.assertIn("epochs", words)
        self.assertNotIn("$", words)

    @parameterized.parameters(
        (1, synthetic_sweeps.MLP, 0),
        (1, synthetic_sweeps.KERNELS, 9),
        (7, synthetic_sweeps.RESNET, 3),
    )
    def test_texts_are_in_place(self, count, kernels, epochs):
        trial = self.trial(kernels, epochs)
        figure = moments_figure.build_figure(
            {f"learning_rate={k}": trial for k in range(count)}
        )
        picture_checks.assert_in_place(self, figure)
        picture_checks.assert_large_enough(self, figure)

    def test_zeros_and_null_have_no_place_on_the_axis(self):
        trial = self.trial(
            epochs=[0, 1],
            layers={"a": [[0, 0, 0], [None, 1e-3, 1e-2]]},
        )
        figure = moments_figure.build_figure({"a": trial})
        values = figure.axes[0].get_lines()[0].get_ydata()
        np.testing.assert_array_equal(values, [np.nan, 1e-3])

    def test_only_zeros_are_no_trouble(self):
        trial = self.trial(epochs=[0], layers={"a": [[0, 0, 0]]})
        figure = moments_figure.build_figure({"a": trial})
        picture_checks.assert_in_place(self, figure)

    def test_without_a_file_there_is_no_picture(self):
        run_dir = synthetic_sweeps.write_run(self.create_tempdir().full_path)
        trial = trials.read_run(run_dir)
        self.assertIsNone(moments_figure.build_figure({"a": trial}))

    @parameterized.parameters(
        ({"layers": {"a": [[1, 2]]}},),
        ({"layers": [1]},),
        ({"layers": {"a": "text"}},),
        ({"epochs": None},),
    )
    def test_other_content_is_refused_by_name(self, content):
        trial = self.trial(**content)
        with self.assertRaisesRegex(
            ValueError, "second_moments.json holds no second moments.*Delete"
        ):
            moments_figure.build_figure({"a": trial})


if __name__ == "__main__":
    absltest.main()

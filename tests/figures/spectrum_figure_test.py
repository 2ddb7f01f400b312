"""Tests of the picture of eigenvalues."""

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.figures import spectrum_figure
from tests.figures import picture_checks
from tests.reports import analysis_results


class SpectrumFigureTest(parameterized.TestCase):
    def test_columns_are_spaces_and_layers_with_the_mean_over_seeds(self):
        results = [
            analysis_results.curvature(seed, layers=("conv_1",), count=2)
            for seed in range(3)
        ]
        figure = spectrum_figure.build_figure({"eFCN": results}, "title")
        axes = figure.axes[0]
        marks = [line for line in axes.lines if len(line.get_xdata()) == 1]
        self.assertLen(marks, 4 * 2)
        expected = np.mean(
            [each["spaces"]["cnn"]["eigenvalues"][1] for each in results]
        )
        self.assertEqual(marks[3].get_xdata()[0], 1)
        np.testing.assert_allclose(marks[3].get_ydata()[0], expected)
        self.assertGreater(marks[2].get_markersize(), marks[3].get_markersize())
        words = picture_checks.words_of(figure)
        for text in (
            "all weights",
            "CNN subspace",
            "off the CNN\nsubspace",
            "layer\nconv_1",
            "eFCN",
            "mean and range over seeds",
            "title",
        ):
            self.assertIn(text, words)
        picture_checks.assert_in_place(self, figure)
        picture_checks.assert_large_enough(self, figure)

    def test_axis_is_logarithmic_where_values_reach_far(self):
        near = analysis_results.curvature(count=1)
        far = analysis_results.curvature(count=12)
        for result, scale in ((near, "linear"), (far, "log")):
            figure = spectrum_figure.build_figure({"a": [result]})
            self.assertEqual(figure.axes[0].get_yscale(), scale)
        far["spaces"]["cnn"]["eigenvalues"][0] = -3.0
        figure = spectrum_figure.build_figure({"a": [far]})
        self.assertEqual(figure.axes[0].get_yscale(), "linear")

    def test_labels_lie_beside_each_other(self):
        groups = {
            f"relax epoch {k}": [analysis_results.curvature(k)]
            for k in range(5)
        }
        groups["relax epoch 0"][0]["spaces"].pop("cnn")
        figure = spectrum_figure.build_figure(groups)
        places = {
            round(float(line.get_xdata()[0]), 3)
            for line in figure.axes[0].lines
            if len(line.get_xdata()) == 1
        }
        self.assertLen(places, 3 * 5 - 1)
        picture_checks.assert_in_place(self, figure)

    def test_nothing_is_refused(self):
        with self.assertRaisesRegex(ValueError, "results of curvature"):
            spectrum_figure.build_figure({})


if __name__ == "__main__":
    absltest.main()

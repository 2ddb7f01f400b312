"""Tests of the picture of where weights lie."""

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.figures import locality_figure
from tests.figures import picture_checks
from tests.reports import analysis_results


class LocalityFigureTest(parameterized.TestCase):
    def test_panels_are_layers_with_the_mean_over_seeds(self):
        results = [analysis_results.locality(seed) for seed in range(3)]
        figure = locality_figure.build_figure({"eFCN": results})
        self.assertLen(figure.axes, 2)
        layer = figure.axes[1]
        expected = np.mean(
            [each["layers"]["conv_2"]["weight_shares"] for each in results],
            axis=0,
        )
        np.testing.assert_allclose(layer.lines[0].get_ydata(), expected)
        np.testing.assert_allclose(
            layer.lines[1].get_ydata(),
            results[0]["layers"]["conv_2"]["entry_shares"],
        )
        # The field reaches 2 pixels; the line lies beyond.
        np.testing.assert_allclose(layer.lines[2].get_xdata(), 2.25)
        words = picture_checks.words_of(figure)
        for text in (
            "conv_1\noff-local",
            "without any locality",
            "edge of the field",
            "mean and range over seeds",
            "eFCN",
        ):
            self.assertIn(text, words)
        picture_checks.assert_in_place(self, figure)
        picture_checks.assert_large_enough(self, figure)

    def test_many_labels_and_layers_have_room(self):
        names = tuple(f"conv_{k}" for k in range(4))
        groups = {
            f"relax epoch {k}": [analysis_results.locality(k, names)]
            for k in range(6)
        }
        figure = locality_figure.build_figure(groups, "title")
        words = picture_checks.words_of(figure)
        self.assertNotIn("off-local", words)
        self.assertIn("title", words)
        picture_checks.assert_in_place(self, figure)

    def test_shares_of_nothing_are_gaps(self):
        result = analysis_results.locality(layers=("conv",))
        result["layers"]["conv"]["weight_shares"][3] = 0.0
        figure = locality_figure.build_figure({"a": [result]})
        values = figure.axes[0].lines[0].get_ydata()
        self.assertEqual(np.isnan(values).nonzero()[0].tolist(), [3])
        self.assertGreater(figure.axes[0].get_ylim()[0], 0)

    def test_nothing_is_refused(self):
        with self.assertRaisesRegex(ValueError, "results of locality"):
            locality_figure.build_figure({})


if __name__ == "__main__":
    absltest.main()

"""Tests of the picture of accuracy at set distances."""

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.figures import threshold_figure
from tests.figures import picture_checks
from tests.reports import analysis_results


class ThresholdFigureTest(parameterized.TestCase):
    def test_line_is_the_mean_over_noise_and_seeds(self):
        results = [analysis_results.threshold(seed) for seed in range(3)]
        figure = threshold_figure.build_figure({"eFCN": results}, "title")
        line = figure.axes[0].lines[0]
        expected = [
            np.mean(
                [
                    row["figures"]["accuracy"]
                    for result in results
                    for row in result["rows"]
                    if row["distance"] == distance
                ]
            )
            for distance in np.arange(10) / 10
        ]
        np.testing.assert_allclose(line.get_xdata(), np.arange(10) / 10)
        np.testing.assert_allclose(
            line.get_ydata(), 100 * np.array(expected), rtol=1e-6
        )
        words = picture_checks.words_of(figure)
        for text in (
            "eFCN: below from 0.51 ± 0.01",
            "fcn@40",
            "level to compare with",
            "the network itself",
            "delta: off-local share",
            "Accuracy, pushed along noise",
            "title",
        ):
            self.assertIn(text, words)
        picture_checks.assert_in_place(self, figure)
        picture_checks.assert_large_enough(self, figure)

    def test_star_is_the_network_itself(self):
        results = [analysis_results.threshold(seed) for seed in range(2)]
        figure = threshold_figure.build_figure({"a": results})
        star = figure.axes[0].lines[1]
        self.assertEqual(star.get_marker(), "*")
        np.testing.assert_allclose(star.get_xdata(), [0.125])
        accuracies = [each["intact"]["accuracy"] for each in results]
        np.testing.assert_allclose(
            star.get_ydata(), [100 * np.mean(accuracies)]
        )

    def test_without_a_level_there_is_none(self):
        results = [analysis_results.threshold(level=None)]
        figure = threshold_figure.build_figure({"a": results})
        words = picture_checks.words_of(figure)
        self.assertNotIn("level", words)
        self.assertNotIn("below", words)
        self.assertNotIn("seeds", words)
        self.assertEqual(words.count("\na\n") + words.startswith("a\n"), 1)

    def test_labels_share_a_level_or_have_their_own(self):
        one = analysis_results.threshold(0)
        for results, names in (
            ([one, one], ["fcn@40"]),
            (
                [one, analysis_results.threshold(1)],
                ["fcn@40 (a)", "fcn@40 (b)"],
            ),
        ):
            groups = dict(zip("ab", ([each] for each in results), strict=True))
            figure = threshold_figure.build_figure(groups)
            words = picture_checks.words_of(figure).splitlines()
            found = [word for word in words if word.startswith("fcn")]
            self.assertEqual(found, names)
        picture_checks.assert_in_place(self, figure)

    def test_mixed_parts_and_directions_are_called_by_no_name(self):
        one, other = (analysis_results.threshold(k) for k in range(2))
        other |= {"part": "not_cnn", "direction": "learned"}
        figure = threshold_figure.build_figure({"a": [one], "b": [other]})
        words = picture_checks.words_of(figure).splitlines()
        self.assertIn("distance", words)
        self.assertIn("Accuracy by distance", words)

    def test_many_labels_have_room(self):
        groups = {
            f"label number {k}": [
                analysis_results.threshold(k + 20 * seed, robust=0.3 + 0.03 * k)
                for seed in range(2)
            ]
            for k in range(8)
        }
        figure = threshold_figure.build_figure(groups)
        picture_checks.assert_in_place(self, figure)

    def test_nothing_is_refused(self):
        with self.assertRaisesRegex(ValueError, "results of a threshold"):
            threshold_figure.build_figure({"a": []})


if __name__ == "__main__":
    absltest.main()

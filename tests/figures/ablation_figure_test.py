"""Tests of the picture of ablations."""

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.figures import ablation_figure
from needle_tf.reports import analysis_rows
from tests.figures import picture_checks
from tests.reports import analysis_results


class AblationFigureTest(parameterized.TestCase):
    def test_panels_are_layers_and_lines_are_variants(self):
        results = [analysis_results.ablation(seed) for seed in range(3)]
        figure = ablation_figure.build_figure({"eFCN": results})
        self.assertLen(figure.axes, 3)
        words = picture_checks.words_of(figure)
        for text in (
            "all layers at once",
            "conv_2",
            *analysis_rows.WORDS.values(),
        ):
            self.assertIn(text, words)
        everything = figure.axes[0]
        marks = {
            round(float(line.get_ydata()[0])): float(line.get_xdata()[0])
            for line in everything.lines
        }
        self.assertEqual(list(marks), [0, 1, 2, 3, 4])
        expected = [
            100
            * np.mean(
                [
                    row["figures"]["accuracy"]
                    for each in results
                    for row in each["rows"]
                    if (row["variant"], row["layer"]) == ("noise", None)
                ]
            )
        ]
        self.assertAlmostEqual(marks[3], expected[0])
        self.assertLen(everything.collections, 5)
        picture_checks.assert_in_place(self, figure)
        picture_checks.assert_large_enough(self, figure)

    def test_order_is_from_the_top(self):
        figure = ablation_figure.build_figure(
            {"a": [analysis_results.ablation()]}
        )
        bottom, top = figure.axes[0].get_ylim()
        self.assertGreater(bottom, top)

    @parameterized.parameters((6, 4), (1, 0))
    def test_labels_and_layers_have_room(self, labels, layers):
        names = tuple(f"conv_{k}" for k in range(layers))
        groups = {
            f"relax epoch {k}": [
                analysis_results.ablation(k + 10 * seed, names)
                for seed in range(2)
            ]
            for k in range(labels)
        }
        figure = ablation_figure.build_figure(groups, "title")
        self.assertLen(
            [axes for axes in figure.axes if axes.get_visible()], layers + 1
        )
        picture_checks.assert_in_place(self, figure)

    def test_only_variants_that_were_measured_are_shown(self):
        result = analysis_results.ablation()
        result["rows"] = [
            row for row in result["rows"] if row["variant"] == "local_only"
        ]
        figure = ablation_figure.build_figure({"a": [result]})
        words = picture_checks.words_of(figure)
        self.assertIn("local only", words)
        self.assertNotIn("sharing", words)
        self.assertLen(figure.axes[0].get_yticks(), 2)

    def test_nothing_is_refused(self):
        with self.assertRaisesRegex(ValueError, "results of an ablation"):
            ablation_figure.build_figure({})


if __name__ == "__main__":
    absltest.main()

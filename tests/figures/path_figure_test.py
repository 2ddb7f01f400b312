"""Tests of the picture of paths between networks."""

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.figures import path_figure
from tests.figures import picture_checks
from tests.reports import analysis_results


def lines_of(axes):
    return [line for line in axes.lines if len(line.get_xdata())]


class PathFigureTest(parameterized.TestCase):
    def test_one_seed_is_drawn_as_it_was_measured(self):
        result = analysis_results.path()
        figure = path_figure.build_figure({"linear": [result]}, "A to B")
        losses, accuracies = figure.axes
        # Training images below, so that test images are seen.
        for axes, name, scale in (
            (losses, "loss", 1),
            (accuracies, "accuracy", 100),
        ):
            train, test = lines_of(axes)
            for line, part in ((train, "train"), (test, "test")):
                expected = [scale * p[part][name] for p in result["points"]]
                np.testing.assert_allclose(line.get_ydata(), expected)
            self.assertEmpty(axes.collections)
        words = picture_checks.words_of(figure)
        self.assertRegex(words, r"linear: barrier 0\.\d{3}$|linear: barrier")
        for text in ("A to B", "test images", "training images"):
            self.assertIn(text, words)
        self.assertNotIn("seeds", words)
        picture_checks.assert_in_place(self, figure)
        picture_checks.assert_large_enough(self, figure)

    def test_seeds_become_a_mean_and_a_band(self):
        results = [analysis_results.path(seed) for seed in range(3)]
        figure = path_figure.build_figure({"eFCN to CNN": results})
        _, test = lines_of(figure.axes[0])
        expected = np.mean(
            [[p["test"]["loss"] for p in each["points"]] for each in results],
            axis=0,
        )
        np.testing.assert_allclose(test.get_ydata(), expected)
        self.assertLen(figure.axes[0].collections, 2)
        heights = [each["barriers"]["test"]["above_line"] for each in results]
        words = picture_checks.words_of(figure)
        self.assertIn(f"barrier {np.mean(heights):.3f} ± ", words)
        self.assertIn("mean and range over seeds", words)

    def test_many_labels_have_room(self):
        groups = {
            f"relax epoch {k}, a long name of it": [
                analysis_results.path(seed, 0.1 * (k + 1), jitter=1.0)
                for seed in range(2)
            ]
            for k in range(9)
        }
        figure = path_figure.build_figure(groups, "String from A to B " * 4)
        picture_checks.assert_in_place(self, figure)
        picture_checks.assert_large_enough(self, figure)

    def test_one_part_of_the_data_is_enough(self):
        result = analysis_results.path(parts=("train",))
        figure = path_figure.build_figure({"a": [result]})
        self.assertLen(lines_of(figure.axes[0]), 1)
        self.assertNotIn("test images", picture_checks.words_of(figure))

    def test_large_barriers_have_a_logarithmic_axis(self):
        for barrier, scale in ((0.4, "linear"), (40, "log")):
            result = analysis_results.path(barrier=barrier)
            figure = path_figure.build_figure({"a": [result]})
            self.assertEqual(figure.axes[0].get_yscale(), scale)
        picture_checks.assert_in_place(self, figure)

    def test_loss_that_overflowed_is_a_gap(self):
        result = analysis_results.path()
        result["points"][5]["test"]["loss"] = None
        for each in result["barriers"].values():
            each["above_line"] = None
        figure = path_figure.build_figure({"a": [result]})
        values = lines_of(figure.axes[0])[1].get_ydata()
        self.assertEqual(np.isnan(values).nonzero()[0].tolist(), [5])
        self.assertIn("a: barrier -", picture_checks.words_of(figure))

    def test_nothing_is_refused(self):
        with self.assertRaisesRegex(ValueError, "results of a path"):
            path_figure.build_figure({})


if __name__ == "__main__":
    absltest.main()

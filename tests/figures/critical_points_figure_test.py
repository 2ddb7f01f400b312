"""Tests of the picture of critical points."""

from absl.testing import absltest

from needle_tf.figures import critical_points_figure
from tests.figures import picture_checks


class CriticalPointsFigureTest(absltest.TestCase):
    def test_minimum_and_other_points_are_told_apart(self):
        points = [
            critical_points_figure.Point((1.0, 0.5), (0.0, 0.0)),
            critical_points_figure.Point((0.0, 0.5), (-1.0, 0.0)),
        ]
        figure = critical_points_figure.build_figure(
            lambda weights: (weights[..., 0] * weights[..., 1] - 1) ** 2,
            lambda paths: ((paths - [1.0, 0.5]) ** 2).sum(axis=-1),
            points,
        )
        right = figure.axes[1]
        marks = [
            line for line in right.get_lines() if len(line.get_xdata()) == 1
        ]
        self.assertEqual(
            [mark.get_color() for mark in marks], ["#D55E00", "white"]
        )
        self.assertLen(right.texts, 1)  # The arrow of the other point.
        words = picture_checks.words_of(figure)
        self.assertIn("gradient 0 in the weights only", words)
        picture_checks.assert_in_place(self, figure)
        picture_checks.assert_large_enough(self, figure)


if __name__ == "__main__":
    absltest.main()

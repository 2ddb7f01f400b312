"""Tests of mean and range over seeds in pictures."""

import math

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from matplotlib import figure as mpl_figure

from needle_tf.figures import pictures
from needle_tf.figures import spread_marks
from tests.figures import picture_checks


class SpreadMarksTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        with pictures.style():
            self.figure = pictures.blank(3)
            self.axes = self.figure.subplots()

    def test_band_is_the_range_and_the_line_the_mean(self):
        look = {"color": "#0072B2", "lw": 2}
        table = np.array([[1.0, 2.0], [3.0, 6.0]])
        mean = spread_marks.draw_curve(
            self.axes, np.array([0.0, 1.0]), table, look
        )
        np.testing.assert_array_equal(mean, [2, 4])
        np.testing.assert_array_equal(self.axes.lines[0].get_ydata(), [2, 4])
        (band,) = self.axes.collections
        heights = band.get_paths()[0].vertices[:, 1]
        self.assertEqual((heights.min(), heights.max()), (1, 6))

    def test_one_seed_has_no_band_and_a_gap_where_it_knows_nothing(self):
        mean = spread_marks.draw_curve(
            self.axes,
            np.arange(3.0),
            np.array([[1.0, np.nan, 2.0]]),
            {"color": "k"},
        )
        self.assertEmpty(self.axes.collections)
        np.testing.assert_array_equal(np.isnan(mean), [False, True, False])

    @parameterized.parameters((False, [4.0], [2.0]), (True, [2.0], [4.0]))
    def test_mark_is_the_mean_and_the_bar_the_range(self, is_lying, x, y):
        values = [1.0, 3.0, math.nan]
        look = {"color": "k", "marker": "o"}
        spread_marks.draw_mark(self.axes, 4.0, values, look, is_lying=is_lying)
        (line,) = self.axes.lines
        np.testing.assert_array_equal(line.get_xdata(), x)
        np.testing.assert_array_equal(line.get_ydata(), y)
        ends = self.axes.collections[0].get_segments()[0]
        self.assertCountEqual(ends[:, int(not is_lying)], [1, 3])

    def test_mark_of_nothing_is_none(self):
        look = {"color": "k", "marker": "o"}
        spread_marks.draw_mark(self.axes, 0, [math.nan], look)
        self.assertEmpty(self.axes.lines)

    @parameterized.parameters(1, 3, 8)
    def test_legend_lies_below_and_within_the_picture(self, count):
        names = [f"a rather long label, number {k}" for k in range(count)]
        spread_marks.explain_below(self.figure, spread_marks.looks(names))
        self.axes.set_xlabel("place")
        pictures.lay_out(self.figure)
        picture_checks.assert_in_place(self, self.figure)

    def test_legend_of_nothing_is_none(self):
        spread_marks.explain_below(self.figure, {})
        self.assertEmpty(self.figure.legends)
        self.assertIsInstance(self.figure, mpl_figure.Figure)

    def test_long_labels_are_shortened(self):
        self.assertLen(spread_marks.short("x" * 50), 30)


if __name__ == "__main__":
    absltest.main()

"""Tests of mean and spread over seeds, as text and in pictures."""

import math

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from matplotlib import figure as mpl_figure

from needle_tf.reports import pictures
from needle_tf.reports import seed_spread
from tests.reports import picture_checks


class TextTest(parameterized.TestCase):
    @parameterized.parameters(
        ([1.0, 2.0, 3.0], "2.00 ± 1.00"),
        ([1.0], "1.00"),
        ([], "-"),
        ([1.0, None], "-"),
        ([1.0, math.nan], "-"),
    )
    def test_mean_and_sample_deviation(self, values, text):
        self.assertEqual(seed_spread.text(values), text)

    def test_scale_and_digits(self):
        self.assertEqual(
            seed_spread.text([0.5, 0.6], 1, scale=100), "55.0 ± 7.1"
        )

    @parameterized.parameters(
        ([0.0], "0.000"),
        ([0.01234], "0.0123"),
        ([123.4], "123"),
        ([3.0, 5.0], "4.00 ± 1.41"),
        ([-0.5, -0.7], "-0.600 ± 0.141"),
        ([1.25e7], "1.25e7"),
        ([1e-6, 3e-6], "(2.00 ± 1.41)e-6"),
        ([None], "-"),
        ([2e7, None], "-"),
    )
    def test_three_digits_count(self, values, text):
        self.assertEqual(seed_spread.significant(values), text)

    def test_what_is_none_is_no_number(self):
        np.testing.assert_array_equal(
            seed_spread.numbers([1, None]), [1, math.nan]
        )


class GridTest(parameterized.TestCase):
    def test_curves_meet_at_all_their_places(self):
        places, table = seed_spread.on_one_grid(
            [([0, 1], [0.0, 2.0]), ([0, 0.25, 1], [1.0, 0.0, 3.0])]
        )
        np.testing.assert_allclose(places, [0, 0.25, 1])
        np.testing.assert_allclose(table, [[0, 0.5, 2], [1, 0, 3]])

    def test_places_apart_by_rounding_are_one(self):
        places, _ = seed_spread.on_one_grid(
            [([0, 0.3, 1], [0, 1, 2]), ([0, 0.1 + 0.2, 1], [0, 1, 2])]
        )
        self.assertLen(places, 3)


class DrawTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        with pictures.style():
            self.figure = pictures.blank(3)
            self.axes = self.figure.subplots()

    def test_band_is_the_range_and_the_line_the_mean(self):
        look = {"color": "#0072B2", "lw": 2}
        table = np.array([[1.0, 2.0], [3.0, 6.0]])
        mean = seed_spread.draw_curve(
            self.axes, np.array([0.0, 1.0]), table, look
        )
        np.testing.assert_array_equal(mean, [2, 4])
        np.testing.assert_array_equal(self.axes.lines[0].get_ydata(), [2, 4])
        (band,) = self.axes.collections
        heights = band.get_paths()[0].vertices[:, 1]
        self.assertEqual((heights.min(), heights.max()), (1, 6))

    def test_one_seed_has_no_band_and_a_gap_where_it_knows_nothing(self):
        mean = seed_spread.draw_curve(
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
        seed_spread.draw_mark(self.axes, 4.0, values, look, is_lying=is_lying)
        (line,) = self.axes.lines
        np.testing.assert_array_equal(line.get_xdata(), x)
        np.testing.assert_array_equal(line.get_ydata(), y)
        ends = self.axes.collections[0].get_segments()[0]
        self.assertCountEqual(ends[:, int(not is_lying)], [1, 3])

    def test_mark_of_nothing_is_none(self):
        look = {"color": "k", "marker": "o"}
        seed_spread.draw_mark(self.axes, 0, [math.nan], look)
        self.assertEmpty(self.axes.lines)

    @parameterized.parameters(1, 3, 8)
    def test_legend_lies_below_and_within_the_picture(self, count):
        names = [f"a rather long label, number {k}" for k in range(count)]
        seed_spread.explain_below(self.figure, seed_spread.looks(names))
        self.axes.set_xlabel("place")
        pictures.lay_out(self.figure)
        picture_checks.assert_in_place(self, self.figure)

    def test_legend_of_nothing_is_none(self):
        seed_spread.explain_below(self.figure, {})
        self.assertEmpty(self.figure.legends)
        self.assertIsInstance(self.figure, mpl_figure.Figure)


class GroupsTest(parameterized.TestCase):
    def test_groups_without_results_are_refused_by_name(self):
        with self.assertRaisesRegex(
            ValueError, "results of a path. Received: 2 labels.*'b'"
        ):
            seed_spread.check_groups({"a": [1], "b": []}, "a path")
        with self.assertRaisesRegex(ValueError, "Received: 0 labels"):
            seed_spread.check_groups({}, "a path")

    def test_spread_needs_two_seeds(self):
        self.assertFalse(seed_spread.has_spread({"a": [1], "b": [1]}))
        self.assertTrue(seed_spread.has_spread({"a": [1], "b": [1, 2]}))

    def test_long_labels_are_shortened(self):
        self.assertLen(seed_spread.short("x" * 50), 30)


if __name__ == "__main__":
    absltest.main()

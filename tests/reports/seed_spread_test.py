"""Tests of mean and spread over seeds, as text and as a table."""

import math

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.reports import seed_spread


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


if __name__ == "__main__":
    absltest.main()

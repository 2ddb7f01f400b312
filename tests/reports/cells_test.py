"""Tests of the cells of tables."""

import hypothesis
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import strategies as st

from needle_tf.reports import cells


class CellsTest(parameterized.TestCase):
    def test_names_stand_left_and_numbers_right(self):
        lines = cells.aligned(
            {"name": ["a", "longer"], "n": ["1", "23"]}, left=("name",)
        )
        self.assertEqual(lines, ["name     n", "a        1", "longer  23"])

    @parameterized.parameters(
        (None, "-"), (0.0, "0.00"), (0.87654, "87.65"), (1.0, "100.00")
    )
    def test_shares_are_written_in_percent(self, share, expected):
        self.assertEqual(cells.percent(share), expected)

    def test_what_was_not_measured_is_a_dash(self):
        self.assertEqual(cells.shortened(None), "-")
        self.assertEqual(cells.duration(None), "-")

    @hypothesis.given(st.floats(1, 1e12))
    def test_shortened_counts_are_near_and_short(self, count):
        text = cells.shortened(count)
        scale = {"k": 1e3, "M": 1e6, "G": 1e9}.get(text[-1], 1)
        value = float(text.rstrip("kMG")) * scale
        self.assertLess(abs(value - count), max(0.006 * count, 0.51))
        self.assertLessEqual(len(text), 5)

    @parameterized.parameters(
        ((), ".2f", "-"),
        ((88.448,), ".2f", "88.45"),
        ((-1.0,), "+.2f", "-1.00"),
        ((1, 3), ".2f", "2.00 \N{PLUS-MINUS SIGN} 1.41"),
        ((1, 3), "+.1f", "+2.0 \N{PLUS-MINUS SIGN} 1.4"),
        ((0.1, 0.1, 0.1), ".3f", "0.100 \N{PLUS-MINUS SIGN} 0.000"),
    )
    def test_a_spread_is_that_of_the_sample(self, values, pattern, expected):
        self.assertEqual(cells.spread(values, pattern), expected)

    def test_long_text_takes_more_lines_and_empty_text_one(self):
        lines = cells.wrapped("word " * 40, width=30)
        self.assertTrue(all(len(line) <= 30 for line in lines))
        self.assertTrue(all(line.startswith("  ") for line in lines[1:]))
        self.assertEqual(
            " ".join(" ".join(lines).split()), "word " * 39 + "word"
        )
        self.assertEqual(cells.wrapped(""), [""])


if __name__ == "__main__":
    absltest.main()

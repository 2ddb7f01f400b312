"""Tests of the cuts of a kernel's columns: the same columns, no clash."""

import hypothesis
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import strategies as st

from needle_tf.ops import column_cuts


@st.composite
def ranges(draw):
    """Ascending disjoint ranges of columns."""
    found, position = [], 0
    for _ in range(draw(st.integers(1, 5))):
        start = position + draw(st.integers(0, 3000))
        position = start + draw(st.integers(1, 9000))
        found.append((start, position))
    return found


class CutTest(parameterized.TestCase):
    @hypothesis.given(ranges(), st.sampled_from((2, 4, 8)))
    def test_parts_make_up_the_same_columns_in_order(self, whole, itemsize):
        parts = column_cuts.cut(whole, itemsize)
        columns = [c for start, stop in parts for c in range(start, stop)]
        self.assertEqual(
            columns, [c for start, stop in whole for c in range(start, stop)]
        )
        self.assertLessEqual(max(stop - start for start, stop in parts), 2064)

    @parameterized.parameters(4096, 8192, 12288, 16384, 65536)
    def test_parts_of_kernels_that_clash_do_not(self, width):
        self.assertTrue(column_cuts.clashes(width, 4))
        for start, stop in column_cuts.cut([(0, width)], 4):
            self.assertFalse(column_cuts.clashes(stop - start, 4))

    def test_width_in_bytes_decides(self):
        self.assertTrue(column_cuts.clashes(2048, 2))
        self.assertFalse(column_cuts.clashes(2048 + 1024, 2))
        self.assertFalse(column_cuts.clashes(18496, 4))


if __name__ == "__main__":
    absltest.main()

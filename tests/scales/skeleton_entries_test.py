"""Tests of which entries of a weight suit a skeleton."""

import hypothesis
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import strategies as st

from needle_tf.scales import skeleton_entries

Blocks = skeleton_entries.Blocks
SIZES = st.integers(1, 7)


def dense(rows, columns):
    return Blocks((1, rows, columns), (0, columns, 1))


def ends(entries, source, target, shape):
    """Groups at both ends of flat entries."""
    places = np.unravel_index(entries, shape)
    return [
        np.broadcast_to(groups, shape)[places].tolist()
        for groups in (source, target)
    ]


class BlocksTest(parameterized.TestCase):
    @hypothesis.given(SIZES, SIZES)
    def test_units_are_paired_in_step(self, rows, columns):
        source = np.arange(1, rows + 1)[:, None]
        target = np.arange(50, 50 + columns)[None]
        shape = (rows, columns)
        entries = dense(rows, columns).choose(source, target, shape)
        found = ends(entries, source, target, shape)
        steps = range(max(rows, columns))
        self.assertEqual(found[0], [1 + i % rows for i in steps])
        self.assertEqual(found[1], [50 + i % columns for i in steps])

    def test_equal_widths_have_the_diagonal(self):
        ids = np.arange(1, 5)
        entries = dense(4, 4).choose(ids[:, None], ids[None], (4, 4))
        self.assertEqual(entries.tolist(), [0, 5, 10, 15])

    def test_group_of_several_rows_is_one_unit(self):
        source = np.array([7, 3, 7, 3, 7, 3])[:, None]
        target = np.array([8, 9])[None]
        entries = dense(6, 2).choose(source, target, (6, 2))
        # The middle ones of the rows 0, 2, 4 and 1, 3, 5.
        self.assertEqual(entries.tolist(), [2 * 2 + 0, 3 * 2 + 1])

    def test_least_remote_row_stands_for_its_group(self):
        source = np.array([7, 3, 7, 3])[:, None]
        blocks = Blocks((1, 4, 1), (0, 1, 1), 0, np.array([2, 0, 1, 5]))
        target = np.array([[9]])
        self.assertEqual(blocks.choose(source, target, (4, 1)).tolist(), [2, 1])

    def test_rows_of_ground_are_units_of_their_own(self):
        source = np.array([[0]])
        entries = dense(3, 2).choose(source, np.array([[4, 5]]), (3, 2))
        self.assertEqual(entries.tolist(), [0, 3, 4])

    def test_nothing_leads_from_ground_to_ground(self):
        source = np.array([0, 0, 4])[:, None]
        entries = dense(3, 2).choose(source, np.array([[0, 0]]), (3, 2))
        self.assertEqual(entries.tolist(), [2 * 2 + 0])

    def test_each_block_has_a_diagonal(self):
        # A convolution of 1x1, 4 channels, 6 filters, 2 groups.
        source = np.repeat(np.array([[1, 2], [3, 4]]).T, 3, axis=1)
        target = np.arange(10, 16)[None]
        blocks = Blocks((2, 2, 3), (3, 6, 1))
        entries = blocks.choose(source, target, (2, 6))
        self.assertEqual(
            ends(entries, source, target, (2, 6)),
            [[1, 2, 1, 3, 4, 3], [10, 11, 12, 13, 14, 15]],
        )

    def test_listed_entries_keep_their_order(self):
        source, target = np.array([[0], [2]]), np.array([[0, 3]])
        entries = skeleton_entries.listed(
            np.array([3, 0, 2, 1]), source, target, (2, 2)
        )
        self.assertEqual(entries.tolist(), [3, 2, 1])
        self.assertEqual(entries.dtype, "int64")


if __name__ == "__main__":
    absltest.main()

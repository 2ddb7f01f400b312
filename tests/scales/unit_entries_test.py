"""Tests of which entries of an untied kernel suit a skeleton."""

import hypothesis
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import strategies as st

from needle_tf.ops import conv_geometry
from needle_tf.scales import unit_entries
from tests.oracles import dense_convolution
from tests.oracles import drawn_convolutions

CASES = drawn_convolutions.convolutions()


def geometry_of(case):
    return conv_geometry.ConvGeometry.of_convolution(**case.arguments())


def rows_and_columns(entries, geometry):
    """Places of entries in the dense matrix."""
    row = entries.pixel * geometry.input_shape[2] + entries.channel
    column = entries.position * geometry.filters + entries.filter
    return row, column


class NearestEntriesTest(parameterized.TestCase):
    @hypothesis.given(CASES, st.sampled_from([0, 1, None]))
    def test_every_unit_that_is_reached_has_an_entry(self, case, reach):
        geometry = geometry_of(case)
        allowed = np.ones(geometry.dense_shape, bool)
        if reach is not None:
            allowed = dense_convolution.mask(case, reach)
        row, column = rows_and_columns(
            unit_entries.nearest_entries(geometry, reach), geometry
        )
        self.assertTrue(allowed[row, column].all())
        self.assertEqual(set(column), set(np.flatnonzero(allowed.any(axis=0))))
        # Channels of a group are paired in step, so that only whole pixels
        # can be without an entry.
        self.assertEqual(set(row), set(np.flatnonzero(allowed.any(axis=1))))

    def test_unit_is_paired_with_the_middle_of_what_it_sees(self):
        geometry = conv_geometry.ConvGeometry.of_convolution(
            (4, 3, 2), 3, 3, padding="same"
        )
        entries = unit_entries.nearest_entries(geometry, 0)
        into = 4 * 3 * 3
        np.testing.assert_array_equal(
            entries.pixel[:into], entries.position[:into]
        )
        np.testing.assert_array_equal(
            entries.channel[:into], entries.filter[:into] % 2
        )
        self.assertLen(entries.pixel, into + 4 * 3 * 2)

    def test_middle_of_the_image_comes_first(self):
        geometry = conv_geometry.ConvGeometry.of_convolution(
            (5, 5, 1), 3, 1, padding="same"
        )
        entries = unit_entries.nearest_entries(geometry, 0)
        self.assertEqual(entries.position[0], 2 * 5 + 2)
        self.assertIn(entries.position[24], (0, 4, 20, 24))

    def test_what_strides_leave_out_has_no_entry_unless_it_is_free(self):
        geometry = conv_geometry.ConvGeometry.of_convolution(
            (4, 1, 1), 1, 1, strides=(2, 1)
        )
        local = unit_entries.nearest_entries(geometry, 0)
        self.assertEqual(set(local.pixel), {0, 2})
        free = unit_entries.nearest_entries(geometry, None)
        self.assertEqual(set(free.pixel), {0, 1, 2, 3})


class SeenPixelsTest(parameterized.TestCase):
    @hypothesis.given(CASES)
    def test_taps_see_the_pixels_that_the_oracle_finds(self, case):
        geometry = geometry_of(case)
        labels = dense_convolution.labels(case)
        rows, columns = np.nonzero(labels >= 0)
        tap = np.unravel_index(labels[rows, columns], (geometry.kernel_shape))
        tap = tap[0] * geometry.kernel_size[1] + tap[1]
        expected = np.full(
            (geometry.positions, np.prod(geometry.kernel_size)), -1
        )
        expected[columns // geometry.filters, tap] = (
            rows // geometry.input_shape[2]
        )
        np.testing.assert_array_equal(
            unit_entries.seen_pixels(geometry), expected
        )


if __name__ == "__main__":
    absltest.main()

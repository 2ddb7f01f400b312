"""Tests of who sees whom: against the answers to basis images."""

import math
from unittest import mock

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import example
from hypothesis import given

from needle_tf.ops import conv_geometry
from needle_tf.ops import receptive_fields
from tests.oracles import dense_convolution
from tests.oracles import drawn_convolutions

Convolution = dense_convolution.Convolution

# One channel is enough to tell pixels and taps apart.
HOLES = Convolution(
    (9, 8, 1), (3, 2), 1, strides=(2, 3), padding="same", dilation_rate=(2, 3)
)
BLIND = Convolution(
    (1, 1, 1), (1, 1), 1, strides=(2, 1), zero_padding=((1, 0), (0, 0))
)
# Every third pixel is seen, the others by nobody.
SPARSE = Convolution((7, 7, 1), (1, 1), 1, strides=(3, 3))


def geometry_of(convolution):
    return conv_geometry.ConvGeometry.of_convolution(**convolution.arguments())


def worth(products):
    """Lets grouping pay from so many saved products on; nothing is kept."""
    receptive_fields.of_positions.cache_clear()
    receptive_fields.of_pixels.cache_clear()
    return mock.patch.object(receptive_fields, "_WORTH_GROUPING", products)


def triples(fields, none):
    """All `(member, source, weight)` but those that stand for zeros."""
    found = []
    for group in fields:
        member = np.broadcast_to(group.members[:, None], group.sources.shape)
        table = np.stack([member, group.sources, group.weights], axis=-1)
        found += map(tuple, table[group.sources != none].tolist())
    return found


def expected_triples(convolution):
    """All `(position, pixel, position * taps + tap)`, by the oracle."""
    positions = math.prod(convolution.output_shape)
    taps = math.prod(convolution.kernel_size)
    numbers = 1 + np.arange(positions * taps).reshape(positions, taps, 1)
    matrix = dense_convolution.matrix_untied(numbers, convolution)
    return {
        (position, pixel, round(matrix[pixel, position]) - 1)
        for pixel, position in np.argwhere(matrix).tolist()
    }


class ReceptiveFieldsTest(parameterized.TestCase):
    def tearDown(self):
        super().tearDown()
        receptive_fields.of_positions.cache_clear()
        receptive_fields.of_pixels.cache_clear()

    @parameterized.parameters(0, math.inf)
    @given(drawn_convolutions.convolutions())
    @example(HOLES)
    @example(BLIND)
    @example(SPARSE)
    def test_everyone_reads_what_it_sees_or_is_seen_by(self, products, drawn):
        drawn = Convolution(
            (*drawn.input_shape[:2], 1),
            drawn.kernel_size,
            1,
            **{**drawn.options(), "groups": 1},
        )
        expected = expected_triples(drawn)
        geometry = geometry_of(drawn)
        pixels = math.prod(drawn.input_shape)
        with worth(products):
            positions = receptive_fields.of_positions(geometry)
            found = triples(positions, pixels)
            self.assertLen(found, len(expected))
            self.assertEqual(set(found), expected)
            of_pixels = receptive_fields.of_pixels(geometry)
            found = triples(of_pixels, geometry.positions)
            self.assertLen(found, len(expected))
            self.assertEqual(
                {
                    (position, pixel, weight)
                    for pixel, position, weight in found
                },
                expected,
            )
        for fields, size in (
            (positions, geometry.positions),
            (of_pixels, pixels),
        ):
            members = np.concatenate([group.members for group in fields])
            np.testing.assert_array_equal(np.sort(members), np.arange(size))

    @given(drawn_convolutions.convolutions())
    @example(BLIND)
    def test_groups_hold_no_zeros_but_for_those_who_read_nothing(self, drawn):
        geometry = geometry_of(drawn)
        with worth(0):
            for fields, none in (
                (
                    receptive_fields.of_positions(geometry),
                    math.prod(drawn.input_shape[:2]),
                ),
                (receptive_fields.of_pixels(geometry), geometry.positions),
            ):
                lengths = [group.sources.shape[1] for group in fields]
                self.assertEqual(lengths, sorted(set(lengths)))
                for group in fields:
                    if group.sources.shape[1] > 1:
                        self.assertLess(group.sources.max(), none)

    def test_one_group_of_positions_has_the_order_of_the_kernel(self):
        geometry = geometry_of(HOLES)
        with worth(math.inf):
            (group,) = receptive_fields.of_positions(geometry)
        np.testing.assert_array_equal(
            group.members, np.arange(geometry.positions)
        )
        np.testing.assert_array_equal(
            group.weights.reshape(-1), np.arange(group.weights.size)
        )

    def test_layers_are_grouped_where_it_saves_more_than_it_moves(self):
        deep = Convolution((8, 8, 64), (5, 5), 64, padding="same")
        fields = receptive_fields.of_positions(geometry_of(deep))
        # Rows and columns of the image each have 3, 4 or 5 taps in it.
        self.assertEqual(
            {g.sources.shape[1]: g.sources.shape[0] for g in fields},
            {9: 4, 12: 8, 15: 16, 16: 4, 20: 16, 25: 16},
        )
        first = Convolution(
            (32, 32, 3),
            (4, 4),
            64,
            strides=(2, 2),
            zero_padding=((2, 2), (2, 2)),
        )
        for convolution in (first, HOLES):
            geometry = geometry_of(convolution)
            self.assertLen(receptive_fields.of_positions(geometry), 1)
            self.assertLen(receptive_fields.of_pixels(geometry), 1)

    def test_inverse_tells_where_each_number_stands(self):
        places = receptive_fields.inverse(np.array([4, 0, 3]), 6)
        np.testing.assert_array_equal(places, [1, 3, 3, 2, 0, 3])


if __name__ == "__main__":
    absltest.main()

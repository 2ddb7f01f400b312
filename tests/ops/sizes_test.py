"""Tests of sizes as users give them: what passes, what is refused, and how."""

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.ops import sizes


class PassTest(parameterized.TestCase):
    @parameterized.parameters((1,), (np.int64(1),), (np.uint8(200),))
    def test_integers_become_plain_ones(self, value):
        read = sizes.read_integer(value, "filters")
        self.assertEqual(read, value)
        self.assertIs(type(read), int)

    @parameterized.parameters(
        (3, (3, 3)),
        (np.int32(3), (3, 3)),
        ((1, 2), (1, 2)),
        ([1, 2], (1, 2)),
        (np.array([1, 2]), (1, 2)),
        (range(1, 3), (1, 2)),
    )
    def test_one_integer_stands_for_two(self, value, expected):
        read = sizes.read_pair(value, "strides")
        self.assertEqual(read, expected)
        self.assertEqual({type(size) for size in read}, {int})

    def test_margins_may_be_0(self):
        expected = ((0, 1), (2, 0))
        for value in (expected, [[0, 1], [2, 0]], np.array(expected)):
            self.assertEqual(sizes.read_margins(value, "padding"), expected)

    def test_least_size_passes(self):
        self.assertEqual(sizes.read_integers((2, 2), "x", 2, 2), (2, 2))


class RefusalTest(parameterized.TestCase):
    @parameterized.parameters((0,), (-1,), (1.0,), ("1",), (None,), ((1,),))
    def test_what_is_no_count_is_refused(self, value):
        with self.assertRaisesRegex(
            ValueError, "`filters` must be an integer of at least 1. Received: "
        ):
            sizes.read_integer(value, "filters")

    @parameterized.parameters(
        (0,),
        ((1, 0),),
        ((1, 2, 3),),
        ((),),
        (1.5,),
        ((1, 1.5),),
        ("ab",),
        (None,),
    )
    def test_what_is_no_pair_is_refused(self, value):
        with self.assertRaisesRegex(
            ValueError, "`strides` must be 2 integers of at least 1. Received: "
        ):
            sizes.read_pair(value, "strides")

    @parameterized.parameters(
        (1, r"must be \(\(top, bottom\), \(left, right\)\).*padding=1"),
        (((1, 1),), r"must be \(\(top.*\(\(1, 1\),\)"),
        (((1, 1), 1), "must be 2 integers of at least 0.*padding=1"),
        (((1, -1), (0, 0)), r"must be 2 integers of at least 0.*\(1, -1\)"),
        (((0, 0), (1.5, 0)), r"must be 2 integers of at least 0.*\(1.5, 0\)"),
    )
    def test_what_are_no_margins_is_refused(self, value, message):
        with self.assertRaisesRegex(ValueError, f"`padding` {message}"):
            sizes.read_margins(value, "padding")

    def test_size_below_the_least_is_refused(self):
        with self.assertRaisesRegex(
            ValueError, r"`x` must be 2 integers of at least 2.*x=\(2, 1\)"
        ):
            sizes.read_integers((2, 1), "x", 2, 2)


if __name__ == "__main__":
    absltest.main()

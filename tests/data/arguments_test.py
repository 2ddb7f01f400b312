"""Tests of the checks of counts, seeds and image sizes."""

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.data import arguments


class RequireIntegerTest(parameterized.TestCase):
    @parameterized.parameters(1, 7, np.int64(3), np.uint8(1))
    def test_integers_of_any_type_come_back_as_int(self, value):
        result = arguments.require_integer("train_size", value, 1)
        self.assertIs(type(result), int)
        self.assertEqual(result, value)

    @parameterized.parameters(0, -3, 2.0, True, "4", None)
    def test_what_is_no_integer_or_too_low_is_refused_by_name(self, value):
        with self.assertRaisesRegex(
            ValueError,
            r"^`train_size` must be an integer of at least 1\. "
            rf"Received: train_size={value!r}\.$",
        ):
            arguments.require_integer("train_size", value, 1)

    def test_both_bounds_are_included(self):
        for value in (1, 8):
            arguments.require_integer("piece_size", value, 1, 8)
        for value in (0, 9):
            with self.assertRaisesRegex(
                ValueError, f"integer from 1 to 8. Received: piece_size={value}"
            ):
                arguments.require_integer("piece_size", value, 1, 8)


class RequireSeedTest(absltest.TestCase):
    def test_seed_fits_into_64_bits(self):
        self.assertEqual(arguments.require_seed(2**63 - 1), 2**63 - 1)
        for seed in (-1, 2**63):
            with self.assertRaisesRegex(
                ValueError, f"`seed` must be .* from 0 .* seed={seed}"
            ):
                arguments.require_seed(seed)


class RequireImageSizeTest(parameterized.TestCase):
    @parameterized.parameters(
        (None, None), (32, (32, 32)), ((24, 32), (24, 32)), ([3, 1], (3, 1))
    )
    def test_one_number_is_a_square_and_two_are_height_and_width(
        self, value, expected
    ):
        self.assertEqual(arguments.require_image_size(value), expected)

    @parameterized.parameters((0,), ((8, 0),), ("32",))
    def test_sides_below_one_are_refused(self, value):
        with self.assertRaisesRegex(ValueError, "`image_size` must be an int"):
            arguments.require_image_size(value)

    @parameterized.parameters(((1, 2, 3),), ((),))
    def test_other_counts_of_sides_are_refused(self, value):
        with self.assertRaisesRegex(
            ValueError, r"one integer \(square images\) or two \(height, width"
        ):
            arguments.require_image_size(value)


if __name__ == "__main__":
    absltest.main()

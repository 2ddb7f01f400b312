"""Tests of the multipliers: the formula of alpha, and factors by name."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.optimizers import multipliers
from tests.oracles import rotation as oracle

NAMES = ("first", "shortcut", "second", "shortcut_2", "last")


def variables():
    found = []
    for name in NAMES:
        variable = keras.Variable(np.ones((2, 2)), name="kernel")
        variable._path = f"{name}/kernel"
        found.append(variable)
    return found


class PrioritisedTest(parameterized.TestCase):
    @parameterized.product(
        count=(2, 5, 34), alpha=(-0.8, -0.6, -0.1, 0.0, 0.1, 0.4, 0.8)
    )
    def test_multipliers_equal_the_paper(self, count, alpha):
        found = multipliers.prioritised(count, alpha)
        np.testing.assert_allclose(found, oracle.prioritised(count, alpha))
        self.assertEqual(max(found), 1.0)

    @parameterized.parameters(
        (0.1, 0.590), (0.2, 0.328), (0.3, 0.168), (0.4, 0.0778), (0.6, 0.0102)
    )
    def test_smallest_multiplier_is_that_of_the_study(self, alpha, smallest):
        for signed, place in ((alpha, 0), (-alpha, -1)):
            found = multipliers.prioritised(25, signed)[place]
            np.testing.assert_allclose(found, smallest, rtol=5e-3)

    @parameterized.parameters(-0.5, 0.0, 0.5)
    def test_one_kernel_has_the_whole_rate(self, alpha):
        self.assertEqual(multipliers.prioritised(1, alpha), [1.0])

    @parameterized.parameters(-1, 1, 1.5, float("nan"), "x")
    def test_alpha_out_of_bounds_is_refused(self, alpha):
        with self.assertRaisesRegex(
            ValueError, rf"`alpha` must be.*> -1 and < 1.*alpha={alpha!r}"
        ):
            multipliers.prioritised(3, alpha)


class SkippedTest(parameterized.TestCase):
    def test_shortcuts_count_as_published(self):
        self.assertEqual(
            multipliers.prioritised_by_path(variables(), 0.5, []),
            multipliers.prioritised(5, 0.5),
        )

    def test_skipped_kernel_goes_with_the_one_before(self):
        first, second, last = multipliers.prioritised(3, -0.5)
        self.assertEqual(
            multipliers.prioritised_by_path(variables(), -0.5, ["shortcut"]),
            [first, first, second, second, last],
        )
        self.assertEqual(
            multipliers.prioritised_by_path(variables(), -0.5, ["^f", "short"])[
                :2
            ],
            [1.0, 1.0],
        )

    def test_skipping_all_is_refused(self):
        with self.assertRaisesRegex(
            ValueError, r"must leave a kernel\. Received: \['k'\].*all 5"
        ):
            multipliers.prioritised_by_path(variables(), 0.5, ["k"])


class ByKeyTest(parameterized.TestCase):
    def found(self, factors, kernels=None):
        kernels = kernels or variables()
        return multipliers.by_key(multipliers.read_factors(factors), kernels)

    def test_others_have_the_whole_rate(self):
        self.assertEqual(
            self.found({"first": 0.5, "^last": np.float32(2)}),
            [0.5, 1, 1, 1, 2],
        )

    def test_objects_are_told_by_identity(self):
        kernels = variables()
        self.assertEqual(
            self.found([(kernels[1], 0)], kernels), [1, 0, 1, 1, 1]
        )

    def test_kernel_that_two_keys_find_is_refused(self):
        with self.assertRaisesRegex(
            ValueError, r"name a kernel once.*find shortcut_2/kernel.*such as"
        ):
            self.found({"_2": 1, "shortcut": 0.5})

    @parameterized.parameters(
        (0.5, "must be a dict or pairs.*0.5"),
        ([0.5], "must be a dict or pairs"),
        ({"a": -1}, "must be a finite number >= 0.*-1"),
        ({"a": float("inf")}, "must be a finite number >= 0.*inf"),
        ({1: 1}, "must hold variables, layers or regular"),
    )
    def test_what_are_no_factors_is_refused(self, factors, message):
        with self.assertRaisesRegex(ValueError, f"`multipliers` {message}"):
            multipliers.read_factors(factors)


if __name__ == "__main__":
    absltest.main()

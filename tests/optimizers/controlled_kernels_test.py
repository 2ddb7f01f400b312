"""Tests of which kernels are turned and which axes count units."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.optimizers import controlled_kernels


def variables():
    shapes = {"a/kernel": (3, 3, 2, 4), "b/kernel": (6, 5), "b/bias": (5,)}
    found = []
    for path, shape in shapes.items():
        variable = keras.Variable(np.ones(shape), name=path.split("/")[1])
        variable._path = path
        found.append(variable)
    return found


def kernels(controlled=None, unit_axes=None, multipliers=None):
    return controlled_kernels.ControlledKernels(
        controlled, unit_axes, multipliers
    )


class PlacesTest(parameterized.TestCase):
    @parameterized.parameters(
        (None, [0, 1]),
        (["b/"], [1, 2]),
        (["bias", "a", "kernel"], [0, 1, 2]),
    )
    def test_places_are_in_model_order_and_each_once(self, controlled, places):
        self.assertEqual(kernels(controlled).places(variables()), places)

    def test_no_kernel_at_all_is_refused(self):
        with self.assertRaisesRegex(ValueError, r"Received: b/bias\. Name the"):
            kernels().places(variables()[2:])
        with self.assertRaisesRegex(ValueError, "There must be a kernel"):
            kernels([]).places(variables())


class AxesTest(parameterized.TestCase):
    @parameterized.parameters(
        (None, [(0, 1, 2), (0,)]),
        ((-1,), [(0, 1, 2), (0,)]),
        ([-2], [(0, 1, 3), (1,)]),
        ({"a/": (-2, -1)}, [(0, 1), (0,)]),
        ({"a/": np.array([2]), "b/k": (0,)}, [(0, 1, 3), (1,)]),
    )
    def test_axes_that_do_not_count_units_are_reduced(self, unit_axes, axes):
        found = kernels(unit_axes=unit_axes).reduced_axes(variables()[:2])
        self.assertEqual(found, axes)

    @parameterized.parameters(
        ((2,), r"unit_axes=\(2,\) for b/kernel of shape \(6, 5\)"),
        ((0, 1), r"unit_axes=\(0, 1\) for b/kernel"),
        ((-3,), r"unit_axes=\(-3,\) for b/kernel"),
    )
    def test_axes_that_do_not_fit_are_refused(self, unit_axes, message):
        with self.assertRaisesRegex(ValueError, message):
            kernels(unit_axes=unit_axes).reduced_axes(variables()[:2])

    @parameterized.parameters((-1,), (0.5,), ((),), (("x",),))
    def test_what_are_no_axes_is_refused(self, unit_axes):
        with self.assertRaisesRegex(ValueError, "`unit_axes` must be integers"):
            kernels(unit_axes=unit_axes)


class ConfigTest(parameterized.TestCase):
    def test_defaults_are_none(self):
        self.assertEqual(
            kernels().to_config(),
            {"controlled": None, "unit_axes": None, "multipliers": None},
        )

    def test_config_holds_patterns(self):
        kernel = variables()[0]
        config = kernels([kernel, "b/"], (-1,), [(kernel, 2)]).to_config()
        self.assertEqual(
            config,
            {
                "controlled": ["^a/kernel$", "b/"],
                "unit_axes": [-1],
                "multipliers": [["^a/kernel$", 2.0]],
            },
        )


if __name__ == "__main__":
    absltest.main()

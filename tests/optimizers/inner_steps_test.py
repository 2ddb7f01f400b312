"""Tests of the steps that are caught: sizes, signs, slots, and the way back."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import ops

from needle_tf.optimizers import inner_steps
from tests.optimizers import small_runs

array = small_runs.array


class Assigning(keras.optimizers.Optimizer):
    """Moves to a third of the weights, in the way that it is told."""

    def __init__(self, way):
        super().__init__(learning_rate=0.1)
        self.way = way

    def update_step(self, gradient, variable, learning_rate):
        weights = ops.convert_to_tensor(variable)
        if self.way == "assign":
            self.assign(variable, weights / 3)
        elif self.way == "assign_sub":
            self.assign_sub(variable, weights * 2 / 3)
        elif self.way == "assign_add":
            self.assign_add(variable, weights * -2 / 3)
        elif self.way == "twice":
            self.assign_sub(variable, weights / 3)
            self.assign_sub(variable, weights / 3)
        elif self.way == "past":
            variable.assign(weights / 3)
        else:
            raise RuntimeError("No such way.")


class StepOfTest(parameterized.TestCase):
    @parameterized.parameters("assign", "assign_sub", "assign_add")
    def test_each_way_of_assigning_is_caught(self, way):
        variable = small_runs.kernel()
        start = array(variable)
        optimizer = Assigning(way)
        optimizer.build([variable])
        step, sign = inner_steps.step_of(optimizer, 0 * start, variable)
        np.testing.assert_allclose(sign * array(step), start * 2 / 3, rtol=1e-6)
        np.testing.assert_array_equal(array(variable), start)

    def test_slots_are_updated_at_the_rate_one(self):
        variable = small_runs.kernel()
        gradient = small_runs.normal(1, (6, 5))
        optimizer = keras.optimizers.SGD(1e-3, momentum=0.5)
        optimizer.build([variable])
        for expected in (gradient, 1.5 * gradient):
            step, sign = inner_steps.step_of(optimizer, gradient, variable)
            np.testing.assert_allclose(sign * array(step), expected, rtol=1e-6)
        np.testing.assert_allclose(
            array(optimizer.momentums[0]), -1.5 * gradient, rtol=1e-6
        )

    @parameterized.parameters(("twice", 2), ("past", 0))
    def test_other_ways_are_refused(self, way, count):
        variable = small_runs.kernel()
        optimizer = Assigning(way)
        optimizer.build([variable])
        with self.assertRaisesRegex(
            ValueError,
            r"Assigning must change a weight once in `update_step`, by "
            rf"self\.assign.*Received: {count} such calls\. Use them",
        ):
            inner_steps.step_of(optimizer, array(variable), variable)

    @parameterized.parameters("assign", "nonsense", "twice")
    def test_methods_are_given_back(self, way):
        variable = small_runs.kernel()
        start = array(variable)
        optimizer = Assigning(way)
        optimizer.build([variable])
        before = dict(vars(optimizer))
        try:
            inner_steps.step_of(optimizer, start, variable)
        except (RuntimeError, ValueError):
            pass
        self.assertEqual(vars(optimizer).keys(), before.keys())
        optimizer.assign(variable, 2 * start)
        np.testing.assert_array_equal(array(variable), 2 * start)

    def test_what_a_user_put_into_the_instance_is_given_back(self):
        variable = small_runs.kernel()
        optimizer = Assigning("assign")
        optimizer.build([variable])
        calls = []
        optimizer.assign = lambda *args: calls.append(args)
        inner_steps.step_of(optimizer, array(variable), variable)
        self.assertEmpty(calls)
        optimizer.assign(variable, 0)
        self.assertLen(calls, 1)


if __name__ == "__main__":
    absltest.main()

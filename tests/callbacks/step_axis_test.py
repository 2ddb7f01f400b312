"""Tests of the count of steps on the axis."""

import types

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import given
from hypothesis import strategies as st

from needle_tf.callbacks import step_axis


def model_at(iterations, accumulation=None):
    """What the axis reads of a model."""
    return types.SimpleNamespace(
        optimizer=types.SimpleNamespace(
            iterations=np.int64(iterations),
            gradient_accumulation_steps=accumulation,
        )
    )


def run_epochs(axis, steps, executions, epochs=1):
    """Steps at which Keras would report, `executions` at a time."""
    seen = []
    for _ in range(epochs):
        for begin in range(0, steps, executions):
            axis.count(begin + executions - 1, {"steps": steps})
            seen.append(axis.step)
        axis.end_epoch()
    return seen


class StepAxisTest(parameterized.TestCase):
    @given(
        first=st.integers(0, 1000),
        steps=st.integers(1, 9),
        executions=st.integers(1, 12),
        epochs=st.integers(1, 3),
        every=st.integers(1, 30),
    )
    def test_epochs_end_after_all_their_steps_and_no_multiple_is_missed(
        self, first, steps, executions, epochs, every
    ):
        axis = step_axis.StepAxis(first)
        axis.begin(model_at(0))
        # How often `every` went into the steps: where it was said, and ever.
        passed, reached = {first // every}, {first // every}
        for epoch in range(1, epochs + 1):
            for begin in range(0, steps, executions):
                axis.count(begin + executions - 1, {"steps": steps})
                reached.add(axis.step // every)
                if axis.has_passed(every):
                    passed.add(axis.step // every)
            axis.end_epoch()
            self.assertEqual(axis.step, first + epoch * steps)
        self.assertEqual(passed, reached)

    def test_partial_execution_at_the_end_of_an_epoch_does_not_overshoot(self):
        axis = step_axis.StepAxis(10)
        axis.begin(model_at(0))
        self.assertEqual(run_epochs(axis, 3, 2, epochs=2), [12, 13, 15, 16])

    def test_data_of_unknown_length_is_counted_by_batches(self):
        axis = step_axis.StepAxis(0)
        axis.begin(model_at(0))
        for batch in range(3):
            axis.count(batch, {"steps": None})
        self.assertEqual(axis.step, 3)

    def test_never_passes_0_steps(self):
        axis = step_axis.StepAxis(0)
        axis.begin(model_at(0))
        axis.count(0, None)
        self.assertFalse(axis.has_passed(0))

    @parameterized.parameters((None, 7), (4, 28))
    def test_none_takes_the_count_of_the_optimizer_in_batches(
        self, accumulation, expected
    ):
        axis = step_axis.StepAxis()
        axis.begin(model_at(7, accumulation))
        self.assertEqual(axis.step, expected)

    def test_model_without_an_optimizer_begins_at_0(self):
        axis = step_axis.StepAxis()
        axis.begin(types.SimpleNamespace(optimizer=None))
        self.assertEqual(axis.step, 0)

    def test_further_fits_go_on_and_another_model_begins_anew(self):
        axis, model = step_axis.StepAxis(100), model_at(0)
        axis.begin(model)
        run_epochs(axis, 3, 1)
        axis.begin(model)
        self.assertEqual(axis.step, 103)
        run_epochs(axis, 3, 1)
        self.assertEqual(axis.step, 106)
        axis.begin(model_at(0))
        self.assertEqual(axis.step, 100)


class CountsTest(parameterized.TestCase):
    @parameterized.parameters(-1, 1.5, "1", True, None)
    def test_counts_must_be_counts(self, value):
        with self.assertRaisesRegex(
            ValueError,
            "`epochs` must be an integer of at least 0. Received: "
            f"epochs={value!r}",
        ):
            step_axis.as_count("epochs", value)

    def test_least_count_is_the_one_in_the_message(self):
        self.assertEqual(step_axis.as_count("epochs", 1, least=1), 1)
        with self.assertRaisesRegex(
            ValueError, "at least 1. Received: epochs=0"
        ):
            step_axis.as_count("epochs", 0, least=1)

    def test_counts_may_come_from_numpy(self):
        count = step_axis.as_count("epochs", np.int64(3))
        self.assertIs(type(count), int)
        self.assertEqual(count, 3)

    def test_first_step_must_be_a_count(self):
        with self.assertRaisesRegex(ValueError, "`first_step` must be an int"):
            step_axis.StepAxis(-1)


if __name__ == "__main__":
    absltest.main()

"""Tests of scales where several values meet."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers

from tests.scales import taken_down


def sigmoid(inputs):
    """Ends all scales."""
    return layers.Activation("sigmoid")(inputs)


class JoinRulesTest(parameterized.TestCase):
    @parameterized.parameters(
        layers.Add(),
        layers.Subtract(),
        layers.Average(),
        layers.Maximum(),
        layers.Minimum(),
    )
    def test_units_that_meet_are_united(self, layer):
        one, other, output = taken_down.take_down(
            lambda *x: layer(x), (2, 3), (2, 3)
        ).labels()
        np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(one, output)
        self.assertLen(np.unique(one), 6)

    def test_broadcasting_unites_what_meets_one_unit(self):
        one, other, output = taken_down.take_down(
            lambda *x: layers.Add()(x), (2, 3), (3,)
        ).labels()
        np.testing.assert_array_equal(one, np.stack([other, other]))
        np.testing.assert_array_equal(one, output)

    def test_what_is_added_to_ground_is_ground(self):
        found = taken_down.take_down(
            lambda x, y: layers.Add()([x, sigmoid(y)]), (3,), (3,)
        )
        self.assertTrue(found.output.is_ground())
        self.assertFalse(found.labels()[0].any())
        self.assertIn(
            "what is added to it, or compared, is ground", found.whys()
        )

    def test_sum_of_ground_is_ground_without_a_reason(self):
        found = taken_down.take_down(
            lambda x: layers.Add()([sigmoid(x), sigmoid(x)]), (3,)
        )
        self.assertTrue(found.output.is_ground())
        self.assertLen(found.whys(), 1)

    def test_factor_without_a_scale_leaves_the_other_its_own(self):
        found = taken_down.take_down(
            lambda x, y: layers.Multiply()([sigmoid(x), y]), (1,), (3,)
        )
        np.testing.assert_array_equal(found.output.ids, found.inputs[1].ids)

    def test_two_factors_with_scales_are_ground(self):
        found = taken_down.take_down(
            lambda *x: layers.Multiply()(x), (3,), (3,)
        )
        self.assertFalse(any(labels.any() for labels in found.labels()))
        self.assertEqual(
            found.whys(), {"it multiplies values that have scales both"}
        )

    @parameterized.parameters((-1, (2, 3), (2, 2)), (1, (1, 3), (2, 3)))
    def test_joined_units_keep_their_scales(self, axis, *shapes):
        found = taken_down.take_down(
            lambda *x: layers.Concatenate(axis=axis)(x), *shapes
        )
        np.testing.assert_array_equal(found.output.ids, found.moved_ids())

    def test_joined_channels_stay_channels(self):
        found = taken_down.take_down(
            lambda x, y: layers.Concatenate()(
                [layers.Conv2D(2, 1)(x), layers.Conv2D(3, 1)(x), sigmoid(y)]
            ),
            (None, None, 1),
            (None, None, 2),
        )
        self.assertEqual(found.output.ids.shape, (1, 1, 7))
        self.assertEqual(np.count_nonzero(found.output.ids), 5)

    def test_rows_of_unknown_number_are_ground(self):
        found = taken_down.take_down(
            lambda x: layers.Concatenate(axis=1)([layers.Dense(2)(x)] * 2),
            (None, 3),
        )
        self.assertTrue(found.output.is_ground())
        self.assertIn("it joins along an unknown size", found.whys())

    def test_batches_joined_are_ground(self):
        found = taken_down.take_down(
            lambda *x: layers.Concatenate(axis=0)(x), (3,), (3,)
        )
        self.assertTrue(found.output.is_ground())
        self.assertEqual(found.whys(), {"it joins along the batch axis"})

    def test_constant_among_the_inputs_is_not_guessed_at(self):
        found = taken_down.take_down(
            lambda x: layers.Add()([x, keras.ops.ones((1, 3))]), (3,)
        )
        self.assertTrue(found.output.is_ground())
        self.assertEqual(found.whys(), {"it is called on a constant"})


if __name__ == "__main__":
    absltest.main()

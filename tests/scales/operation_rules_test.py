"""Tests of scales at bare operations."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers
from keras import ops

from tests.scales import taken_down

SHAPE = (4, 3, 2)


class MovingTest(parameterized.TestCase):
    @parameterized.parameters(
        lambda x: ops.relu(x),
        lambda x: ops.leaky_relu(x),
        lambda x: ops.absolute(x),
        lambda x: ops.cast(x, "float64"),
        lambda x: x * 1.0,
        lambda x: x / np.ones((3, 1), "float32"),
        lambda x: ops.maximum(x, 0.0),
        lambda x: x - 0.0,
        lambda x: ops.reshape(x, (-1, 6, 4)),
        lambda x: ops.squeeze(ops.expand_dims(x, -2), 3),
        lambda x: ops.transpose(x, (0, 3, 1, 2)),
        lambda x: x[:, 1:, ::2],
        lambda x: x[..., 1],
        lambda x: x[:, 0, None, :, 1],
        lambda x: ops.concatenate([x, x[:, :1]], axis=1),
    )
    def test_units_keep_their_scale_wherever_they_go(self, function):
        found = taken_down.take_down(function, SHAPE)
        self.assertEmpty(found.whys())
        np.testing.assert_array_equal(
            np.broadcast_to(found.output.ids, found.output.shape),
            found.moved_ids(),
        )

    def test_padding_has_scales_of_its_own(self):
        found = taken_down.take_down(
            lambda x: ops.pad(x, ((0, 0), (1, 0), (0, 2), (0, 0))), SHAPE
        )
        moved = found.moved_ids()
        kept = moved > 0
        np.testing.assert_array_equal(found.output.ids[kept], moved[kept])
        self.assertLen(np.unique(found.output.ids), moved.size)

    @parameterized.parameters(
        lambda x, y: x + y,
        lambda x, y: x - y,
        lambda x, y: ops.maximum(x, y),
        lambda x, y: ops.minimum(x, y),
    )
    def test_what_meets_is_united(self, function):
        labels = taken_down.take_down(function, SHAPE, (1, 3, 2)).labels()
        np.testing.assert_array_equal(labels[0][0], labels[1][0])
        np.testing.assert_array_equal(labels[0], labels[2])
        self.assertLen(np.unique(labels[0]), 6)

    @parameterized.parameters(ops.mean, ops.sum, ops.max, ops.min)
    def test_what_becomes_one_is_united(self, function):
        for axis, keepdims in (((1, -1), False), (2, True)):
            found = taken_down.take_down(
                lambda x, axis=axis, keepdims=keepdims: function(
                    x, axis=axis, keepdims=keepdims
                ),
                SHAPE,
            )
            before, after = found.labels()
            expected = before.min(
                (0, 2) if isinstance(axis, tuple) else 1, keepdims=keepdims
            )
            np.testing.assert_array_equal(after, expected)
            self.assertLen(np.unique(before), after.size)

    def test_divisor_without_a_scale_leaves_the_dividend_its_own(self):
        found = taken_down.take_down(
            lambda x, y: x / ops.sigmoid(y), (3,), (3,)
        )
        np.testing.assert_array_equal(found.output.ids, found.inputs[0].ids)


class GroundTest(parameterized.TestCase):
    @parameterized.parameters(
        (lambda x: x + 1.0, "it adds or compares with a constant"),
        (lambda x: ops.minimum(x, 6.0), "it adds or compares with a constant"),
        (lambda x: 1.0 / x, "it divides by what has a scale"),
        (lambda x: x * x, "it multiplies values that have scales both"),
        (lambda x: ops.exp(x), "no rule for operations of type Exp"),
        (lambda x: ops.mean(x), "it takes the batch together"),
        (lambda x: ops.sum(x, axis=(0, 1)), "it takes the batch together"),
        (
            lambda x: ops.max(x, axis=1, initial=2.0),
            "it compares with a constant",
        ),
        (lambda x: ops.transpose(x), "it moves the batch axis"),
        (lambda x: ops.expand_dims(x, 0), "it moves the batch axis"),
        (
            lambda x: ops.reshape(x, (-1, 2)),
            "it makes (2,) of (4, 3, 2), without the batch",
        ),
        (
            lambda x: ops.pad(x, ((1, 0), (0, 0), (0, 0), (0, 0))),
            "it pads the batch",
        ),
        (
            lambda x: ops.pad(x, 1, constant_values=2.0),
            "it pads with other than 0 (constant)",
        ),
        (
            lambda x: ops.pad(x, ((0, 0), (1, 0), (0, 0), (0, 0)), "reflect"),
            "it pads with other than 0 (reflect)",
        ),
        (
            lambda x: x[0],
            "it takes parts of the batch, or parts by number",
        ),
        (
            lambda x: ops.concatenate([x, x], axis=0),
            "it joins along the batch axis",
        ),
        (
            lambda x: x * keras.Variable(np.ones((1, 1, 2), "float32")),
            "it is called on a variable",
        ),
        (
            lambda x: x * np.ones((2, 1, 1, 1), "float32"),
            "its constant has an axis for the batch",
        ),
        (
            lambda x: x + ops.sigmoid(ops.sum(x, axis=(1, 2))),
            "its operands have different numbers of axes",
        ),
    )
    def test_scales_end_where_nothing_is_known(self, function, why):
        found = taken_down.take_down(function, SHAPE)
        self.assertTrue(found.output.is_ground())
        self.assertFalse(found.labels()[0].any())
        self.assertIn(why, found.whys())

    def test_weight_that_multiplies_is_no_edge_elsewhere(self):
        dense = layers.Dense(3)
        found = taken_down.take_down(lambda x: dense(x) * dense.bias, (2,))
        labels = found.ledger.labels()
        for use in found.ledger.uses()[1:]:
            self.assertFalse(labels[use.target].any())


if __name__ == "__main__":
    absltest.main()

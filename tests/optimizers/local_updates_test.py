"""Tests of optimizers that work where the weights lie, on one device.

More devices: `tests.embedding.devices_test`.
"""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.optimizers import local_updates
from needle_tf.optimizers import registry

OPTIMIZERS = {
    "sgd": {"momentum": 0.9},
    "adam": {"clipnorm": 0.1, "weight_decay": 0.01},
    "adafactor": {},
    "layca": {},
}


def trained(place, name):
    """Returns weights after three steps."""
    rng = np.random.default_rng(0)
    weights = [
        keras.Variable(rng.normal(size=shape), dtype="float32", name=called)
        for called, shape in (("kernel", (3, 4)), ("bias", (4,)))
    ]
    optimizer = place(
        registry.build(name, learning_rate=0.1, **OPTIMIZERS[name])
    )
    for _ in range(3):
        gradients = [
            tf.constant(rng.normal(size=weight.shape), "float32")
            for weight in weights
        ]
        optimizer.apply(gradients, weights)
    return [keras.ops.convert_to_numpy(weight) for weight in weights]


class UpdateInPlaceTest(parameterized.TestCase):
    @parameterized.parameters(*OPTIMIZERS)
    def test_numbers_are_the_same(self, name):
        found = trained(local_updates.update_in_place, name)
        expected = trained(lambda optimizer: optimizer, name)
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)

    def test_the_same_optimizer_comes_back_and_is_saved_as_before(self):
        optimizer = keras.optimizers.Adam(0.1)
        before = optimizer.get_config()
        self.assertIs(local_updates.update_in_place(optimizer), optimizer)
        self.assertEqual(optimizer.get_config(), before)

    def test_optimizer_inside_another_is_meant_too(self):
        inner = keras.optimizers.Adam(0.1)
        outer = keras.optimizers.LossScaleOptimizer(inner)
        local_updates.update_in_place(outer)
        for optimizer in (outer, inner):
            self.assertIn("update_step", vars(optimizer))

    def test_built_optimizer_is_refused(self):
        optimizer = keras.optimizers.Adam()
        optimizer.build([keras.Variable([1.0])])
        with self.assertRaisesRegex(
            ValueError,
            "Adam is built, so its slots have their places already. Call "
            "`update_in_place` before `fit`, on a new optimizer",
        ):
            local_updates.update_in_place(optimizer)


if __name__ == "__main__":
    absltest.main()

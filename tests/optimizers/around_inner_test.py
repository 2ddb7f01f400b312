"""Tests of what optimizers around another one share."""

import keras
import numpy as np
from absl.testing import absltest

from needle_tf.optimizers import around_inner
from tests.optimizers import small_runs


class Half(around_inner.AroundInner):
    """Takes half the step of the inner optimizer; has a slot of its own."""

    def __init__(self, inner, learning_rate=0.1, name="half", **kwargs):
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.hold(inner)

    def build(self, variables):
        super().build(variables)
        self.own = self.add_variable((2,), name="own")
        self.inner.build(variables)

    def update_step(self, gradient, variable, learning_rate):
        self.inner.update_step(gradient, variable, learning_rate / 2)

    def get_config(self):
        config = super().get_config()
        config["inner"] = keras.saving.serialize_keras_object(self.inner)
        return config


def built(variable=None):
    optimizer = Half(keras.optimizers.Nadam())
    optimizer.build([small_runs.kernel() if variable is None else variable])
    return optimizer


class AroundInnerTest(absltest.TestCase):
    def test_both_count_the_same_iterations(self):
        weight = small_runs.kernel()
        optimizer = built(weight)
        alone = keras.optimizers.Nadam(0.05)
        other = small_runs.kernel()
        for gradient in small_runs.gradients(3):
            optimizer.apply([gradient], [weight])
            alone.apply([gradient], [other])
        self.assertEqual(int(optimizer.inner.iterations), 3)
        np.testing.assert_allclose(
            small_runs.array(weight), small_runs.array(other), rtol=1e-6
        )

    def test_variables_of_both_are_set_together(self):
        first, second = built(), built()
        first.own.assign([1, 2])
        first.inner.variables[-1].assign(3.0)
        weights = [small_runs.array(v) for v in first.variables]
        second.set_weights(weights)
        for variable, expected in zip(second.variables, weights, strict=True):
            np.testing.assert_array_equal(small_runs.array(variable), expected)

    def test_store_of_another_size_is_refused(self):
        optimizer, store = built(), {}
        optimizer.save_own_variables(store)
        store["9"] = np.zeros(1)
        with self.assertRaisesRegex(
            ValueError, r"saved Half must have \d variables.*Received: \d\."
        ):
            optimizer.load_own_variables(store)

    def test_unbuilt_one_saves_and_loads_nothing(self):
        store = {}
        Half(keras.optimizers.SGD()).save_own_variables(store)
        self.assertEqual(store, {})
        built().load_own_variables(store)

    def test_config_makes_both_anew(self):
        config = built().get_config()
        copy = Half.from_config(config)
        self.assertIsInstance(copy.inner, keras.optimizers.Nadam)


if __name__ == "__main__":
    absltest.main()

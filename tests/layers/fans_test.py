"""Tests of the initial scales: standard deviations of what is really drawn."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.layers import fans

SHAPE = (50, 40, 30)  # Keras reads fans of 50 * 40 and 50 * 30.


class FansTest(parameterized.TestCase):
    @parameterized.parameters(
        (keras.initializers.GlorotUniform, 2 / (9 + 16)),
        (keras.initializers.GlorotNormal, 2 / (9 + 16)),
        (keras.initializers.HeNormal, 2 / 9),
        (keras.initializers.HeUniform, 2 / 9),
        (keras.initializers.LecunNormal, 1 / 9),
    )
    def test_variance_is_that_of_the_given_fans(self, initializer, variance):
        corrected = fans.with_fans(
            initializer(seed=0), shape=SHAPE, fan_in=9, fan_out=16
        )
        drawn = np.asarray(corrected(SHAPE))
        # 60,000 draws: the standard deviation is known to 0.3 %.
        np.testing.assert_allclose(drawn.std(), variance**0.5, rtol=0.02)
        self.assertAlmostEqual(drawn.mean(), 0, delta=0.01)

    @parameterized.parameters("fan_in", "fan_out", "fan_avg")
    def test_every_mode_and_scale_is_kept(self, mode):
        initializer = keras.initializers.VarianceScaling(
            scale=3.0, mode=mode, distribution="uniform", seed=1
        )
        fan = {"fan_in": 9.0, "fan_out": 16.0, "fan_avg": 12.5}[mode]
        corrected = fans.with_fans(
            initializer, shape=SHAPE, fan_in=9, fan_out=16
        )
        drawn = np.asarray(corrected(SHAPE))
        # A uniform distribution on +-sqrt(3 * scale / fan).
        limit = (3 * 3.0 / fan) ** 0.5
        np.testing.assert_allclose(np.abs(drawn).max(), limit, rtol=1e-3)

    def test_seed_is_kept(self):
        def draw(initializer, fan):
            corrected = fans.with_fans(
                initializer, shape=SHAPE, fan_in=fan, fan_out=1
            )
            return np.asarray(corrected(SHAPE))

        he = keras.initializers.HeNormal(seed=7)
        np.testing.assert_allclose(draw(he, 1), 3 * draw(he, 9), rtol=1e-5)

    def test_fans_below_1_count_as_1_as_in_keras(self):
        initializer = keras.initializers.VarianceScaling(
            mode="fan_out", distribution="uniform", seed=0
        )
        corrected = fans.with_fans(
            initializer, shape=SHAPE, fan_in=9, fan_out=0.01
        )
        limit = np.abs(np.asarray(corrected(SHAPE))).max()
        np.testing.assert_allclose(limit, 3**0.5, rtol=1e-3)

    def test_fans_of_the_shape_change_nothing(self):
        glorot = keras.initializers.GlorotUniform(seed=0)
        corrected = fans.with_fans(
            glorot, shape=SHAPE, fan_in=50 * 40, fan_out=50 * 30
        )
        np.testing.assert_allclose(corrected(SHAPE), glorot(SHAPE), rtol=1e-6)

    @parameterized.parameters("zeros", "random_normal", "orthogonal")
    def test_initializers_without_fans_are_returned_as_they_are(self, name):
        initializer = keras.initializers.get(name)
        corrected = fans.with_fans(
            initializer, shape=SHAPE, fan_in=9, fan_out=16
        )
        self.assertIs(corrected, initializer)


if __name__ == "__main__":
    absltest.main()

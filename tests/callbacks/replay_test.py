"""Tests of the replay: another run turns by the angles that one recorded."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.callbacks import second_moments
from needle_tf.callbacks import stepwise_rotation
from needle_tf.optimizers import layca
from tests.callbacks import small_fits

STEPS = small_fits.STEPS
StepwiseRotation = stepwise_rotation.StepwiseRotation


def network(optimizer, dtype="float32"):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype)
    try:
        model = small_fits.network()
    finally:
        keras.config.set_dtype_policy(before)
    model.compile(optimizer, model.loss)
    return model


def replayed(angles, dtype="float32"):
    """The angles of a run of SGD under Layca that replays others."""
    optimizer = layca.Layca(keras.optimizers.SGD(1.0), angles=angles)
    callback = StepwiseRotation()
    epochs = len(angles) // STEPS
    small_fits.fit(network(optimizer, dtype), callback, epochs=epochs)
    return callback.angles


# Weights near 1 in float32 are rounded by up to 6e-8 of themselves, which
# turns a kernel of a few dozen entries by about 1e-8.
ROUNDING = 3e-8


class ReplayTest(parameterized.TestCase):
    @parameterized.parameters(1e-1, 1e-2, 1e-3)
    def test_sgd_turns_by_the_angles_of_adam(self, learning_rate):
        recorder = StepwiseRotation()
        adam = keras.optimizers.Adam(learning_rate)
        small_fits.fit(network(adam), recorder, epochs=3)
        file = self.create_tempdir().full_path + "/angles.npz"
        recorder.save(file)
        _, angles = StepwiseRotation.load(file)
        self.assertGreater(angles.min(), 1e-4)
        np.testing.assert_allclose(
            replayed(angles), recorder.angles, rtol=1e-5, atol=ROUNDING
        )

    def test_turns_of_any_size_are_made_in_float64(self):
        # Without the rounding of float32 weights, also those of 1e-6.
        exponents = np.random.default_rng(0).uniform(-6, 0, (2 * STEPS, 2))
        angles = 10.0**exponents
        angles[1], angles[4] = 1e-6, 3.0
        np.testing.assert_allclose(replayed(angles, "float64"), angles, 1e-5)

    def test_turns_of_one_millionth_are_made_within_the_rounding(self):
        # The cosine of the published record sees none below 3e-4.
        angles = np.full((STEPS, 2), 1e-6)
        np.testing.assert_allclose(replayed(angles), angles, atol=ROUNDING)


class SecondMomentsTest(parameterized.TestCase):
    def test_second_moments_inside_layca_are_found(self):
        adam = keras.optimizers.Adam()
        model = network(layca.Layca(adam, 1 / 27))
        callback = second_moments.SecondMoments()
        small_fits.fit(model, callback, epochs=1)
        (slot,) = [
            v for v in adam.variables if v.name.endswith("conv_kernel_velocity")
        ]
        np.testing.assert_allclose(
            callback.history[0].layers["conv"],
            np.percentile(slot.numpy(), [10, 50, 90]),
            1e-4,
        )

    def test_layca_around_an_optimizer_without_any_is_named(self):
        model = network(layca.Layca(keras.optimizers.SGD(), 1 / 27))
        with self.assertRaisesRegex(ValueError, r"Received: Layca\(SGD\), wh"):
            small_fits.fit(model, second_moments.SecondMoments())


if __name__ == "__main__":
    absltest.main()

"""Tests of the random states, which follow from seed and epoch alone."""

import random

import keras
import numpy as np
from absl.testing import absltest

from needle_tf.protocol import randomness
from tests.callbacks import small_fits


class DrawInEachEpoch(keras.callbacks.Callback):
    """Draws from Python's and NumPy's global generators, as users do."""

    def __init__(self):
        super().__init__()
        self.drawn = []

    def on_epoch_begin(self, epoch, logs=None):
        self.drawn.append((random.random(), np.random.random()))


class EpochSeedsTest(absltest.TestCase):
    def fit(self, model, first, last, seed=5):
        draws = DrawInEachEpoch()
        small_fits.fit(
            model,
            randomness.EpochSeeds(seed),
            draws,
            initial_epoch=first,
            epochs=last,
            shuffle=False,
        )
        return draws.drawn

    def test_keras_files_do_not_hold_the_state_of_dropout(self):
        """The reason for this module: if it fails, there is none any more."""
        file = f"{self.create_tempdir().full_path}/model.keras"
        model = small_fits.network()
        (state,) = randomness.seed_states(model)
        state.assign([77, 78])
        model.save(file)
        (back,) = randomness.seed_states(keras.saving.load_model(file))
        self.assertNotEqual(list(np.asarray(back)), [77, 78])

    def test_dropout_after_a_restart_is_that_of_a_run_without(self):
        whole = small_fits.network()
        drawn = self.fit(whole, 0, 3)
        file = f"{self.create_tempdir().full_path}/model.keras"
        first = small_fits.network()
        begun = self.fit(first, 0, 1)
        first.save(file)
        random.seed(99)
        np.random.seed(99)
        second = keras.saving.load_model(file)
        resumed = self.fit(second, 1, 3)
        self.assertEqual(begun + resumed, drawn)
        for one, other in zip(whole.weights, second.weights, strict=True):
            np.testing.assert_array_equal(one, other)

    def test_epochs_and_seeds_differ(self):
        model = small_fits.network()
        callback = randomness.EpochSeeds(5)
        callback.set_model(model)
        states = []
        for epoch in (0, 1, 0):
            callback.on_epoch_begin(epoch)
            (state,) = randomness.seed_states(model)
            states.append(tuple(np.asarray(state)))
        other = randomness.EpochSeeds(6)
        other.set_model(model)
        other.on_epoch_begin(0)
        states.append(tuple(np.asarray(state)))
        self.assertEqual(states[0], states[2])
        self.assertLen(set(states), 3)

    def test_seed_states_of_nested_models_are_found_and_metrics_are_not(self):
        inner = keras.Sequential([keras.Input((4,)), keras.layers.Dropout(0.5)])
        outer = keras.Sequential(
            [keras.Input((4,)), inner, keras.layers.GaussianNoise(0.1)]
        )
        outer.compile("adam", "mse", metrics=["mae"])
        outer.evaluate(np.ones((2, 4)), np.ones((2, 4)), verbose=0)
        self.assertLen(randomness.seed_states(outer), 2)

    def test_stages_begin_alike_whatever_ran_before(self):
        kernels = []
        for noise in (1, 2):
            keras.random.normal((3,))
            random.seed(noise)
            randomness.begin_stage(11, is_deterministic=False)
            layer = keras.layers.Dense(3)
            layer.build((None, 4))
            kernels.append(np.asarray(layer.kernel))
        np.testing.assert_array_equal(*kernels)


if __name__ == "__main__":
    absltest.main()

"""Tests of the stop at a loss that is no number."""

import keras
import numpy as np
from absl.testing import absltest

from needle_tf.callbacks import divergence
from tests.callbacks import small_fits


class SpoilAt(keras.callbacks.Callback):
    """Makes a weight NaN before one batch of one epoch."""

    def __init__(self, epoch, batch):
        super().__init__()
        self._place = (epoch, batch)
        self._epoch = None

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        if (self._epoch, batch) == self._place:
            kernel = self.model.layers[-1].kernel
            kernel.assign(np.full(kernel.shape, np.nan))


class CountCalls(keras.callbacks.Callback):
    """Counts what comes after the callback under test."""

    def __init__(self):
        super().__init__()
        self.batches = 0
        self.epochs = 0
        self.tests = 0

    def on_train_batch_end(self, batch, logs=None):
        self.batches += 1

    def on_epoch_end(self, epoch, logs=None):
        self.epochs += 1

    def on_test_begin(self, logs=None):
        self.tests += 1


class DivergenceTest(absltest.TestCase):
    def test_nan_stops_training_in_the_same_step(self):
        counts = CountCalls()
        with self.assertRaisesRegex(
            divergence.DivergedError,
            r"no longer a finite number by step 5, in epoch 1 .*learning rate",
        ) as caught:
            small_fits.fit(
                small_fits.network(),
                SpoilAt(epoch=1, batch=1),
                divergence.Divergence(),
                counts,
                epochs=4,
            )
        self.assertEqual(caught.exception.epoch, 1)
        self.assertEqual(caught.exception.step, small_fits.STEPS + 2)
        # Neither tests nor the other callbacks see the spoilt network.
        self.assertEqual(counts.batches, small_fits.STEPS + 1)
        self.assertEqual((counts.epochs, counts.tests), (1, 1))

    def test_steps_before_this_fit_are_counted_and_epochs_are_keras_own(self):
        with self.assertRaises(divergence.DivergedError) as caught:
            small_fits.fit(
                small_fits.network(),
                SpoilAt(epoch=2, batch=0),
                divergence.Divergence(first_step=2 * small_fits.STEPS),
                epochs=4,
                initial_epoch=2,
            )
        self.assertEqual(caught.exception.epoch, 2)
        self.assertEqual(caught.exception.step, 2 * small_fits.STEPS + 1)

    def test_several_steps_per_execution_are_noticed_after_the_call(self):
        with self.assertRaises(divergence.DivergedError) as caught:
            small_fits.fit(
                small_fits.network(steps_per_execution=small_fits.STEPS),
                SpoilAt(epoch=0, batch=0),
                divergence.Divergence(),
            )
        self.assertEqual(caught.exception.step, small_fits.STEPS)

    def test_infinite_test_loss_stops_at_the_end_of_the_epoch(self):
        callback = divergence.Divergence()
        callback.on_train_begin()
        callback.on_epoch_begin(3)
        callback.on_train_batch_end(2, {"loss": 1.0})
        with self.assertRaises(divergence.DivergedError) as caught:
            callback.on_epoch_end(3, {"loss": 1.0, "val_loss": float("inf")})
        self.assertEqual(caught.exception.epoch, 3)
        self.assertEqual(caught.exception.step, 3)

    def test_finite_training_goes_to_its_end(self):
        fitted = small_fits.fit(
            small_fits.network(), divergence.Divergence(), epochs=2
        )
        self.assertLen(fitted.history["loss"], 2)


if __name__ == "__main__":
    absltest.main()

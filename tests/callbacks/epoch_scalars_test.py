"""Tests of the scalars of each epoch, read back from event files."""

import time

import keras
from absl.testing import absltest

from needle_tf.callbacks import epoch_scalars
from needle_tf.callbacks import tags
from tests.callbacks import event_files
from tests.callbacks import small_fits


class SlowTests(keras.callbacks.Callback):
    """Makes the tests, not the training, take a while."""

    SECONDS = 0.5

    def on_test_end(self, logs=None):
        time.sleep(self.SECONDS)


class KeepLogs(keras.callbacks.Callback):
    """Keeps what callbacks further down the list see."""

    def __init__(self):
        super().__init__()
        self.logs = []
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self._begin = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self._begin)
        self.logs.append(dict(logs))


class EpochScalarsTest(absltest.TestCase):
    def fit(self, *more, model=None, **settings):
        folder = self.create_tempdir().full_path
        callback = epoch_scalars.EpochScalars(folder, **settings)
        fitted = small_fits.fit(
            model or small_fits.network(), callback, *more, epochs=2
        )
        return fitted.history, event_files.scalars(folder)

    def test_event_file_holds_what_keras_measured(self):
        history, events = self.fit()
        for name, tag in (
            ("loss", tags.TRAIN_LOSS),
            ("accuracy", tags.TRAIN_ACCURACY),
            ("val_loss", tags.TEST_LOSS),
            ("val_accuracy", tags.TEST_ACCURACY),
        ):
            values = [value for _, value in events[tag]]
            self.assertSequenceAlmostEqual(values, history[name], places=6)
            self.assertEqual(
                [step for step, _ in events[tag]],
                [small_fits.STEPS, 2 * small_fits.STEPS],
            )

    def test_steps_go_on_from_the_first_step(self):
        _, events = self.fit(first_step=100)
        steps = [step for step, _ in events[tags.TEST_LOSS]]
        self.assertEqual(
            steps, [100 + small_fits.STEPS, 100 + 2 * small_fits.STEPS]
        )

    def test_steps_are_right_with_several_per_execution(self):
        model = small_fits.network(steps_per_execution=small_fits.STEPS)
        _, events = self.fit(model=model)
        steps = [step for step, _ in events[tags.TRAIN_LOSS]]
        self.assertEqual(steps, [small_fits.STEPS, 2 * small_fits.STEPS])

    def test_speed_is_that_of_training_without_tests(self):
        # Before EpochScalars the clock is not stopped yet, so behind it.
        logs = KeepLogs()
        _, events = self.fit(SlowTests(), logs, images_per_epoch=12)
        _, seconds = events[tags.EPOCH_SECONDS][1]
        self.assertLess(seconds, logs.seconds[1] - SlowTests.SECONDS)
        self.assertGreater(seconds, 0)
        _, speed = events[tags.IMAGES_PER_SECOND][1]
        self.assertAlmostEqual(speed * seconds, 12, places=3)
        self.assertAlmostEqual(logs.logs[1]["seconds"], seconds, places=5)
        self.assertIn("images_per_second", logs.logs[1])

    def test_images_per_second_need_the_number_of_images(self):
        _, events = self.fit()
        self.assertNotIn(tags.IMAGES_PER_SECOND, events)


if __name__ == "__main__":
    absltest.main()

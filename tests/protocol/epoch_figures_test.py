"""Tests of figures that are added to those of Keras."""

import keras
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.optimizers import schedules
from needle_tf.protocol import epoch_figures
from tests.callbacks import small_fits


class Rows(keras.callbacks.Callback):
    """Keeps the columns of a monitor, and the logs, whenever rows are made."""

    def __init__(self, monitor):
        super().__init__()
        self._monitor = monitor
        self.rows, self.logs = [], []

    def on_train_begin(self, logs=None):
        self.rows.append(self._monitor.row())

    def on_epoch_end(self, epoch, logs=None):
        self.rows.append(self._monitor.row())
        self.logs.append(dict(logs))


def fit(monitor, learning_rate=0.1):
    rows = Rows(monitor)
    network = small_fits.network(learning_rate)
    small_fits.fit(network, *monitor.figures, rows)
    return network, rows


class ValidationTest(absltest.TestCase):
    def test_held_out_images_are_evaluated_at_the_start_and_each_epoch(self):
        images, labels = small_fits.data()

        def evaluate(network):
            return network.evaluate(
                images[:5], labels[:5], verbose=0, return_dict=True
            )

        monitor = epoch_figures.Validation(evaluate)
        network, rows = fit(monitor)
        self.assertLen(rows.rows, 3)
        last = evaluate(network)
        self.assertAlmostEqual(rows.rows[-1]["val_loss"], last["loss"], 6)
        self.assertEqual(rows.rows[-1]["val_accuracy"], last["accuracy"])
        self.assertNotEqual(rows.rows[0], rows.rows[1])
        for row, logs in zip(rows.rows[1:], rows.logs, strict=True):
            self.assertEqual(logs["validation_loss"], row["val_loss"])
            self.assertEqual(logs["validation_accuracy"], row["val_accuracy"])
            # Those of the test images are others.
            self.assertNotEqual(logs["val_loss"], row["val_loss"])

    def test_training_is_not_moved_by_it(self):
        plain, _ = fit(epoch_figures.Rate(0.1))
        monitor = epoch_figures.Validation(
            lambda network: network.evaluate(
                *small_fits.data(), verbose=0, return_dict=True
            )
        )
        watched, _ = fit(monitor)
        for one, other in zip(plain.weights, watched.weights, strict=True):
            self.assertEqual(one.numpy().tolist(), other.numpy().tolist())


class RateTest(parameterized.TestCase):
    def test_rate_is_that_of_the_last_step(self):
        schedule = schedules.StepDrops(
            0.5, boundaries=[1, small_fits.STEPS], factor=0.1
        )
        _, rows = fit(epoch_figures.Rate(schedule), schedule)
        found = [row["learning_rate"] for row in rows.rows]
        self.assertSequenceAlmostEqual(found, [0.5, 0.05, 0.005], places=6)
        self.assertEqual(rows.logs[0]["learning_rate"], found[1])

    @parameterized.parameters((0.25,), (None,))
    def test_rate_may_be_a_number_or_none(self, rate):
        _, rows = fit(epoch_figures.Rate(rate))
        found = [row["learning_rate"] for row in rows.rows]
        self.assertEqual(found, [rate] * 3)
        self.assertEqual("learning_rate" in rows.logs[0], rate is not None)


if __name__ == "__main__":
    absltest.main()

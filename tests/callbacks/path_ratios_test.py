"""Tests of the monitor of EC-Opt."""

import keras
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.callbacks import path_ratios
from needle_tf.callbacks import tags
from tests.callbacks import event_files
from tests.callbacks import small_fits


class WithPenalty(keras.Sequential):
    """A network whose loss sees the weights besides, unknown to Keras."""

    def compute_loss(self, *args, **kwargs):
        loss = super().compute_loss(*args, **kwargs)
        squares = [
            keras.ops.sum(keras.ops.square(weight))
            for weight in self.trainable_variables
        ]
        return loss + 0.1 * sum(squares)


class PathRatiosTest(parameterized.TestCase):
    def test_share_of_clipped_ratios_is_logged_and_written(self):
        folder = self.create_tempdir().full_path
        model = small_fits.path_network(rate=1.0)
        monitor = path_ratios.PathRatios(folder)
        history = small_fits.fit(model, monitor, epochs=3).history
        shares = [seen.clipped_share for seen in monitor.history]
        self.assertEqual(history["clipped_share"], shares)
        self.assertGreater(max(shares), 0)
        self.assertLessEqual(max(shares), 1)
        self.assertAlmostEqual(
            sum(shares) / 3, model.optimizer.clipped_share, places=6
        )
        written = event_files.scalars(folder)[tags.CLIPPED_SHARE]
        steps = [small_fits.STEPS * epoch for epoch in (1, 2, 3)]
        self.assertEqual([step for step, _ in written], steps)

    def test_share_is_0_while_nothing_is_clipped(self):
        monitor = path_ratios.PathRatios()
        small_fits.fit(small_fits.path_network(rate=1e-5), monitor)
        self.assertEqual(
            [seen.clipped_share for seen in monitor.history], [0, 0]
        )
        self.assertLess(monitor.history[0].conservation_error, 1e-5)

    def test_loss_that_sees_the_weights_is_refused(self):
        model = small_fits.path_network(WithPenalty)
        with self.assertRaisesRegex(
            ValueError, "sees weights otherwise than through the network"
        ):
            small_fits.fit(model, path_ratios.PathRatios())

    def test_another_optimizer_is_refused(self):
        with self.assertRaisesRegex(ValueError, "ECOpt.*Received: SGD"):
            small_fits.fit(small_fits.network(), path_ratios.PathRatios())


if __name__ == "__main__":
    absltest.main()

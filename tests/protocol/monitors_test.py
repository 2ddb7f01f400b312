"""Tests of monitors: columns, layers, and files that go on after a resume."""

import json
import pathlib
import types

import keras
import numpy as np
from absl.testing import absltest

from needle_tf.callbacks import stops
from needle_tf.graphs import kernels
from needle_tf.protocol import checkpoints
from needle_tf.protocol import monitors
from tests.callbacks import small_fits

STEPS = small_fits.STEPS


class MonitorCase(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.path = pathlib.Path(self.create_tempdir().full_path)

    def sitting(self, network, first_epoch=0):
        return monitors.Sitting(
            network,
            self.path,
            str(self.path / "events"),
            history=types.SimpleNamespace(epochs=[]),
            begun_at=0,
            first_epoch=first_epoch,
            first_step=first_epoch * STEPS,
        )

    def fit(self, network, monitor, epochs=2, first_epoch=0):
        small_fits.fit(
            network,
            *monitor.figures,
            *monitor.callbacks,
            epochs=epochs,
            initial_epoch=first_epoch,
        )
        return monitor


class ColumnsTest(MonitorCase):
    def test_monitor_of_nothing_adds_nothing(self):
        monitor = monitors.Monitor()
        self.assertEqual((monitor.row(), monitor.layers()), ({}, {}))
        self.assertIsNone(monitor.stopped())
        monitor.save()
        self.assertEmpty(list(self.path.iterdir()))

    def test_clipped_ratios_are_a_column_from_the_first_epoch_on(self):
        network = small_fits.path_network(rate=1.0)
        monitor = monitors.PathRatios(self.sitting(network))
        self.assertEqual(monitor.row(), {"clipped_share": None})
        self.fit(network, monitor)
        self.assertBetween(monitor.row()["clipped_share"], 1e-6, 1)

    def test_distance_gives_totals_and_layers(self):
        network = small_fits.network()
        monitor = monitors.Distance(self.sitting(network), 0)
        self.fit(network, monitor)
        self.assertEqual(
            monitor.row(), {"delta": 0, "delta_share": 0, "delta_cnn": 0}
        )
        self.assertEmpty(monitor.layers())  # Of a CNN.

    def test_gradient_gives_one_norm(self):
        network = small_fits.network()
        sitting = self.sitting(network)
        monitor = monitors.Gradient(sitting, *small_fits.data())
        self.fit(network, monitor)
        self.assertGreater(monitor.row()["gradient_norm"], 0)

    def test_step_scalars_only_write(self):
        network = small_fits.network()
        monitor = monitors.StepScalars(self.sitting(network), 1)
        self.fit(network, monitor)
        self.assertEmpty(monitor.row())
        self.assertNotEmpty(list((self.path / "events").iterdir()))

    def test_stop_is_told_in_epochs_behind(self):
        network = small_fits.network()
        monitor = monitors.Stops(stops.StopAtLoss(1e6))
        self.assertIsNone(monitor.stopped())
        self.fit(network, monitor)
        self.assertEqual(monitor.stopped()["epoch"], 1)
        self.assertRegex(monitor.stopped()["reason"], "^Finished: loss")


class RotationTest(MonitorCase):
    def test_rotation_is_measured_from_where_the_stage_began(self):
        network = small_fits.network()
        checkpoints.save(network, self.path, 0)
        start = monitors.kernels_of(self.path, 0)
        monitor = monitors.Rotation(self.sitting(network))
        self.fit(network, monitor)
        self.assertEqual(list(monitor.layers()), ["conv", "logits"])
        before = monitor.layers()
        # Another process goes on: its weights are no longer those.
        resumed = monitors.Rotation(self.sitting(network, first_epoch=2))
        resumed.callbacks[0].set_model(network)
        resumed.callbacks[0].on_train_begin()
        self.assertEqual(resumed.layers(), before)
        self.assertGreater(resumed.row()["rotation_min"], 0)
        for name, kernel in kernels.named_kernels(network).items():
            end = np.ravel(kernel.numpy()).astype("float64")
            one = np.ravel(start[name]).astype("float64")
            cosine = end @ one / np.linalg.norm(end) / np.linalg.norm(one)
            # float32 angles.
            self.assertAlmostEqual(before[name]["rotation"], 1 - cosine, 5)

    def test_lost_start_is_named_with_what_to_do(self):
        network = small_fits.network()
        with self.assertRaisesRegex(
            ValueError,
            r"epoch_0000.keras is missing or corrupt.*rotations are measured "
            r".*remove the folder .* to train this stage anew",
        ):
            monitors.Rotation(self.sitting(network, first_epoch=1))


class AnglesTest(MonitorCase):
    def test_angles_are_cut_where_the_stage_goes_on(self):
        network = small_fits.network()
        monitor = monitors.Angles(self.sitting(network))
        self.fit(network, monitor)
        monitor.save()
        with np.load(self.path / "angles.npz") as content:
            whole = content["angles"]
        self.assertEqual(whole.shape, (2 * STEPS, 2))
        resumed = monitors.Angles(self.sitting(network, first_epoch=1))
        self.fit(network, resumed, epochs=3, first_epoch=1)
        resumed.save()
        with np.load(self.path / "angles.npz") as content:
            self.assertEqual(content["angles"].shape, (3 * STEPS, 2))
            np.testing.assert_array_equal(
                content["angles"][:STEPS], whole[:STEPS]
            )

    def test_recording_that_ends_before_the_checkpoint_is_refused(self):
        network = small_fits.network()
        monitor = monitors.Angles(self.sitting(network))
        self.fit(network, monitor, epochs=1)
        monitor.save()
        with self.assertRaisesRegex(
            ValueError, r"angles.npz ends at step 3, before the checkpoint \(s"
        ):
            monitors.Angles(self.sitting(network, first_epoch=2))


class SecondMomentsTest(MonitorCase):
    def adam(self):
        network = small_fits.network()
        network.compile(
            keras.optimizers.Adam(),
            network.loss,
            metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        )
        network.optimizer.build(network.trainable_variables)
        return network

    def test_epochs_are_cut_where_the_stage_goes_on(self):
        network = self.adam()
        monitor = monitors.SecondMoments(self.sitting(network))
        self.fit(network, monitor)
        monitor.save()
        before = json.loads((self.path / "second_moments.json").read_text())
        self.assertEqual(before["epochs"], [1, 2])
        resumed = monitors.SecondMoments(self.sitting(network, first_epoch=1))
        self.fit(network, resumed, epochs=3, first_epoch=1)
        resumed.save()
        after = json.loads((self.path / "second_moments.json").read_text())
        self.assertEqual(after["epochs"], [1, 2, 3])
        for name, rows in after["layers"].items():
            self.assertLen(rows, 3)
            self.assertEqual(rows[0], before["layers"][name][0])


if __name__ == "__main__":
    absltest.main()

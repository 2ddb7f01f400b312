"""Tests of the monitors under MirroredStrategy, on two logical devices.

In a process of its own: devices are divided before TensorFlow starts.
"""

import contextlib

import numpy as np
from absl.testing import absltest

from needle_tf.callbacks import layer_rotation
from needle_tf.callbacks import second_moments
from needle_tf.callbacks import stepwise_rotation
from needle_tf.callbacks import subspace_distance
from needle_tf.callbacks import tags
from tests import fresh_process
from tests.callbacks import event_files
from tests.callbacks import kept_kernels
from tests.callbacks import small_fits
from tests.oracles import turns

STEPS = small_fits.STEPS

SCRIPT = """
import tensorflow as tf
tf.config.set_visible_devices([], "GPU")
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)
from tests.callbacks import two_devices_test
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert strategy.num_replicas_in_sync == 2
two_devices_test.check(strategy, ".")
"""


def check(strategy, folder):
    """Compares two fits, out of the strategy's scope and in it, with NumPy."""
    with strategy.scope():
        model = small_fits.network()
        model.compile("adam", model.loss)
    for fit, scope in enumerate((contextlib.nullcontext(), strategy.scope())):
        monitors = (
            layer_rotation.LayerRotation(every_steps=1),
            stepwise_rotation.StepwiseRotation(),
            second_moments.SecondMoments(),
            kept_kernels.KeepKernels(),
        )
        distance = subspace_distance.SubspaceDistance(f"{folder}/{fit}")
        with scope:
            small_fits.fit(model, *monitors, distance, epochs=2)
        rotation, stepwise, moments, kept = monitors
        first = 2 * STEPS * fit
        steps = [each.step for each in rotation.measured]
        assert steps == list(range(first, first + 2 * STEPS + 1)), steps
        # By default the axis is the optimizer's count, here of two devices.
        written = event_files.scalars(f"{folder}/{fit}")[tags.SUBSPACE_DELTA]
        steps = [step for step, _ in written]
        assert steps == [first + STEPS * epoch for epoch in range(3)], steps
        for column, (name, values) in enumerate(kept.kept.items()):
            np.testing.assert_allclose(
                [each.layers[name] for each in rotation.measured],
                [turns.cosine_distance(v, values[0]) for v in values],
                1e-5,
                1e-12,
            )
            pairs = zip(values, values[1:], strict=False)
            np.testing.assert_allclose(
                stepwise.angles[:, column],
                [turns.angle(*pair) for pair in pairs],
                1e-5,
            )
        assert moments.as_json()["epochs"] == [1, 2]
        assert all(v[0] > 0 for v in moments.history[-1].layers.values())


class TwoDevicesTest(absltest.TestCase):
    def test_monitors_see_what_is_trained_on_both(self):
        fresh_process.run(SCRIPT, self.create_tempdir().full_path)


if __name__ == "__main__":
    absltest.main()

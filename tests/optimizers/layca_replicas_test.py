"""Tests of Layca on two devices: in step with one, on the whole batch.

Devices are made before TensorFlow starts, so in a process of their own.
"""

import pathlib

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.optimizers import layca
from tests import fresh_process
from tests.optimizers import small_runs

SCRIPT = """
import numpy as np
import tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)
from tests.optimizers import layca_replicas_test
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert strategy.num_replicas_in_sync == 2
found = {}
for name in layca_replicas_test.CASES:
    with strategy.scope():
        found |= layca_replicas_test.computed(name)
np.savez("found.npz", **found)
"""
CASES = {
    "momentum": lambda: layca.Layca(
        keras.optimizers.SGD(0.1, momentum=0.9), 0.1, others="inner"
    ),
    "adam": lambda: layca.Layca(
        keras.optimizers.Adam(0.01), 0.1, granularity="unit", alpha=0.3
    ),
}


def computed(name):
    """Returns the weights of a trained network and its optimizer's."""
    model = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            keras.layers.Conv2D(4, 3, activation="tanh"),
            keras.layers.Flatten(),
            keras.layers.Dense(3),
        ]
    )
    for place, weight in enumerate(model.trainable_variables):
        weight.assign(0.3 * small_runs.normal(place, weight.shape))
    small_runs.compiled(model, CASES[name]())
    images, labels = small_runs.examples()
    for _ in range(4):
        model.fit(images, labels, batch_size=32, verbose=0)
    variables = model.variables + model.optimizer.variables
    return {
        f"{name}_{place}": small_runs.array(variable)
        for place, variable in enumerate(variables)
    }


class ReplicasTest(parameterized.TestCase):
    def test_two_devices_train_as_one(self):
        folder = pathlib.Path(self.create_tempdir().full_path)
        fresh_process.run(SCRIPT, folder)
        found = np.load(folder / "found.npz")
        expected = {}
        for name in CASES:
            expected |= computed(name)
        self.assertCountEqual(found, expected)
        for name, values in expected.items():
            with self.subTest(name):
                np.testing.assert_allclose(found[name], values, 1e-3, 1e-4)


if __name__ == "__main__":
    absltest.main()

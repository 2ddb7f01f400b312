"""Tests of Layca on two devices: in step with one, on the whole batch.

Devices are made before TensorFlow starts, so in a process of their own.
"""

import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.optimizers import layca
from tests.optimizers import small_runs

SCRIPT = """
import sys
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
np.savez(sys.argv[1], **found)
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
        root = pathlib.Path(__file__).resolve().parent.parent.parent
        folder = pathlib.Path(self.create_tempdir().full_path)
        finished = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(folder / "found.npz")],
            env={**os.environ, "PYTHONPATH": str(root)},
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        self.assertEqual(finished.returncode, 0, finished.stderr[-3000:])
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

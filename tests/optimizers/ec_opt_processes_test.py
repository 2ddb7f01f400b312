"""Tests of EC-Opt in other processes: a fresh one, two devices, and JAX."""

import pathlib

import keras
import numpy as np
from absl.testing import absltest

from needle_tf.optimizers import ec_opt
from tests import fresh_process
from tests.optimizers import small_runs

FRESH = """
import keras
import numpy as np
import tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)
import needle_tf
from tests.optimizers import ec_opt_processes_test as test
from tests.optimizers import small_runs
model = keras.models.load_model("model.keras")
np.savez("fresh.npz", *test.everything(small_runs.fit(model, epochs=2)))
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert strategy.num_replicas_in_sync == 2
with strategy.scope():
    np.savez("devices.npz", *test.everything(test.trained()))
"""
JAX = """
import keras
import numpy as np
import needle_tf.optimizers.ec_opt
from tests.optimizers import ec_opt_processes_test as test
from tests.optimizers import small_runs
assert keras.backend.backend() == "jax"
model = keras.models.load_model("model.keras")
np.savez("loaded.npz", *test.everything(small_runs.fit(model, epochs=2)))
"""


def network(is_normalised=True):
    """Returns a CNN with groups by convolution, BatchNorm and dense layers."""
    layers = keras.layers
    normal = layers.BatchNormalization(name="normal")
    model = keras.Sequential(
        [
            keras.Input((6, 6, 2), name="images"),
            layers.Conv2D(4, 3, name="conv", activation="relu"),
            layers.Conv2D(3, 1, name="second", use_bias=False),
            normal if is_normalised else layers.Dropout(0.0, name="none"),
            layers.ReLU(name="relu"),
            layers.Flatten(name="flat"),
            layers.Dense(8, "relu", name="hidden"),
            layers.Dense(3, name="logits"),
        ],
        name="network",
    )
    for place, weight in enumerate(model.trainable_variables):
        if len(weight.shape) > 1:
            size = np.prod(weight.shape[:-1])
            weight.assign(small_runs.normal(place, weight.shape) / size**0.5)
    return model


def made(accumulated=2, **settings):
    """Returns a compiled network, with momentum, decay and accumulation."""
    model = network(**settings)
    inner = keras.optimizers.SGD(
        0.05,
        momentum=0.9,
        weight_decay=1e-3,
        gradient_accumulation_steps=accumulated,
    )
    return small_runs.compiled(model, ec_opt.ECOpt(inner, model))


def trained():
    """Returns one after 8 batches, the same on any number of devices.

    Each would normalise by its own images, and Keras cannot accumulate there.
    """
    model = made(accumulated=None, is_normalised=False)
    # Normalised by what each device sees: by the moving statistics here.
    images, labels = small_runs.examples()
    for _ in range(8):
        model.fit(images, labels, batch_size=32, verbose=0)
    return model


def everything(model):
    """Returns weights and optimizer variables as arrays."""
    variables = model.trainable_variables + model.optimizer.variables
    return [small_runs.array(variable) for variable in variables]


class ProcessesTest(absltest.TestCase):
    def assert_close(self, file, expected, **tolerance):
        found = np.load(file)
        self.assertLen(found.files, len(expected))
        for name, values in zip(found.files, expected, strict=True):
            np.testing.assert_allclose(
                found[name], values, err_msg=f"{file.name}: {name}", **tolerance
            )

    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)
        self.model = made()
        small_runs.fit(self.model, epochs=2)
        self.model.save(self.folder / "model.keras")

    def test_fresh_process_goes_on_and_two_devices_train_as_one(self):
        fresh_process.run(FRESH, self.folder)
        small_runs.fit(self.model, epochs=2)
        self.assert_close(
            self.folder / "fresh.npz", everything(self.model), rtol=0, atol=0
        )
        self.assert_close(
            self.folder / "devices.npz",
            everything(trained()),
            rtol=1e-3,
            atol=1e-4,
        )

    def test_jax_loads_the_file_and_takes_the_same_steps(self):
        fresh_process.run(JAX, self.folder, backend="jax")
        small_runs.fit(self.model, epochs=2)
        self.assert_close(
            self.folder / "loaded.npz",
            everything(self.model),
            rtol=2e-3,
            atol=2e-4,
        )


if __name__ == "__main__":
    absltest.main()

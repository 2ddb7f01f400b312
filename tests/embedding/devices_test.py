"""Tests of blocks on several devices: where they lie and where they work.

In a process of its own: devices are divided before TensorFlow starts.
"""

import collections
import pathlib
import re
import tempfile

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from keras import layers

from needle_tf.embedding import convert
from needle_tf.embedding import distances
from needle_tf.layers import masked_dense
from needle_tf.ops import conv_geometry
from needle_tf.optimizers import local_updates
from tests import fresh_process
from tests.embedding import networks
from tests.embedding import same_function

SCRIPT = """
import tensorflow as tf
tf.config.set_visible_devices([], "GPU")
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 3,
)
# What the runtime prints by itself: each operation and its device.
tf.debugging.set_log_device_placement(True)
from tests.embedding import devices_test
devices_test.check(".")
"""
DEVICES = ("CPU:1", "CPU:2")
SPACES = {"fcn": {"space": "fcn"}, "band": {"space": "band", "radius": 1}}


def network():
    return same_function.fill(
        networks.chain(
            networks.conv(4, activation="tanh", name="conv_1"),
            networks.conv(3, name="conv_2"),
            layers.Flatten(),
            layers.Dense(2, name="logits"),
            shape=(4, 5, 2),
        )
    )


def data():
    rng = np.random.default_rng(0)
    images = rng.normal(size=(3, 4, 5, 2)).astype("float32")
    return images, rng.normal(size=(3, 2))


def trained(space, devices):
    """An embedded network after some steps, the first of them marked."""
    model = convert.embed(
        network(), column_blocks=2, devices=devices, **SPACES[space]
    )
    optimizer = keras.optimizers.Adam(0.01)
    model.compile(local_updates.update_in_place(optimizer), "mse")
    print(f"first step of {space}", flush=True)
    for _ in range(2):
        model.train_on_batch(*data())
        print("done", flush=True)
    return model


def device_of(variable):
    return variable.value.device.rpartition("device:")[2]


def check(folder):
    """Trains on three devices, in their own process."""
    expected = trained("fcn", None)
    for space in SPACES:
        model = trained(space, DEVICES)
        measure = tf.function(lambda m=model: distances.squared_parts(m))
        print(f"distances of {space}", flush=True)
        measure()
        print("done", flush=True)
        for variable in [*model.weights, *model.optimizer.variables]:
            block = re.search("block(.)", variable.path)
            found = device_of(variable)
            wanted = DEVICES[int(block[1])] if block else "CPU:0"
            assert found == wanted, (variable.path, found)
        for one, other in zip(model.weights, expected.weights, strict=True):
            if space == "fcn":
                np.testing.assert_allclose(one, other, 0, 1e-5)
        model.save(f"{folder}/{space}.keras")
        np.save(f"{folder}/{space}.npy", model(data()[0]))
    again = keras.saving.load_model(f"{folder}/fcn.keras")
    assert device_of(again.get_layer("conv_2_block1").kernel) == "CPU:2"
    # Whole layers in turn; a device goes along to a wider space.
    whole = convert.embed(network(), devices=DEVICES, **SPACES["band"])
    for model in (whole, convert.embed(whole)):
        untied = distances.untied_layers(model).values()
        found = [device_of(layer.kernel) for layer in untied]
        assert found == list(DEVICES), found


class DevicesTest(absltest.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = pathlib.Path(
            cls.enterClassContext(tempfile.TemporaryDirectory())
        )
        cls.printed = fresh_process.run(SCRIPT, cls.folder)

    def placed(self, title):
        """Returns how often each operation runs on each device, at last."""
        part = self.printed.split(f"{title}\n")[-1].partition("done\n")[0]
        lines = re.findall(r": \((\w+)\): .*device:(CPU:\d)$", part, re.M)
        return collections.Counter(lines)

    def test_products_masks_and_updates_run_beside_the_weights(self):
        for space, masks in (("fcn", 0), ("band", 8)):
            found = self.placed(f"first step of {space}")
            for device in DEVICES:
                # Two layers, each with three products and two steps of Adam.
                self.assertEqual(found["MatMul", device], 6)
                self.assertEqual(found["SelectV2", device], masks)
                self.assertEqual(found["Sqrt", device], 8)
                self.assertEqual(found["AssignSubVariableOp", device], 4)
            # Those of the logits.
            self.assertEqual(found["MatMul", "CPU:0"], 3)
            self.assertEqual(found["SelectV2", "CPU:0"], 0)
            self.assertEqual(found["Sqrt", "CPU:0"], 4)
            self.assertEqual(found["AssignSubVariableOp", "CPU:0"], 2)

    def test_distances_are_measured_beside_the_weights(self):
        for space in SPACES:
            found = self.placed(f"distances of {space}")
            for device in DEVICES:
                self.assertGreater(found["SelectV2", device], 10)
            self.assertEqual(found["SelectV2", "CPU:0"], 0)

    def test_layer_with_a_device_is_not_compiled_for_one(self):
        geometry = conv_geometry.ConvGeometry.of_convolution((3, 3, 1), 2, 4)
        layer = masked_dense.MaskedDense(geometry, device="CPU:0")
        self.assertFalse(layer.supports_jit)
        self.assertEqual(layer.get_config()["device"], "CPU:0")
        self.assertTrue(masked_dense.MaskedDense(geometry).supports_jit)
        with self.assertRaisesRegex(ValueError, "There is no device 'GPU:9'"):
            masked_dense.MaskedDense(geometry, device="GPU:9")

    def test_model_goes_on_where_its_devices_are_missing(self):
        for space in SPACES:
            with self.assertWarnsRegex(
                UserWarning,
                "Layer \"conv_1_block0\" was saved for the device 'CPU:1'",
            ):
                model = keras.saving.load_model(self.folder / f"{space}.keras")
            np.testing.assert_allclose(
                model(data()[0]), np.load(self.folder / f"{space}.npy"), 0, 1e-5
            )
            self.assertIsNone(model.get_layer("conv_1_block0").device)
            moved = convert.embed(model, devices="CPU:0")
            self.assertEqual(moved.get_layer("conv_2_block1").device, "CPU:0")


if __name__ == "__main__":
    absltest.main()

"""Tests of saved layers: loaded and run where nothing is known about them."""

import json
import pathlib
import tempfile

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.layers import embedded_conv2d
from needle_tf.layers import locally_connected2d
from needle_tf.layers import masked_dense
from needle_tf.ops import conv_geometry
from tests import fresh_process
from tests.oracles import dense_convolution

IMAGE = (6, 5, 2)
# The last layer of the model, a band whose zeros must survive.
LAST = dense_convolution.Convolution((5, 5, 4), (3, 3), 2, padding="same")

# What a fresh process does, and what it prints as JSON.
SCRIPT = """
import json, sys
import numpy as np
import tensorflow as tf

folder = sys.argv[1]
images = np.load(folder + "/images.npy")
wanted = np.load(folder + "/wanted.npy")
exported = tf.saved_model.load(folder + "/exported")
found = {"exported": exported.serve(images)}

import keras
import needle_tf

model = keras.saving.load_model(folder + "/model.keras")
found["loaded"] = model(images)
found["classes"] = [type(layer).__name__ for layer in model.layers[1:]]
model.train_on_batch(images, wanted)
found["last_kernel"] = model.layers[-1].kernel
found["trained"] = model(images)
print(json.dumps({k: np.asarray(v).tolist() for k, v in found.items()}))
"""


def build_model():
    band = conv_geometry.ConvGeometry.of_convolution(**LAST.arguments())
    layers = [
        embedded_conv2d.EmbeddedConv2D(4, 3, padding="same", activation="relu"),
        locally_connected2d.LocallyConnected2D(4, 2, padding=((0, 0), (1, 0))),
        masked_dense.MaskedDense(band, "all", activation="relu"),
        masked_dense.MaskedDense(band, "local"),
    ]
    # The geometry takes 4 channels, the dense layers give 2: join them.
    images = inputs = keras.Input(IMAGE)
    for layer in layers[:2]:
        images = layer(images)
    first, second = (layer(images) for layer in layers[2:])
    images = keras.layers.Concatenate()([first, second])
    last = masked_dense.MaskedDense(
        band, "band", 1, kernel_constraint="non_neg"
    )
    model = keras.Model(inputs, last(images))
    # Adam's slots travel in the file as well.
    model.compile(keras.optimizers.Adam(0.01), "mse")
    return model


class SavingTest(parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        rng = np.random.default_rng(0)
        cls.images = rng.normal(size=(4, *IMAGE)).astype("float32")
        cls.wanted = rng.normal(size=(4, *LAST.output_shape)).astype("float32")
        folder = pathlib.Path(
            cls.enterClassContext(tempfile.TemporaryDirectory())
        )
        np.save(folder / "images.npy", cls.images)
        np.save(folder / "wanted.npy", cls.wanted)
        cls.model = build_model()
        cls.model.train_on_batch(cls.images, cls.wanted)
        cls.model.save(folder / "model.keras")
        cls.model.export(folder / "exported", verbose=False)
        printed = fresh_process.run(SCRIPT, folder, folder)
        cls.found = json.loads(printed.splitlines()[-1])

    def test_all_layers_are_in_the_model(self):
        kinds = {
            embedded_conv2d.EmbeddedConv2D,
            locally_connected2d.LocallyConnected2D,
            masked_dense.MaskedDense,
        }
        self.assertLessEqual(kinds, {type(each) for each in self.model.layers})
        self.assertEqual(
            self.found["classes"],
            [type(layer).__name__ for layer in self.model.layers[1:]],
        )

    def test_everything_is_found_again(self):
        answers = np.asarray(self.model(self.images))
        # The same operations on the same machine, traced or not.
        for how in ("loaded", "exported"):
            with self.subTest(how):
                np.testing.assert_allclose(self.found[how], answers, atol=1e-6)
        self.model.train_on_batch(self.images, self.wanted)
        np.testing.assert_allclose(
            self.found["trained"], self.model(self.images), atol=1e-5
        )
        kernel = np.array(self.found["last_kernel"])
        np.testing.assert_allclose(
            kernel, self.model.layers[-1].kernel, atol=1e-6
        )
        outside = ~dense_convolution.mask(LAST, 1)
        self.assertGreater(outside.sum(), 0)
        np.testing.assert_array_equal(kernel[outside], 0)
        self.assertGreaterEqual(kernel.min(), 0)


if __name__ == "__main__":
    absltest.main()

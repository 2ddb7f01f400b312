"""Tests on two backends: JAX embeds the same network to the same numbers.

Both run `computed`; the other process has JAX, and no TensorFlow.
"""

import pathlib

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers

from needle_tf.embedding import convert
from needle_tf.embedding import distances
from needle_tf.embedding import unembed
from tests import fresh_process
from tests.embedding import same_function

SCRIPT = """
import keras
import numpy as np
import needle_tf
from tests.embedding import jax_backend_test
assert keras.backend.backend() == "jax"
np.savez("found.npz", **jax_backend_test.computed())
"""


def network():
    """A padding that folds in, statistics, a skip, and a nested model."""
    images = keras.Input((5, 6, 2))
    padded = layers.ZeroPadding2D(((1, 0), (1, 1)))(images)
    features = layers.Conv2D(3, (3, 2), activation="tanh")(padded)
    inside = keras.Input(features.shape[1:])
    separable = layers.SeparableConv2D(3, 2, padding="same")(inside)
    inner = keras.Model(inside, layers.BatchNormalization()(separable))
    features = features + inner(features)
    return same_function.fill(
        keras.Model(images, layers.Conv2D(2, 3, strides=2)(features))
    )


def computed():
    """Returns arrays by name: what the current backend makes of it."""
    model = network()
    images = same_function.images_for(model)
    found = {"cnn": model(images)}
    for space in ("fcn", "lcn"):
        embedded = convert.embed(model, space)
        found[space] = embedded(images)
        found[f"{space}_zero"] = distances.subspace_distance(embedded).total
        same_function.fill(embedded, seed=7)
        found[f"{space}_total"] = distances.subspace_distance(embedded).total
        found[f"{space}_nearest"] = unembed.unembed(embedded)(images)
    embedded = convert.embed(model)
    embedded.compile("sgd", "mse")
    embedded.train_on_batch(images, np.zeros(found["cnn"].shape))
    found["cnn_afterwards"] = model(images)
    return {name: np.asarray(values) for name, values in found.items()}


class JaxBackendTest(parameterized.TestCase):
    def test_jax_embeds_to_the_same_numbers(self):
        folder = pathlib.Path(self.create_tempdir().full_path)
        fresh_process.run(SCRIPT, folder, backend="jax")
        found = np.load(folder / "found.npz")
        expected = computed()
        self.assertCountEqual(found, expected)
        for name, values in expected.items():
            with self.subTest(name):
                np.testing.assert_allclose(found[name], values, 1e-4, 1e-5)
        # Training gives away the memory of the embedded network alone.
        np.testing.assert_array_equal(found["cnn_afterwards"], found["cnn"])
        for space in ("fcn", "lcn"):
            np.testing.assert_allclose(found[space], found["cnn"], 0, 1e-5)
            np.testing.assert_array_equal(found[f"{space}_zero"], 0)
            self.assertGreater(found[f"{space}_total"][2], 0.1)


if __name__ == "__main__":
    absltest.main()

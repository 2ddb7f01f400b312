"""Tests that networks of former stages do not stay in memory."""

import gc

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest

from needle_tf.embedding import convert
from needle_tf.protocol import graph_memory
from tests.callbacks import small_fits


def kernels_in_memory():
    """Returns how many handles of variables are alive."""
    gc.collect()
    tensors = (obj for obj in gc.get_objects() if type(obj) is type(_EAGER))
    return sum(tensor.dtype == tf.resource for tensor in tensors)


_EAGER = tf.constant(0)


def train_relaxed_net():
    cnn = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            keras.layers.Conv2D(2, 3, activation="relu"),
            keras.layers.Conv2D(2, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(3),
        ]
    )
    network = convert.embed(cnn)
    network.compile(
        "sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    small_fits.fit(network, epochs=1)
    return network


class ReleasedTest(absltest.TestCase):
    def test_weights_of_a_network_go_with_it(self):
        before = kernels_in_memory()
        for _ in range(2):
            with graph_memory.released():
                train_relaxed_net()
            self.assertLessEqual(kernels_in_memory(), before)

    def test_without_it_they_stay(self):
        """The reason for this module: if it fails, there is none any more."""
        with graph_memory.released():
            before = kernels_in_memory()
            train_relaxed_net()
            self.assertGreater(kernels_in_memory(), before)

    def test_network_can_be_used_and_trained_afterwards(self):
        with graph_memory.released():
            network = train_relaxed_net()
        images, _ = small_fits.data()
        scores = np.asarray(network(images))
        network.make_train_function(force=True)
        network.make_test_function(force=True)
        small_fits.fit(network, epochs=1)
        self.assertGreater(np.abs(network(images) - scores).max(), 0)

    def test_an_error_in_the_body_is_passed_on(self):
        with self.assertRaisesRegex(ValueError, "mine"):
            with graph_memory.released():
                raise ValueError("mine")


if __name__ == "__main__":
    absltest.main()

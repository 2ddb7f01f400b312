"""What every network of the layer rotation study is checked for."""

import keras
import numpy as np
from absl.testing import parameterized

from needle_tf.graphs import kernels
from tests.oracles import rotation_networks as oracle


def norm(kernel):
    """The Frobenius norm of a kernel, float64."""
    return np.linalg.norm(keras.ops.convert_to_numpy(kernel).astype(float))


class NetworkTestCase(parameterized.TestCase):
    """Compares a model with the oracle's list of kernels."""

    def assert_kernels_are(self, model, shapes):
        """Kernels in order, their number of weights, and nothing else."""
        found = kernels.named_kernels(model)
        self.assertEqual(
            [tuple(kernel.shape) for kernel in found.values()], shapes
        )
        trained = sum(
            int(np.prod(variable.shape))
            for variable in model.trainable_variables
        )
        self.assertEqual(trained, oracle.weights(shapes))

    def assert_norms_are_of(self, model, kind):
        """Norms as the initialiser gives them, within its chance."""
        for name, kernel in kernels.named_kernels(model).items():
            expected = oracle.expected_norm(tuple(kernel.shape), kind)
            # The standard deviation is below 0.5 / sqrt(weights) of the norm.
            size = np.prod(kernel.shape)
            self.assertAlmostEqual(
                norm(kernel) / expected,
                1,
                delta=2.5 / np.sqrt(size),
                msg=name,
            )

    def assert_batch_norms_train_nothing(self, model, momentum=0.99):
        found = [
            layer
            for layer in model.layers
            if isinstance(layer, keras.layers.BatchNormalization)
        ]
        self.assertNotEmpty(found)
        for layer in found:
            self.assertEmpty(layer.trainable_variables)
            self.assertEqual(layer.momentum, momentum)
            self.assertEqual(layer.epsilon, 1e-3)
        self.assertFalse(
            any(getattr(layer, "use_bias", False) for layer in model.layers)
        )


def forward(model, images):
    """The outputs of a model at rest, as NumPy."""
    return keras.ops.convert_to_numpy(model(images, training=False))

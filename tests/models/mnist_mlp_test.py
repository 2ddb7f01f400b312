"""Tests of the MLP: kernels, norms, what else trains."""

import keras
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.graphs import kernels
from needle_tf.models import mnist_mlp
from tests.models import rotation_networks


def trainable_arrays(model):
    return map(keras.ops.convert_to_numpy, model.trainable_variables)


class MnistMLPTest(rotation_networks.NetworkTestCase):
    @parameterized.parameters(
        ((28, 28, 1), 10, 1.0, 784),
        ((8, 8, 1), 10, 0.5, 392),
        ((5, 4, 3), 2, 1e-6, 1),
    )
    def test_weights_are_as_many_as_counted_by_hand(
        self, input_shape, classes, width, units
    ):
        model = mnist_mlp.build(input_shape, classes, width)
        pixels = input_shape[0] * input_shape[1] * input_shape[2]
        found = kernels.named_kernels(model)
        self.assertEqual(
            {name: tuple(kernel.shape) for name, kernel in found.items()},
            {"hidden": (pixels, units), "logits": (units, classes)},
        )
        # Kernels; biases, scales and centres.
        trained = pixels * units + units * classes + 3 * units + classes
        self.assertEqual(
            sum(weights.size for weights in trainable_arrays(model)), trained
        )
        self.assertEqual(model.output_shape, (None, classes))

    def test_norms_are_those_of_glorot_and_biases_begin_at_0(self):
        keras.utils.set_random_seed(0)
        model = mnist_mlp.build((28, 28, 1), 10)
        self.assert_norms_are_of(model, "glorot_uniform")
        for name in ("hidden", "logits"):
            bias = keras.ops.convert_to_numpy(model.get_layer(name).bias)
            self.assertEqual(abs(bias).max(), 0)

    def test_layers_are_those_of_the_docstring(self):
        model = mnist_mlp.build((28, 28, 1), 10)
        self.assertEqual(
            [layer.name for layer in model.layers],
            "flatten hidden hidden_bn hidden_relu logits".split(),
        )
        self.assertEqual(model.get_layer("hidden_bn").momentum, 0.99)
        self.assertEqual(
            model.get_layer("hidden").activation, keras.activations.linear
        )

    def test_refusal_names_the_network(self):
        with self.assertRaisesRegex(ValueError, "of mnist_mlp must be three"):
            mnist_mlp.build((784,), 10)


if __name__ == "__main__":
    absltest.main()

"""Tests of the fully connected networks: layers, weights, the function."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import given
from hypothesis import strategies as st

from needle_tf.models import homogeneous_mlp


class HomogeneousMLPTest(parameterized.TestCase):
    @parameterized.parameters(True, False)
    def test_network_is_dense_layers_with_relu_between(self, use_bias):
        keras.utils.set_random_seed(0)
        model = homogeneous_mlp.build_network(
            "net", (5, 3, 4), (2, 3, 2), 6, use_bias=use_bias
        )
        rng = np.random.default_rng(0)
        for weights in model.weights:
            weights.assign(rng.normal(size=weights.shape))
        images = rng.normal(size=(4, 2, 3, 2)).astype("float32")
        features = images.reshape(4, -1)
        for number in (1, 2, 3):
            layer = model.get_layer(f"hidden_{number}")
            self.assertEqual(layer.use_bias, use_bias)
            features = features @ keras.ops.convert_to_numpy(layer.kernel)
            if use_bias:
                features += keras.ops.convert_to_numpy(layer.bias)
            features = np.maximum(features, 0)
        kernel, *bias = map(
            keras.ops.convert_to_numpy, model.get_layer("logits").weights
        )
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(model(images)),
            features @ kernel + sum(bias),
            rtol=1e-4,
            atol=1e-5,
        )

    @given(
        units=st.lists(st.integers(1, 6), min_size=1, max_size=3),
        side=st.integers(1, 4),
        classes=st.integers(2, 5),
        use_bias=st.booleans(),
    )
    def test_weights_are_as_many_as_counted_by_hand(
        self, units, side, classes, use_bias
    ):
        model = homogeneous_mlp.build_network(
            "net", units, (side, side, 1), classes, 2.0, use_bias=use_bias
        )
        sizes = [side * side, *(2 * count for count in units), classes]
        expected = sum(
            (before + use_bias) * after
            for before, after in zip(sizes, sizes[1:], strict=False)
        )
        self.assertEqual(model.count_params(), expected)

    def test_other_kernels_start_uniform_by_their_fan_in(self):
        keras.utils.set_random_seed(0)
        model = homogeneous_mlp.build_network(
            "net",
            (200,),
            (10, 10, 1),
            10,
            use_bias=False,
            variance=homogeneous_mlp.UNIFORM_BY_FAN_IN,
        )
        kernel = keras.ops.convert_to_numpy(model.get_layer("hidden_1").kernel)
        self.assertBetween(np.abs(kernel).max(), 0.0999, 0.1)
        self.assertAlmostEqual(kernel.std(), 0.1 / 3**0.5, delta=0.001)

    def test_kernels_start_from_he_and_biases_from_0(self):
        keras.utils.set_random_seed(0)
        model = homogeneous_mlp.build_network(
            "net", (200,), (10, 10, 1), 10, use_bias=True
        )
        kernel, bias = map(
            keras.ops.convert_to_numpy, model.get_layer("hidden_1").weights
        )
        # sqrt(2 / 100), of 20,000 numbers.
        self.assertAlmostEqual(kernel.std(), 0.1414, delta=0.003)
        self.assertEqual(abs(bias).max(), 0)

    def test_refusal_names_the_network(self):
        with self.assertRaisesRegex(ValueError, "`width` of net must be"):
            homogeneous_mlp.build_network(
                "net", (3,), (2, 2, 1), 2, 0, use_bias=True
            )


if __name__ == "__main__":
    absltest.main()

"""Tests of EC-Opt's MLP: weights and layers."""

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.models import ec_mlp


class EcMLPTest(parameterized.TestCase):
    @parameterized.parameters(
        # 784 * 64 + 3 * 64^2 + 64 * 10
        ((28, 28, 1), 10, 1.0, 63104),
        ((4, 4, 2), 3, 0.05, 32 * 3 + 3 * 9 + 3 * 3),
    )
    def test_weights_are_as_many_as_counted_by_hand(
        self, input_shape, classes, width, expected
    ):
        model = ec_mlp.build(input_shape, classes, width)
        self.assertEqual(model.count_params(), expected)
        self.assertEqual(model.output_shape, (None, classes))

    def test_layers_are_those_of_the_docstring(self):
        model = ec_mlp.build((28, 28, 1), 10)
        self.assertEqual(
            [layer.name for layer in model.layers],
            "flatten hidden_1 hidden_2 hidden_3 hidden_4 logits".split(),
        )
        self.assertFalse(any(w.name == "bias" for w in model.weights))


if __name__ == "__main__":
    absltest.main()

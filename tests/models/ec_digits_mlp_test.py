"""Tests of the MLP for the digits: weights and layers."""

from absl.testing import absltest

from needle_tf.models import ec_digits_mlp


class EcDigitsMLPTest(absltest.TestCase):
    def test_weights_are_as_many_as_counted_by_hand(self):
        model = ec_digits_mlp.build((8, 8, 1), 10)
        expected = (65 * 32, 33 * 64, 65 * 16, 17 * 10)
        self.assertEqual(model.count_params(), sum(expected))
        self.assertEqual(model.output_shape, (None, 10))
        self.assertEqual(
            [tuple(w.shape) for w in model.weights if w.name == "bias"],
            [(32,), (64,), (16,), (10,)],
        )

    def test_width_scales_the_hidden_units(self):
        model = ec_digits_mlp.build((8, 8, 1), 10, 0.25)
        units = [model.get_layer(f"hidden_{n}").units for n in (1, 2, 3)]
        self.assertEqual(units, [8, 16, 4])


if __name__ == "__main__":
    absltest.main()

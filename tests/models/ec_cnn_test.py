"""Tests of EC-Opt's small CNN: layers, sizes, parameter counts."""

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.models import convolution_stack
from needle_tf.models import ec_cnn


class EcCNNTest(parameterized.TestCase):
    def test_layers_are_those_of_the_docstring(self):
        model = ec_cnn.build((32, 32, 3), 10)
        self.assertEqual(
            [layer.name for layer in model.layers],
            "conv_1 relu_1 pool_1 conv_2 relu_2 pool_2 conv_3 relu_3 pool_3 "
            "flatten logits".split(),
        )
        filters = [model.get_layer(f"conv_{n}").filters for n in (1, 2, 3)]
        self.assertEqual(filters, [16, 32, 32])

    @parameterized.parameters(
        (32, 3, 10, 1.0, (16, 32, 32)), (9, 1, 4, 0.25, (4, 8, 8))
    )
    def test_parameters_are_as_many_as_counted_by_hand(
        self, side, channels, classes, width, filters
    ):
        model = ec_cnn.build((side, side, channels), classes, width)
        before = (channels, *filters[:-1])
        convs = sum(
            (9 * one + 1) * other
            for one, other in zip(before, filters, strict=True)
        )
        features = (side // 8) ** 2 * filters[-1]
        self.assertEqual(model.count_params(), convs + (features + 1) * classes)
        self.assertEqual(model.output_shape, (None, classes))

    def test_smallest_image_is_eight_pixels(self):
        self.assertEqual(convolution_stack.smallest_size(ec_cnn.STACK), 8)
        with self.assertRaisesRegex(ValueError, "ec_cnn.*at least 8x8"):
            ec_cnn.build((7, 16, 1), 10)


if __name__ == "__main__":
    absltest.main()

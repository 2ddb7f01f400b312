"""Tests of the small CNN: layers, sizes, parameter counts."""

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.models import convolution_stack
from needle_tf.models import small_cnn


def parameter_count(side, channels, classes, filters):
    """Weights and biases, by hand; two poolings halve the side twice."""
    convs = 9 * channels * filters + 2 * 9 * filters * filters + 3 * filters
    features = (side // 2 // 2) ** 2 * filters
    return convs + features * classes + classes


class SmallCNNTest(parameterized.TestCase):
    def test_layers_are_those_of_the_docstring(self):
        model = small_cnn.build((16, 16, 1), 10)
        self.assertEqual(
            [layer.name for layer in model.layers],
            "conv_1 relu_1 pool_1 conv_2 relu_2 pool_2 conv_3 relu_3 flatten "
            "logits".split(),
        )
        for number in (1, 2, 3):
            conv = model.get_layer(f"conv_{number}")
            self.assertEqual(conv.filters, 16)
            self.assertEqual(conv.kernel_size, (3, 3))
            self.assertEqual(conv.strides, (1, 1))
            self.assertEqual(conv.padding, "same")

    @parameterized.parameters(
        (16, 1, 10, 1.0, 16),
        (8, 1, 10, 1.0, 16),
        (28, 1, 10, 0.5, 8),
        (32, 3, 100, 2.0, 32),
        (4, 5, 2, 0.01, 1),
    )
    def test_parameters_are_as_many_as_counted_by_hand(
        self, side, channels, classes, width, filters
    ):
        model = small_cnn.build((side, side, channels), classes, width)
        self.assertEqual(
            model.count_params(),
            parameter_count(side, channels, classes, filters),
        )
        self.assertEqual(model.output_shape, (None, classes))

    def test_default_network_has_7370_parameters(self):
        self.assertEqual(small_cnn.build((16, 16, 1), 10).count_params(), 7370)

    def test_smallest_image_is_four_pixels(self):
        self.assertEqual(convolution_stack.smallest_size(small_cnn.STACK), 4)
        with self.assertRaisesRegex(ValueError, "small_cnn.*at least 4x4"):
            small_cnn.build((3, 16, 1), 10)


if __name__ == "__main__":
    absltest.main()

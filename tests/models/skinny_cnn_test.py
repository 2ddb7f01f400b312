"""Tests of the Skinny CNN: PyTorch's sizes, parameter counts."""

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.models import convolution_stack
from needle_tf.models import skinny_cnn


def parameter_count(channels, classes, filters, final_pixels):
    """Weights and biases, by hand."""
    first = 4 * 4 * channels * filters + filters
    second = 5 * 5 * filters * filters + filters
    third = 3 * 3 * filters * filters + filters
    return first + second + third + final_pixels * filters * classes + classes


class SkinnyCNNTest(parameterized.TestCase):
    def test_cifar_image_shrinks_as_in_the_paper(self):
        model = skinny_cnn.build((32, 32, 3), 10)
        names = "images conv_1 pool_1 conv_2 pool_2 conv_3 pool_3".split()
        sides = [32] + [
            model.get_layer(name).output.shape[1] for name in names[1:]
        ]
        self.assertEqual(sides, [32, 17, 8, 8, 3, 3, 1])
        self.assertEqual(
            convolution_stack.output_sizes(skinny_cnn.STACK, 32), sides[1:]
        )

    def test_layers_are_those_of_the_docstring(self):
        model = skinny_cnn.build((32, 32, 3), 10)
        self.assertEqual(
            [layer.name for layer in model.layers],
            "pad_1 conv_1 relu_1 pool_1 conv_2 relu_2 pool_2 conv_3 relu_3 "
            "pool_3 flatten logits".split(),
        )
        convs = [model.get_layer(f"conv_{number}") for number in (1, 2, 3)]
        self.assertEqual([conv.filters for conv in convs], [64, 64, 64])
        self.assertEqual(
            [conv.kernel_size for conv in convs], [(4, 4), (5, 5), (3, 3)]
        )
        self.assertEqual(
            [conv.strides for conv in convs], [(2, 2), (1, 1), (1, 1)]
        )

    @parameterized.parameters(
        (32, 3, 10, 1.0, 64, 1),
        (28, 1, 10, 1.0, 64, 1),
        (32, 3, 100, 0.25, 16, 1),
        (64, 3, 10, 0.5, 32, 3 * 3),
    )
    def test_parameters_are_as_many_as_counted_by_hand(
        self, side, channels, classes, width, filters, final_pixels
    ):
        model = skinny_cnn.build((side, side, channels), classes, width)
        self.assertEqual(
            model.count_params(),
            parameter_count(channels, classes, filters, final_pixels),
        )
        self.assertEqual(model.output_shape, (None, classes))

    def test_rectangular_images_fit(self):
        model = skinny_cnn.build((32, 64, 3), 10)
        self.assertEqual(
            model.get_layer("pool_3").output.shape, (None, 1, 3, 64)
        )

    def test_smallest_image_is_28_pixels(self):
        self.assertEqual(convolution_stack.smallest_size(skinny_cnn.STACK), 28)
        with self.assertRaisesRegex(ValueError, "skinny_cnn.*at least 28x28"):
            skinny_cnn.build((27, 27, 1), 10)


if __name__ == "__main__":
    absltest.main()

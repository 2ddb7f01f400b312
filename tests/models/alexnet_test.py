"""Tests of the AlexNet: PyTorch's sizes, parameter counts, dense weights."""

import math

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.models import alexnet
from needle_tf.models import convolution_stack

# (kernel, inputs, outputs) of the five convolutions for a width of 1.
CONVS = [(4, 64), (5, 192), (3, 384), (3, 256), (3, 256)]


def parameter_count(channels, classes, width, final_pixels):
    """Weights and biases, by hand; widths chosen to need no rounding."""
    count = 0
    for kernel, filters in CONVS:
        filters = int(filters * width)
        count += kernel * kernel * channels * filters + filters
        channels = filters
    hidden = final_pixels * channels * 512 + 512 + 512 * 512 + 512
    return count + hidden + 512 * classes + classes


class AlexNetTest(parameterized.TestCase):
    def test_cifar_image_shrinks_as_in_the_paper(self):
        model = alexnet.build((32, 32, 3), 10)
        names = "conv_1 pool_1 conv_2 pool_2 conv_3 conv_4 conv_5 pool_3"
        sides = [
            model.get_layer(name).output.shape[1] for name in names.split()
        ]
        self.assertEqual(sides, [17, 8, 8, 3, 3, 3, 3, 1])
        self.assertEqual(
            convolution_stack.output_sizes(alexnet.STACK, 32), sides
        )

    def test_layers_are_those_of_the_docstring(self):
        model = alexnet.build((32, 32, 3), 10)
        self.assertEqual(
            [layer.name for layer in model.layers],
            "pad_1 conv_1 relu_1 pool_1 conv_2 relu_2 pool_2 conv_3 relu_3 "
            "conv_4 relu_4 conv_5 relu_5 pool_3 flatten dropout_1 dense_1 "
            "relu_6 dropout_2 dense_2 relu_7 logits".split(),
        )
        self.assertEqual(model.get_layer("dropout_1").rate, 0.5)
        self.assertEqual(model.get_layer("dropout_2").rate, 0.5)

    @parameterized.parameters(
        (32, 3, 10, 1.0, 1),
        (28, 1, 10, 0.25, 1),
        (32, 3, 100, 0.5, 1),
        (64, 3, 10, 0.125, 3 * 3),
    )
    def test_parameters_are_as_many_as_counted_by_hand(
        self, side, channels, classes, width, final_pixels
    ):
        model = alexnet.build((side, side, channels), classes, width)
        self.assertEqual(
            model.count_params(),
            parameter_count(channels, classes, width, final_pixels),
        )
        self.assertEqual(model.output_shape, (None, classes))

    def test_convolutions_are_126_million_dense_weights(self):
        model = alexnet.build((32, 32, 3), 10)
        weights = 0
        for number in range(1, 6):
            conv = model.get_layer(f"conv_{number}")
            before = conv.input.shape[1:]
            if number == 1:  # Padding belongs to the map, not to its input.
                before = model.input_shape[1:]
            weights += math.prod(before) * math.prod(conv.output.shape[1:])
        by_hand = (
            (32 * 32 * 3) * (17 * 17 * 64)
            + (8 * 8 * 64) * (8 * 8 * 192)
            + (3 * 3 * 192) * (3 * 3 * 384)
            + (3 * 3 * 384) * (3 * 3 * 256)
            + (3 * 3 * 256) * (3 * 3 * 256)
        )
        self.assertEqual(weights, by_hand)
        self.assertEqual(round(weights / 1e6, 1), 126.4)

    def test_dropout_acts_in_training_only(self):
        model = alexnet.build((32, 32, 3), 10, width=0.05)
        images = np.ones((2, 32, 32, 3), "float32")
        twice = [np.asarray(model(images)) for _ in range(2)]
        np.testing.assert_array_equal(*twice)
        trained = np.asarray(model(images, training=True))
        self.assertGreater(np.abs(trained - twice[0]).max(), 0)

    def test_smallest_image_is_28_pixels(self):
        self.assertEqual(convolution_stack.smallest_size(alexnet.STACK), 28)
        with self.assertRaisesRegex(ValueError, "alexnet.*at least 28x28"):
            alexnet.build((32, 27, 3), 10)


if __name__ == "__main__":
    absltest.main()

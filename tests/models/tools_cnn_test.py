"""Tests of the tools' example: kernels, sizes, what else trains."""

import keras
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.graphs import kernels
from needle_tf.models import tools_cnn
from tests.models import rotation_networks
from tests.oracles import rotation_networks as oracle

FILTERS = (64, 64, 128, 128, 256, 256)


class ToolsCNNTest(rotation_networks.NetworkTestCase):
    def test_example_has_7_kernels_of_1154752_weights(self):
        keras.utils.set_random_seed(0)
        model = tools_cnn.build((32, 32, 3), 10)
        shapes = oracle.plain(
            [(1, filters) for filters in FILTERS], 3, [(2 * 2 * 256, 10)]
        )
        self.assertLen(shapes, 7)
        # 9 (3*64 + 64^2 + 64*128 + 128^2 + 128*256 + 256^2) + 1024*10
        self.assertEqual(oracle.weights(shapes), 1154752)
        self.assertEqual(
            [tuple(k.shape) for k in kernels.named_kernels(model).values()],
            shapes,
        )
        # With a bias, scale, centre and two moving averages of each filter.
        self.assertEqual(
            model.count_params(),
            oracle.weights(shapes) + 5 * sum(FILTERS) + 10,
        )
        self.assert_norms_are_of(model, "glorot_uniform")

    def test_image_shrinks_as_the_docstring_says(self):
        model = tools_cnn.build((32, 32, 3), 10, 0.1)
        names = "conv_1 conv_2 pool_1 conv_3 conv_4 pool_2 conv_5 conv_6 pool_3"
        self.assertEqual(
            [model.get_layer(name).output.shape[1] for name in names.split()],
            [32, 30, 15, 15, 13, 6, 6, 4, 2],
        )

    def test_layers_are_convolved_normalised_and_then_activated(self):
        model = tools_cnn.build((32, 32, 3), 10, 0.1)
        self.assertEqual(
            [layer.name for layer in model.layers][:7],
            "conv_1 bn_1 relu_1 conv_2 bn_2 relu_2 pool_1".split(),
        )
        self.assertEqual(
            [layer.name for layer in model.layers][-3:],
            "pool_3 flatten logits".split(),
        )

    @parameterized.parameters((22, 40), (40, 22))
    def test_smallest_image_is_22_pixels(self, height, width):
        tools_cnn.build((height, width, 1), 10, 0.1)
        smaller = (height - (height == 22), width - (width == 22), 1)
        with self.assertRaisesRegex(
            ValueError, "tools_cnn needs images of at least 22x22"
        ):
            tools_cnn.build(smaller, 10, 0.1)


if __name__ == "__main__":
    absltest.main()

"""Tests of the blocks: initialisers, what trains, order, what it computes."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.models import rotation_blocks
from tests.models import rotation_networks

Stage = rotation_blocks.Stage
EPSILON = 1e-3


def convolved(images, kernel):
    """A 3x3 "same" convolution of stride 1, in NumPy."""
    around = ((0, 0), (1, 1), (1, 1), (0, 0))
    patches = np.lib.stride_tricks.sliding_window_view(
        np.pad(images, around), (3, 3), (1, 2)
    )
    return np.einsum("bijcuv,uvcf->bijf", patches, kernel)


def pooled(images):
    batch, height, width, channels = images.shape
    cut = images[:, : height // 2 * 2, : width // 2 * 2]
    shape = (batch, height // 2, 2, width // 2, 2, channels)
    return cut.reshape(shape).max((2, 4))


class InitializerTest(parameterized.TestCase):
    def test_he_normal_is_the_cut_normal_of_keras_2(self):
        keras.utils.set_random_seed(0)
        drawn = rotation_blocks.initializer("he_normal")((3, 3, 40, 500))
        drawn = keras.ops.convert_to_numpy(drawn) / np.sqrt(2 / (9 * 40))
        # Never beyond two standard deviations of the number that is cut.
        self.assertLess(np.abs(drawn).max(), 2.0001)
        self.assertGreater(np.abs(drawn).max(), 1.99)
        self.assertAlmostEqual(drawn.std(), 0.8796, delta=0.004)

    @parameterized.parameters("he_uniform", "glorot_uniform", "he_normal")
    def test_two_initialisers_give_two_sets_of_numbers(self, kind):
        keras.utils.set_random_seed(0)
        one, other = (
            keras.ops.convert_to_numpy(
                rotation_blocks.initializer(kind)((9, 9))
            )
            for _ in range(2)
        )
        self.assertGreater(np.abs(one - other).max(), 0.01)


class LayersTest(parameterized.TestCase):
    def test_convolution_is_same_and_has_no_bias(self):
        layer = rotation_blocks.convolution(
            5, "conv", kernel_initializer="he_uniform", strides=2
        )
        self.assertEqual(layer(np.zeros((1, 7, 4, 3))).shape, (1, 4, 2, 5))
        self.assertLen(layer.weights, 1)

    def test_normalisation_trains_only_if_affine(self):
        for is_affine, trained in ((False, 0), (True, 2)):
            layer = rotation_blocks.normalisation("bn", is_affine=is_affine)
            layer.build((None, 4, 4, 3))
            self.assertLen(layer.trainable_variables, trained)
            self.assertLen(layer.non_trainable_variables, 2)

    def test_logits_stay_float32_under_a_mixed_policy(self):
        self.addCleanup(keras.config.set_dtype_policy, "float32")
        keras.config.set_dtype_policy("mixed_bfloat16")
        model = rotation_blocks.build_plain_network(
            "net", [Stage(1, 2)], (4, 4, 1), 3
        )
        self.assertEqual(
            model.get_layer("stage1_conv1").compute_dtype, "bfloat16"
        )
        self.assertEqual(model.outputs[0].dtype, "float32")

    def test_channels_may_come_first(self):
        self.addCleanup(keras.config.set_image_data_format, "channels_last")
        keras.config.set_image_data_format("channels_first")
        model = rotation_blocks.build_plain_network(
            "net", [Stage(1, 2), Stage(1, 4)], (3, 9, 5), 7
        )
        self.assertEqual(
            model.get_layer("stage2_bn1").output.shape, (None, 4, 4, 2)
        )
        for number, filters in ((1, 2), (2, 4)):
            statistics = model.get_layer(f"stage{number}_bn1").moving_mean
            self.assertEqual(statistics.shape, (filters,))
        self.assertEqual(model.output_shape, (None, 7))


class PlainNetworkTest(parameterized.TestCase):
    @parameterized.parameters((False, "relu bn"), (True, "bn relu"))
    def test_layers_of_a_stage_are_named_and_ordered(self, first, after):
        layers = rotation_blocks.stage_layers(
            Stage(2, 8),
            3,
            0.5,
            kernel_initializer="he_uniform",
            momentum=0.9,
            normalises_first=first,
        )
        self.assertEqual(
            [layer.name for layer in layers],
            [
                f"stage3_{kind}{index}"
                for index in (1, 2)
                for kind in ("conv", *after.split())
            ],
        )
        self.assertEqual([layers[0].filters, layers[3].filters], [4, 4])

    @parameterized.parameters(((9, 8, 2),), ((4, 7, 1),))
    def test_network_computes_what_its_equation_says(self, input_shape):
        keras.utils.set_random_seed(0)
        model = rotation_blocks.build_plain_network(
            "net", [Stage(2, 3), Stage(1, 5)], input_shape, 4
        )
        rng = np.random.default_rng(0)
        # Statistics that matter: 0 and 1 would leave the images alone.
        for variable in model.non_trainable_variables:
            variable.assign(rng.uniform(0.5, 2, variable.shape))
        images = rng.normal(size=(3, *input_shape)).astype("float32")
        expected = images.astype(float)
        for name in ("stage1_conv1", "stage1_conv2", "stage2_conv1"):
            if name.startswith("stage2"):
                expected = pooled(expected)
            kernel = model.get_layer(name).get_weights()[0]
            mean, variance = model.get_layer(
                name.replace("conv", "bn")
            ).get_weights()
            expected = np.maximum(convolved(expected, kernel), 0)
            expected = (expected - mean) / np.sqrt(variance + EPSILON)
        kernel = model.get_layer("logits").get_weights()[0]
        np.testing.assert_allclose(
            rotation_networks.forward(model, images),
            expected.mean((1, 2)) @ kernel,
            rtol=1e-4,  # float32 sums of some dozens of products
            atol=1e-5,
        )

    def test_image_needs_a_pixel_behind_each_pool(self):
        stages = [Stage(1, 1)] * 3
        rotation_blocks.build_plain_network("net", stages, (4, 5, 1), 2)
        with self.assertRaisesRegex(
            ValueError, r"net needs images of at least 4x4 .*\(5, 3, 1\)"
        ):
            rotation_blocks.build_plain_network("net", stages, (5, 3, 1), 2)


if __name__ == "__main__":
    absltest.main()

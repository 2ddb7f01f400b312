"""Tests of the base of the untied layers, on the smallest layer there is."""

import weakref

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.layers import untied_layer
from needle_tf.ops import adoption
from needle_tf.ops import conv_geometry


class Scale(untied_layer.UntiedLayer):
    """Each pixel and channel times a number of its own."""

    def geometry_on(self, image_shape):
        image = untied_layer.channels_last(
            image_shape, self.data_format, self.name
        )
        return conv_geometry.ConvGeometry.of_convolution(
            image, 1, image[2], groups=image[2]
        )

    def kernel_shape(self):
        return self.geometry.input_shape

    def draw_kernel(self, shape, dtype):
        return self.kernel_initializer(shape, dtype=dtype)

    def units(self, images, kernel, training):
        return keras.ops.reshape(
            images * kernel, (-1, self.geometry.dense_shape[1])
        )


# Images of (height, width, channels) = (2, 2, 4).
IMAGES = np.arange(32, dtype="float32").reshape(2, 2, 2, 4)
KERNEL = np.linspace(-1, 1, 16, dtype="float32").reshape(2, 2, 4)
BIAS = np.linspace(3, 4, 16, dtype="float32")


def started(**options):
    layer = Scale(**options)
    return layer.start_from(lambda: KERNEL, BIAS)


class CallTest(parameterized.TestCase):
    def test_every_unit_has_a_bias_and_activation_comes_last(self):
        expected = np.maximum(IMAGES * KERNEL + BIAS.reshape(2, 2, 4), 0)
        np.testing.assert_allclose(started(activation="relu")(IMAGES), expected)

    def test_layer_without_bias_has_none(self):
        layer = Scale(use_bias=False).start_from(lambda: KERNEL, None)
        np.testing.assert_allclose(layer(IMAGES), IMAGES * KERNEL)
        self.assertIsNone(layer.bias)
        self.assertLen(layer.weights, 1)

    def test_channels_first_images_use_the_same_weights(self):
        channels_first = started(data_format="channels_first")
        answers = channels_first(IMAGES.transpose(0, 3, 1, 2))
        np.testing.assert_allclose(
            np.transpose(answers, (0, 2, 3, 1)), started()(IMAGES)
        )
        self.assertEqual(channels_first.kernel.shape, KERNEL.shape)

    def test_data_format_is_that_of_the_keras_config_by_default(self):
        before = keras.config.image_data_format()
        self.addCleanup(keras.config.set_image_data_format, before)
        keras.config.set_image_data_format("channels_first")
        self.assertEqual(Scale().data_format, "channels_first")

    @parameterized.parameters(
        ("channels_last", (None, 5, 6, 4)), ("channels_first", (None, 4, 5, 6))
    )
    def test_output_shape_is_known_before_weights_are(self, layout, shape):
        layer = Scale(data_format=layout)
        self.assertEqual(layer.compute_output_shape(shape), shape)
        self.assertFalse(layer.built)
        outputs = layer(keras.Input(shape[1:]))
        self.assertEqual(outputs.shape, shape)


class StartTest(parameterized.TestCase):
    def test_build_begins_at_the_given_values_once(self):
        calls = []

        def kernel():
            calls.append(1)
            return KERNEL

        layer = Scale().start_from(kernel, BIAS)
        self.assertEmpty(calls)
        layer.build((None, 2, 2, 4))
        np.testing.assert_array_equal(layer.kernel, KERNEL)
        np.testing.assert_array_equal(layer.bias, BIAS)
        self.assertLen(calls, 1)
        # Values are drawn afresh in a copy made from the config.
        fresh = Scale.from_config(layer.get_config())
        fresh.build((None, 2, 2, 4))
        self.assertGreater(np.abs(fresh.kernel - KERNEL).max(), 0.01)
        np.testing.assert_array_equal(fresh.bias, np.zeros(16))

    def test_build_lets_go_of_what_it_started_from(self):
        def kernel():
            return KERNEL

        held = weakref.ref(kernel)
        layer = Scale().start_from(kernel, BIAS)
        del kernel
        self.assertIsNotNone(held())
        layer.build((None, 2, 2, 4))
        self.assertIsNone(held())

    def test_kernel_lies_in_the_memory_it_started_from(self):
        array = adoption.aligned_zeros(KERNEL.shape, "float32")
        layer = Scale().start_from(lambda: array, BIAS)
        layer.build((None, 2, 2, 4))
        held = memoryview(layer.kernel.value.read_value())
        self.assertEqual(np.asarray(held).ctypes.data, array.ctypes.data)

    def test_values_are_cast_to_the_dtype_of_the_layer(self):
        layer = started(dtype="float16")
        layer.build((None, 2, 2, 4))
        self.assertEqual(layer.kernel.dtype, "float16")
        self.assertEqual(layer.bias.dtype, "float16")
        np.testing.assert_array_equal(layer.kernel, KERNEL.astype("float16"))


class ImageSizeTest(parameterized.TestCase):
    @parameterized.parameters(
        # As many pixels in all as images of the right size would have.
        ((4, 2, 2, 2),),
        ((2, 4, 1, 4),),
        ((1, 4, 2, 4),),
    )
    def test_images_of_another_size_are_refused(self, shape):
        layer = started()
        layer(IMAGES)
        with self.assertRaisesRegex(
            ValueError, r"expected shape=\(None, 2, 2, 4\), found shape"
        ):
            layer(np.zeros(shape, "float32"))

    @parameterized.parameters(
        ((None, 2, None, 4), r"needs a fixed image size.*\(2, None, 4\)"),
        ((None, 2, 4), r"needs a fixed image size.*\(2, 4\).*Input a fixed"),
    )
    def test_unknown_sizes_are_refused_by_name(self, shape, message):
        with self.assertRaisesRegex(ValueError, f'Layer "mine" {message}'):
            Scale(name="mine").build(shape)

    def test_image_without_batch_axis_is_refused(self):
        with self.assertRaisesRegex(
            ValueError, "expected ndim=4, found ndim=3"
        ):
            Scale()(IMAGES[0])

    @parameterized.parameters("last", "NHWC", 3)
    def test_unknown_data_format_is_refused(self, layout):
        with self.assertRaisesRegex(
            ValueError, f'"channels_last" or "channels_first".*{layout!r}'
        ):
            Scale(data_format=layout)


class ShapeOrderTest(parameterized.TestCase):
    def test_orders_are_each_other_turned_around(self):
        for layout, shape in (
            ("channels_last", (5, 6, 4)),
            ("channels_first", (4, 5, 6)),
        ):
            self.assertEqual(
                untied_layer.channels_last(shape, layout, "name"), (5, 6, 4)
            )
            self.assertEqual(
                untied_layer.in_data_format((5, 6, 4), layout), shape
            )


class SettingsTest(parameterized.TestCase):
    def test_config_keeps_every_argument(self):
        layer = Scale(
            name="mine",
            trainable=False,
            dtype="mixed_bfloat16",
            data_format="channels_first",
            activation="tanh",
            use_bias=False,
            kernel_initializer=keras.initializers.RandomNormal(stddev=2.0),
            bias_initializer="ones",
            kernel_regularizer=keras.regularizers.L2(0.5),
            bias_regularizer=keras.regularizers.L1(0.25),
            activity_regularizer=keras.regularizers.L1(0.125),
            kernel_constraint=keras.constraints.MaxNorm(3.0),
            bias_constraint="non_neg",
        )
        config = layer.get_config()
        self.assertEqual(Scale.from_config(config).get_config(), config)
        default = Scale(name="other").get_config()
        same = [key for key in default if config[key] == default[key]]
        self.assertEmpty(same, "arguments that this test does not set")

    def test_weight_penalties_are_those_of_keras(self):
        layer = started(
            kernel_regularizer=keras.regularizers.L2(0.5),
            bias_regularizer=keras.regularizers.L1(0.25),
        )
        layer.build((None, 2, 2, 4))
        np.testing.assert_allclose(
            [float(loss) for loss in layer.losses],
            [0.5 * np.square(KERNEL).sum(), 0.25 * np.abs(BIAS).sum()],
            rtol=1e-6,
        )

    def test_constraints_hold_after_a_step(self):
        layer = started(
            kernel_constraint="non_neg", bias_constraint=lambda bias: bias * 0
        )
        model = keras.Sequential([keras.Input((2, 2, 4)), layer])
        model.compile("sgd", "mse", run_eagerly=True)
        model.train_on_batch(IMAGES, IMAGES)
        self.assertGreaterEqual(np.min(layer.kernel), 0)
        np.testing.assert_array_equal(layer.bias, np.zeros(16))

    def test_unknown_arguments_are_refused_by_keras(self):
        with self.assertRaisesRegex(ValueError, "Unrecognized.*units"):
            Scale(units=3)

    def test_what_a_subclass_must_say_is_not_implemented_here(self):
        layer = untied_layer.UntiedLayer()
        for call in (
            lambda: layer.geometry_on((2, 2, 4)),
            layer.kernel_shape,
            lambda: layer.draw_kernel((2, 2), "float32"),
            lambda: layer.units(None, None, False),
        ):
            self.assertRaises(NotImplementedError, call)


if __name__ == "__main__":
    absltest.main()

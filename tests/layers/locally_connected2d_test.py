"""Tests of the locally connected layer: windows by loops, its dense form.

Float32 outputs agree to 1e-5: sums of at most a few dozen products of size 1.
"""

import math

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import example
from hypothesis import given
from hypothesis import strategies as st

from needle_tf.layers import locally_connected2d
from needle_tf.ops import unrolling
from tests.oracles import dense_convolution
from tests.oracles import drawn_convolutions

Convolution = dense_convolution.Convolution
LocallyConnected2D = locally_connected2d.LocallyConnected2D

# Arguments of a convolution that the geometry takes in.
OF_THE_GEOMETRY = {
    "filters",
    "kernel_size",
    "strides",
    "padding",
    "dilation_rate",
    "groups",
}

SEEDS = st.integers(0, 2**32 - 1)

PLAIN = Convolution((5, 4, 2), (3, 2), 3)
SAME = Convolution((5, 4, 2), (3, 2), 3, padding="same")
GROUPED = Convolution(
    (5, 4, 4), (3, 2), 6, strides=(2, 1), padding="same", groups=2
)
EXPLICIT = Convolution(
    (5, 4, 2), (2, 3), 3, strides=(2, 2), zero_padding=((2, 0), (1, 2))
)
# Strides together with dilation: Keras' convolutions refuse it.
HOLES = Convolution(
    (9, 8, 1), (3, 2), 2, strides=(2, 3), padding="same", dilation_rate=(2, 3)
)
CASES = (PLAIN, SAME, GROUPED, EXPLICIT, HOLES)

OPTIMIZERS = (
    ("sgd", lambda: keras.optimizers.SGD(0.1, momentum=0.9)),
    ("adam", lambda: keras.optimizers.Adam(0.01)),
)


def normal(seed, shape):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def layer_of(convolution, **options):
    """A layer by its name of padding where it has one."""
    padding = convolution.padding
    if convolution.zero_padding != ((0, 0), (0, 0)):
        padding = convolution.margins()
    return LocallyConnected2D(
        convolution.filters,
        convolution.kernel_size,
        convolution.strides,
        padding,
        dilation_rate=convolution.dilation_rate,
        groups=convolution.groups,
        **options,
    )


def with_random_weights(layer, input_shape, seed=0):
    layer.build((None, *input_shape))
    for weight in layer.weights:
        weight.assign(normal(seed, weight.shape))
    return layer


def trained(layer, convolution, optimizer, **options):
    """Three steps on random images; returns the layer."""
    images = normal(10, (8, *convolution.input_shape))
    wanted = normal(11, (8, *convolution.output_shape))
    model = keras.Sequential([keras.Input(convolution.input_shape), layer])
    model.compile(optimizer, "mse", **{"run_eagerly": True, **options})
    for _ in range(3):
        model.train_on_batch(images, wanted)
    return layer


class FunctionTest(parameterized.TestCase):
    @given(drawn_convolutions.convolutions(), SEEDS, st.booleans())
    @example(EXPLICIT, 0, True)
    @example(HOLES, 0, True)
    def test_each_position_has_a_kernel_and_a_bias_of_its_own(
        self, drawn, seed, use_bias
    ):
        layer = layer_of(drawn, activation="tanh", use_bias=use_bias)
        with_random_weights(layer, drawn.input_shape, seed)
        images = normal(seed + 1, (2, *drawn.input_shape))
        expected = dense_convolution.convolve_untied(
            images, np.asarray(layer.kernel), drawn
        )
        if use_bias:
            expected += np.reshape(layer.bias, drawn.output_shape)
        answers = layer(images)
        self.assertEqual(answers.shape, expected.shape)
        np.testing.assert_allclose(answers, np.tanh(expected), atol=1e-5)

    @parameterized.parameters(*CASES)
    def test_dense_form_computes_the_same(self, drawn):
        layer = layer_of(drawn, activation="relu")
        with_random_weights(layer, drawn.input_shape)
        images = normal(1, (2, *drawn.input_shape))
        for freedom in ({"free": "band", "radius": 1}, {"free": "all"}, {}):
            dense = layer.to_masked_dense(**freedom)
            np.testing.assert_allclose(dense(images), layer(images), atol=1e-5)
            self.assertEqual(dense.free, freedom.get("free", "local"))

    def test_copies_of_one_kernel_are_a_convolution(self):
        conv = keras.layers.Conv2D(6, (3, 2), padding="same", groups=2)
        images = normal(0, (2, 5, 4, 4))
        expected = conv(images)
        layer = LocallyConnected2D(6, (3, 2), padding="same", groups=2)
        layer.build(images.shape)
        layer.kernel.assign(
            unrolling.share(np.asarray(conv.kernel), layer.geometry)
        )
        np.testing.assert_allclose(layer(images), expected, atol=1e-5)

    def test_kernel_has_the_layout_of_the_old_keras_layer(self):
        layer = LocallyConnected2D(3, (2, 3), strides=(2, 1))
        with_random_weights(layer, (6, 5, 2))
        self.assertEqual(layer.kernel.shape, (3 * 3, 2 * 3 * 2, 3))
        images = normal(1, (2, 6, 5, 2))
        # As `keras.backend.local_conv` did it, one position after the other.
        units = [
            images[:, 2 * i : 2 * i + 2, j : j + 3].reshape(2, -1)
            @ layer.kernel[i * 3 + j]
            for i in range(3)
            for j in range(3)
        ]
        expected = np.stack(units, axis=1).reshape(2, 3, 3, 3)
        expected += np.reshape(layer.bias, (3, 3, 3))
        np.testing.assert_allclose(layer(images), expected, atol=1e-5)

    @parameterized.parameters(*CASES)
    def test_channels_first_images_use_the_same_weights(self, drawn):
        images = normal(1, (2, *drawn.input_shape))
        expected = with_random_weights(layer_of(drawn), drawn.input_shape)(
            images
        )
        layer = layer_of(drawn, data_format="channels_first")
        height, width, channels = drawn.input_shape
        with_random_weights(layer, (channels, height, width))
        answers = layer(images.transpose(0, 3, 1, 2))
        np.testing.assert_array_equal(
            np.transpose(answers, (0, 2, 3, 1)), expected
        )
        dense = layer.to_masked_dense()
        self.assertEqual(dense.data_format, "channels_first")
        np.testing.assert_allclose(
            dense(images.transpose(0, 3, 1, 2)), answers, atol=1e-5
        )

    def test_mixed_precision_computes_in_half_of_full_weights(self):
        images = normal(1, (2, *GROUPED.input_shape))
        expected = with_random_weights(layer_of(GROUPED), images.shape[1:])(
            images
        )
        layer = layer_of(GROUPED, dtype="mixed_bfloat16")
        answers = with_random_weights(layer, images.shape[1:])(images)
        self.assertEqual(layer.kernel.dtype, "float32")
        self.assertEqual(answers.dtype, "bfloat16")
        # bfloat16 keeps 8 bits of sums of 12 products of size 1.
        np.testing.assert_allclose(
            tf.cast(answers, "float32"), expected, atol=0.1
        )

    @parameterized.parameters(*CASES)
    def test_it_has_as_many_weights_as_taps_and_units(self, drawn):
        layer = layer_of(drawn)
        layer.build((None, *drawn.input_shape))
        units = math.prod(drawn.output_shape)
        fan_in = math.prod(drawn.kernel_shape[:3])
        self.assertEqual(layer.count_params(), units * (fan_in + 1))
        self.assertEqual(
            layer.compute_output_shape((7, *drawn.input_shape)),
            (7, *drawn.output_shape),
        )


class StartTest(parameterized.TestCase):
    @parameterized.parameters(
        ("glorot_uniform", 2 / (9 * 2 + 9 * 8)),
        ("he_normal", 2 / (9 * 2)),
        ("lecun_uniform", 1 / (9 * 2)),
    )
    def test_draws_are_scaled_as_those_of_a_convolution(self, name, variance):
        keras.utils.set_random_seed(0)
        layer = LocallyConnected2D(8, 3, groups=2, kernel_initializer=name)
        layer.build((None, 14, 16, 4))
        # 24,192 draws: known to 0.5 %.
        np.testing.assert_allclose(
            np.std(layer.kernel), variance**0.5, rtol=0.03
        )

    @parameterized.parameters(SAME, GROUPED, EXPLICIT, HOLES)
    def test_weights_in_the_padding_start_at_0_and_stay(self, drawn):
        layer = layer_of(drawn, kernel_initializer="ones")
        layer.build((None, *drawn.input_shape))
        labels = dense_convolution.labels(drawn)
        self.assertEqual(np.sum(layer.kernel), (labels >= 0).sum())
        blind = np.asarray(layer.kernel) == 0
        self.assertGreater(blind.sum(), 0)
        trained(layer, drawn, keras.optimizers.Adam(0.01))
        kernel = np.asarray(layer.kernel)
        np.testing.assert_array_equal(kernel[blind], 0)
        self.assertGreater(np.abs(kernel[~blind] - 1).min(), 0)


class TrainingTest(parameterized.TestCase):
    @parameterized.product(drawn=CASES, optimizer=OPTIMIZERS)
    def test_it_trains_as_its_dense_form_does(self, drawn, optimizer):
        _, build = optimizer
        layer = layer_of(drawn)
        layer.build((None, *drawn.input_shape))
        dense = layer.to_masked_dense()
        trained(layer, drawn, build())
        trained(dense, drawn, build())
        np.testing.assert_allclose(
            unrolling.roll_local(np.asarray(dense.kernel), layer.geometry),
            layer.kernel,
            atol=1e-5,
        )
        np.testing.assert_allclose(dense.bias, layer.bias, atol=1e-5)

    def test_compiled_by_xla_it_trains_alike(self):
        first = with_random_weights(layer_of(GROUPED), GROUPED.input_shape)
        second = with_random_weights(layer_of(GROUPED), GROUPED.input_shape)
        trained(first, GROUPED, keras.optimizers.SGD(0.1))
        trained(
            second,
            GROUPED,
            keras.optimizers.SGD(0.1),
            run_eagerly=False,
            jit_compile=True,
        )
        np.testing.assert_allclose(first.kernel, second.kernel, atol=1e-6)


class DenseFormTest(parameterized.TestCase):
    def test_settings_carry_over(self):
        layer = layer_of(
            PLAIN,
            name="mine",
            activation="tanh",
            kernel_regularizer=keras.regularizers.L2(0.5),
            bias_regularizer=keras.regularizers.L1(0.25),
            activity_regularizer=keras.regularizers.L1(0.125),
            trainable=False,
            dtype="float64",
        )
        with_random_weights(layer, PLAIN.input_shape)
        dense = layer.to_masked_dense()
        config, expected = dense.get_config(), layer.get_config()
        for key in expected.keys() - OF_THE_GEOMETRY:
            self.assertEqual(config[key], expected[key], key)
        images = normal(1, (2, *PLAIN.input_shape))
        layer(images), dense(images)
        np.testing.assert_allclose(
            [float(loss) for loss in dense.losses],
            [float(loss) for loss in layer.losses],
        )
        self.assertEqual(layer.to_masked_dense(name="other").name, "other")

    def test_constraint_is_refused(self):
        layer = layer_of(PLAIN, name="mine", kernel_constraint="non_neg")
        layer.build((None, *PLAIN.input_shape))
        with self.assertRaisesRegex(
            ValueError,
            'Layer "mine" has kernel_constraint=NonNeg, which does not carry',
        ):
            layer.to_masked_dense()

    def test_layer_without_bias_has_a_dense_form_without(self):
        layer = layer_of(PLAIN, use_bias=False)
        layer.build((None, *PLAIN.input_shape))
        self.assertIsNone(layer.to_masked_dense().bias)

    def test_weights_are_copies(self):
        layer = with_random_weights(layer_of(PLAIN), PLAIN.input_shape)
        dense = layer.to_masked_dense()
        before = keras.ops.convert_to_numpy(dense.kernel)
        layer.kernel.assign(layer.kernel + 1)
        np.testing.assert_array_equal(dense.kernel, before)

    def test_unbuilt_layer_is_refused(self):
        with self.assertRaisesRegex(
            ValueError, 'Layer "mine" has no kernel yet. Call it on images'
        ):
            layer_of(PLAIN, name="mine").to_masked_dense()

    def test_contradictory_freedom_is_refused(self):
        layer = layer_of(PLAIN)
        layer.build((None, *PLAIN.input_shape))
        with self.assertRaisesRegex(ValueError, "`radius` belongs to"):
            layer.to_masked_dense(radius=1)


class ConfigTest(parameterized.TestCase):
    @parameterized.parameters(
        ("same",),
        ("valid",),
        ("SAME",),
        (((1, 0), (2, 3)),),
        ([[1, 0], [2, 3]],),
    )
    def test_config_round_trips(self, padding):
        layer = LocallyConnected2D(
            np.int64(6),
            [3, 2],
            2,
            padding,
            data_format="channels_first",
            dilation_rate=np.int32(2),
            groups=3,
            activation="relu",
            kernel_constraint="non_neg",
            name="mine",
        )
        config = layer.get_config()
        again = LocallyConnected2D.from_config(config)
        self.assertEqual(again.get_config(), config)
        self.assertEqual(config["kernel_size"], (3, 2))
        self.assertEqual(config["strides"], (2, 2))
        self.assertEqual(config["dilation_rate"], (2, 2))
        self.assertEqual(
            again.geometry_on((3, 9, 8)), layer.geometry_on((3, 9, 8))
        )


class RefusalTest(parameterized.TestCase):
    @parameterized.parameters(
        ({"filters": 0}, "`filters` must be an integer of at least 1.*=0"),
        ({"filters": 1.5}, "`filters` must be an integer.*=1.5"),
        ({"kernel_size": 0}, "`kernel_size` must be 2 integers of at least 1"),
        ({"kernel_size": (3, 3, 3)}, r"`kernel_size`.*\(3, 3, 3\)"),
        ({"strides": (1.5, 2)}, r"`strides` must be.*\(1.5, 2\)"),
        ({"strides": None}, "`strides` must be.*None"),
        ({"dilation_rate": -1}, "`dilation_rate` must be.*-1"),
        ({"groups": 0}, "`groups` must be an integer of at least 1.*=0"),
        ({"groups": 4}, "`groups` must divide the filters.*groups=4.*=6"),
        ({"padding": "full"}, '"valid", "same" or .*\'full\''),
        ({"padding": 1}, r"\(\(top, bottom\), \(left, right\)\).*padding=1"),
        ({"padding": ((0, -1), (0, 0))}, "of integers of at least 0.*-1"),
        ({"padding": ((0.5, 1), (0, 0))}, "of integers of at least 0.*0.5"),
        ({"data_format": "first"}, "`data_format` must be.*'first'"),
    )
    def test_bad_arguments_are_refused_at_once(self, wrong, message):
        with self.assertRaisesRegex(ValueError, message):
            LocallyConnected2D(**{"filters": 6, "kernel_size": 3, **wrong})

    @parameterized.parameters(
        ((5, 4, 4), "`groups` must divide the input channels.*channels=4"),
        ((2, 4, 3), r"reaches beyond the image.*\(2, 4, 3\).*larger images"),
        ((None, 4, 3), 'Layer "mine" needs a fixed image size.*None, 4, 3'),
    )
    def test_images_that_do_not_fit_are_refused(self, shape, message):
        layer = LocallyConnected2D(6, 3, groups=3, name="mine")
        with self.assertRaisesRegex(ValueError, message):
            layer(keras.Input(shape))


if __name__ == "__main__":
    absltest.main()

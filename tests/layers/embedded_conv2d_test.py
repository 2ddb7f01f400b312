"""Tests of the convolution that exports itself as a masked dense layer.

Float32 outputs agree to 1e-5: sums of at most a few dozen products of size 1.
"""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import example
from hypothesis import given
from hypothesis import strategies as st

from needle_tf.layers import embedded_conv2d
from needle_tf.ops import subspace
from tests.oracles import dense_convolution
from tests.oracles import drawn_convolutions

Convolution = dense_convolution.Convolution
EmbeddedConv2D = embedded_conv2d.EmbeddedConv2D

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
FREEDOMS = st.sampled_from(
    [
        {},
        {"free": "local"},
        {"free": "band", "radius": 0},
        {"free": "band", "radius": 2},
        {"free": "all"},
    ]
)
PLAIN = Convolution((5, 4, 2), (3, 2), 3)
GROUPED = Convolution(
    (5, 4, 4), (3, 2), 6, strides=(2, 2), padding="same", groups=2
)


def normal(seed, shape):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def arguments_of(drawn, **options):
    """What a Conv2D of Keras is given; zeros in front are not its matter."""
    arguments = drawn.arguments()
    del arguments["input_shape"], arguments["zero_padding"]
    return {**arguments, **options}


def with_random_weights(layer, input_shape, seed=0):
    layer.build((None, *input_shape))
    for weight in layer.weights:
        weight.assign(normal(seed, weight.shape))
    return layer


class DropInTest(parameterized.TestCase):
    @given(drawn_convolutions.convolutions(as_keras=True), SEEDS)
    def test_it_computes_what_conv2d_computes(self, drawn, seed):
        images = normal(seed, (2, *drawn.input_shape))
        images = keras.layers.ZeroPadding2D(drawn.zero_padding)(images)
        answers = []
        for kind in (keras.layers.Conv2D, EmbeddedConv2D):
            layer = kind(**arguments_of(drawn), activation="relu")
            with_random_weights(layer, images.shape[1:], seed)
            answers.append(layer(images))
        np.testing.assert_array_equal(*answers)

    def test_it_takes_and_keeps_all_arguments_of_conv2d(self):
        arguments = {
            "filters": 6,
            "kernel_size": (3, 2),
            "strides": (2, 1),
            "padding": "same",
            "data_format": "channels_first",
            "dilation_rate": (1, 1),
            "groups": 2,
            "activation": "relu",
            "use_bias": False,
            "kernel_initializer": "ones",
            "bias_initializer": "ones",
            "kernel_regularizer": keras.regularizers.L2(0.5),
            "bias_regularizer": keras.regularizers.L1(0.25),
            "activity_regularizer": keras.regularizers.L1(0.125),
            "kernel_constraint": "non_neg",
            "bias_constraint": "non_neg",
            "name": "mine",
            "trainable": False,
            "dtype": "mixed_bfloat16",
        }
        config = EmbeddedConv2D(**arguments).get_config()
        self.assertEqual(config, keras.layers.Conv2D(**arguments).get_config())
        self.assertEqual(
            EmbeddedConv2D.from_config(config).get_config(), config
        )

    def test_it_trains_as_conv2d_does(self):
        images = normal(0, (8, *PLAIN.input_shape))
        wanted = normal(1, (8, *PLAIN.output_shape))
        kernels = []
        for kind in (keras.layers.Conv2D, EmbeddedConv2D):
            layer = kind(**arguments_of(PLAIN))
            with_random_weights(layer, PLAIN.input_shape)
            model = keras.Sequential([keras.Input(PLAIN.input_shape), layer])
            model.compile("adam", "mse", run_eagerly=True)
            model.train_on_batch(images, wanted)
            kernels.append(keras.ops.convert_to_numpy(layer.kernel))
        np.testing.assert_array_equal(*kernels)


class MaskedDenseTest(parameterized.TestCase):
    @given(
        drawn_convolutions.convolutions(as_keras=True),
        SEEDS,
        FREEDOMS,
        st.booleans(),
    )
    @example(GROUPED, 0, {}, True)
    def test_dense_layer_computes_the_same(
        self, drawn, seed, freedom, use_bias
    ):
        images = normal(seed, (2, *drawn.input_shape))
        layer = EmbeddedConv2D(
            **arguments_of(drawn, activation="tanh", use_bias=use_bias)
        )
        if drawn.padding == "valid":  # Without the zeros it needs some room.
            images = np.pad(images, ((0, 0), (3, 3), (3, 3), (0, 0)))
        with_random_weights(layer, images.shape[1:], seed)
        expected = layer(images)
        dense = layer.to_masked_dense(images.shape[1:], **freedom)
        np.testing.assert_allclose(dense(images), expected, atol=1e-5)
        self.assertEqual(dense.free, freedom.get("free", "local"))
        self.assertEqual(dense.radius, freedom.get("radius"))
        self.assertEqual(
            subspace.distances(
                subspace.dense_parts(dense.kernel.value, dense.geometry)
            ),
            (0.0, 0.0, 0.0),
        )

    def test_channels_first_layer_has_a_channels_first_dense_form(self):
        images = normal(1, (2, *GROUPED.input_shape))
        expected = with_random_weights(
            EmbeddedConv2D(**arguments_of(GROUPED)), GROUPED.input_shape
        )(images)
        layer = EmbeddedConv2D(
            **arguments_of(GROUPED, data_format="channels_first")
        )
        # TensorFlow cannot run it on a CPU; its dense form can be run.
        with_random_weights(layer, (4, 5, 4))
        dense = layer.to_masked_dense((4, 5, 4), free="all")
        answers = dense(images.transpose(0, 3, 1, 2))
        np.testing.assert_allclose(
            np.transpose(answers, (0, 2, 3, 1)), expected, atol=1e-5
        )

    @parameterized.parameters("float16", "bfloat16", "float64")
    def test_dense_form_has_the_dtype_of_the_layer(self, dtype):
        layer = EmbeddedConv2D(**arguments_of(PLAIN, dtype=dtype))
        with_random_weights(layer, PLAIN.input_shape)
        dense = layer.to_masked_dense(PLAIN.input_shape)
        self.assertEqual(dense.kernel.dtype, dtype)
        images = normal(1, (2, *PLAIN.input_shape))
        # Sums of 12 products of size 1; bfloat16 keeps 8 bits of them.
        np.testing.assert_allclose(
            tf.cast(dense(images), "float32"),
            tf.cast(layer(images), "float32"),
            atol=0.1,
        )

    def test_docstring_example_holds(self):
        conv = EmbeddedConv2D(8, 3, padding="same")
        conv(keras.random.normal((2, 6, 6, 3)))
        self.assertEqual(
            conv.to_masked_dense((6, 6, 3)).kernel.shape, (108, 288)
        )

    def test_settings_carry_over(self):
        layer = EmbeddedConv2D(
            **arguments_of(PLAIN),
            name="mine",
            activation="tanh",
            kernel_initializer="he_normal",
            bias_initializer="ones",
            kernel_regularizer=keras.regularizers.L2(0.5),
            bias_regularizer=keras.regularizers.L1(0.25),
            activity_regularizer=keras.regularizers.L1(0.125),
            trainable=False,
            dtype="mixed_bfloat16",
        )
        layer.build((None, *PLAIN.input_shape))
        dense = layer.to_masked_dense(PLAIN.input_shape)
        config, expected = dense.get_config(), layer.get_config()
        for key in expected.keys() - OF_THE_GEOMETRY:
            self.assertEqual(config[key], expected[key], key)
        other = layer.to_masked_dense(PLAIN.input_shape, name="other")
        self.assertEqual(other.name, "other")

    @parameterized.parameters("kernel_constraint", "bias_constraint")
    def test_constraint_is_refused(self, attribute):
        layer = EmbeddedConv2D(
            **arguments_of(PLAIN), name="mine", **{attribute: "non_neg"}
        )
        layer.build((None, *PLAIN.input_shape))
        with self.assertRaisesRegex(
            ValueError,
            f'Layer "mine" has {attribute}=NonNeg, which does not carry over',
        ):
            layer.to_masked_dense(PLAIN.input_shape)

    def test_weights_are_copies(self):
        layer = EmbeddedConv2D(**arguments_of(PLAIN))
        with_random_weights(layer, PLAIN.input_shape)
        dense = layer.to_masked_dense(PLAIN.input_shape)
        before = keras.ops.convert_to_numpy(dense.kernel)
        layer.kernel.assign(layer.kernel + 1)
        np.testing.assert_array_equal(dense.kernel, before)


class ImageSizeTest(parameterized.TestCase):
    def test_size_is_that_of_the_symbolic_input_by_default(self):
        layer = EmbeddedConv2D(**arguments_of(PLAIN))
        for _ in range(2):  # Any number of calls on one size.
            layer(keras.Input(PLAIN.input_shape))
        dense = layer.to_masked_dense()
        self.assertEqual(dense.geometry.input_shape, PLAIN.input_shape)
        again = layer.to_masked_dense((7, 9, 2))
        self.assertEqual(again.geometry.input_shape, (7, 9, 2))

    def test_unbuilt_layer_is_refused(self):
        layer = EmbeddedConv2D(4, 3, name="mine")
        with self.assertRaisesRegex(
            ValueError, 'Layer "mine" has no kernel yet.*`build` it before'
        ):
            layer.to_masked_dense((6, 6, 3))

    @parameterized.parameters(
        ((), "calls on no symbolic tensor"),
        (((6, 6, 3), (8, 7, 3)), r"calls on \[\(6, 6, 3\), \(8, 7, 3\)\]"),
    )
    def test_size_that_is_not_one_must_be_given(self, sizes, message):
        layer = EmbeddedConv2D(4, 3, name="mine")
        layer(np.zeros((1, 6, 6, 3), "float32"))
        for size in sizes:
            layer(keras.Input(size))
        with self.assertRaisesRegex(
            ValueError, f'Layer "mine" needs `input_shape`.*{message}'
        ):
            layer.to_masked_dense()

    @parameterized.parameters(
        (None, r"needs a fixed image size.*\(None, None, 3\).*fixed shape"),
        ((None, 6, 6, 3), "three integers without the batch axis.*None, 6"),
        ((6, 6), r"three integers without the batch axis.*\(6, 6\)"),
        ((6, 6, 4), r"does not fit.*\(3, 3, 4, 4\).*\(3, 3, 3, 4\)"),
        ((2, 6, 3), r"reaches beyond the image.*\(2, 6, 3\)"),
        ((6, 0, 3), "`input_shape` must be 3 integers of at least 1.*0"),
    )
    def test_sizes_that_do_not_fit_are_refused(self, size, message):
        layer = EmbeddedConv2D(4, 3)
        layer(keras.Input((None, None, 3)))
        with self.assertRaisesRegex(ValueError, message):
            layer.to_masked_dense(size)

    @parameterized.parameters(
        ({"free": "none"}, "`free` must be one of.*'none'"),
        ({"radius": 1}, "`radius` belongs to free=.band"),
        ({"free": "band"}, "needs `radius`.*None"),
    )
    def test_freedoms_that_contradict_are_refused(self, freedom, message):
        layer = EmbeddedConv2D(4, 3)
        layer(keras.Input((6, 6, 3)))
        with self.assertRaisesRegex(ValueError, message):
            layer.to_masked_dense(**freedom)


if __name__ == "__main__":
    absltest.main()

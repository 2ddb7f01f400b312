"""Tests of the masked dense layer: exact function, exact zeros, any optimizer.

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

from needle_tf.layers import masked_dense
from needle_tf.ops import conv_geometry
from needle_tf.ops import unrolling
from tests.oracles import dense_convolution
from tests.oracles import drawn_convolutions

Convolution = dense_convolution.Convolution
ConvGeometry = conv_geometry.ConvGeometry
MaskedDense = masked_dense.MaskedDense

SEEDS = st.integers(0, 2**32 - 1)
FREEDOMS = (("local", None), ("band", 0), ("band", 1), ("all", None))

PLAIN = Convolution((5, 4, 2), (3, 2), 3)
GROUPED = Convolution(
    (5, 4, 4), (3, 2), 6, strides=(2, 1), padding="same", groups=2
)

OPTIMIZERS = (
    ("sgd", lambda **kw: keras.optimizers.SGD(0.1, momentum=0.9, **kw)),
    ("adam", lambda **kw: keras.optimizers.Adam(0.01, **kw)),
    ("adamw", lambda **kw: keras.optimizers.AdamW(0.01, 0.1, **kw)),
    ("muon", lambda **kw: keras.optimizers.Muon(0.02, **kw)),
    ("lion", lambda **kw: keras.optimizers.Lion(0.01, **kw)),
)


def geometry_of(convolution):
    return ConvGeometry.of_convolution(**convolution.arguments())


def normal(seed, shape):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def embedded(convolution, free="local", radius=None, seed=0, **options):
    """A layer that computes a drawn convolution, and the kernel of that."""
    geometry = geometry_of(convolution)
    kernel = normal(seed, convolution.kernel_shape)
    layer = MaskedDense(geometry, free, radius, **options)
    bias = None
    if layer.use_bias:
        bias = np.tile(
            normal(seed + 1, (geometry.filters,)), geometry.positions
        )
    layer.start_from(lambda: unrolling.unroll(kernel, geometry), bias)
    return layer, kernel, bias


def trained(layer, convolution, optimizer, *, steps=3, **options):
    """Trains on random images; returns the layer."""
    images = normal(10, (8, *convolution.input_shape))
    wanted = normal(11, (8, *convolution.output_shape))
    model = keras.Sequential([keras.Input(convolution.input_shape), layer])
    options = {"run_eagerly": True, **options}
    model.compile(optimizer, "mse", **options)
    for _ in range(steps):
        model.train_on_batch(images, wanted)
    optimizer.finalize_variable_values(model.trainable_variables)
    return layer


class FunctionTest(parameterized.TestCase):
    @given(drawn_convolutions.convolutions(), SEEDS, st.sampled_from(FREEDOMS))
    @example(GROUPED, 0, ("local", None))
    def test_embedded_kernel_computes_the_convolution(
        self, drawn, seed, freedom
    ):
        layer, kernel, bias = embedded(
            drawn, *freedom, seed=seed, activation="tanh"
        )
        images = normal(seed + 2, (2, *drawn.input_shape))
        expected = dense_convolution.convolve(images, kernel, drawn)
        expected = np.tanh(expected + bias.reshape(drawn.output_shape))
        answers = layer(images)
        self.assertEqual(answers.shape, expected.shape)
        np.testing.assert_allclose(answers, expected, atol=1e-5)

    @parameterized.parameters(*FREEDOMS)
    def test_whole_numbers_are_images_too(self, *freedom):
        layer, _, _ = embedded(PLAIN, *freedom)
        images = np.arange(40, dtype="uint8").reshape(1, *PLAIN.input_shape)
        np.testing.assert_allclose(
            layer(images), layer(images.astype("float32")), rtol=1e-6
        )

    @parameterized.product(drawn=(PLAIN, GROUPED), freedom=FREEDOMS)
    def test_channels_first_images_use_the_same_weights(self, drawn, freedom):
        images = normal(2, (2, *drawn.input_shape))
        expected = embedded(drawn, *freedom)[0](images)
        layer, _, _ = embedded(drawn, *freedom, data_format="channels_first")
        answers = layer(images.transpose(0, 3, 1, 2))
        np.testing.assert_array_equal(
            np.transpose(answers, (0, 2, 3, 1)), expected
        )

    @parameterized.parameters(*FREEDOMS)
    def test_mixed_precision_computes_in_half_of_full_weights(self, *freedom):
        images = normal(2, (2, *PLAIN.input_shape))
        expected = embedded(PLAIN, *freedom)[0](images)
        layer, _, _ = embedded(PLAIN, *freedom, dtype="mixed_bfloat16")
        answers = layer(images)
        self.assertEqual(layer.kernel.dtype, "float32")
        self.assertEqual(answers.dtype, "bfloat16")
        # bfloat16 keeps 8 bits of sums of 12 products of size 1.
        np.testing.assert_allclose(
            tf.cast(answers, "float32"), expected, atol=0.1
        )

    @parameterized.parameters(False, True)
    def test_layer_on_data_computes_the_same(self, reads_data):
        layer, kernel, _ = embedded(
            PLAIN, "all", reads_data=reads_data, use_bias=False
        )
        images = tf.constant(normal(2, (2, *PLAIN.input_shape)))
        layer.build(images.shape)
        with tf.GradientTape() as tape:
            tape.watch(images)
            loss = tf.reduce_sum(layer(images) ** 2)
        dense = unrolling.unroll(kernel, layer.geometry)
        pixels = images.numpy().reshape(2, -1)
        units = 2 * pixels @ dense
        by_images, by_kernel = tape.gradient(loss, [images, layer.kernel.value])
        np.testing.assert_allclose(
            by_images, (units @ dense.T).reshape(images.shape), atol=1e-4
        )
        np.testing.assert_allclose(by_kernel, pixels.T @ units, atol=1e-4)


class MaskTest(parameterized.TestCase):
    @given(
        drawn_convolutions.convolutions(),
        st.sampled_from([("local", None, 0), ("band", 0, 0), ("band", 2, 2)]),
    )
    @example(GROUPED, ("local", None, 0))
    def test_mask_keeps_what_lies_within_the_radius(self, drawn, freedom):
        free, radius, reach = freedom
        layer = MaskedDense(geometry_of(drawn), free, radius)
        dense = normal(0, layer.geometry.dense_shape)
        within = dense_convolution.mask(drawn, reach)
        np.testing.assert_array_equal(
            layer.mask(dense), np.where(within, dense, 0)
        )
        self.assertEqual(layer.free_weights(), within.sum())

    def test_all_entries_are_free_across_groups_too(self):
        layer = MaskedDense(geometry_of(GROUPED), "all")
        dense = normal(0, layer.geometry.dense_shape)
        np.testing.assert_array_equal(layer.mask(dense), dense)
        self.assertEqual(layer.free_weights(), dense.size)

    @parameterized.parameters(PLAIN, GROUPED)
    def test_fixed_entries_count_for_nothing_whatever_they_hold(self, drawn):
        layer, _, _ = embedded(drawn)
        images = tf.constant(normal(2, (2, *drawn.input_shape)))
        expected = layer(images)
        local = dense_convolution.mask(drawn)
        layer.kernel.assign(np.where(local, layer.kernel, np.nan))
        with tf.GradientTape() as tape:
            answers = layer(images)
        np.testing.assert_array_equal(answers, expected)
        gradient = tape.gradient(answers, layer.kernel.value).numpy()
        np.testing.assert_array_equal(gradient[~local], 0)
        self.assertGreater(np.abs(gradient[local]).min(), 0)


class StartTest(parameterized.TestCase):
    @parameterized.parameters(*FREEDOMS)
    def test_draws_are_scaled_by_the_free_weights_of_a_unit(self, *freedom):
        drawn = Convolution((12, 10, 4), (3, 3), 8, padding="same", groups=2)
        layer = MaskedDense(
            geometry_of(drawn),
            *freedom,
            kernel_initializer=keras.initializers.HeNormal(seed=0),
        )
        layer.build((None, *drawn.input_shape))
        kernel = np.asarray(layer.kernel)
        within = np.ones(kernel.shape, bool)
        if layer.free != "all":
            within = dense_convolution.mask(drawn, layer.radius or 0)
        np.testing.assert_array_equal(kernel[~within], 0)
        # At least 26,000 draws: known to 0.5 %.
        fan_in = within.sum() / kernel.shape[1]
        np.testing.assert_allclose(
            kernel[within].std(), (2 / fan_in) ** 0.5, rtol=0.03
        )
        self.assertEqual(layer.count_params(), kernel.size + kernel.shape[1])


class FixedEntriesTest(parameterized.TestCase):
    @parameterized.product(
        optimizer=OPTIMIZERS,
        options=(
            {},
            {"clipnorm": 0.01},
            {"use_ema": True, "ema_momentum": 0.5},
        ),
        freedom=(("local", None), ("band", 1)),
    )
    def test_fixed_entries_stay_exactly_0(self, optimizer, options, freedom):
        name, build = optimizer
        layer, _, _ = embedded(GROUPED, *freedom)
        layer.build((None, *GROUPED.input_shape))
        before = keras.ops.convert_to_numpy(layer.kernel)
        after = np.asarray(trained(layer, GROUPED, build(**options)).kernel)
        within = dense_convolution.mask(GROUPED, freedom[1] or 0)
        self.assertGreater(np.abs(after - before)[within].min(), 0)
        if name == "muon" and "use_ema" in options:
            # Keras averages what Muon mixed before we set it back: the
            # averages that end up in the kernel take no part in anything.
            images = normal(2, (2, *GROUPED.input_shape))
            answers = layer(images)
            layer.kernel.assign(np.where(within, after, 0))
            np.testing.assert_array_equal(layer(images), answers)
            after = np.asarray(layer.kernel)
        np.testing.assert_array_equal(after[~within], 0)

    def test_penalties_that_reach_fixed_entries_do_not_move_them(self):
        layer, _, _ = embedded(
            PLAIN,
            kernel_regularizer=keras.regularizers.OrthogonalRegularizer(1.0),
        )
        trained(layer, PLAIN, keras.optimizers.SGD(0.1, momentum=0.9))
        outside = ~dense_convolution.mask(PLAIN)
        np.testing.assert_array_equal(np.asarray(layer.kernel)[outside], 0)

    @parameterized.parameters(*FREEDOMS)
    def test_constraint_of_the_user_comes_first(self, *freedom):
        layer, kernel, _ = embedded(
            PLAIN, *freedom, kernel_constraint=lambda kernel: kernel + 1
        )
        trained(layer, PLAIN, keras.optimizers.SGD(0.0), steps=2)
        within = np.ones(layer.kernel.shape)
        if layer.free != "all":
            within = dense_convolution.mask(PLAIN, layer.radius or 0)
        expected = unrolling.unroll(kernel, layer.geometry) + 2
        np.testing.assert_allclose(layer.kernel, expected * within, rtol=1e-6)

    def test_compiled_by_xla_it_trains_alike(self):
        kernels = [
            trained(
                embedded(GROUPED, "band", 1)[0],
                GROUPED,
                keras.optimizers.SGD(0.1, momentum=0.9),
                **options,
            ).kernel
            for options in (
                {},
                {"run_eagerly": False, "jit_compile": True},
            )
        ]
        np.testing.assert_allclose(*kernels, atol=1e-6)
        outside = ~dense_convolution.mask(GROUPED, 1)
        np.testing.assert_array_equal(np.asarray(kernels[1])[outside], 0)


class FullyConnectedTest(parameterized.TestCase):
    @parameterized.parameters(False, True)
    def test_all_free_it_trains_as_a_dense_layer_does(self, reads_data):
        layer, kernel, bias = embedded(PLAIN, "all", reads_data=reads_data)
        dense = unrolling.unroll(kernel, layer.geometry)
        flat = keras.layers.Dense(dense.shape[1])
        flat.build((None, dense.shape[0]))
        flat.set_weights([dense, bias])
        as_image = keras.Sequential(
            [
                keras.Input(PLAIN.input_shape),
                keras.layers.Flatten(),
                flat,
                keras.layers.Reshape(PLAIN.output_shape),
            ]
        )
        trained(as_image, PLAIN, keras.optimizers.Adam(0.01))
        trained(layer, PLAIN, keras.optimizers.Adam(0.01))
        np.testing.assert_allclose(layer.kernel, flat.kernel, atol=1e-5)
        np.testing.assert_allclose(layer.bias, flat.bias, atol=1e-5)


class ConfigTest(parameterized.TestCase):
    @parameterized.parameters(*FREEDOMS)
    def test_config_round_trips(self, *freedom):
        layer = MaskedDense(
            geometry_of(GROUPED),
            *freedom,
            reads_data=True,
            activation="relu",
            use_bias=False,
            kernel_constraint="non_neg",
            data_format="channels_first",
            name="mine",
        )
        config = layer.get_config()
        again = MaskedDense.from_config(config)
        self.assertEqual(again.get_config(), config)
        self.assertEqual(again.geometry, layer.geometry)
        self.assertEqual((again.free, again.radius), freedom)

    def test_constraint_that_keeps_the_zeros_is_not_saved(self):
        layer, _, _ = embedded(PLAIN)
        layer.build((None, *PLAIN.input_shape))
        self.assertIsNone(layer.get_config()["kernel_constraint"])
        self.assertIsNotNone(layer.kernel.constraint)


class RefusalTest(parameterized.TestCase):
    @parameterized.parameters(
        ("none", None, r"`free` must be one of .*'local', 'band', 'all'.*none"),
        ("local", 1, "`radius` belongs to free=.band.*'local', radius=1"),
        ("all", 0, "`radius` belongs to free=.band.*'all', radius=0"),
        ("band", None, "needs `radius`, an integer of at least 0.*None"),
        ("band", -1, "needs `radius`.*-1"),
        ("band", 1.5, "needs `radius`.*1.5"),
        ("band", True, "needs `radius`.*True"),
    )
    def test_freedoms_that_contradict_are_refused(self, free, radius, message):
        with self.assertRaisesRegex(ValueError, message):
            MaskedDense(geometry_of(PLAIN), free, radius)

    def test_radius_may_come_from_numpy(self):
        layer = MaskedDense(geometry_of(PLAIN), "band", np.int64(2))
        self.assertIs(type(layer.get_config()["radius"]), int)

    @parameterized.parameters((None,), ((5, 4, 2),), (3,))
    def test_what_is_no_geometry_is_refused(self, wrong):
        with self.assertRaisesRegex(ValueError, "must be a `ConvGeometry` or"):
            MaskedDense(wrong)

    @parameterized.parameters(
        ("channels_last", (5, 4, 3), r"\(5, 4, 2\) \(channels_last\)"),
        ("channels_last", (None, 4, 2), r"\(5, 4, 2\) .*\(None, 4, 2\)"),
        ("channels_first", (5, 4, 2), r"\(2, 5, 4\) \(channels_first\)"),
    )
    def test_images_of_another_geometry_are_refused(self, layout, shape, why):
        layer = MaskedDense(geometry_of(PLAIN), data_format=layout, name="mine")
        with self.assertRaisesRegex(
            ValueError, f'Layer "mine" takes images of shape {why}'
        ):
            layer.build((None, *shape))


class UnitBiasTest(parameterized.TestCase):
    def test_bias_of_a_channel_is_that_of_all_its_units(self):
        bias = masked_dense.unit_bias(np.array([1, 2, 3]), geometry_of(PLAIN))
        self.assertEqual(bias.shape, (3 * 3 * 3,))
        np.testing.assert_array_equal(
            bias.reshape(3, 3, 3), np.broadcast_to([1, 2, 3], (3, 3, 3))
        )
        self.assertIsNone(masked_dense.unit_bias(None, geometry_of(PLAIN)))


if __name__ == "__main__":
    absltest.main()

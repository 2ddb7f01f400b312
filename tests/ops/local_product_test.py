"""Tests of the untied product: against windows cut one by one."""

import contextlib
import math
from unittest import mock

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import example
from hypothesis import given
from hypothesis import strategies as st

from needle_tf.ops import conv_geometry
from needle_tf.ops import local_product
from needle_tf.ops import receptive_fields
from tests.oracles import dense_convolution
from tests.oracles import drawn_convolutions

Convolution = dense_convolution.Convolution
SEEDS = st.integers(0, 2**32 - 1)

PLAIN = Convolution((5, 4, 2), (3, 2), 3)
GROUPED = Convolution(
    (5, 4, 4), (3, 2), 6, strides=(2, 1), padding="same", groups=2
)
# Strides together with dilation: Keras' convolutions refuse it.
HOLES = Convolution(
    (9, 8, 1), (3, 2), 2, strides=(2, 3), padding="same", dilation_rate=(2, 3)
)
BLIND = Convolution(
    (1, 1, 1), (1, 1), 1, strides=(2, 1), zero_padding=((1, 0), (0, 0))
)
# Every third pixel is seen, the others by nobody.
SPARSE = Convolution((7, 7, 1), (1, 1), 2, strides=(3, 3))
# Positions see 2 or 3 pixels: no more groups than it takes to have some.
NARROW = Convolution((3, 1, 4), (3, 1), 6, padding="same", groups=2)

# From how much on it pays to group positions, and to sum over them.
WAYS = (
    ("one_group_gathered", math.inf, math.inf),
    ("one_group_summed", math.inf, 0),
    ("groups_gathered", 0, math.inf),
    ("groups_summed", 0, 0),
)


def geometry_of(convolution):
    return conv_geometry.ConvGeometry.of_convolution(**convolution.arguments())


def normal(seed, shape):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@contextlib.contextmanager
def working(grouping, summing):
    """Chooses how the product is computed."""
    cached = receptive_fields.of_positions, receptive_fields.of_pixels
    try:
        with (
            mock.patch.object(receptive_fields, "_WORTH_GROUPING", grouping),
            mock.patch.object(local_product, "_WORTH_SUMMING", summing),
        ):
            for function in cached:
                function.cache_clear()
            yield
    finally:
        for function in cached:
            function.cache_clear()


def weights_in_the_matrix(convolution):
    """`(inputs, outputs)`: the number of the weight in each entry, from 1."""
    shape = geometry_of(convolution).local_shape
    numbers = 1 + np.arange(math.prod(shape)).reshape(shape)
    matrix = dense_convolution.matrix_untied(numbers, convolution)
    return np.rint(matrix).astype(int)


def derivatives(product, images, kernel, towards):
    """Value, gradients, and second derivatives along `towards`, both ways."""
    sources = [images, kernel]
    with (
        tf.GradientTape() as outer,
        tf.autodiff.ForwardAccumulator(sources, towards) as forward,
    ):
        outer.watch(sources)
        with tf.GradientTape() as inner:
            inner.watch(sources)
            value = product(images, kernel)
            loss = tf.reduce_sum(tf.sin(value))
        first = inner.gradient(loss, sources)
        along = sum(
            tf.reduce_sum(gradient * step)
            for gradient, step in zip(first, towards, strict=True)
        )
    second = outer.gradient(along, sources)
    return [value, *first, *second, *map(forward.jvp, first)]


class LocalProductTest(parameterized.TestCase):
    @parameterized.named_parameters(*WAYS)
    @given(drawn_convolutions.convolutions(), SEEDS)
    @example(GROUPED, 0)
    @example(HOLES, 0)
    @example(BLIND, 0)
    @example(SPARSE, 0)
    def test_function_and_gradients_are_those_of_windows(
        self, grouping, summing, drawn, seed
    ):
        geometry = geometry_of(drawn)
        images = normal(seed, (2, *drawn.input_shape))
        kernel = normal(seed + 1, geometry.local_shape)
        wanted = normal(seed + 2, (2, geometry.dense_shape[1]))
        sources = [tf.constant(images), tf.constant(kernel)]
        with working(grouping, summing), tf.GradientTape() as tape:
            tape.watch(sources)
            units = local_product.local_product(*sources, geometry)
            by_images, by_kernel = tape.gradient(units, sources, wanted)
        self.assertEqual(units.shape, wanted.shape)
        expected = dense_convolution.convolve_untied(images, kernel, drawn)
        # float32 sums of at most 4 * 4 * 3 products of size 1.
        np.testing.assert_allclose(units, expected.reshape(2, -1), atol=1e-5)
        matrix = dense_convolution.matrix_untied(kernel, drawn)
        np.testing.assert_allclose(
            by_images, (wanted @ matrix.T).reshape(images.shape), atol=1e-5
        )
        # Weights in the padding get a gradient of 0.
        number = weights_in_the_matrix(drawn)
        expected = np.zeros(1 + kernel.size)
        expected[number] = images.reshape(2, -1).T @ wanted
        np.testing.assert_allclose(
            by_kernel, expected[1:].reshape(kernel.shape), atol=1e-5
        )

    @parameterized.named_parameters(*WAYS)
    @given(drawn_convolutions.convolutions(), SEEDS, st.data())
    def test_positions_that_nobody_reads_are_left_out(
        self, grouping, summing, drawn, seed, data
    ):
        geometry = geometry_of(drawn)
        unread = data.draw(
            st.tuples(*(st.integers(0, n - 1) for n in geometry.output_size))
        )
        is_read = np.ones((*geometry.output_size, drawn.filters), "float32")
        is_read[geometry.output_size[0] - unread[0] :] = 0
        is_read[:, geometry.output_size[1] - unread[1] :] = 0
        is_read = is_read.reshape(-1)
        images = normal(seed, (2, *drawn.input_shape))
        kernel = normal(seed + 1, geometry.local_shape)
        wanted = normal(seed + 2, (2, geometry.dense_shape[1])) * is_read
        sources = [tf.constant(images), tf.constant(kernel)]

        def computed(*unread):
            with working(grouping, summing), tf.GradientTape() as tape:
                tape.watch(sources)
                units = local_product.local_product(*sources, geometry, *unread)
                gradients = tape.gradient(units, sources, wanted)
            return units, *gradients

        units, *gradients = computed(unread)
        whole, *expected = computed()
        np.testing.assert_allclose(units, whole * is_read, atol=1e-5)
        for ours, plain in zip(gradients, expected, strict=True):
            np.testing.assert_allclose(ours, plain, atol=1e-5)

    # Two ways reach every line; TensorFlow is slow to derive twice.
    @parameterized.parameters((WAYS[0], True), (WAYS[3], False))
    def test_second_derivatives_are_those_of_the_dense_product(
        self, way, traced
    ):
        geometry = geometry_of(NARROW)
        number = weights_in_the_matrix(NARROW)
        shapes = (2, *NARROW.input_shape), geometry.local_shape
        arguments = [tf.constant(normal(i, s)) for i, s in enumerate(shapes)]
        towards = [tf.constant(normal(i, s)) for i, s in enumerate(shapes, 2)]

        def dense(images, kernel):
            weights = tf.concat([[0.0], tf.reshape(kernel, (-1,))], axis=0)
            return tf.reshape(images, (2, -1)) @ tf.gather(weights, number)

        def local(images, kernel):
            return local_product.local_product(images, kernel, geometry)

        def computed(product):
            run = tf.function(derivatives) if traced else derivatives
            return run(product, *arguments, towards)

        with working(*way[1:]):
            found = computed(local)
        for ours, plain in zip(found, computed(dense), strict=True):
            np.testing.assert_allclose(ours, plain, atol=2e-5)

    @parameterized.parameters(PLAIN, GROUPED)
    def test_batch_may_be_empty(self, drawn):
        geometry = geometry_of(drawn)
        units = local_product.local_product(
            np.zeros((0, *drawn.input_shape), "float32"),
            normal(0, geometry.local_shape),
            geometry,
        )
        self.assertEqual(units.shape, (0, geometry.dense_shape[1]))

    @parameterized.product(drawn=(PLAIN, GROUPED), jit_compile=(False, True))
    def test_traced_for_any_batch_it_computes_the_same(
        self, drawn, jit_compile
    ):
        geometry = geometry_of(drawn)
        kernel = normal(0, geometry.local_shape)
        images = normal(1, (4, *drawn.input_shape))
        traced = tf.function(
            lambda images: local_product.local_product(
                images, kernel, geometry
            ),
            input_signature=[
                tf.TensorSpec((None, *drawn.input_shape), "float32")
            ],
            jit_compile=jit_compile,
        )
        self.assertEqual(
            traced.get_concrete_function().output_shapes,
            (None, geometry.dense_shape[1]),
        )
        for batch in (4, 1):
            np.testing.assert_allclose(
                traced(images[:batch]),
                local_product.local_product(images[:batch], kernel, geometry),
                atol=1e-6,
            )

    def test_half_precision_stays_half(self):
        geometry = geometry_of(GROUPED)
        images = keras.ops.cast(normal(0, (2, 5, 4, 4)), "bfloat16")
        kernel = keras.ops.cast(normal(1, geometry.local_shape), "bfloat16")
        units = local_product.local_product(images, kernel, geometry)
        self.assertEqual(
            keras.backend.standardize_dtype(units.dtype), "bfloat16"
        )


if __name__ == "__main__":
    absltest.main()

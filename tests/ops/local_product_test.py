"""Tests of the untied product: against windows cut one by one."""

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
from needle_tf.ops import unrolling
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


def geometry_of(convolution):
    return conv_geometry.ConvGeometry.of_convolution(**convolution.arguments())


def normal(seed, shape):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


class LocalProductTest(parameterized.TestCase):
    @given(drawn_convolutions.convolutions(), SEEDS)
    @example(GROUPED, 0)
    @example(HOLES, 0)
    @example(BLIND, 0)
    def test_each_position_multiplies_what_it_sees(self, drawn, seed):
        geometry = geometry_of(drawn)
        images = normal(seed, (2, *drawn.input_shape))
        kernel = normal(seed + 1, geometry.local_shape)
        units = local_product.local_product(images, kernel, geometry)
        self.assertEqual(units.shape, (2, geometry.dense_shape[1]))
        expected = dense_convolution.convolve_untied(images, kernel, drawn)
        # float32 sums of at most 4 * 4 * 2 products of size 1.
        np.testing.assert_allclose(units, expected.reshape(2, -1), atol=1e-5)

    @parameterized.parameters(PLAIN, GROUPED, HOLES)
    def test_gradients_are_those_of_the_dense_product(self, drawn):
        geometry = geometry_of(drawn)
        images = tf.constant(normal(0, (3, *drawn.input_shape)))
        kernel = tf.constant(normal(1, geometry.local_shape))
        wanted = tf.constant(normal(2, (3, geometry.dense_shape[1])))
        with tf.GradientTape() as tape:
            tape.watch([images, kernel])
            units = local_product.local_product(images, kernel, geometry)
            loss = tf.reduce_sum(units * wanted)
        by_images, by_kernel = tape.gradient(loss, [images, kernel])
        dense = unrolling.unroll_local(kernel.numpy(), geometry)
        np.testing.assert_allclose(
            by_images,
            (wanted.numpy() @ dense.T).reshape(images.shape),
            atol=1e-5,
        )
        # Weights in the padding get a gradient of 0.
        by_dense = images.numpy().reshape(3, -1).T @ wanted.numpy()
        np.testing.assert_allclose(
            by_kernel, unrolling.roll_local(by_dense, geometry), atol=1e-5
        )

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

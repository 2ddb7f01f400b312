"""Tests of the projections: against a label for every dense entry."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import example
from hypothesis import given
from hypothesis import strategies as st

from needle_tf.ops import conv_geometry
from needle_tf.ops import projections
from needle_tf.ops import subspace
from needle_tf.ops import unrolling
from tests.oracles import dense_convolution
from tests.oracles import drawn_convolutions
from tests.oracles import subspace as oracle

Convolution = dense_convolution.Convolution
SEEDS = st.integers(0, 2**32 - 1)
DRAWN = drawn_convolutions.convolutions()
GROUPED = Convolution(
    (5, 4, 4), (3, 2), 6, strides=(2, 1), padding="same", groups=2
)
# One pixel between two windows of one pixel: no tap meets it.
UNSEEN = Convolution(
    (1, 1, 2), (1, 1), 3, strides=(3, 3), zero_padding=((2, 2), (2, 2))
)


def geometry_of(convolution):
    return conv_geometry.ConvGeometry.of_convolution(**convolution.arguments())


def normal(seed, shape, dtype="float32"):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def numbers(function, array, geometry):
    tensor = keras.ops.convert_to_tensor(array)
    return keras.ops.convert_to_numpy(function(tensor, geometry))


class DenseTest(parameterized.TestCase):
    @given(DRAWN, SEEDS, st.sampled_from(["float32", "float64"]))
    @example(GROUPED, 0, "float32")
    @example(UNSEEN, 0, "float32")
    def test_projections_are_those_of_the_labels(self, drawn, seed, dtype):
        geometry = geometry_of(drawn)
        dense = normal(seed, geometry.dense_shape, dtype)
        labels = dense_convolution.labels(drawn)
        local = numbers(projections.dense_to_local, dense, geometry)
        self.assertEqual(local.dtype, dtype)
        np.testing.assert_array_equal(
            local, oracle.project_local(dense, labels)
        )
        shared = numbers(projections.dense_to_shared, dense, geometry)
        self.assertEqual(shared.dtype, dtype)
        np.testing.assert_allclose(
            shared,
            oracle.project_shared(dense, labels),
            # Means of at most some hundred numbers of order 1.
            atol=1e-6 if dtype == "float32" else 1e-14,
        )

    @given(DRAWN, SEEDS)
    @example(GROUPED, 0)
    def test_embedded_kernel_comes_back_to_the_last_bit(self, drawn, seed):
        geometry = geometry_of(drawn)
        dense = unrolling.unroll(normal(seed, drawn.kernel_shape), geometry)
        for project in (
            projections.dense_to_local,
            projections.dense_to_shared,
        ):
            np.testing.assert_array_equal(
                numbers(project, dense, geometry), dense
            )

    @given(DRAWN, SEEDS)
    def test_what_is_left_has_the_measured_distances(self, drawn, seed):
        geometry = geometry_of(drawn)
        dense = normal(seed, geometry.dense_shape)
        parts = subspace.dense_parts(
            keras.ops.convert_to_tensor(dense), geometry
        )
        local = numbers(projections.dense_to_local, dense, geometry)
        shared = numbers(projections.dense_to_shared, dense, geometry)
        np.testing.assert_allclose(
            [np.sum((dense - local) ** 2), np.sum((local - shared) ** 2)],
            [float(parts.off_local), float(parts.unshared)],
            rtol=1e-4,
            atol=1e-5,
        )


class LocalTest(absltest.TestCase):
    @given(DRAWN, SEEDS)
    @example(GROUPED, 0)
    @example(UNSEEN, 0)
    def test_compact_kernel_has_the_projection_of_its_dense_form(
        self, drawn, seed
    ):
        geometry = geometry_of(drawn)
        local = normal(seed, geometry.local_shape)
        shared = numbers(projections.local_to_shared, local, geometry)
        dense = unrolling.unroll_local(local, geometry)
        np.testing.assert_allclose(
            unrolling.unroll_local(shared, geometry),
            oracle.project_shared(dense, dense_convolution.labels(drawn)),
            atol=1e-6,
        )

    def test_taps_in_the_padding_become_0(self):
        convolution = Convolution((4, 4, 1), (3, 3), 1, padding="same")
        geometry = geometry_of(convolution)
        ones = np.ones(geometry.local_shape, "float32")
        shared = numbers(projections.local_to_shared, ones, geometry)
        # 4 corners miss 5 taps each, 8 border positions 3 each.
        self.assertEqual(np.sum(shared == 0), 4 * 5 + 8 * 3)
        self.assertEqual(np.sum(shared == 1), shared.size - 44)
        seen = numbers(projections.local_in_image, 3 * ones, geometry)
        np.testing.assert_array_equal(seen, 3 * shared)


class BiasTest(absltest.TestCase):
    @given(DRAWN, SEEDS)
    def test_bias_gets_the_mean_of_its_channel(self, drawn, seed):
        geometry = geometry_of(drawn)
        bias = normal(seed, geometry.dense_shape[1:])
        shared = numbers(projections.bias_to_shared, bias, geometry)
        expected = bias.reshape(geometry.output_shape).astype("float64")
        expected = expected.mean(axis=(0, 1), keepdims=True)
        np.testing.assert_allclose(
            shared.reshape(geometry.output_shape),
            np.broadcast_to(expected, geometry.output_shape),
            atol=1e-6,
        )
        again = numbers(projections.bias_to_shared, shared, geometry)
        np.testing.assert_array_equal(again, shared)


if __name__ == "__main__":
    absltest.main()

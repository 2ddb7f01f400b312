"""Tests of the distances: against explicit projections in float64."""

from unittest import mock

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import example
from hypothesis import given
from hypothesis import strategies as st

from needle_tf.ops import conv_geometry
from needle_tf.ops import subspace
from needle_tf.ops import unrolling
from tests.oracles import dense_convolution
from tests.oracles import drawn_convolutions
from tests.oracles import subspace as oracle

Convolution = dense_convolution.Convolution
SEEDS = st.integers(0, 2**32 - 1)

GROUPED = Convolution(
    (5, 4, 4), (3, 2), 6, strides=(2, 1), padding="same", groups=2
)


def geometry_of(convolution):
    return conv_geometry.ConvGeometry.of_convolution(**convolution.arguments())


def normal(seed, shape, dtype="float32"):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def distances_of(dense, geometry):
    return subspace.distances(
        subspace.dense_parts(keras.ops.convert_to_tensor(dense), geometry)
    )


class DenseTest(parameterized.TestCase):
    @given(
        drawn_convolutions.convolutions(),
        SEEDS,
        st.sampled_from([1.0, 1e-2, 1e-4, 0.0]),
    )
    @example(GROUPED, 0, 1.0)
    def test_distances_are_those_of_explicit_projections(
        self, drawn, seed, noise
    ):
        geometry = geometry_of(drawn)
        kernel = normal(seed, drawn.kernel_shape)
        dense = unrolling.unroll(kernel, geometry)
        dense += noise * normal(seed + 1, dense.shape)
        expected = oracle.distances(dense, dense_convolution.labels(drawn))
        # float32 sums of a few thousand squares.
        np.testing.assert_allclose(
            distances_of(dense, geometry), expected, rtol=1e-5
        )

    @given(drawn_convolutions.convolutions(), SEEDS)
    def test_parts_are_orthogonal_and_add_up_to_the_norm(self, drawn, seed):
        geometry = geometry_of(drawn)
        dense = normal(seed, geometry.dense_shape)
        parts = subspace.dense_parts(
            keras.ops.convert_to_tensor(dense), geometry
        )
        norm = np.linalg.norm(dense.astype("float64"))
        np.testing.assert_allclose(float(sum(parts)), norm**2, rtol=1e-5)
        delta, delta_share, delta_cnn = subspace.distances(parts)
        self.assertAlmostEqual(delta_cnn**2, delta**2 + delta_share**2)
        self.assertBetween(delta_cnn, 0.0, 1.0)

    @given(drawn_convolutions.convolutions(), SEEDS)
    @example(GROUPED, 0)
    def test_embedded_kernel_is_at_distance_0_exactly(self, drawn, seed):
        geometry = geometry_of(drawn)
        dense = unrolling.unroll(normal(seed, drawn.kernel_shape), geometry)
        self.assertEqual(distances_of(dense, geometry), (0.0, 0.0, 0.0))

    @parameterized.parameters("off_local", "unshared")
    def test_distance_of_a_millionth_is_resolved(self, part):
        convolution = Convolution((16, 16, 3), (3, 3), 8, padding="same")
        geometry = geometry_of(convolution)
        labels = dense_convolution.labels(convolution)
        dense = unrolling.unroll(
            1 + normal(0, convolution.kernel_shape), geometry
        )
        noise = normal(1, dense.shape)
        noise[(labels >= 0) == (part == "off_local")] = 0
        noise *= 1e-6 * np.linalg.norm(dense) / np.linalg.norm(noise)
        dense += noise
        measured = distances_of(dense, geometry)
        expected = oracle.distances(dense, labels)
        np.testing.assert_allclose(measured, expected, rtol=1e-4)
        # And it is the distance that was put in. Local entries round to
        # float32 near 1, an eighth of what was added to them.
        np.testing.assert_allclose(measured.delta_cnn, 1e-6, rtol=0.1)
        self.assertEqual(measured.delta == 0, part == "unshared")
        self.assertEqual(measured.delta_share == 0, part == "off_local")

    def test_weights_between_groups_are_off_local(self):
        geometry = geometry_of(GROUPED)
        apart = np.ones((5, 4, 4, *GROUPED.output_shape), "float32")
        apart[:, :, :2, :, :, :3] = 0  # Into the first group, from its own.
        apart[:, :, 2:, :, :, 3:] = 0
        dense = unrolling.unroll(normal(0, GROUPED.kernel_shape), geometry)
        delta = distances_of(dense + apart.reshape(dense.shape), geometry).delta
        share = apart.sum() / (apart.sum() + np.square(dense).sum())
        self.assertAlmostEqual(delta, share**0.5, 5)

    @parameterized.parameters(1, 7, 100, 1 << 30)
    def test_size_of_the_chunks_changes_nothing(self, chunk):
        geometry = geometry_of(GROUPED)
        dense = normal(0, geometry.dense_shape)
        with mock.patch.object(subspace, "_CHUNK", chunk):
            measured = distances_of(dense, geometry)
        expected = oracle.distances(dense, dense_convolution.labels(GROUPED))
        np.testing.assert_allclose(measured, expected, rtol=1e-5)

    @parameterized.parameters("float16", "bfloat16", "float64")
    def test_any_floating_kernel_is_measured_in_float32(self, dtype):
        geometry = geometry_of(GROUPED)
        # The squares of these overflow in float16.
        dense = keras.ops.cast(300 * normal(0, geometry.dense_shape), dtype)
        parts = subspace.dense_parts(dense, geometry)
        self.assertEqual(
            {keras.backend.standardize_dtype(part.dtype) for part in parts},
            {"float32"},
        )
        expected = oracle.distances(
            keras.ops.convert_to_numpy(keras.ops.cast(dense, "float32")),
            dense_convolution.labels(GROUPED),
        )
        np.testing.assert_allclose(
            subspace.distances(parts), expected, rtol=1e-5
        )

    def test_geometry_whose_taps_see_nothing_is_all_off_local(self):
        blind = Convolution(
            (1, 1, 1), (1, 1), 1, strides=(2, 1), zero_padding=((1, 0), (0, 0))
        )
        measured = distances_of(np.ones((1, 1), "float32"), geometry_of(blind))
        self.assertEqual(measured, (1.0, 0.0, 1.0))


class LocalTest(parameterized.TestCase):
    @given(drawn_convolutions.convolutions(), SEEDS)
    @example(GROUPED, 0)
    def test_compact_kernel_is_as_far_as_its_dense_form(self, drawn, seed):
        geometry = geometry_of(drawn)
        # Weights in the padding are drawn, too: they must not count.
        local = normal(seed, geometry.local_shape)
        parts = subspace.local_parts(
            keras.ops.convert_to_tensor(local), geometry
        )
        dense = unrolling.unroll_local(local, geometry)
        expected = oracle.distances(dense, dense_convolution.labels(drawn))
        measured = subspace.distances(parts)
        np.testing.assert_allclose(measured, expected, rtol=1e-5)
        self.assertEqual(measured.delta, 0.0)

    def test_copies_of_a_shared_kernel_are_at_distance_0_exactly(self):
        geometry = geometry_of(GROUPED)
        local = unrolling.share(normal(0, GROUPED.kernel_shape), geometry)
        parts = subspace.local_parts(
            keras.ops.convert_to_tensor(local), geometry
        )
        self.assertEqual(subspace.distances(parts), (0.0, 0.0, 0.0))


class BiasTest(parameterized.TestCase):
    def test_bias_is_apart_from_its_mean_over_positions(self):
        geometry = geometry_of(GROUPED)
        bias = normal(0, (geometry.positions, geometry.filters))
        parts = subspace.bias_parts(
            keras.ops.convert_to_tensor(bias.reshape(-1)), geometry
        )
        apart = bias - bias.mean(axis=0)
        expected = np.linalg.norm(apart) / np.linalg.norm(bias)
        np.testing.assert_allclose(
            subspace.distances(parts), (0, expected, expected), rtol=1e-5
        )

    def test_bias_per_channel_is_shared_exactly(self):
        geometry = geometry_of(GROUPED)
        bias = np.tile(normal(0, (geometry.filters,)), geometry.positions)
        parts = subspace.bias_parts(keras.ops.convert_to_tensor(bias), geometry)
        self.assertEqual(subspace.distances(parts), (0.0, 0.0, 0.0))


class NetworkTest(parameterized.TestCase):
    def test_parts_of_layers_add_up(self):
        parts = [
            subspace.SquaredParts(1.0, 2.0, 3.0),
            subspace.SquaredParts(0.5, 0.0, 9.5),
        ]
        total = subspace.add_parts(parts)
        self.assertEqual(total, (1.5, 2.0, 12.5))
        measured = subspace.distances(total)
        np.testing.assert_allclose(
            np.square(measured), np.array([1.5, 2.0, 3.5]) / 16
        )

    def test_zero_kernel_lies_in_every_subspace(self):
        zero = subspace.SquaredParts(0.0, 0.0, 0.0)
        self.assertEqual(subspace.distances(zero), (0.0, 0.0, 0.0))

    def test_nan_is_not_hidden(self):
        geometry = geometry_of(GROUPED)
        dense = np.zeros(geometry.dense_shape, "float32")
        dense[0, -1] = np.nan
        self.assertTrue(np.isnan(distances_of(dense, geometry).delta_cnn))


if __name__ == "__main__":
    absltest.main()

"""Tests of the dense matrix of a convolution, and of the ways back."""

import tracemalloc

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import example
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from needle_tf.ops import conv_geometry
from needle_tf.ops import unrolling
from tests.oracles import dense_convolution
from tests.oracles import drawn_convolutions
from tests.oracles import subspace

Convolution = dense_convolution.Convolution
ConvGeometry = conv_geometry.ConvGeometry

# Depthwise with two filters a channel, and a kernel larger than the image.
DEPTHWISE = Convolution(
    (3, 5, 3), (5, 2), 6, strides=(2, 1), padding="same", groups=3
)
SEEDS = st.integers(0, 2**32 - 1)
# An example takes about a millisecond.
MANY = settings(max_examples=25)


def geometry_of(convolution):
    return ConvGeometry.of_convolution(**convolution.arguments())


def normal(seed, shape, dtype="float32"):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def matrix_of(kernel, drawn, **options):
    return unrolling.conv2d_to_matrix(
        kernel, drawn.input_shape, **drawn.options(), **options
    )


class MatrixTest(parameterized.TestCase):
    @MANY
    @given(drawn_convolutions.convolutions(), SEEDS)
    @example(DEPTHWISE, 0)
    def test_matrix_is_the_answer_to_basis_images(self, drawn, seed):
        kernel = normal(seed, drawn.kernel_shape)
        matrix = matrix_of(kernel, drawn)
        # Copies of weights: nothing is rounded.
        expected = dense_convolution.matrix(kernel, drawn)
        np.testing.assert_array_equal(matrix, expected)
        self.assertEqual(matrix.dtype, np.float32)

    @given(drawn_convolutions.convolutions(as_keras=True), SEEDS)
    @example(DEPTHWISE, 0)
    def test_flat_images_times_matrix_are_what_keras_computes(
        self, drawn, seed
    ):
        kernel = normal(seed, drawn.kernel_shape)
        images = normal(seed + 1, (2, *drawn.input_shape))
        layer = keras.layers.Conv2D(
            drawn.filters,
            drawn.kernel_size,
            strides=drawn.strides,
            padding=drawn.padding,
            dilation_rate=drawn.dilation_rate,
            groups=drawn.groups,
            use_bias=False,
        )
        padded = keras.layers.ZeroPadding2D(drawn.zero_padding)(images)
        layer.build(padded.shape)
        layer.kernel.assign(kernel)
        answers = keras.layers.Flatten()(layer(padded))
        flat = keras.layers.Flatten()(images)
        # float32 sums of at most 4 * 4 * 2 products of size 1.
        np.testing.assert_allclose(
            flat @ matrix_of(kernel, drawn), answers, atol=1e-5
        )

    @parameterized.parameters("float16", "float64", "int8", "bfloat16")
    def test_matrix_has_the_dtype_of_the_kernel(self, dtype):
        kernel = np.arange(8).reshape(2, 2, 1, 2).astype(dtype)
        matrix = unrolling.conv2d_to_matrix(kernel, (3, 3, 1))
        self.assertEqual(matrix.dtype, kernel.dtype)
        self.assertEqual(matrix.astype(int).sum(), 4 * np.arange(8).sum())

    def test_kernel_may_be_any_view_or_list(self):
        kernel = normal(0, (2, 3, 3, 2))
        expected = unrolling.conv2d_to_matrix(
            np.ascontiguousarray(kernel.T), (4, 4, 3)
        )
        for given_kernel in (kernel.T, kernel.T.tolist()):
            matrix = unrolling.conv2d_to_matrix(given_kernel, [4, 4, 3])
            np.testing.assert_array_equal(matrix, expected)

    def test_nothing_but_the_matrix_takes_memory(self):
        kernel = normal(0, (3, 3, 16, 16))
        tracemalloc.start()
        try:
            matrix = unrolling.conv2d_to_matrix(kernel, (24, 24, 16))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        self.assertLess(peak, 1.01 * matrix.nbytes)


class OutTest(parameterized.TestCase):
    def test_out_is_filled_and_returned(self):
        kernel = normal(0, DEPTHWISE.kernel_shape)
        expected = matrix_of(kernel, DEPTHWISE)
        out = np.full(expected.shape, np.nan, "float32")
        for _ in range(2):
            self.assertIs(matrix_of(kernel, DEPTHWISE, out=out), out)
            np.testing.assert_array_equal(out, expected)
            kernel, expected = -kernel, -expected

    def test_out_may_be_more_precise(self):
        kernel = normal(0, DEPTHWISE.kernel_shape)
        expected = matrix_of(kernel, DEPTHWISE)
        out = np.empty(expected.shape, "float64")
        np.testing.assert_array_equal(
            matrix_of(kernel, DEPTHWISE, out=out), expected
        )

    @parameterized.parameters(
        (np.empty((9, 7), "float32"), r"out does not fit.*\(9, 8\).*\(9, 7\)"),
        (np.empty((8, 9), "float32").T, "C-contiguous.*strides"),
        (np.empty((9, 8), "int32"), "kernel's float32.*out of int32"),
    )
    def test_out_that_cannot_hold_the_matrix_is_refused(self, out, message):
        kernel = np.ones((2, 2, 1, 2), "float32")
        with self.assertRaisesRegex(ValueError, message):
            unrolling.conv2d_to_matrix(kernel, (3, 3, 1), out=out)


class RefusalTest(parameterized.TestCase):
    @parameterized.parameters(
        ((3, 3, 3), (6, 5, 3), {}, r"`kernel` must be.*\(3, 3, 3\)"),
        ((3, 3, 3, 4), (6, 5), {}, r"`input_shape` \(height.*=\(6, 5\)"),
        ((3, 3, 3, 4), 6, {}, "`input_shape` .height.*=6"),
        (
            (3, 3, 3, 4),
            (6, 5, 2),
            {},
            r"kernel does not fit.*\(3, 3, 2, 4\).*\(3, 3, 3, 4\)",
        ),
        (
            (3, 3, 2, 4),
            (6, 5, 2),
            {"groups": 2},
            r"kernel does not fit.*\(3, 3, 1, 4\).*\(3, 3, 2, 4\)",
        ),
        ((3, 3, 2, 4), (6, 5, 2), {"strides": 0}, "`strides` must"),
        ((3, 3, 2, 4), (2, 5, 2), {}, "reaches beyond the image"),
    )
    def test_shapes_that_do_not_fit_are_refused(
        self, kernel, image, options, message
    ):
        with self.assertRaisesRegex(ValueError, message):
            unrolling.conv2d_to_matrix(np.ones(kernel), image, **options)

    @parameterized.parameters(
        (unrolling.unroll, "The kernel does not fit"),
        (unrolling.unroll_local, "The kernel does not fit"),
        (unrolling.share, "The kernel does not fit"),
        (unrolling.roll, "The dense kernel does not fit"),
        (unrolling.roll_local, "The dense kernel does not fit"),
        (unrolling.roll_shared, "The local kernel does not fit"),
    )
    def test_every_map_refuses_another_shape(self, function, message):
        with self.assertRaisesRegex(ValueError, rf"{message}.*\(5, 5\)"):
            function(np.ones((5, 5)), geometry_of(DEPTHWISE))


class RoundTripTest(parameterized.TestCase):
    def seen(self, drawn):
        """Which kernel weights meet the image anywhere."""
        labels = dense_convolution.labels(drawn)
        seen = np.isin(np.arange(np.prod(drawn.kernel_shape)), labels)
        return seen.reshape(drawn.kernel_shape)

    @parameterized.parameters("float32", "float64")
    def test_rolled_up_kernel_is_the_one_unrolled_exactly(self, dtype):
        @given(drawn_convolutions.convolutions(), SEEDS)
        @example(DEPTHWISE, 0)
        def check(drawn, seed):
            geometry = geometry_of(drawn)
            kernel = normal(seed, drawn.kernel_shape, dtype)
            rolled = unrolling.roll(
                unrolling.unroll(kernel, geometry), geometry
            )
            # A weight that never meets the image leaves no trace.
            expected = np.where(self.seen(drawn), kernel, 0)
            np.testing.assert_array_equal(rolled, expected)
            self.assertEqual(rolled.dtype, kernel.dtype)

        check()

    @MANY
    @given(drawn_convolutions.convolutions(), SEEDS)
    def test_shared_kernel_comes_back_from_its_copies_exactly(
        self, drawn, seed
    ):
        geometry = geometry_of(drawn)
        kernel = normal(seed, drawn.kernel_shape, "float64")
        copies = unrolling.share(kernel, geometry)
        self.assertEqual(copies.shape, geometry.local_shape)
        expected = np.where(self.seen(drawn), kernel, 0)
        np.testing.assert_array_equal(
            unrolling.roll_shared(copies, geometry), expected
        )

    @MANY
    @given(drawn_convolutions.convolutions(), SEEDS)
    def test_kernel_per_position_comes_back_where_it_sees_the_image(
        self, drawn, seed
    ):
        geometry = geometry_of(drawn)
        kernel = normal(seed, geometry.local_shape)
        dense = unrolling.unroll_local(kernel, geometry)
        np.testing.assert_array_equal(
            dense, dense_convolution.matrix_untied(kernel, drawn)
        )
        seen = unrolling.share(np.ones(drawn.kernel_shape), geometry)
        np.testing.assert_array_equal(
            unrolling.roll_local(dense, geometry), kernel * seen
        )

    @MANY
    @given(drawn_convolutions.convolutions(), SEEDS)
    def test_copies_make_the_same_matrix_as_the_shared_kernel(
        self, drawn, seed
    ):
        geometry = geometry_of(drawn)
        kernel = normal(seed, drawn.kernel_shape)
        np.testing.assert_array_equal(
            unrolling.unroll_local(unrolling.share(kernel, geometry), geometry),
            unrolling.unroll(kernel, geometry),
        )

    def test_zero_weights_are_local_all_the_same(self):
        geometry = geometry_of(DEPTHWISE)
        dense = np.ones(geometry.dense_shape)
        labels = dense_convolution.labels(DEPTHWISE)
        for tap in geometry.taps():
            unrolling.tap_view(dense, geometry, tap)[...] = 0.0
        np.testing.assert_array_equal(dense == 0, labels >= 0)
        self.assertEqual((dense == 0).sum(), geometry.free_entries())


class ProjectionTest(parameterized.TestCase):
    @MANY
    @given(drawn_convolutions.convolutions(), SEEDS)
    @example(DEPTHWISE, 0)
    def test_rolling_up_is_the_orthogonal_projection_onto_the_cnn(
        self, drawn, seed
    ):
        geometry = geometry_of(drawn)
        dense = normal(seed, geometry.dense_shape, "float64")
        kernel = unrolling.roll(dense, geometry)
        projected = unrolling.unroll(kernel, geometry)
        expected = subspace.project_shared(
            dense, dense_convolution.labels(drawn)
        )
        # float64 means of at most 60 numbers of size 1.
        np.testing.assert_allclose(projected, expected, atol=1e-14)
        # Idempotent, and what is left is orthogonal to every convolution.
        np.testing.assert_array_equal(
            unrolling.roll(projected, geometry), kernel
        )
        any_other = unrolling.unroll(
            normal(seed + 1, drawn.kernel_shape, "float64"), geometry
        )
        self.assertAlmostEqual(np.vdot(dense - projected, any_other), 0, 10)

    @MANY
    @given(drawn_convolutions.convolutions(), SEEDS)
    def test_local_entries_are_the_orthogonal_projection_onto_the_lcn(
        self, drawn, seed
    ):
        geometry = geometry_of(drawn)
        dense = normal(seed, geometry.dense_shape, "float64")
        local = unrolling.roll_local(dense, geometry)
        projected = unrolling.unroll_local(local, geometry)
        labels = dense_convolution.labels(drawn)
        np.testing.assert_array_equal(
            projected, subspace.project_local(dense, labels)
        )
        # Sharing the nearest LCN gives the nearest CNN.
        np.testing.assert_allclose(
            unrolling.roll_shared(local, geometry),
            unrolling.roll(dense, geometry),
            atol=1e-14,
        )

    def test_arrays_that_are_not_contiguous_are_read_alike(self):
        geometry = geometry_of(DEPTHWISE)
        dense = normal(0, geometry.dense_shape)
        for function in (unrolling.roll, unrolling.roll_local):
            np.testing.assert_array_equal(
                function(np.asfortranarray(dense), geometry),
                function(dense, geometry),
            )


if __name__ == "__main__":
    absltest.main()

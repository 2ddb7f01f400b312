"""Tests of the geometry: against windows that are really cut, by loops."""

import json

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import example
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from needle_tf.ops import conv_geometry
from tests.oracles import dense_convolution
from tests.oracles import drawn_convolutions

Convolution = dense_convolution.Convolution
ConvGeometry = conv_geometry.ConvGeometry

# An example takes a few milliseconds.
MANY = settings(max_examples=25)

# PyTorch's first layer of the AlexNet: 4x4, stride 2, padding 2 on 32x32.
ALEXNET_1 = Convolution(
    (32, 32, 3), (4, 4), 64, strides=(2, 2), zero_padding=((2, 2), (2, 2))
)
# No tap meets the only pixel: the window begins one row above it, and ends.
BLIND = Convolution(
    (1, 1, 1), (1, 1), 1, strides=(2, 1), zero_padding=((1, 0), (0, 0))
)


def geometry_of(convolution):
    return ConvGeometry.of_convolution(**convolution.arguments())


class SizesTest(parameterized.TestCase):
    @MANY
    @given(drawn_convolutions.convolutions())
    @example(BLIND)
    def test_sizes_are_those_of_windows_cut_from_the_padded_image(self, drawn):
        geometry = geometry_of(drawn)
        self.assertEqual(geometry.input_shape, drawn.input_shape)
        self.assertEqual(geometry.output_shape, drawn.output_shape)
        self.assertEqual(
            geometry.padding, tuple(first for first, _ in drawn.margins())
        )
        rows, columns = (len(starts) for starts in drawn.starts())
        self.assertEqual(geometry.positions, rows * columns)
        self.assertEqual(geometry.kernel_shape, drawn.kernel_shape)
        dense = dense_convolution.labels(drawn)
        self.assertEqual(geometry.dense_shape, dense.shape)
        taps = drawn.kernel_size[0] * drawn.kernel_size[1]
        self.assertEqual(
            geometry.local_shape,
            (rows * columns, taps * drawn.kernel_shape[2], drawn.filters),
        )

    @parameterized.parameters(
        # Keras' "same" with a stride: the odd zero comes last.
        (6, 3, 2, 3, 0),
        (5, 2, 1, 5, 0),
        (7, 4, 3, 3, 1),
        (4, 1, 2, 2, 0),
    )
    def test_same_pads_as_keras_does(self, size, kernel, stride, out, before):
        geometry = ConvGeometry.of_convolution(
            (size, 1, 1), (kernel, 1), 1, strides=(stride, 1), padding="same"
        )
        self.assertEqual(geometry.output_size, (out, 1))
        self.assertEqual(geometry.padding, (before, 0))

    def test_first_layer_of_the_alexnet_has_the_sizes_of_the_paper(self):
        geometry = geometry_of(ALEXNET_1)
        self.assertEqual(geometry.output_shape, (17, 17, 64))
        self.assertEqual(geometry.dense_shape, (3072, 18496))
        self.assertEqual(geometry.free_entries(None), 3072 * 18496)

    def test_one_integer_stands_for_two(self):
        self.assertEqual(
            ConvGeometry.of_convolution((9, 9, 1), 3, 2, strides=2),
            ConvGeometry.of_convolution((9, 9, 1), (3, 3), 2, strides=(2, 2)),
        )


class TapsTest(parameterized.TestCase):
    @MANY
    @given(drawn_convolutions.convolutions())
    @example(BLIND)
    def test_taps_serve_the_positions_whose_pixel_is_in_the_image(self, drawn):
        geometry = geometry_of(drawn)
        height, width, channels = drawn.input_shape
        labels = dense_convolution.labels(drawn).reshape(
            height, width, channels, *drawn.output_shape
        )
        # Channel 0 of filter 0: the label counts taps alone.
        taps = labels[:, :, 0, :, :, 0]
        taps = np.where(taps < 0, -1, taps // np.prod(drawn.kernel_shape[2:]))
        counted = np.zeros_like(taps) - 1
        for tap in geometry.taps():
            self.assertGreater(tap.positions, 0)
            grid = np.mgrid[tap.rows, tap.columns].reshape(2, -1).T
            self.assertLen(grid, tap.positions)
            for i, j in grid:
                row = tap.top + (i - tap.rows.start) * drawn.strides[0]
                column = tap.left + (j - tap.columns.start) * drawn.strides[1]
                self.assertEqual(counted[row, column, i, j], -1)
                number = tap.u * drawn.kernel_size[1] + tap.v
                counted[row, column, i, j] = number
        np.testing.assert_array_equal(counted, taps)

    def test_taps_that_never_meet_the_image_are_left_out(self):
        self.assertEmpty(list(geometry_of(BLIND).taps()))


class MaskTest(parameterized.TestCase):
    def dense_mask(self, geometry, radius):
        """The spatial mask and the groups, written out entry by entry."""
        spatial = geometry.spatial_mask(radius)
        channel = np.arange(geometry.input_shape[2]) // geometry.group_inputs
        filters = np.arange(geometry.filters) // geometry.group_outputs
        mask = spatial[:, None, :, None] & (
            channel[:, None, None] == filters[None, None, :]
        )
        return mask.reshape(geometry.dense_shape)

    @MANY
    @given(drawn_convolutions.convolutions(), st.integers(0, 3))
    @example(BLIND, 0)
    def test_band_is_what_lies_near_a_tap(self, drawn, radius):
        geometry = geometry_of(drawn)
        mask = dense_convolution.mask(drawn, radius)
        np.testing.assert_array_equal(self.dense_mask(geometry, radius), mask)
        self.assertEqual(geometry.free_entries(radius), mask.sum())

    @MANY
    @given(drawn_convolutions.convolutions())
    def test_radius_0_is_the_receptive_field(self, drawn):
        geometry = geometry_of(drawn)
        local = dense_convolution.labels(drawn) >= 0
        np.testing.assert_array_equal(self.dense_mask(geometry, 0), local)
        self.assertEqual(geometry.free_entries(), local.sum())

    @MANY
    @given(drawn_convolutions.convolutions())
    def test_wider_bands_contain_narrower_ones_up_to_the_whole_image(
        self, drawn
    ):
        geometry = geometry_of(drawn)
        narrow = geometry.spatial_mask()
        for radius in range(1, 4):
            wide = geometry.spatial_mask(radius)
            self.assertTrue((wide | ~narrow).all())
            narrow = wide
        self.assertTrue(geometry.spatial_mask(radius=1000).all())
        self.assertEqual(
            geometry.free_entries(1000) * geometry.groups,
            geometry.free_entries(None),
        )

    def test_a_rectangle_by_hand(self):
        geometry = ConvGeometry.of_convolution((1, 4, 1), (1, 2), 1)
        field = np.array(
            [[1, 0, 0], [1, 1, 0], [0, 1, 1], [0, 0, 1]], dtype=bool
        )
        np.testing.assert_array_equal(geometry.axis_mask(1), field)
        np.testing.assert_array_equal(geometry.spatial_mask(), field)
        band = np.array(
            [[1, 1, 0], [1, 1, 1], [1, 1, 1], [0, 1, 1]], dtype=bool
        )
        np.testing.assert_array_equal(geometry.spatial_mask(1), band)

    def test_counting_weights_makes_nothing_of_the_dense_size(self):
        huge = ConvGeometry.of_convolution((512, 512, 512), (3, 3), 512)
        self.assertEqual(huge.free_entries(0), (510 * 3) ** 2 * 512 * 512)


class PaddingTest(parameterized.TestCase):
    @MANY
    @given(drawn_convolutions.convolutions())
    @example(BLIND)
    def test_padding_for_a_layer_leads_back_to_the_geometry(self, drawn):
        geometry = geometry_of(drawn)
        padding = geometry.keras_padding()
        if isinstance(padding, str):
            options = {"padding": padding}
        else:
            options = {"zero_padding": padding}
        again = ConvGeometry.of_convolution(
            drawn.input_shape,
            drawn.kernel_size,
            drawn.filters,
            strides=drawn.strides,
            dilation_rate=drawn.dilation_rate,
            groups=drawn.groups,
            **options,
        )
        self.assertEqual(again, geometry)

    def test_padding_has_the_name_that_keras_gives_it(self):
        def padding(convolution):
            return geometry_of(convolution).keras_padding()

        small = Convolution((6, 5, 2), (3, 3), 4)
        self.assertEqual(padding(small), "valid")
        same = Convolution((6, 5, 2), (3, 3), 4, padding="same")
        self.assertEqual(padding(same), "same")
        folded = Convolution(
            (6, 5, 2), (3, 3), 4, zero_padding=((1, 1), (1, 1))
        )
        self.assertEqual(padding(folded), "same")
        self.assertEqual(padding(ALEXNET_1), ((2, 2), (2, 2)))


class ConfigTest(parameterized.TestCase):
    @MANY
    @given(drawn_convolutions.convolutions())
    def test_config_goes_through_json(self, drawn):
        geometry = geometry_of(drawn)
        config = json.loads(json.dumps(geometry.get_config()))
        again = ConvGeometry.from_config(config)
        self.assertEqual(again, geometry)
        self.assertEqual(hash(again), hash(geometry))

    def test_numbers_of_numpy_become_plain_ones(self):
        geometry = ConvGeometry(
            np.array([6, 5, 2]), (3, 3), np.int64(4), (4, 3), groups=np.int8(2)
        )
        self.assertEqual(
            json.dumps(geometry.get_config()),
            '{"input_shape": [6, 5, 2], "kernel_size": [3, 3], "filters": 4, '
            '"output_size": [4, 3], "strides": [1, 1], "dilation_rate": '
            '[1, 1], "padding": [0, 0], "groups": 2}',
        )


class RefusalTest(parameterized.TestCase):
    @parameterized.parameters(
        ({"input_shape": (6, 5)}, "`input_shape` must be 3 integers .*1.*6, 5"),
        ({"input_shape": (6, 0, 2)}, "`input_shape` must.*at least 1.*0"),
        ({"input_shape": 6}, "`input_shape` must be 3 integers.*=6"),
        ({"kernel_size": (3, 0)}, r"`kernel_size` must.*at least 1.*\(3, 0\)"),
        ({"kernel_size": 1.0}, "`kernel_size` must be 2 integers.*1.0"),
        ({"strides": 0}, "`strides` must be 2 integers of at least 1"),
        ({"strides": (1.5, 2)}, r"`strides` must.*\(1.5, 2\)"),
        ({"dilation_rate": (1, 1, 1)}, "`dilation_rate` must be 2 integers"),
        ({"dilation_rate": "ab"}, "`dilation_rate` must be 2 integers.*'ab'"),
        ({"filters": 0}, "`filters` must be an integer of at least 1.*=0"),
        ({"filters": 2.5}, "`filters` must be an integer.*filters=2.5"),
        ({"groups": 0}, "`groups` must be an integer of at least 1.*=0"),
        ({"groups": 3}, "`groups` must divide.*groups=3, channels=2, filters"),
        ({"padding": "full"}, '"valid" or "same".*padding=\'full\''),
        ({"zero_padding": 1}, r"\(\(top, bottom\), \(left, right\)\).*=1"),
        ({"zero_padding": ((0, -1), (0, 0))}, "`zero_padding` must.*-1"),
        ({"kernel_size": (7, 1)}, r"reaches beyond.*\(7, 1\).*\(6, 5, 2\)"),
        (
            {"dilation_rate": 3},
            r"reaches beyond.*kernel_size=\(3, 3\), dilation_rate=\(3, 3\)",
        ),
    )
    def test_what_is_no_convolution_is_refused(self, wrong, message):
        arguments = {
            "input_shape": (6, 5, 2),
            "kernel_size": (3, 3),
            "filters": 4,
        }
        with self.assertRaisesRegex(ValueError, message):
            ConvGeometry.of_convolution(**{**arguments, **wrong})

    def test_largest_kernel_that_fits_is_not_refused(self):
        geometry = ConvGeometry.of_convolution((6, 5, 2), (6, 5), 4)
        self.assertEqual(geometry.output_shape, (1, 1, 4))

    @parameterized.parameters(
        ({"padding": (0, -1)}, r"`padding` must be 2 integers of at least 0"),
        ({"output_size": (4, 0)}, r"`output_size` must be.*at least 1"),
    )
    def test_a_geometry_of_impossible_sizes_is_refused(self, wrong, message):
        sizes = {
            "input_shape": (6, 5, 2),
            "kernel_size": (3, 3),
            "filters": 4,
            "output_size": (4, 3),
        }
        with self.assertRaisesRegex(ValueError, message):
            ConvGeometry(**{**sizes, **wrong})


if __name__ == "__main__":
    absltest.main()

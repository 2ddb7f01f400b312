"""Tests of the arguments that every network takes."""

import keras
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import given
from hypothesis import strategies as st

from needle_tf.models import arguments


class ArgumentsTest(parameterized.TestCase):
    @given(
        st.integers(1, 9),
        st.integers(1, 9),
        st.integers(1, 9),
        st.integers(2, 5),
        st.floats(1e-6, 1e6),
    )
    def test_images_are_refused_if_a_side_is_too_short_and_else_taken(
        self, height, width, channels, classes, factor
    ):
        def require():
            arguments.require_network(
                "net", (height, width, channels), classes, factor, 4
            )

        if min(height, width) >= 4:
            require()
        else:
            with self.assertRaisesRegex(
                ValueError,
                r"net needs images of at least 4x4 pixels.*Received: "
                rf"input_shape=\({height}, {width}, {channels}\), read as "
                r"\(height, width, channels\)\. Enlarge the images",
            ):
                require()

    @parameterized.parameters(
        ((8, 8),),
        ((None, 8, 3),),
        ((8, 8, 0),),
        ((8.0, 8, 3),),
        ((True, 8, 3),),
    )
    def test_shape_that_is_no_image_is_refused(self, shape):
        with self.assertRaisesRegex(
            ValueError,
            "`input_shape` of net must be three positive integers.*need a "
            r"fixed image size\. Received: input_shape=",
        ):
            arguments.require_network("net", shape, 2, 1.0)

    @parameterized.parameters(1, 2.0, True, None)
    def test_class_count_below_two_is_refused(self, classes):
        with self.assertRaisesRegex(
            ValueError,
            "`num_classes` of net must be an integer of at least 2.*"
            f"Received: num_classes={classes}",
        ):
            arguments.require_network("net", (8, 8, 3), classes, 1.0)

    @parameterized.parameters(0, -1.0, float("nan"), float("inf"), "1", True)
    def test_width_that_is_no_positive_number_is_refused(self, width):
        with self.assertRaisesRegex(
            ValueError,
            "`width` of net must be a finite number above 0.*Received: "
            f"width={width}",
        ):
            arguments.require_network("net", (8, 8, 3), 2, width)

    def test_sides_are_found_when_channels_come_first(self):
        self.addCleanup(keras.config.set_image_data_format, "channels_last")
        keras.config.set_image_data_format("channels_first")
        arguments.require_network("net", (1, 8, 8), 2, 1.0, smallest_size=8)
        with self.assertRaisesRegex(
            ValueError, r"at least 8x8.*\(channels, height, width\)"
        ):
            arguments.require_network("net", (8, 8, 1), 2, 1.0, smallest_size=8)


if __name__ == "__main__":
    absltest.main()

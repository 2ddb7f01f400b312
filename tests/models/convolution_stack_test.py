"""Tests of the stacks: PyTorch's sizes and values, names, bad arguments."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import given
from hypothesis import strategies as st

from needle_tf.models import convolution_stack

Conv = convolution_stack.Conv
Pool = convolution_stack.Pool

STACKS = st.lists(
    st.one_of(
        st.builds(
            Conv,
            channels=st.integers(1, 3),
            kernel=st.integers(1, 5),
            stride=st.integers(1, 3),
            padding=st.integers(0, 3),
        ),
        st.builds(Pool, window=st.integers(1, 3), stride=st.integers(1, 3)),
    ),
    min_size=1,
    max_size=4,
)


def window_starts(size, entry):
    """Counts, one by one, where a window fits: the meaning of the formula."""
    if isinstance(entry, Conv):
        size, window = size + 2 * entry.padding, entry.kernel
    else:
        window = entry.window
    return len(range(0, size - window + 1, entry.stride))


def windows(images, size, stride):
    """Returns (batch, rows, columns, size, size, channels), in NumPy."""
    view = np.lib.stride_tricks.sliding_window_view(
        images, (size, size), (1, 2)
    )
    return np.moveaxis(view[:, ::stride, ::stride], 3, -1)


def forward(stack, images, weights):
    """The stack as PyTorch defines it: pad with zeros, slide, floor, ReLU."""
    weights = iter(weights)
    for entry in stack:
        if isinstance(entry, Pool):
            images = windows(images, entry.window, entry.stride).max((3, 4))
            continue
        kernel, bias = next(weights), next(weights)
        pad = (entry.padding, entry.padding)
        images = np.pad(images, [(0, 0), pad, pad, (0, 0)])
        patches = windows(images, entry.kernel, entry.stride)
        images = np.einsum("bijuvc,uvcf->bijf", patches, kernel) + bias
        images = np.maximum(images, 0)
    return images


class ConvolutionStackTest(parameterized.TestCase):
    @given(STACKS, st.integers(1, 40))
    def test_sizes_count_the_places_of_the_window(self, stack, size):
        counted = []
        for entry in stack:
            counted.append(window_starts(([size] + counted)[-1], entry))
            if counted[-1] == 0:
                break
        sizes = convolution_stack.output_sizes(stack, size)
        self.assertEqual([max(0, size) for size in sizes], counted)

    @given(STACKS)
    def test_smallest_size_fits_and_one_pixel_less_does_not(self, stack):
        smallest = convolution_stack.smallest_size(stack)
        sizes = convolution_stack.output_sizes(stack, smallest)
        self.assertLen(sizes, len(stack))
        self.assertGreaterEqual(sizes[-1], 1)
        if smallest > 1:
            sizes = convolution_stack.output_sizes(stack, smallest - 1)
            self.assertLess(sizes[-1], 1)

    @parameterized.parameters(
        ((Conv(2, 4, 2, 2), Pool(3, 2), Conv(3, 5, 1, 2)), (12, 9, 1)),
        ((Conv(2, 3, 1, 1), Pool(2, 2), Conv(2, 3, 1, 1)), (5, 8, 3)),
        ((Conv(2, 3, 2, 1), Conv(2, 2, 1, 1), Pool(2, 1)), (7, 7, 2)),
        ((Conv(2, 3, 3, 0), Conv(1, 1, 2, 3)), (10, 11, 2)),
    )
    def test_network_computes_what_pytorch_would(self, stack, input_shape):
        keras.utils.set_random_seed(0)
        model = convolution_stack.build_network("net", stack, input_shape, 2)
        images = np.random.default_rng(0).normal(size=(3, *input_shape))
        *weights, kernel, bias = model.get_weights()
        features = forward(stack, images, weights).reshape(3, -1)
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(model(images)),
            features @ kernel + bias,
            rtol=1e-4,  # float32 sums of up to 75 products
            atol=1e-5,
        )

    def test_layers_are_numbered_by_kind(self):
        stack = (Conv(2, 3, padding=1), Pool(2, 2), Conv(2, 4, 2, 2))
        head = [keras.layers.Dropout(0.5, name="dropout_1")]
        model = convolution_stack.build_network(
            "net", stack, (8, 8, 1), 3, head=head
        )
        self.assertEqual(
            [layer.name for layer in model.layers],
            "conv_1 relu_1 pool_1 pad_2 conv_2 relu_2 flatten dropout_1 "
            "logits".split(),
        )
        self.assertEqual(model.name, "net")

    def test_padding_that_keras_calls_same_needs_no_extra_layer(self):
        stack = (Conv(2, 3, padding=1), Conv(2, 5, padding=2), Conv(2, 3))
        model = convolution_stack.build_network("net", stack, (8, 8, 1), 3)
        convs = [layer for layer in model.layers if "conv" in layer.name]
        self.assertEqual(
            [layer.padding for layer in convs], ["same", "same", "valid"]
        )
        self.assertNoCommonElements(
            [type(layer) for layer in model.layers],
            [keras.layers.ZeroPadding2D],
        )

    @parameterized.parameters(
        (16, 1.0, 16), (16, 0.5, 8), (5, 0.5, 3), (64, 0.001, 1), (3, 2, 6)
    )
    def test_width_scales_channels_rounded_at_least_one(
        self, channels, width, scaled
    ):
        self.assertEqual(convolution_stack.scaled(channels, width), scaled)

    def test_logits_stay_float32_under_a_mixed_policy(self):
        self.addCleanup(keras.config.set_dtype_policy, "float32")
        keras.config.set_dtype_policy("mixed_bfloat16")
        model = convolution_stack.build_network(
            "net", (Conv(2, 3),), (4, 4, 1), 3
        )
        self.assertEqual(model.get_layer("conv_1").compute_dtype, "bfloat16")
        self.assertEqual(model.outputs[0].dtype, "float32")

    def test_sides_are_found_when_channels_come_first(self):
        self.addCleanup(keras.config.set_image_data_format, "channels_last")
        keras.config.set_image_data_format("channels_first")
        stack = (Pool(5, 5),)
        model = convolution_stack.build_network("net", stack, (3, 10, 5), 2)
        self.assertEqual(
            model.get_layer("pool_1").output.shape, (None, 3, 2, 1)
        )
        with self.assertRaisesRegex(
            ValueError, "at least 5x5.*channels, heigh"
        ):
            convolution_stack.build_network("net", stack, (10, 10, 3), 2)

    @parameterized.parameters(
        ((8, 8),),
        ((None, None, 3),),
        ((8, 8, 0),),
        ((8.0, 8, 3),),
        ((1, 8, 8, 3),),
        ((True, 8, 3),),
    )
    def test_shape_that_is_no_image_is_refused(self, input_shape):
        with self.assertRaisesRegex(
            ValueError,
            r"`input_shape` of net must be three positive integers, "
            r"\(height, width, channels\).*Received: input_shape=",
        ):
            convolution_stack.build_network(
                "net", (Conv(2, 3),), input_shape, 2
            )

    @parameterized.parameters((3, 8), (8, 3))
    def test_small_image_is_refused_with_the_smallest_that_fits(self, *sides):
        with self.assertRaisesRegex(
            ValueError,
            r"net needs images of at least 4x4 pixels.*"
            rf"Received: input_shape=\({sides[0]}, {sides[1]}, 1\)",
        ):
            convolution_stack.build_network(
                "net", (Conv(2, 4),), (*sides, 1), 2
            )

    @parameterized.parameters(1, 0, -3, 2.0, True, None)
    def test_class_count_below_two_is_refused(self, num_classes):
        with self.assertRaisesRegex(
            ValueError, "`num_classes` of net must be an integer of at least 2"
        ):
            convolution_stack.build_network(
                "net", (Conv(2, 3),), (8, 8, 1), num_classes
            )

    @parameterized.parameters(0, -1.0, float("nan"), float("inf"), "1", True)
    def test_width_that_is_no_positive_number_is_refused(self, width):
        with self.assertRaisesRegex(
            ValueError, "`width` of net must be a finite number above 0.*Receiv"
        ):
            convolution_stack.build_network(
                "net", (Conv(2, 3),), (8, 8, 1), 2, width
            )


if __name__ == "__main__":
    absltest.main()

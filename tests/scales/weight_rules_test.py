"""Tests of scales at convolutions and dense layers."""

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers

from needle_tf.layers import embedded_conv2d
from needle_tf.scales import skeleton_entries
from tests.scales import taken_down

FIRST = {"data_format": "channels_first"}


def channels_of(labels, axis):
    """The scale of each channel, which must be the same at all positions."""
    rows = np.moveaxis(labels, axis, -1).reshape(-1, labels.shape[axis])
    np.testing.assert_array_equal(rows, np.broadcast_to(rows[0], rows.shape))
    return rows[0]


def kernel_ends(found, number=0):
    """Scales at the source and target of every entry of a kernel."""
    labels = found.ledger.labels()
    use = found.ledger.uses()[number]
    return [
        np.broadcast_to(labels[ids], use.shape)
        for ids in (use.source, use.target)
    ]


def chosen(found, number=0):
    """Candidates for a skeleton, as places in the weight."""
    use = found.ledger.uses()[number]
    entries = use.entries
    if isinstance(entries, skeleton_entries.Blocks):
        labels = found.ledger.labels()
        entries = entries.choose(
            labels[use.source], labels[use.target], use.shape
        )
    return [
        tuple(place)
        for place in zip(*np.unravel_index(entries, use.shape), strict=True)
    ]


class DenseTest(parameterized.TestCase):
    def test_every_input_feeds_every_unit(self):
        found = taken_down.take_down(layers.Dense(3), (4,))
        kernel, bias = found.ledger.uses()
        np.testing.assert_array_equal(kernel.source[:, 0], found.inputs[0].ids)
        np.testing.assert_array_equal(kernel.target[0], found.output.ids)
        np.testing.assert_array_equal(bias.target, found.output.ids)
        self.assertFalse(bias.source.any())
        self.assertEqual(chosen(found), [(0, 0), (1, 1), (2, 2), (3, 0)])

    def test_steps_share_the_scales_of_their_features(self):
        found = taken_down.take_down(layers.Dense(3), (2, 5, 4))
        inputs, output = found.labels()
        source, target = kernel_ends(found)
        np.testing.assert_array_equal(source[:, 0], channels_of(inputs, -1))
        np.testing.assert_array_equal(target[0], channels_of(output, -1))

    def test_kernel_computed_from_others_is_not_guessed_at(self):
        layer = layers.Dense(3)
        layer.build((None, 4))
        layer.enable_lora(2)
        found = taken_down.take_down(layer, (4,))
        self.assertTrue(found.output.is_ground())
        self.assertFalse(found.labels()[0].any())
        self.assertEqual(
            found.whys(),
            {"its kernel is computed from other weights (LoRA, quantisation)"},
        )


class ConvolutionTest(parameterized.TestCase):
    @parameterized.parameters(
        (layers.Conv1D(3, 2), (5, 2), -1),
        (layers.Conv2D(3, 2, padding="same"), (4, 5, 2), -1),
        (embedded_conv2d.EmbeddedConv2D(3, 2), (4, 5, 2), -1),
        (layers.Conv2D(3, 2, **FIRST), (2, 4, 5), 0),
        (layers.Conv3D(3, 2), (3, 3, 2, 2), -1),
    )
    def test_channels_feed_filters_tap_by_tap(self, layer, shape, axis):
        found = taken_down.take_down(layer, shape)
        inputs, output = found.labels()
        source, target = kernel_ends(found)
        for tap in np.ndindex(source.shape[:-2]):
            np.testing.assert_array_equal(
                source[tap], np.tile(channels_of(inputs, axis), (3, 1)).T
            )
            np.testing.assert_array_equal(
                target[tap], np.tile(channels_of(output, axis), (2, 1))
            )
        taps = (0,) * (len(shape) - 1)
        self.assertEqual(
            chosen(found), [(*taps, 0, 0), (*taps, 1, 1), (*taps, 0, 2)]
        )

    def test_groups_keep_their_channels_apart(self):
        layer = layers.Conv2D(6, 3, groups=2, padding="same")
        found = taken_down.take_down(layer, (4, 5, 4))
        inputs, output = found.labels()
        source, target = kernel_ends(found)
        channels, filters = channels_of(inputs, -1), channels_of(output, -1)
        for number in range(6):
            own = channels[:2] if number < 3 else channels[2:]
            np.testing.assert_array_equal(source[0, 0, :, number], own)
            self.assertTrue((target[..., number] == filters[number]).all())
        self.assertEqual(
            chosen(found),
            [(1, 1, number % 3 % 2, number) for number in range(6)],
        )

    @parameterized.parameters(
        (layers.DepthwiseConv1D(3, depth_multiplier=2), (4, 3), -1),
        (layers.DepthwiseConv2D(3, depth_multiplier=2), (4, 5, 3), -1),
        (layers.DepthwiseConv2D(3, depth_multiplier=2, **FIRST), (3, 4, 5), 0),
    )
    def test_depthwise_channels_feed_their_own(self, layer, shape, axis):
        found = taken_down.take_down(layer, shape)
        inputs, output = found.labels()
        source, target = kernel_ends(found)
        middle = (1,) * (len(shape) - 1)
        np.testing.assert_array_equal(
            source[middle], np.tile(channels_of(inputs, axis), (2, 1)).T
        )
        # Keras puts the outputs of one channel side by side.
        np.testing.assert_array_equal(
            target[middle], channels_of(output, axis).reshape(3, 2)
        )
        self.assertEqual(
            chosen(found), [(*middle, c, m) for c in range(3) for m in range(2)]
        )

    def test_separable_convolution_has_channels_in_between(self):
        layer = layers.SeparableConv2D(3, 2, depth_multiplier=2)
        found = taken_down.take_down(layer, (4, 4, 2))
        kernel, pointwise, bias = found.ledger.uses()
        np.testing.assert_array_equal(
            kernel.target.reshape(-1), pointwise.source.reshape(-1)
        )
        np.testing.assert_array_equal(bias.target, pointwise.target.reshape(-1))
        self.assertLen(np.unique(kernel.target), 4)

    @parameterized.parameters(
        (layers.Conv1DTranspose(3, 2), (4, 2)),
        (layers.Conv2DTranspose(3, 3), (4, 4, 2)),
        (layers.Conv3DTranspose(3, 2), (2, 3, 2, 2)),
    )
    def test_transposed_kernel_has_the_filters_first(self, layer, shape):
        found = taken_down.take_down(layer, shape)
        inputs, output = found.labels()
        source, target = kernel_ends(found)
        first = (0,) * (len(shape) - 1)
        np.testing.assert_array_equal(source[first][0], channels_of(inputs, -1))
        np.testing.assert_array_equal(
            target[first][:, 0], channels_of(output, -1)
        )
        middle = tuple((size - 1) // 2 for size in layer.kernel_size)
        self.assertEqual(
            chosen(found),
            [(*middle, 0, 0), (*middle, 1, 1), (*middle, 2, 0)],
        )

    def test_taps_that_never_meet_the_image_are_no_edges(self):
        layer = layers.Conv2D(1, (5, 3), padding="same", use_bias=False)
        found = taken_down.take_down(layer, (2, 1, 1))
        (kernel,) = found.ledger.uses()
        alive = np.broadcast_to(kernel.alive, kernel.shape)[..., 0, 0]
        # Only these change what comes out.
        images = np.ones((1, 2, 1, 1))
        for tap in np.ndindex(alive.shape):
            values = np.zeros(kernel.shape)
            values[tap] = 1
            kernel.variable.assign(values)
            self.assertEqual(alive[tap], bool(np.any(found.model(images))), tap)
        self.assertEqual(kernel.count(), 3)

    def test_causal_convolution_reads_the_last_step(self):
        layer = layers.Conv1D(1, 3, padding="causal")
        found = taken_down.take_down(layer, (1, 1))
        self.assertEqual(found.ledger.uses()[0].count(), 1)
        self.assertEqual(chosen(found), [(2, 0, 0)])

    def test_kernel_of_which_no_tap_meets_the_image_has_no_candidates(self):
        layer = layers.Conv1D(1, 2, padding="same", dilation_rate=2)
        found = taken_down.take_down(layer, (1, 1))
        kernel, _ = found.ledger.uses()
        self.assertEqual(kernel.count(), 0)
        self.assertIsNone(kernel.entries)


class FrozenTest(parameterized.TestCase):
    def test_frozen_bias_keeps_the_outputs_alone(self):
        layer = layers.Dense(3)
        layer.build((None, 4))
        layer.bias.trainable = False
        found = taken_down.take_down(layer, (4,))
        inputs, output = found.labels()
        self.assertTrue(inputs.all())
        self.assertFalse(output.any())
        self.assertEqual(found.whys(), {"its bias is frozen"})

    def test_frozen_kernel_keeps_both_ends(self):
        layer = layers.Conv2D(3, 2, trainable=False, use_bias=False)
        found = taken_down.take_down(layer, (4, 4, 2))
        self.assertFalse(any(labels.any() for labels in found.labels()))
        self.assertEqual(found.whys(), {"its kernel is frozen"})


if __name__ == "__main__":
    absltest.main()

"""Tests of scales at layers that move, repeat, drop or pad units."""

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers

from tests.scales import taken_down

IMAGE = (4, 3, 2)
FIRST = {"data_format": "channels_first"}


class ShapeRulesTest(parameterized.TestCase):
    @parameterized.parameters(
        (layers.Flatten(), IMAGE),
        (layers.Flatten(**FIRST), IMAGE),
        (layers.Flatten(), (3,)),
        (layers.Reshape((2, -1)), IMAGE),
        (layers.Permute((3, 1, 2)), IMAGE),
        (layers.RepeatVector(3), (4,)),
        (layers.Cropping1D((1, 2)), (5, 2)),
        (layers.Cropping2D(((1, 0), (0, 2))), IMAGE),
        (layers.Cropping2D(1, **FIRST), (2, 4, 3)),
        (layers.Cropping3D(1), (3, 4, 3, 2)),
        (layers.UpSampling1D(2), (3, 2)),
        (layers.UpSampling2D((2, 3)), IMAGE),
        (layers.UpSampling2D(2, **FIRST), IMAGE),
        (layers.UpSampling3D((1, 2, 1)), (2, 2, 1, 2)),
    )
    def test_units_keep_their_scale_wherever_they_go(self, layer, shape):
        found = taken_down.take_down(layer, shape)
        np.testing.assert_array_equal(
            np.broadcast_to(found.output.ids, found.output.shape),
            found.moved_ids(),
        )
        self.assertEqual(found.output.shape, found.model.output.shape[1:])

    @parameterized.parameters(
        (layers.ZeroPadding1D((1, 2)), (3, 2)),
        (layers.ZeroPadding2D(((1, 0), (2, 1))), IMAGE),
        (layers.ZeroPadding2D(1, **FIRST), IMAGE),
        (layers.ZeroPadding3D(1), (2, 1, 2, 2)),
    )
    def test_zeros_around_have_scales_of_their_own(self, layer, shape):
        found = taken_down.take_down(layer, shape)
        moved = found.moved_ids()
        ids, is_zero = found.output.ids, moved == 0
        np.testing.assert_array_equal(ids[~is_zero], moved[~is_zero])
        self.assertLen(np.unique(ids), ids.size)

    def test_zeros_around_channels_have_the_scale_of_the_channel(self):
        found = taken_down.take_down(
            lambda x: layers.ZeroPadding2D(1)(layers.Conv2D(2, 1)(x)), IMAGE
        )
        self.assertEqual(found.output.ids.shape, (1, 1, 2))
        self.assertEqual(found.output.shape, (6, 5, 2))

    def test_zooming_smoothly_unites_the_image(self):
        layer = layers.UpSampling2D((2, 1), interpolation="bilinear")
        inputs, output = taken_down.take_down(layer, IMAGE).labels()
        # Only along the rows.
        for column in range(3):
            for channel in range(2):
                label = inputs[0, column, channel]
                self.assertTrue((inputs[:, column, channel] == label).all())
                self.assertTrue((output[:, column, channel] == label).all())
        self.assertLen(np.unique(inputs), 6)

    def test_flattened_image_knows_how_far_its_middle_is(self):
        found = taken_down.take_down(
            lambda x: layers.Flatten()(layers.Conv2D(1, 1)(x)), (3, 4, 1)
        )
        self.assertEqual(
            found.output.remoteness.reshape(3, 4).tolist(),
            [[2, 1, 2, 3], [1, 0, 1, 2], [2, 1, 2, 3]],
        )

    def test_unknown_sizes_are_ground(self):
        found = taken_down.take_down(
            lambda x: layers.Reshape((-1, 2))(layers.Conv1D(4, 1)(x)), (None, 3)
        )
        self.assertTrue(found.output.is_ground())
        self.assertIn(
            "unknown size: its units are (None, 4), without the batch",
            found.whys(),
        )


if __name__ == "__main__":
    absltest.main()

"""Tests of C10-CNN1: kernels, norms, sizes, names."""

import keras
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.models import c10_cnn1
from tests.models import rotation_networks
from tests.oracles import rotation_networks as oracle

STAGES = ((6, 32), (6, 64), (6, 128), (6, 256))


class C10CNN1Test(rotation_networks.NetworkTestCase):
    def test_published_network_has_25_kernels_of_4307296_weights(self):
        shapes = oracle.plain(STAGES, 3, [(256, 10)])
        self.assertLen(shapes, 25)
        # 9 (3*32 + 5*32^2 + 32*64 + 5*64^2 + 64*128 + 5*128^2 + 128*256
        #    + 5*256^2) + 256*10
        self.assertEqual(oracle.weights(shapes), 4307296)
        self.assert_kernels_are(c10_cnn1.build((32, 32, 3), 10), shapes)

    def test_norms_are_those_published(self):
        keras.utils.set_random_seed(0)
        model = c10_cnn1.build((32, 32, 3), 10)
        self.assert_norms_are_of(model, "he_uniform")
        self.assert_batch_norms_train_nothing(model)
        for stage, norm in enumerate((8.0, 11.3, 16.0, 22.6), start=1):
            kernel = model.get_layer(f"stage{stage}_conv4").kernel
            self.assertAlmostEqual(
                rotation_networks.norm(kernel), norm, delta=0.15
            )
        dense = model.get_layer("logits").kernel
        self.assertAlmostEqual(rotation_networks.norm(dense), 4.46, delta=0.15)

    @parameterized.parameters(
        (32, 28, 3, 10, 0.25, (8, 16, 32, 64)),
        (8, 8, 1, 2, 0.1, (3, 6, 13, 26)),
    )
    def test_width_scales_the_filters(
        self, height, width, channels, classes, factor, filters
    ):
        model = c10_cnn1.build((height, width, channels), classes, factor)
        self.assert_kernels_are(
            model,
            oracle.plain(
                [(6, count) for count in filters],
                channels,
                [(filters[-1], classes)],
            ),
        )
        self.assertEqual(model.output_shape, (None, classes))

    def test_image_shrinks_three_times_and_not_behind_the_last_stage(self):
        model = c10_cnn1.build((32, 28, 3), 10, 0.1)
        sizes = [
            model.get_layer(f"stage{stage}_bn6").output.shape[1:3]
            for stage in range(1, 5)
        ]
        self.assertEqual(sizes, [(32, 28), (16, 14), (8, 7), (4, 3)])
        self.assertEqual(model.layers[-2].name, "average")

    def test_smallest_image_is_8_pixels(self):
        with self.assertRaisesRegex(
            ValueError, r"c10_cnn1 needs .* at least 8x8 .*\(8, 7, 1\)"
        ):
            c10_cnn1.build((8, 7, 1), 10)


if __name__ == "__main__":
    absltest.main()

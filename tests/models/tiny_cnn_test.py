"""Tests of tiny-CNN: kernels, norms, momentum, sizes."""

import keras
from absl.testing import absltest

from needle_tf.models import tiny_cnn
from tests.models import rotation_networks
from tests.oracles import rotation_networks as oracle

STAGES = ((2, 32), (2, 64), (2, 128), (2, 256), (2, 512))


class TinyCNNTest(rotation_networks.NetworkTestCase):
    def test_published_network_has_11_kernels_of_4812640_weights(self):
        shapes = oracle.plain(STAGES, 3, [(512, 200)])
        self.assertLen(shapes, 11)
        # 9 (3*32 + 32^2 + 32*64 + 64^2 + 64*128 + 128^2 + 128*256 + 256^2
        #    + 256*512 + 512^2) + 512*200
        self.assertEqual(oracle.weights(shapes), 4812640)
        keras.utils.set_random_seed(0)
        model = tiny_cnn.build((64, 64, 3), 200)
        self.assert_kernels_are(model, shapes)
        self.assert_norms_are_of(model, "he_uniform")
        self.assertEqual(model.output_shape, (None, 200))

    def test_moving_averages_have_momentum_9_tenths(self):
        model = tiny_cnn.build((16, 16, 3), 5, 0.1)
        self.assert_batch_norms_train_nothing(model, momentum=0.9)

    def test_image_shrinks_four_times(self):
        model = tiny_cnn.build((64, 48, 3), 200, 0.1)
        sizes = [
            model.get_layer(f"stage{stage}_bn2").output.shape[1:3]
            for stage in range(1, 6)
        ]
        self.assertEqual(sizes, [(64, 48), (32, 24), (16, 12), (8, 6), (4, 3)])

    def test_smallest_image_is_16_pixels(self):
        with self.assertRaisesRegex(
            ValueError, "tiny_cnn needs images of at least 16x16"
        ):
            tiny_cnn.build((15, 16, 3), 10)


if __name__ == "__main__":
    absltest.main()

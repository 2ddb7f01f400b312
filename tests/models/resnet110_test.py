"""Tests of ResNet-110: kernels, norms, sizes."""

import keras
from absl.testing import absltest

from needle_tf.graphs import kernels
from needle_tf.models import resnet110
from tests.models import rotation_networks
from tests.oracles import rotation_networks as oracle


class ResNet110Test(rotation_networks.NetworkTestCase):
    def test_published_network_has_112_kernels_of_1722416_weights(self):
        shapes = oracle.residual(18, (16, 32, 64), 16, 3, 10, False)
        self.assertLen(shapes, 112)
        # 9 (3*16 + 36*16^2 + 16*32 + 35*32^2 + 32*64 + 35*64^2)
        # + 16*32 + 32*64 + 64*10
        self.assertEqual(oracle.weights(shapes), 1722416)
        keras.utils.set_random_seed(0)
        model = resnet110.build((32, 32, 3), 10)
        self.assert_kernels_are(model, shapes)
        self.assert_norms_are_of(model, "he_normal")
        self.assert_batch_norms_train_nothing(model)
        shortcuts = [
            name for name in kernels.named_kernels(model) if "shortcut" in name
        ]
        self.assertLen(shortcuts, 2)

    def test_image_is_halved_in_the_second_and_the_third_stage(self):
        model = resnet110.build((32, 20, 1), 7, 0.1)
        sizes = [
            model.get_layer(f"stage{stage}_block18_relu2").output.shape[1:3]
            for stage in (1, 2, 3)
        ]
        self.assertEqual(sizes, [(32, 20), (16, 10), (8, 5)])
        self.assertEqual(model.output_shape, (None, 7))


if __name__ == "__main__":
    absltest.main()

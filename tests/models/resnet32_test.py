"""Tests of ResNet-32: kernels, norms, sizes."""

import keras
from absl.testing import absltest

from needle_tf.graphs import kernels
from needle_tf.models import resnet32
from tests.models import rotation_networks
from tests.oracles import rotation_networks as oracle


class ResNet32Test(rotation_networks.NetworkTestCase):
    def test_published_network_has_34_kernels_of_470192_weights(self):
        shapes = oracle.residual(5, (16, 32, 64), 16, 3, 100, False)
        self.assertLen(shapes, 34)
        # 9 (3*16 + 10*16^2 + 16*32 + 9*32^2 + 32*64 + 9*64^2)
        # + 16*32 + 32*64 + 64*100
        self.assertEqual(oracle.weights(shapes), 470192)
        keras.utils.set_random_seed(0)
        model = resnet32.build((32, 32, 3), 100)
        self.assert_kernels_are(model, shapes)
        self.assert_norms_are_of(model, "he_normal")
        self.assert_batch_norms_train_nothing(model)
        shortcuts = [
            name for name in kernels.named_kernels(model) if "shortcut" in name
        ]
        self.assertLen(shortcuts, 2)

    def test_norms_are_those_published(self):
        keras.utils.set_random_seed(0)
        model = resnet32.build((32, 32, 3), 100)
        for stage, norm in enumerate((5, 7, 10), start=1):
            kernel = model.get_layer(f"stage{stage}_block3_conv2").kernel
            self.assertAlmostEqual(
                rotation_networks.norm(kernel), norm, delta=0.2
            )
        dense = model.get_layer("logits").kernel
        self.assertAlmostEqual(rotation_networks.norm(dense), 12.4, delta=0.2)

    def test_image_is_halved_in_the_second_and_the_third_stage(self):
        model = resnet32.build((32, 20, 1), 7, 0.1)
        sizes = [
            model.get_layer(f"stage{stage}_block5_relu2").output.shape[1:3]
            for stage in (1, 2, 3)
        ]
        self.assertEqual(sizes, [(32, 20), (16, 10), (8, 5)])
        self.assertEqual(model.output_shape, (None, 7))


if __name__ == "__main__":
    absltest.main()

"""Tests of C10-CNN2: kernels, norms, order of its layers, sizes."""

import keras
from absl.testing import absltest

from needle_tf.models import c10_cnn2
from tests.models import rotation_networks
from tests.oracles import rotation_networks as oracle

STAGES = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))


class C10CNN2Test(rotation_networks.NetworkTestCase):
    def test_published_network_has_15_kernels_of_14977728_weights(self):
        shapes = oracle.plain(STAGES, 3, [(512, 512), (512, 10)])
        self.assertLen(shapes, 15)
        # 9 (3*64 + 64^2 + 64*128 + 128^2 + 128*256 + 2*256^2 + 256*512
        #    + 2*512^2 + 3*512^2) + 512^2 + 512*10
        self.assertEqual(oracle.weights(shapes), 14977728)
        keras.utils.set_random_seed(0)
        model = c10_cnn2.build((32, 32, 3), 10)
        self.assert_kernels_are(model, shapes)
        self.assert_norms_are_of(model, "he_normal")
        self.assert_batch_norms_train_nothing(model)

    def test_layers_are_those_of_the_docstring(self):
        model = c10_cnn2.build((32, 32, 3), 10, 0.1)
        expected = []
        for stage, (convolutions, _) in enumerate(STAGES, start=1):
            for index in range(1, convolutions + 1):
                for kind in ("conv", "bn", "relu"):
                    expected.append(f"stage{stage}_{kind}{index}")
            expected.append(f"stage{stage}_pool")
        expected += "flatten hidden hidden_bn hidden_relu logits".split()
        self.assertEqual([layer.name for layer in model.layers], expected)

    def test_width_leaves_the_hidden_layer_alone(self):
        model = c10_cnn2.build((64, 33, 1), 7, 0.25)
        self.assertEqual(
            model.get_layer("stage5_pool").output.shape, (None, 2, 1, 128)
        )
        stages = [(count, filters // 4) for count, filters in STAGES]
        self.assert_kernels_are(
            model, oracle.plain(stages, 1, [(256, 512), (512, 7)])
        )

    def test_smallest_image_is_32_pixels(self):
        with self.assertRaisesRegex(
            ValueError, r"c10_cnn2 needs images of at least 32x32 .*\(32, 31, 3"
        ):
            c10_cnn2.build((32, 31, 3), 10)


if __name__ == "__main__":
    absltest.main()

"""Tests of WRN-28-10: kernels, norms, wiring, dropout."""

import keras
import numpy as np
from absl.testing import absltest

from needle_tf.graphs import kernels
from needle_tf.models import wrn_28_10
from tests.models import rotation_networks
from tests.oracles import rotation_networks as oracle


class WRN2810Test(rotation_networks.NetworkTestCase):
    def test_published_network_has_29_kernels_of_36518832_weights(self):
        shapes = oracle.residual(4, (160, 320, 640), 16, 3, 100, True)
        self.assertLen(shapes, 29)
        # 9 (3*16 + 16*160 + 7*160^2 + 160*320 + 7*320^2 + 320*640 + 7*640^2)
        # + 16*160 + 160*320 + 320*640 + 640*100
        self.assertEqual(oracle.weights(shapes), 36518832)
        model = wrn_28_10.build((32, 32, 3), 100)
        self.assert_kernels_are(model, shapes)

    def test_norms_are_those_of_glorot(self):
        keras.utils.set_random_seed(0)
        model = wrn_28_10.build((8, 8, 3), 100, 0.25)
        self.assert_norms_are_of(model, "glorot_uniform")
        self.assert_batch_norms_train_nothing(model)

    def test_kernels_are_named_by_stage_block_and_place(self):
        model = wrn_28_10.build((4, 4, 1), 2, 0.01)
        names = list(kernels.named_kernels(model))
        self.assertEqual(
            names[:4],
            [
                "stem_conv",
                "stage1_block1_conv1",
                "stage1_block1_conv2",
                "stage1_block1_shortcut",
            ],
        )
        self.assertEqual(
            [name for name in names if "shortcut" in name],
            [f"stage{stage}_block1_shortcut" for stage in (1, 2, 3)],
        )

    def test_shortcuts_carry_the_raw_image_where_blocks_add_nothing(self):
        keras.utils.set_random_seed(0)
        model = wrn_28_10.build((9, 6, 3), 5, 0.05)
        for layer in model.layers:
            if layer.name.endswith("_conv2"):
                layer.kernel.assign(keras.ops.zeros_like(layer.kernel))
        images = np.random.default_rng(0).normal(size=(3, 9, 6, 3))
        stem = keras.Model(model.input, model.get_layer("stem_conv").output)
        features = rotation_networks.forward(stem, images)
        self.assertLess(features.min(), 0)
        for stage, strides in ((1, 1), (2, 2), (3, 2)):
            shortcut = model.get_layer(f"stage{stage}_block1_shortcut")
            kernel = keras.ops.convert_to_numpy(shortcut.kernel)[0, 0]
            features = features[:, ::strides, ::strides] @ kernel
        # A variance of 1 moves to 1 + epsilon; the mean is still 0.
        features = np.maximum(features, 0) / np.sqrt(1 + 1e-3)
        dense = keras.ops.convert_to_numpy(model.get_layer("logits").kernel)
        np.testing.assert_allclose(
            rotation_networks.forward(model, images),
            features.mean((1, 2)) @ dense,
            rtol=1e-4,
            atol=1e-6,
        )

    def test_block_activates_first_and_adds_the_raw_input(self):
        keras.utils.set_random_seed(0)
        model = wrn_28_10.build((6, 6, 3), 5, 0.05)
        inputs = model.get_layer("stage2_block1_add").output
        chain = inputs
        for kind in "bn1 relu1 conv1 bn2 relu2 dropout conv2".split():
            chain = model.get_layer(f"stage2_block2_{kind}")(chain)
        whole = keras.Model(
            model.input,
            [inputs, chain, model.get_layer("stage2_block2_add").output],
        )
        images = np.random.default_rng(0).normal(size=(2, 6, 6, 3))
        before, added, after = map(
            keras.ops.convert_to_numpy, whole(images, training=False)
        )
        self.assertGreater(np.abs(added).max(), 1e-3)
        np.testing.assert_allclose(after, before + added, atol=1e-6)

    def test_each_block_drops_3_tenths(self):
        model = wrn_28_10.build((4, 4, 3), 5, 0.01)
        rates = [
            layer.rate
            for layer in model.layers
            if isinstance(layer, keras.layers.Dropout)
        ]
        self.assertEqual(rates, [0.3] * 12)


if __name__ == "__main__":
    absltest.main()

"""Tests of the ResNets' stages: wiring, names, sizes, bad arguments."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.graphs import kernels
from needle_tf.models import residual_stages
from tests.models import rotation_networks
from tests.oracles import rotation_networks as oracle


def relu(values):
    return np.maximum(values, 0)


class ResidualStagesTest(rotation_networks.NetworkTestCase):
    @parameterized.parameters(
        (1, (8, 8, 3), 10, 1.0, (16, 32, 64)),
        (3, (9, 5, 1), 4, 0.25, (4, 8, 16)),
        (2, (1, 1, 2), 2, 0.01, (1, 1, 1)),
    )
    def test_kernels_are_as_many_as_the_equation_says(
        self, blocks, input_shape, classes, width, filters
    ):
        model = residual_stages.build_network(
            "net", blocks, input_shape, classes, width
        )
        shapes = oracle.residual(
            blocks, filters, filters[0], input_shape[-1], classes, False
        )
        self.assertLen(shapes, 6 * blocks + 1 + 2 + 1)
        self.assert_kernels_are(model, shapes)
        self.assert_batch_norms_train_nothing(model)
        self.assertEqual(model.output_shape, (None, classes))

    def test_kernels_are_named_by_stage_block_and_place(self):
        model = residual_stages.build_network("net", 2, (8, 8, 3), 10, 0.1)
        expected = ["stem_conv"]
        for stage in (1, 2, 3):
            for block in (1, 2):
                name = f"stage{stage}_block{block}"
                expected += [f"{name}_conv1", f"{name}_conv2"]
                if stage > 1 and block == 1:
                    expected.append(f"{name}_shortcut")
        self.assertEqual(
            list(kernels.named_kernels(model)), [*expected, "logits"]
        )

    def test_shortcuts_carry_the_image_where_blocks_add_nothing(self):
        keras.utils.set_random_seed(0)
        model = residual_stages.build_network("net", 2, (9, 6, 3), 5, 0.5)
        for layer in model.layers:
            if layer.name.endswith("_conv2"):
                layer.kernel.assign(keras.ops.zeros_like(layer.kernel))
        images = np.random.default_rng(0).normal(size=(3, 9, 6, 3))
        stem = keras.Model(model.input, model.get_layer("stem_relu").output)
        features = rotation_networks.forward(stem, images)
        self.assertGreaterEqual(features.min(), 0)
        for stage in (2, 3):
            shortcut = model.get_layer(f"stage{stage}_block1_shortcut")
            kernel = keras.ops.convert_to_numpy(shortcut.kernel)[0, 0]
            # 1x1, stride 2, neither BatchNorm nor ReLU of its own.
            features = relu(features[:, ::2, ::2] @ kernel)
        dense = keras.ops.convert_to_numpy(model.get_layer("logits").kernel)
        np.testing.assert_allclose(
            rotation_networks.forward(model, images),
            features.mean((1, 2)) @ dense,
            rtol=1e-4,
            atol=1e-6,
        )

    def test_block_adds_two_normalised_convolutions(self):
        keras.utils.set_random_seed(0)
        model = residual_stages.build_network("net", 1, (6, 6, 3), 5, 0.5)
        inputs = model.get_layer("stem_relu").output
        chain = inputs
        for kind in ("conv1", "bn1", "relu1", "conv2", "bn2"):
            chain = model.get_layer(f"stage1_block1_{kind}")(chain)
        whole = keras.Model(
            model.input,
            [inputs, chain, model.get_layer("stage1_block1_relu2").output],
        )
        images = np.random.default_rng(0).normal(size=(2, 6, 6, 3))
        before, added, after = map(
            keras.ops.convert_to_numpy, whole(images, training=False)
        )
        self.assertGreater(np.abs(added).max(), 0.1)
        np.testing.assert_allclose(after, relu(before + added), atol=1e-6)

    def test_refusal_names_the_network(self):
        with self.assertRaisesRegex(ValueError, "`width` of net must be"):
            residual_stages.build_network("net", 1, (8, 8, 3), 10, 0)


if __name__ == "__main__":
    absltest.main()

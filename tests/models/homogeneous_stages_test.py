"""Tests of stages of homogeneous parts: wiring, names, weights, growth."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import given
from hypothesis import strategies as st

from needle_tf.graphs import kernels
from needle_tf.models import homogeneous_stages
from tests.models import rotation_networks
from tests.oracles import rotation_networks as oracle

SMALL = (2, 3, 4)


def relu(values):
    return np.maximum(values, 0)


def shapes_of(model):
    found = kernels.named_kernels(model)
    return [tuple(kernel.shape) for kernel in found.values()]


def residual(blocks, normalises, filters=SMALL, side=6, classes=3):
    return homogeneous_stages.build_residual(
        "net",
        blocks,
        (side, side, 2),
        classes,
        normalises=normalises,
        filters=filters,
    )


class PlainTest(parameterized.TestCase):
    @parameterized.parameters(True, False)
    def test_kernels_are_as_many_as_the_table_says(self, normalises):
        model = homogeneous_stages.build_plain(
            "net", (2, 1, 1, 2), (9, 5, 3), 7, 1 / 32, normalises=normalises
        )
        stages = ((1, 2), (2, 2), (1, 4), (1, 8), (2, 16))
        shapes = oracle.plain(stages, 3, [(16, 7)])
        self.assertEqual(shapes_of(model), shapes)
        filters = sum(count * many for many, count in stages)
        # Scale and centre, or a bias; and the biases of the classes.
        others = (2 if normalises else 1) * filters + 7
        trained = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
        self.assertEqual(trained, oracle.weights(shapes) + others)

    def test_first_convolution_of_a_stage_halves_the_image(self):
        model = homogeneous_stages.build_plain(
            "net", (1, 2, 2, 1), (16, 9, 1), 2, 0.01, normalises=False
        )
        names = ("stem", "stage1_1", "stage2_1", "stage2_2", "stage4_1")
        sizes = [
            model.get_layer(f"{name}_relu").output.shape[1:3] for name in names
        ]
        self.assertEqual(sizes, [(16, 9), (16, 9), (8, 5), (8, 5), (2, 2)])

    @parameterized.parameters(
        (True, ["stage1_1_conv", "stage1_1_bn", "stage1_1_relu"]),
        (False, ["stage1_1_conv", "stage1_1_relu"]),
    )
    def test_normalisation_stands_for_the_bias(self, normalises, names):
        model = homogeneous_stages.build_plain(
            "net", (1, 1, 1, 1), (4, 4, 1), 2, 0.01, normalises=normalises
        )
        found = [layer.name for layer in model.layers]
        start = found.index("stage1_1_conv")
        self.assertEqual(found[start : start + len(names)], names)
        conv = model.get_layer("stage1_1_conv")
        self.assertEqual(conv.use_bias, not normalises)
        if normalises:
            layer = model.get_layer("stage1_1_bn")
            self.assertTrue(layer.scale and layer.center)
            self.assertEqual(layer.momentum, 0.9)

    def test_refusal_names_the_network(self):
        with self.assertRaisesRegex(ValueError, "`num_classes` of net must"):
            homogeneous_stages.build_plain(
                "net", (1, 1, 1, 1), (4, 4, 1), 1, normalises=True
            )


class ResidualTest(parameterized.TestCase):
    @given(
        blocks=st.tuples(*[st.integers(1, 2)] * 2),
        filters=st.tuples(*[st.integers(1, 4)] * 2),
        normalises=st.booleans(),
    )
    def test_kernels_are_as_many_as_the_table_says(
        self, blocks, filters, normalises
    ):
        model = residual(blocks, normalises, filters)
        expected = [(3, 3, 2, filters[0])]
        channels = filters[0]
        for stage, (many, count) in enumerate(
            zip(blocks, filters, strict=True)
        ):
            for block in range(many):
                expected += [(3, 3, channels, count), (3, 3, count, count)]
                if stage and not block:
                    expected.append((1, 1, channels, count))
                channels = count
        self.assertCountEqual(shapes_of(model), [*expected, (channels, 3)])
        self.assertEqual(model.output_shape, (None, 3))

    def test_kernels_are_named_by_stage_block_and_place(self):
        names = set(kernels.named_kernels(residual((1, 2, 1), False)))
        self.assertEqual(
            names,
            {"stem_conv", "logits"}
            | {f"stage1_block1_{i}_conv" for i in (1, 2)}
            | {f"stage2_block{b}_{i}_conv" for b in (1, 2) for i in (1, 2)}
            | {f"stage3_block1_{i}_conv" for i in (1, 2)}
            | {f"stage{s}_block1_projection_conv" for s in (2, 3)},
        )

    @parameterized.parameters((True, 1.0), (False, 0.25))
    def test_block_adds_its_share_of_the_branch(self, normalises, factor):
        keras.utils.set_random_seed(0)
        model = residual((2, 1, 1), normalises)
        inputs = model.get_layer("stem_relu").output
        parts = ("conv", "bn") if normalises else ("conv",)
        chain = inputs
        for part in parts:
            chain = model.get_layer(f"stage1_block1_1_{part}")(chain)
        chain = keras.ops.relu(chain)
        for part in parts:
            chain = model.get_layer(f"stage1_block1_2_{part}")(chain)
        after = model.get_layer("stage1_block1_relu").output
        whole = keras.Model(model.input, [inputs, chain, after])
        images = np.random.default_rng(0).normal(size=(2, 6, 6, 2))
        before, branch, after = map(
            keras.ops.convert_to_numpy, whole(images, training=False)
        )
        self.assertGreater(np.abs(branch).max(), 0.1)
        np.testing.assert_allclose(
            after, relu(before + factor * branch), atol=1e-6
        )

    def test_projection_stands_for_the_shortcut_where_the_image_is_halved(self):
        keras.utils.set_random_seed(0)
        model = residual((1, 1, 1), False, side=7)
        for layer in model.layers:
            if layer.name.endswith("_2_conv"):
                layer.kernel.assign(keras.ops.zeros_like(layer.kernel))
        images = np.random.default_rng(0).normal(size=(3, 7, 7, 2))
        stem = keras.Model(model.input, model.get_layer("stem_relu").output)
        features = rotation_networks.forward(stem, images)
        for stage in (2, 3):
            layer = model.get_layer(f"stage{stage}_block1_projection_conv")
            kernel = keras.ops.convert_to_numpy(layer.kernel)[0, 0]
            features = relu(features[:, ::2, ::2] @ kernel)
        dense = keras.ops.convert_to_numpy(model.get_layer("logits").kernel)
        np.testing.assert_allclose(
            rotation_networks.forward(model, images),
            features.mean((1, 2)) @ dense,
            rtol=1e-4,
            atol=1e-6,
        )

    def test_stream_of_ones_stays_below_e_without_normalisation(self):
        model = residual((3, 3), False, filters=(1, 1), side=4)
        for weights in model.weights:
            weights.assign(np.zeros(weights.shape))
        for layer in model.layers:
            if layer.name.endswith("_conv"):
                kernel = np.zeros(layer.kernel.shape)
                middle = kernel.shape[0] // 2
                kernel[middle, middle, 0, 0] = 1
                layer.kernel.assign(kernel)
        stream = keras.Model(
            model.input, model.get_layer("stage2_block3_relu").output
        )
        found = rotation_networks.forward(stream, np.ones((1, 4, 4, 2)))
        # The projection and its branch add like any other block.
        np.testing.assert_allclose(found, (1 + 1 / 6) ** 6, rtol=1e-5)


if __name__ == "__main__":
    absltest.main()

"""Tests of going on to a wider space, and of starting there from scratch."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers

from needle_tf.embedding import convert
from needle_tf.embedding import distances
from needle_tf.layers import masked_dense
from tests.embedding import networks
from tests.embedding import same_function

SPACES = (
    ("lcn", None),
    ("band", 0),
    ("band", 1),
    ("band", 2),
    ("fcn", None),
)
WIDER = [
    (f"{here[0]}{here[1]}_to_{there[0]}{there[1]}", here, there)
    for number, here in enumerate(SPACES)
    for there in SPACES[number:]
]


def network():
    """Groups, a folded padding, a separable convolution, statistics."""
    return same_function.fill(
        networks.chain(
            layers.ZeroPadding2D(((1, 0), (0, 2)), name="padding"),
            networks.conv(4, 3, padding="valid", strides=2, name="conv"),
            layers.BatchNormalization(name="normal"),
            networks.conv(4, 2, groups=2, use_bias=False, name="grouped"),
            layers.SeparableConv2D(3, 2, name="separable"),
        )
    )


def moved(model):
    """The model after a step that left all subspaces it may leave."""
    model.compile(keras.optimizers.SGD(0.05), "mse")
    images = same_function.images_for(model)
    targets = np.ones((3, *model.output_shape[1:]))
    model.fit(images, targets, verbose=0)
    return model


class WiderSpaceTest(same_function.EmbeddingTestCase):
    @parameterized.named_parameters(WIDER)
    def test_trained_network_keeps_its_function(self, here, there):
        model = moved(convert.embed(network(), here[0], radius=here[1]))
        before = distances.subspace_distance(model)
        self.assertGreater(before.total.delta_share, 0)
        wider = convert.embed(model, there[0], radius=there[1])
        self.assert_same_function(model, wider)
        after = distances.subspace_distance(wider)
        self.assertEqual(after.layers.keys(), before.layers.keys())
        np.testing.assert_allclose(after.total, before.total, 1e-4, 1e-7)

    @parameterized.parameters(("lcn", None), ("band", 1), ("fcn", None))
    def test_two_models_share_no_memory(self, space, radius):
        first = convert.embed(network(), space, radius=radius)
        second = convert.embed(first, space, radius=radius)
        inputs = same_function.images_for(first)
        before = same_function.outputs(first, inputs)
        moved(second)
        after = same_function.outputs(first, inputs)
        np.testing.assert_array_equal(after, before)
        self.assertGreater(
            np.abs(same_function.outputs(second, inputs)[0] - after[0]).max(),
            1e-3,
        )

    @parameterized.parameters(
        ("fcn", None, "lcn", None),
        ("fcn", None, "band", 3),
        ("band", 2, "lcn", None),
        ("band", 2, "band", 1),
    )
    def test_narrower_space_is_refused_by_layer(
        self, space, radius, narrower, its_radius
    ):
        model = convert.embed(network(), space, radius=radius)
        with self.assertRaisesRegex(
            ValueError,
            'Layer "conv" has \\d+ free weights \\(free=".*"\\) and would keep '
            "\\d+ of them, so its function would change. Use `unembed`",
        ):
            convert.embed(model, narrower, radius=its_radius)

    def test_band_beyond_the_image_may_become_smaller(self):
        model = networks.chain(networks.conv(2))
        model = convert.embed(same_function.fill(model), "band", radius=9)
        self.assert_same_function(model, convert.embed(model, "band", radius=7))


class FromScratchTest(parameterized.TestCase):
    @parameterized.parameters(*SPACES)
    def test_weights_are_new_and_shapes_the_same(self, space, radius):
        keras.utils.set_random_seed(0)
        model = network()
        copied = convert.embed(model, space, radius=radius)
        fresh = [
            convert.embed(model, space, radius=radius, copy_weights=False)
            for _ in range(2)
        ]
        self.assertEqual(
            [(w.path, w.shape) for w in fresh[0].weights],
            [(w.path, w.shape) for w in copied.weights],
        )
        for name in distances.untied_layers(copied):
            first, again, old = (
                keras.ops.convert_to_numpy(other.get_layer(name).kernel)
                for other in (*fresh, copied)
            )
            # Another draw each time, and not the one of the convolution.
            for other in (again, old):
                correlation = np.corrcoef(first.ravel(), other.ravel())[0, 1]
                self.assertLess(abs(correlation), 0.4, name)

    @parameterized.parameters(*SPACES)
    def test_scale_is_that_of_the_weights_a_unit_sees(self, space, radius):
        images = keras.Input((9, 9, 8))
        convolution = layers.Conv2D(
            8, 3, padding="same", kernel_initializer="he_normal", name="conv"
        )
        model = keras.Model(images, convolution(images))
        fresh = convert.embed(model, space, radius=radius, copy_weights=False)
        layer = fresh.get_layer("conv")
        kernel = keras.ops.convert_to_numpy(layer.kernel)
        seen = 9 * 8
        if isinstance(layer, masked_dense.MaskedDense):
            seen = layer.free_weights() / layer.kernel.shape[1]
        deviation = np.std(kernel[kernel != 0])
        # 2 % of sampling error; He: variance 2 / fan-in.
        np.testing.assert_allclose(deviation, (2 / seen) ** 0.5, 0.05)
        bias = keras.ops.convert_to_numpy(layer.bias)
        np.testing.assert_array_equal(bias, np.zeros_like(bias))

    def test_seed_of_the_user_is_kept(self):
        initializer = keras.initializers.GlorotUniform(seed=7)
        model = networks.chain(
            networks.conv(kernel_initializer=initializer, name="conv")
        )
        kernels = [
            convert.embed(model, copy_weights=False).get_layer("conv").kernel
            for _ in range(2)
        ]
        np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, kernels))

    def test_global_seed_decides_the_draw(self):
        model = network()
        kernels = []
        for seed in (1, 1, 2):
            keras.utils.set_random_seed(seed)
            fresh = convert.embed(model, copy_weights=False)
            kernels.append(
                keras.ops.convert_to_numpy(fresh.get_layer("conv").kernel)
            )
        np.testing.assert_array_equal(kernels[0], kernels[1])
        self.assertGreater(np.abs(kernels[0] - kernels[2]).max(), 0)

    def test_statistics_start_afresh_but_adapted_layers_keep_their_data(self):
        adapted = layers.Normalization(name="adapted")
        adapted.adapt(np.arange(54.0).reshape(1, 3, 6, 3))
        model = networks.chain(
            adapted,
            networks.conv(),
            layers.BatchNormalization(name="normal"),
            shape=(3, 6, 3),
        )
        same_function.fill(model)
        fresh = convert.embed(model, copy_weights=False)
        normal = fresh.get_layer("normal")
        for weight, start in zip(normal.weights, (1, 0, 0, 1), strict=True):
            values = keras.ops.convert_to_numpy(weight)
            np.testing.assert_array_equal(values, np.full(4, start))
        images = same_function.images_for(model)
        np.testing.assert_array_equal(
            *map(
                keras.ops.convert_to_numpy,
                (adapted(images), fresh.get_layer("adapted")(images)),
            )
        )

    def test_narrower_space_may_start_from_scratch(self):
        wide = convert.embed(network())
        narrow = convert.embed(wide, "lcn", copy_weights=False)
        self.assertEqual(distances.subspace_distance(narrow).total.delta, 0.0)


if __name__ == "__main__":
    absltest.main()

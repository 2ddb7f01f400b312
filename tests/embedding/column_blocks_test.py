"""Tests that layers in column blocks are the undivided layers."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import example
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from keras import layers

from needle_tf.embedding import column_blocks
from needle_tf.embedding import convert
from needle_tf.embedding import distances
from needle_tf.embedding import registry
from needle_tf.embedding import slots
from needle_tf.embedding import unembed
from needle_tf.ops import conv_geometry
from needle_tf.ops import unrolling
from needle_tf.scales import scale_groups
from tests.embedding import networks
from tests.embedding import same_function
from tests.oracles import dense_convolution
from tests.oracles import drawn_convolutions

GROUPED = dense_convolution.Convolution((4, 3, 4), (3, 2), 8, groups=2)
# Each with something that blocks could get wrong.
NETWORKS = (
    "activations",
    "batch_normalization",
    "groups",
    "names_that_copies_would_take",
    "nested_model",
    "shared_layer",
    "strides_and_dilation",
    "zero_padding_used_elsewhere_too",
)
SPACES = ({"space": "fcn"}, {"space": "band", "radius": 1}, {"space": "lcn"})
NAMED = [(case["space"], case) for case in SPACES]


def array(variable):
    return keras.ops.convert_to_numpy(variable)


def small_network(shape=(6, 5, 2), **options):
    """Blocks of unequal size, then one behind the image of another."""
    return same_function.fill(
        networks.chain(
            networks.conv(5, activation="tanh", name="conv_1", **options),
            layers.AveragePooling2D(2),
            networks.conv(4, strides=2, name="conv_2", **options),
            layers.Flatten(),
            layers.Dense(2, name="logits"),
            shape=shape,
        )
    )


def fit(model, steps=4):
    rng = np.random.default_rng(3)
    shape = model.inputs[0].shape[1:]
    for _ in range(steps):
        images = rng.normal(size=(4, *shape)).astype("float32")
        model.train_on_batch(images, rng.normal(size=(4, 2)))
    return model


def columns(values, filters):
    """Values of units, or of their columns, with an axis for filters."""
    return array(values).reshape(*values.shape[:-1], -1, filters)


def joined(model, name, what, count=2):
    """The weights of blocks, put together by filters."""
    blocks = [model.get_layer(f"{name}_block{n}") for n in range(count)]
    return np.concatenate(
        [
            columns(getattr(block, what), block.geometry.filters)
            for block in blocks
        ],
        axis=-1,
    )


class DivideTest(parameterized.TestCase):
    @settings(max_examples=25)
    @given(st.data(), drawn_convolutions.convolutions())
    @example(None, GROUPED)
    def test_blocks_side_by_side_are_the_matrix(self, data, drawn):
        per_group = drawn.filters // drawn.groups
        counts = [
            count
            for count in range(1, per_group + 1)
            if drawn.groups == 1 or per_group % count == 0
        ]
        count = 2 if data is None else data.draw(st.sampled_from(counts))
        kernel = np.random.default_rng(0).normal(size=drawn.kernel_shape)
        whole = dense_convolution.matrix(kernel, drawn)
        geometry = conv_geometry.ConvGeometry.of_convolution(
            **drawn.arguments()
        )
        bias = np.arange(drawn.filters)
        forms = {
            "shared": (kernel, unrolling.unroll),
            "local": (
                unrolling.share(kernel, geometry),
                unrolling.unroll_local,
            ),
            "dense": (whole, lambda dense, geometry: dense),
        }
        grouped = (len(whole), geometry.positions, drawn.groups, per_group)
        for form, (stored, to_dense) in forms.items():
            part = registry.Part("conv", geometry, form, None, None, {})
            blocks = column_blocks.divide(part, count, layers.Layer())
            found = [
                to_dense(block.in_form(stored), block.geometry).reshape(
                    *grouped[:-1], -1
                )
                for block in blocks
            ]
            shares = [block.shape[-1] for block in found]
            self.assertLessEqual(max(shares) - min(shares), 1)
            np.testing.assert_array_equal(
                np.concatenate(found, axis=-1), whole.reshape(grouped)
            )
            biases = [
                block.in_bias_form(bias).reshape(drawn.groups, -1)
                for block in blocks
            ]
            np.testing.assert_array_equal(
                np.concatenate(biases, axis=-1).ravel(), bias
            )


class FunctionTest(same_function.EmbeddingTestCase):
    @parameterized.parameters(*NETWORKS)
    def test_network_keeps_its_function_there_and_back(self, name):
        # The depthwise part of a separable convolution stays whole.
        options = {}
        if name == "names_that_copies_would_take":
            options = {"layers": ["conv", "s_pointwise", "conv_1"]}
        for space in ("fcn", "lcn"):
            model = same_function.fill(networks.NETWORKS[name]())
            embedded = convert.embed(model, space, column_blocks=2, **options)
            self.assert_same_function(model, embedded)
            nearest = unembed.unembed(embedded)
            self.assertEmpty(distances.untied_layers(nearest))
            self.assert_same_function(model, nearest)

    def test_channels_first_blocks_keep_groups_in_order(self):
        first = {"data_format": "channels_first"}
        model = same_function.fill(
            networks.chain(
                networks.conv(12, groups=3, activation="softmax", **first),
                networks.conv(5, 2, strides=2, **first),
                shape=(3, 5, 4),
            )
        )
        embedded = convert.embed(model, column_blocks=4)
        self.assert_same_function(model, embedded)

    def test_blocks_have_the_precision_of_the_layer(self):
        for dtype in ("float64", "mixed_bfloat16"):
            conv = networks.conv(6, groups=3, activation="relu", dtype=dtype)
            model = same_function.fill(networks.chain(conv))
            embedded = convert.embed(model, column_blocks=2)
            for layer in embedded.layers[1:]:
                self.assertEqual(layer.dtype_policy.name, dtype)
            if dtype == "float64":
                self.assert_same_function(model, embedded, dtype)

    def test_penalty_on_the_activity_is_that_of_all_blocks(self):
        for activation in ("relu", None):
            model = same_function.fill(
                networks.chain(
                    networks.conv(
                        activation=activation, activity_regularizer="l2"
                    )
                )
            )
            embedded = convert.embed(model, column_blocks=3)
            images = same_function.images_for(model)
            for network in (model, embedded):
                network(images)
            np.testing.assert_allclose(embedded.losses, model.losses, 1e-5)
            self.assertLen(embedded.losses, 1)

    def test_blocks_go_on_to_a_wider_space(self):
        model = small_network()
        local = convert.embed(model, "lcn", column_blocks=2)
        wide = convert.embed(convert.embed(local, "band", radius=1))
        self.assertEqual(wide.get_layer("conv_1_block0").free, "all")
        self.assert_same_function(model, wide)
        finer = convert.embed(convert.embed(model), column_blocks=3)
        self.assertEqual(
            [layer.name for layer in finer.layers[1:6]],
            [
                "conv_1_block0",
                "conv_1_block1",
                "conv_1_block2",
                "conv_1_joined",
                "conv_1",
            ],
        )
        self.assert_same_function(model, finer)

    def test_blocks_read_data_where_the_layer_does(self):
        embedded = convert.embed(small_network(), column_blocks=2)
        self.assertEqual(
            {
                name: layer.reads_data
                for name, layer in distances.untied_layers(embedded).items()
            },
            {
                "conv_1_block0": True,
                "conv_1_block1": True,
                "conv_2_block0": False,
                "conv_2_block1": False,
            },
        )

    def test_saved_blocks_are_found_again(self):
        model = small_network()
        embedded = convert.embed(model, column_blocks=2)
        file = self.create_tempfile("blocks.keras").full_path
        embedded.save(file)
        self.assert_same_function(embedded, keras.saving.load_model(file))

    def test_scales_are_those_of_the_undivided_network(self):
        model = networks.chain(
            networks.conv(4, activation="relu", groups=1),
            networks.conv(4, activation="relu"),
            layers.Flatten(),
            layers.Dense(2),
            shape=(4, 3, 2),
        )
        for space in ("fcn", "lcn"):
            whole, divided = (
                scale_groups.scale_graph(
                    convert.embed(model, space, column_blocks=count)
                )
                for count in (1, 2)
            )
            for count in ("num_groups", "num_weights", "num_paths"):
                self.assertEqual(getattr(divided, count), getattr(whole, count))


class TrainingTest(parameterized.TestCase):
    @parameterized.named_parameters(NAMED)
    def test_blocks_train_like_the_undivided_layer(self, space):
        model = small_network()
        whole, divided = (
            convert.embed(model, column_blocks=count, **space)
            for count in (1, 2)
        )
        for network in (whole, divided):
            optimizer = keras.optimizers.SGD(0.001, momentum=0.9)
            network.compile(optimizer, "mse", run_eagerly=True)
            fit(network)
        self.check_same_weights(whole, divided)
        self.check_same_distance(whole, divided)

    def check_same_weights(self, whole, divided):
        for name, filters in (("conv_1", 5), ("conv_2", 4)):
            for what in ("kernel", "bias"):
                expected = columns(
                    getattr(whole.get_layer(name), what), filters
                )
                np.testing.assert_allclose(
                    joined(divided, name, what), expected, 0, 2e-6
                )

    def check_same_distance(self, whole, divided):
        expected = distances.subspace_distance(whole)
        found = distances.subspace_distance(divided)
        self.assertLen(found.layers, 4)
        self.assertGreater(expected.total.delta_cnn, 1e-4)
        np.testing.assert_allclose(found.total, expected.total, 1e-3, 1e-7)

    def test_slots_are_carried_into_blocks(self):
        model = small_network()
        model.compile(
            keras.optimizers.Adam(0.01, use_ema=True), "mse", run_eagerly=True
        )
        fit(model)
        carried = []
        for count in (1, 2):
            embedded, pairs = convert.embed_with_pairs(
                model, column_blocks=count
            )
            optimizer = keras.optimizers.Adam(0.01, use_ema=True)
            embedded.compile(optimizer, "mse", run_eagerly=True)
            optimizer.build(embedded.trainable_variables)
            slots.carry_slots(model.optimizer, optimizer, pairs)
            fit(embedded)
            carried.append(embedded)
        self.check_same_weights(*carried)


class FromScratchTest(parameterized.TestCase):
    @parameterized.named_parameters(NAMED)
    def test_blocks_start_on_the_scale_of_the_whole(self, space):
        for initializer in ("glorot_normal", "he_uniform"):
            conv = networks.conv(8, name="conv", kernel_initializer=initializer)
            model = networks.chain(conv, shape=(7, 6, 3))
            whole, divided = (
                convert.embed(
                    model, copy_weights=False, column_blocks=count, **space
                )
                for count in (1, 4)
            )
            kernel = array(whole.get_layer("conv").kernel)
            blocks = joined(divided, "conv", "kernel", 4)
            # Some thousand draws, of which 8 blocks would be 1.6 times as far.
            self.assertAlmostEqual(blocks.std() / kernel.std(), 1, delta=0.1)
            self.assertEqual(np.mean(blocks == 0), np.mean(kernel == 0))
            self.assertEqual(
                type(divided.get_layer("conv_block0").kernel_initializer),
                type(whole.get_layer("conv").kernel_initializer),
            )

    def test_blocks_of_one_seed_differ_and_are_repeated(self):
        for seed in (7, keras.random.SeedGenerator(7)):
            initializer = keras.initializers.RandomNormal(seed=seed)
            model = networks.chain(
                networks.conv(4, name="conv", kernel_initializer=initializer)
            )
            first, second = (
                joined(
                    convert.embed(model, copy_weights=False, column_blocks=2),
                    "conv",
                    "kernel",
                )
                for _ in range(2)
            )
            np.testing.assert_array_equal(first, second)
            self.assertGreater(len(np.unique(first)), 0.99 * first.size)


class RefusalTest(parameterized.TestCase):
    def test_more_blocks_than_filters_are_refused(self):
        with self.assertRaisesRegex(
            ValueError,
            'Layer "conv_2" cannot be divided into 5 column blocks: it has 4 '
            "filters. Use column_blocks=4, or embed it as a whole: "
            '`embed\\(model, layers=\\["conv_2"\\]\\)` first',
        ):
            convert.embed(small_network(), column_blocks=5)

    def test_groups_that_do_not_divide_are_refused(self):
        model = networks.chain(
            layers.DepthwiseConv2D(3, depth_multiplier=6, name="deep"),
            networks.conv(6, name="conv"),
        )
        with self.assertRaisesRegex(
            ValueError,
            'Layer "deep" cannot be divided into 4 column blocks: it has 6 '
            "filters in each of 3 groups, which it must divide. "
            "Use column_blocks=3, or",
        ):
            convert.embed(model, column_blocks=4)
        advised = convert.embed(
            convert.embed(model, layers=["deep"]),
            column_blocks=4,
            layers=["conv"],
        )
        self.assertCountEqual(
            distances.untied_layers(advised),
            ["deep", *(f"conv_block{number}" for number in range(4))],
        )

    @parameterized.parameters(
        ({"column_blocks": 0}, "`column_blocks` must be an integer of at"),
        ({"devices": ()}, "`devices` is empty. Received: devices=\\(\\)"),
        (
            {"devices": "CPU:0", "space": "lcn"},
            '`devices` place dense weights, which space="lcn" does not have. '
            "Received: devices='CPU:0'. Leave them out, or embed with "
            'space="band", radius=0',
        ),
        ({"devices": ("CPU:0", "GPU:9")}, "no device 'GPU:9' here. Expected"),
    )
    def test_other_arguments_are_refused(self, options, message):
        with self.assertRaisesRegex(ValueError, message):
            convert.embed(small_network(), **options)


if __name__ == "__main__":
    absltest.main()

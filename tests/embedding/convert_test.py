"""Tests of `embed` on one network per feature, and of what it makes."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers

from needle_tf.embedding import convert
from needle_tf.embedding import distances
from needle_tf.graphs import rewiring
from needle_tf.layers import locally_connected2d
from needle_tf.layers import masked_dense
from tests.embedding import networks
from tests.embedding import same_function

SPACES = (
    {"space": "fcn"},
    {"space": "lcn"},
    {"space": "band", "radius": 1},
)
NETWORKS = sorted(networks.NETWORKS.items())
CONVOLUTIONS = (
    layers.Conv2D,
    layers.DepthwiseConv2D,
    layers.SeparableConv2D,
)


def convolutions(model):
    """Layers of a model that are still convolutions."""
    return [
        name
        for name, layer in rewiring.named_layers(model).items()
        if isinstance(layer, CONVOLUTIONS)
    ]


def untied(model):
    """The untied layers of a model by name."""
    return distances.untied_layers(model)


def values(variables):
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def small_network(**options):
    """Two convolutions and a dense layer, filled."""
    options = {"activation": "tanh", **options}
    return same_function.fill(
        networks.chain(
            networks.conv(3, name="conv_1", **options),
            networks.conv(2, name="conv_2", strides=2),
            layers.Flatten(),
            layers.Dense(2, name="logits"),
        )
    )


class FunctionTest(same_function.EmbeddingTestCase):
    @parameterized.named_parameters(NETWORKS)
    def test_network_keeps_its_function_in_every_space(self, network):
        for space in SPACES:
            # Anew for each: training mode moves the statistics of the first.
            model = same_function.fill(network())
            embedded = convert.embed(model, **space)
            self.assertEmpty(convolutions(embedded))
            self.assert_same_function(model, embedded)

    def test_layer_shared_by_two_sizes_gets_weights_for_each(self):
        shared, images = networks.conv(3, name="conv"), keras.Input((8, 8, 3))
        small = shared(layers.MaxPooling2D()(shared(images)))
        model = same_function.fill(keras.Model(images, small))
        with self.assertWarnsRegex(
            UserWarning, 'Layer "conv" is shared by images of several sizes'
        ):
            embedded = convert.embed(model)
        self.assertEqual(
            {n: k.kernel.shape for n, k in untied(embedded).items()},
            {"conv": (192, 192), "conv_1": (48, 48)},
        )
        self.assert_same_function(model, embedded)

    def test_model_nested_at_two_sizes_gets_weights_for_each(self):
        inside = keras.Input((None, None, 3))
        normal = layers.BatchNormalization(name="normal")
        inner = keras.Model(
            inside, normal(networks.conv(3, name="conv")(inside)), name="inner"
        )
        images = keras.Input((8, 8, 3))
        small = inner(layers.MaxPooling2D()(inner(images)))
        model = same_function.fill(keras.Model(images, small))
        with self.assertWarnsRegex(UserWarning, '"conv" is shared'):
            embedded = convert.embed(model, "lcn")
        self.assertCountEqual(
            untied(embedded), ["inner/conv", "inner_1/conv_1"]
        )
        names = rewiring.named_layers(embedded)
        self.assertIn("inner/normal", names)  # Once: what is kept is shared.
        self.assertNotIn("inner_1/normal", names)
        self.assert_same_function(model, embedded)

    def test_padding_drops_out_unless_it_is_used_elsewhere(self):
        for name, expected in (
            ("zero_padding", 0),
            ("zero_padding_used_elsewhere_too", 1),
            ("zero_padding_shared", 1),
            ("padding_of_another_kind", 1),
        ):
            embedded = convert.embed(networks.NETWORKS[name]())
            kept = [
                layer
                for layer in embedded.layers
                if isinstance(layer, layers.ZeroPadding2D)
            ]
            self.assertLen(kept, expected, name)

    def test_padding_stays_before_an_untied_layer_of_ones_own(self):
        own = locally_connected2d.LocallyConnected2D(2, 3)
        model = networks.chain(layers.ZeroPadding2D(1), own)
        embedded = convert.embed(same_function.fill(model))
        self.assertEqual(embedded.layers[-1].geometry.input_shape, (8, 9, 3))
        self.assert_same_function(model, embedded)

    def test_mixed_precision_carries_over(self):
        images = keras.Input((6, 6, 3))
        features = layers.ZeroPadding2D(1)(images)
        features = networks.conv(4, dtype="mixed_bfloat16")(features)
        model = same_function.fill(keras.Model(images, features))
        for space in SPACES:
            embedded = convert.embed(model, **space)
            self.assertEqual(embedded.output.dtype, "bfloat16")
            layer = embedded.layers[-1]
            self.assertEqual(layer.kernel.dtype, "float32")
            self.assertEqual(layer.dtype_policy.name, "mixed_bfloat16")
            inputs = same_function.images_for(model)
            received = np.asarray(embedded(inputs), "float32")
            expected = np.asarray(model(inputs), "float32")
            # bfloat16 keeps 8 bits; the largest outputs are near 8.
            np.testing.assert_allclose(received, expected, 0.02, 0.02)


class ModelTest(same_function.EmbeddingTestCase):
    """What kind of model `embed` makes."""

    @parameterized.parameters(
        ("fcn", None, "all"), ("band", 2, "band"), ("lcn", None, None)
    )
    def test_layers_keep_their_names_and_get_the_form_of_the_space(
        self, space, radius, free
    ):
        model = small_network()
        embedded = convert.embed(model, space, radius=radius)
        self.assertEqual(embedded.name, f"{model.name}_{space}")
        self.assertCountEqual(
            [layer.name for layer in embedded.layers[1:]],
            [layer.name for layer in model.layers[1:]],
        )
        for layer in untied(embedded).values():
            if free is None:
                self.assertIsInstance(
                    layer, locally_connected2d.LocallyConnected2D
                )
                continue
            self.assertIsInstance(layer, masked_dense.MaskedDense)
            self.assertEqual((layer.free, layer.radius), (free, radius))

    def test_compiled_model_becomes_an_uncompiled_one_that_trains(self):
        model = small_network()
        model.compile("sgd", "mse")
        images = same_function.images_for(model, 8)
        model.fit(images, np.ones((8, 2)), verbose=0)
        for space in SPACES:
            embedded = convert.embed(model, **space)
            self.assertFalse(embedded.compiled)
            embedded.compile(keras.optimizers.SGD(0.01), "mse")
            before = embedded.evaluate(images, np.ones((8, 2)), verbose=0)
            self.assertAllClose(
                before, model.evaluate(images, np.ones((8, 2)), verbose=0)
            )
            embedded.fit(images, np.ones((8, 2)), epochs=3, verbose=0)
            after = embedded.evaluate(images, np.ones((8, 2)), verbose=0)
            self.assertLess(after, before)

    def assertAllClose(self, received, expected):
        np.testing.assert_allclose(received, expected, 1e-4)

    def test_source_model_stays_as_it_was(self):
        model = same_function.fill(networks.NETWORKS["nested_model"]())
        inputs = same_function.images_for(model)
        config = model.to_json()
        before = same_function.outputs(model, inputs)
        weights = values(model.weights)
        embedded = convert.embed(model)
        embedded.compile("sgd", "mse")
        embedded.fit(inputs, np.zeros_like(before[0]), verbose=0)
        self.assertEqual(model.to_json(), config)
        for old, new in zip(weights, values(model.weights), strict=True):
            np.testing.assert_array_equal(new, old)
        self.assert_close(same_function.outputs(model, inputs), before)

    def test_settings_of_a_convolution_carry_over(self):
        model = small_network(
            trainable=False,
            kernel_regularizer=keras.regularizers.L2(0.1),
            bias_regularizer="l1",
            kernel_initializer="he_normal",
        )
        for space in SPACES:
            layer = convert.embed(model, **space).get_layer("conv_1")
            self.assertFalse(layer.trainable)
            self.assertIs(layer.activation, keras.activations.tanh)
            self.assertIsInstance(layer.bias_regularizer, keras.regularizers.L1)
            self.assertAlmostEqual(float(layer.kernel_regularizer.l2), 0.1)
            self.assertIsInstance(
                layer.kernel_initializer, keras.initializers.HeNormal
            )

    def test_weight_penalty_sums_over_the_copies(self):
        penalty = keras.regularizers.L2(0.1)
        model = networks.chain(
            networks.conv(2, 2, padding="valid", kernel_regularizer=penalty)
        )
        same_function.fill(model)
        for space in SPACES:
            embedded = convert.embed(model, **space)
            # "valid": all 5 x 6 positions use every weight.
            self.assertAllClose(embedded.losses[0], 30 * model.losses[0])

    def test_activity_penalty_is_that_of_the_same_features(self):
        model = same_function.fill(networks.NETWORKS["penalties"]())
        inputs = same_function.images_for(model)
        for space in SPACES:
            embedded = convert.embed(model, **space)
            model(inputs), embedded(inputs)
            self.assertLen(embedded.losses, 2)
            self.assertAllClose(embedded.losses, model.losses)

    def test_gradient_of_a_shared_weight_is_the_sum_over_its_copies(self):
        import tensorflow as tf

        model = same_function.fill(networks.NETWORKS["zero_padding"]())
        embedded, pairs = convert.embed_with_pairs(model)
        images = same_function.images_for(model)
        gradients = {}
        for network in (model, embedded):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(tf.square(network(images)))
            variables = network.trainable_variables
            found = tape.gradient(loss, [v.value for v in variables])
            gradients |= {
                id(v): g.numpy() for v, g in zip(variables, found, strict=True)
            }
        self.assertLen(pairs, 4)
        for pair in pairs:
            shape = pair.source.shape
            # `carry` numbers the copies: each holds its weight's number.
            numbers = np.arange(1.0, 1 + np.prod(shape)).reshape(shape)
            copies = pair.carry(numbers).astype(int).ravel()
            summed = np.bincount(copies, gradients[id(pair.target)].ravel())
            expected = gradients[id(pair.source)].ravel()
            scale = np.abs(expected).max()
            np.testing.assert_allclose(summed[1:], expected, 1e-4, 1e-5 * scale)

    @parameterized.named_parameters(NETWORKS)
    def test_pairs_name_every_weight_and_carry_it(self, network):
        model = same_function.fill(network())
        for space in SPACES:
            embedded, pairs = convert.embed_with_pairs(model, **space)
            self.assertCountEqual(
                [id(pair.target) for pair in pairs],
                [id(weight) for weight in embedded.weights],
            )
            self.assertEqual(
                {id(pair.source) for pair in pairs},
                {id(weight) for weight in model.weights},
            )
            for pair in pairs:
                source, target = values([pair.source, pair.target])
                np.testing.assert_array_equal(pair.carry(source), target)

    def test_radius_must_belong_to_the_space(self):
        model = small_network()
        for space, radius in (("fcn", 1), ("lcn", 0), ("band", None)):
            with self.assertRaisesRegex(
                ValueError,
                '`radius` belongs to space="band" and is needed there.*'
                f"Received: space='{space}', radius={radius}",
            ):
                convert.embed(model, space, radius=radius)
        for radius in (-1, 1.5, True):
            with self.assertRaisesRegex(
                ValueError, f"integer of at least 0 .*radius={radius}"
            ):
                convert.embed(model, "band", radius=radius)

    def test_space_must_be_known(self):
        with self.assertRaisesRegex(
            ValueError,
            "`space` must be one of \\('fcn', 'band', 'lcn'\\). "
            "Received: space='cnn'",
        ):
            convert.embed(small_network(), "cnn")

    def test_model_without_a_graph_is_refused(self):
        class Subclass(keras.Model):
            def __init__(self):
                super().__init__(name="own")
                self.conv = networks.conv()

            def call(self, images):
                return self.conv(images)

        unbuilt = keras.Sequential([networks.conv()], name="own")
        for model in (Subclass(), unbuilt):
            with self.assertRaisesRegex(
                ValueError, 'Model "own" .* has no layer graph to rewrite'
            ):
                convert.embed(model)


if __name__ == "__main__":
    absltest.main()

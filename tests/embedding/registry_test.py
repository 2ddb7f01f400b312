"""Tests of the table of rules, and of rules that users declare."""

from unittest import mock

import keras
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers

from needle_tf.embedding import convert
from needle_tf.embedding import distances
from needle_tf.embedding import registry
from needle_tf.embedding import rules
from tests.embedding import networks
from tests.embedding import same_function


class MirroredConv2D(layers.Conv2D):
    """A user's convolution, by the kernel turned upside down."""

    def call(self, inputs):
        return self.activation(
            keras.ops.conv(
                inputs, self.kernel[::-1], self.strides, self.padding
            )
            + self.bias
        )


def mirrored_conv2d(layer, input_shape, zero_padding):
    """Its rule: that of a convolution, with the kernel turned."""
    (part,) = rules.conv2d(layer, input_shape, zero_padding)
    return [part._replace(in_form=lambda kernel: kernel[::-1])]


def with_own_layer():
    """A model with the user's convolution behind a padding."""
    return same_function.fill(
        networks.chain(
            layers.ZeroPadding2D(((1, 0), (2, 1))),
            MirroredConv2D(3, (3, 2), activation="tanh", name="own"),
            networks.conv(),
        )
    )


class UserRuleTest(same_function.EmbeddingTestCase):
    def setUp(self):
        super().setUp()
        self.enter_context(mock.patch.dict(registry._RULES))

    def test_declared_rule_embeds_a_subclass(self):
        with self.assertRaisesRegex(ValueError, 'Layer "own" .* cannot be'):
            convert.embed(with_own_layer())
        declared = registry.embeds(MirroredConv2D)(mirrored_conv2d)
        self.assertIs(declared, mirrored_conv2d)
        for space in ("fcn", "lcn"):
            model = with_own_layer()
            embedded = convert.embed(model, space)
            self.assertIn("own", distances.untied_layers(embedded))
            self.assert_same_function(model, embedded)

    def test_rule_is_of_the_exact_type(self):
        registry.embeds(MirroredConv2D)(mirrored_conv2d)

        class Further(MirroredConv2D):
            pass

        self.assertIs(registry.find_rule(MirroredConv2D(1, 1)), mirrored_conv2d)
        self.assertIsNone(registry.find_rule(Further(1, 1)))
        self.assertIn(MirroredConv2D, registry.known_layers())

    def test_rule_may_be_of_a_layer_that_is_no_convolution(self):
        @keras.saving.register_keras_serializable(package="needle_tf_tests")
        class Plain(layers.Layer):
            """A 1x1 convolution without a data format or activation."""

            def build(self, input_shape):
                shape = (input_shape[-1], 2)
                self.matrix = self.add_weight(shape=shape, name="kernel")

            def call(self, inputs):
                return keras.ops.matmul(inputs, self.matrix)

        @registry.embeds(Plain)
        def plain(layer, input_shape, zero_padding):
            geometry = rules.ConvGeometry.of_convolution(
                input_shape, (1, 1), 2, zero_padding=zero_padding
            )
            return [
                registry.Part(
                    name=layer.name,
                    geometry=geometry,
                    form="shared",
                    kernel=layer.matrix,
                    bias=None,
                    settings={"use_bias": False},
                    in_form=lambda k: k.reshape(geometry.kernel_shape),
                )
            ]

        model = networks.chain(layers.ZeroPadding2D(1), Plain(name="plain"))
        embedded = convert.embed(same_function.fill(model))
        self.assertCountEqual(distances.untied_layers(embedded), ["plain"])
        self.assert_same_function(model, embedded)


class TableTest(parameterized.TestCase):
    def test_test_rules_are_gone(self):
        self.assertNotIn(MirroredConv2D, registry.known_layers())

    @parameterized.parameters(
        (layers.Conv2D(1, 1), True),
        (MirroredConv2D(1, 1), True),
        (layers.Conv1DTranspose(1, 1), True),
        (layers.DepthwiseConv1D(1), True),
        (layers.ConvLSTM3D(1, 1), True),
        (layers.Dense(1), False),
        (layers.MaxPooling2D(), False),
        (layers.ZeroPadding2D(), False),
    )
    def test_is_convolution_knows_what_shares_weights(self, layer, expected):
        self.assertEqual(registry.is_convolution(layer), expected)

    def test_every_convolution_of_keras_is_known(self):
        named = {
            name
            for name in dir(layers)
            if "Conv" in name and "Convolution" not in name
        }
        known = {c.__name__ for c in registry._CONVOLUTIONS}
        self.assertEqual(named, known)


if __name__ == "__main__":
    absltest.main()

"""Tests of each rule: its layer, embedded, is the same linear map."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers

from needle_tf.embedding import convert
from needle_tf.embedding import registry
from needle_tf.embedding import rules
from needle_tf.layers import embedded_conv2d
from needle_tf.layers import locally_connected2d
from needle_tf.layers import masked_dense
from tests.embedding import networks
from tests.embedding import same_function
from tests.oracles import dense_convolution

IMAGE = (6, 7, 4)
GEOMETRY = rules.ConvGeometry.of_convolution(
    IMAGE, (3, 2), 6, strides=(2, 1), padding="same", groups=2
)
WINDOW = {"kernel_size": (3, 2), "padding": "same", "activation": "tanh"}

CASES = {
    layers.Conv2D: lambda **options: layers.Conv2D(
        6, strides=(2, 1), groups=2, **WINDOW, **options
    ),
    embedded_conv2d.EmbeddedConv2D: lambda **options: (
        embedded_conv2d.EmbeddedConv2D(
            5, dilation_rate=(1, 2), **WINDOW, **options
        )
    ),
    layers.DepthwiseConv2D: lambda **options: layers.DepthwiseConv2D(
        strides=2, depth_multiplier=3, **WINDOW, **options
    ),
    layers.SeparableConv2D: lambda **options: layers.SeparableConv2D(
        5, strides=2, depth_multiplier=2, **WINDOW, **options
    ),
    locally_connected2d.LocallyConnected2D: lambda **options: (
        locally_connected2d.LocallyConnected2D(
            6, strides=(1, 2), groups=2, **WINDOW, **options
        )
    ),
    masked_dense.MaskedDense: lambda **options: masked_dense.MaskedDense(
        GEOMETRY, "local", activation="tanh", **options
    ),
}
NOT_TESTED_BECAUSE: dict[type, str] = {}
NAMED = [(layer_type.__name__, layer_type) for layer_type in CASES]


def dense_matrix(layer, input_shape):
    """The `(inputs, outputs)` matrix of a linear layer: basis images in."""
    size = np.prod(input_shape)
    basis = np.eye(size, dtype="float32").reshape(size, *input_shape)
    response = layer(basis) - layer(np.zeros_like(basis[:1]))
    return np.reshape(keras.ops.convert_to_numpy(response), (size, -1))


class RulesTest(same_function.EmbeddingTestCase):
    def test_every_rule_has_an_equivalence_case(self):
        embeddable = set(registry.known_layers())
        self.assertEmpty(CASES.keys() & NOT_TESTED_BECAUSE.keys())
        self.assertEqual(embeddable, CASES.keys() | NOT_TESTED_BECAUSE.keys())

    @parameterized.named_parameters(NAMED)
    def test_case_is_of_its_type(self, layer_type):
        self.assertIs(type(CASES[layer_type]()), layer_type)

    @parameterized.named_parameters(NAMED)
    def test_layer_keeps_its_function_in_every_space(self, layer_type):
        for options in ({}, {"use_bias": False}):
            for space in ("lcn", "fcn"):
                layer = CASES[layer_type](**options)
                model = networks.chain(layer, shape=IMAGE)
                same_function.fill(model)
                if layer_type is masked_dense.MaskedDense:
                    layer.kernel.assign(layer.mask(layer.kernel.value))
                self.assert_same_function(model, convert.embed(model, space))

    @parameterized.named_parameters(NAMED)
    def test_kernel_is_the_response_to_basis_images(self, layer_type):
        layer = CASES[layer_type]()
        model = networks.chain(layer, shape=IMAGE)
        same_function.fill(model)
        if layer_type is masked_dense.MaskedDense:
            layer.kernel.assign(layer.mask(layer.kernel.value))
        embedded = convert.embed(model).layers[1:]
        layer.activation = embedded[-1].activation = keras.activations.linear
        product = np.eye(np.prod(IMAGE))
        for part in embedded:
            product = product @ keras.ops.convert_to_numpy(part.kernel)
        np.testing.assert_allclose(product, dense_matrix(layer, IMAGE), 0, 1e-5)

    def test_padding_is_folded_into_every_convolution(self):
        zeros = ((1, 2), (0, 3))
        for layer_type in (
            layers.Conv2D,
            embedded_conv2d.EmbeddedConv2D,
            layers.DepthwiseConv2D,
            layers.SeparableConv2D,
        ):
            layer = CASES[layer_type]()
            model = networks.chain(
                layers.ZeroPadding2D(zeros), layer, shape=IMAGE
            )
            same_function.fill(model)
            for part in registry.find_rule(layer)(layer, IMAGE, zeros)[:1]:
                self.assertEqual(part.geometry.input_shape, IMAGE)
            embedded = convert.embed(model)
            self.assertEqual(embedded.layers[1].geometry.input_shape, IMAGE)
            self.assert_same_function(model, embedded)

    def test_separable_convolution_becomes_two_layers(self):
        layer = layers.SeparableConv2D(
            5,
            3,
            depth_multiplier=2,
            activation="relu",
            depthwise_initializer="he_normal",
            pointwise_initializer="orthogonal",
            depthwise_regularizer="l1",
            pointwise_regularizer="l2",
            activity_regularizer="l2",
            name="separable",
        )
        embedded = convert.embed(networks.chain(layer, shape=IMAGE))
        depthwise = embedded.get_layer("separable_depthwise")
        pointwise = embedded.get_layer("separable_pointwise")
        self.assertEqual(depthwise.geometry.groups, 4)
        self.assertEqual(depthwise.geometry.filters, 8)
        self.assertEqual(pointwise.geometry.kernel_size, (1, 1))
        self.assertIsNone(depthwise.bias)
        self.assertIsNotNone(pointwise.bias)
        self.assertIs(depthwise.activation, keras.activations.linear)
        self.assertIs(pointwise.activation, keras.activations.relu)
        self.assertIsNone(depthwise.activity_regularizer)
        self.assertIsNotNone(pointwise.activity_regularizer)
        for part, initializer, regularizer in (
            (depthwise, keras.initializers.HeNormal, keras.regularizers.L1),
            (pointwise, keras.initializers.Orthogonal, keras.regularizers.L2),
        ):
            self.assertIsInstance(part.kernel_initializer, initializer)
            self.assertIsInstance(part.kernel_regularizer, regularizer)

    def test_depthwise_convolution_is_one_of_groups(self):
        layer = CASES[layers.DepthwiseConv2D](use_bias=False)
        layer.build((None, *IMAGE))
        (part,) = rules.depthwise_conv2d(layer, IMAGE, ((0, 0), (0, 0)))
        kernel = np.random.default_rng(0).normal(size=layer.kernel.shape)
        layer.kernel.assign(kernel)
        layer.activation = keras.activations.linear
        convolution = dense_convolution.Convolution(
            IMAGE, (3, 2), 12, strides=(2, 2), padding="same", groups=4
        )
        self.assertEqual(part.geometry.kernel_shape, convolution.kernel_shape)
        np.testing.assert_allclose(
            dense_matrix(layer, IMAGE),
            dense_convolution.matrix(part.in_form(kernel), convolution),
            0,
            1e-6,
        )


if __name__ == "__main__":
    absltest.main()

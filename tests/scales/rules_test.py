"""Tests of how calls find their rules."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers

from needle_tf.layers import embedded_conv2d
from needle_tf.layers import locally_connected2d
from needle_tf.layers import masked_dense
from needle_tf.scales import rules
from tests.scales import taken_down


class RegistryTest(parameterized.TestCase):
    def test_our_layers_have_rules(self):
        self.assertLessEqual(
            {
                embedded_conv2d.EmbeddedConv2D,
                locally_connected2d.LocallyConnected2D,
                masked_dense.MaskedDense,
            },
            set(rules.known_layers()),
        )

    def test_operations_with_rules_exist(self):
        rooms = [getattr(keras.src.ops, n) for n in ("core", "nn", "numpy")]
        for name in rules.known_operations():
            self.assertTrue(any(hasattr(room, name) for room in rooms), name)

    def test_own_rule_may_be_declared(self):
        class Twice(layers.Layer):
            def call(self, inputs):
                return 2 * inputs

        @rules.scales(Twice)
        def twice(layer, inputs, shape, ledger):
            return inputs

        try:
            found = taken_down.take_down(Twice(), (3,))
            self.assertIs(found.output, found.inputs[0])
        finally:
            del rules._LAYERS[Twice]
        self.assertIs(rules.scales(Twice)(twice), twice)
        del rules._LAYERS[Twice]


class UnknownTest(parameterized.TestCase):
    def test_subclass_is_not_its_parent(self):
        class Own(layers.Dense):
            def call(self, inputs):
                return super().call(inputs) + 1

        found = taken_down.take_down(Own(2), (3,))
        self.assertEqual(found.whys(), {"no rule for layers of type Own"})
        self.assertFalse(any(labels.any() for labels in found.labels()))
        self.assertEmpty(found.ledger.uses())

    def test_outputs_of_an_unknown_layer_are_ground_each(self):
        class Halves(layers.Layer):
            def call(self, inputs):
                return [inputs[:, :1], inputs[:, 1:]]

        found = taken_down.take_down(
            lambda x: layers.Concatenate()(Halves()(x)), (3,)
        )
        self.assertTrue(found.output.is_ground())
        self.assertFalse(found.labels()[0].any())

    def test_second_tensor_is_not_overlooked(self):
        found = taken_down.take_down(
            lambda x, y: layers.BatchNormalization()(x, mask=y[:, 0] > 0),
            (4, 2),
            (1, 4),
        )
        self.assertIn("it is called on more than its inputs", found.whys())
        self.assertTrue(found.output.is_ground())


class ActivationTest(parameterized.TestCase):
    @parameterized.parameters(
        "linear",
        "relu",
        "leaky_relu",
        keras.ops.absolute,
        keras.ops.relu,
        layers.ReLU(),
        layers.LeakyReLU(0.1),
    )
    def test_homogeneous_ones_keep_the_scale(self, activation):
        layer = layers.Activation(activation)
        found = taken_down.take_down(layer, (3,))
        np.testing.assert_array_equal(found.output.ids, found.inputs[0].ids)
        self.assertEmpty(found.whys())
        images = np.array([[-2.0, 0.5, 3.0]], "float32")
        np.testing.assert_allclose(
            found.model(4 * images), 4 * found.model(images), 1e-6
        )

    @parameterized.parameters(
        ("elu", "elu"),
        ("relu6", "relu6"),
        ("softmax", "softmax"),
        (keras.ops.sin, "sin"),
    )
    def test_others_end_it(self, activation, name):
        found = taken_down.take_down(layers.Dense(2, activation), (3,))
        self.assertTrue(found.output.is_ground())
        self.assertEqual(
            found.whys(),
            {f"its activation {name} is not positively homogeneous"},
        )

    def test_activation_layer_without_its_weights_ends_it(self):
        layer = layers.Dense(2, activation=layers.PReLU())
        found = taken_down.take_down(layer, (3,))
        self.assertTrue(found.output.is_ground())
        self.assertEqual(found.whys(), {"it is not built yet"})

    def test_penalty_on_outputs_ends_it(self):
        layer = layers.ActivityRegularization(l2=0.1)
        found = taken_down.take_down(layer, (3,))
        self.assertFalse(found.labels()[0].any())
        self.assertEqual(
            found.whys(), {"an activity_regularizer sees its output"}
        )


if __name__ == "__main__":
    absltest.main()

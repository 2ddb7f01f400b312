"""Tests of which layers are embedded, and what is refused by name."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers

from needle_tf.embedding import convert
from needle_tf.embedding import distances
from needle_tf.embedding import selection
from needle_tf.graphs import rewiring
from needle_tf.layers import locally_connected2d
from needle_tf.layers import masked_dense
from tests.embedding import networks
from tests.embedding import same_function


class OwnConv2D(layers.Conv2D):
    """A convolution that computes something else."""

    def call(self, inputs):
        return 2 * super().call(inputs)


class Block(layers.Layer):
    """Holds a layer in a list in a dictionary."""

    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        if isinstance(inner, dict):
            inner = keras.saving.deserialize_keras_object(inner)
        self.parts = {"inner": [inner]}

    def call(self, inputs):
        return self.parts["inner"][0](inputs)

    def get_config(self):
        inner = keras.saving.serialize_keras_object(self.parts["inner"][0])
        return {**super().get_config(), "inner": inner}


class Subclass(keras.Model):
    """A model without a graph."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.conv = networks.conv(name="hidden")

    def call(self, inputs):
        return self.conv(inputs)


class DoublingModel(keras.Model):
    """A model with a graph, and a call that does something else."""

    def call(self, inputs, training=None):
        return 2 * super().call(inputs)


class DoublingChain(keras.Sequential):
    """The same of a Sequential model."""

    def call(self, inputs, training=None, mask=None):
        return 2 * super().call(inputs)


def doubling_model():
    images = keras.Input(networks.IMAGE)
    features = networks.conv(name="hidden")(images)
    return DoublingModel(images, features, name="block")


def doubling_chain():
    steps = [keras.Input(networks.IMAGE), networks.conv(name="hidden")]
    return DoublingChain(steps, name="block")


HIDING = {
    "time_distributed": lambda: layers.TimeDistributed(
        networks.conv(name="hidden"), name="block"
    ),
    "custom_layer": lambda: Block(networks.conv(name="hidden"), name="block"),
    "two_levels_deep": lambda: Block(
        Block(networks.conv(name="hidden")), name="block"
    ),
    "subclassed_model": lambda: Subclass(name="block"),
    "functional_model_with_its_own_call": doubling_model,
    "sequential_model_with_its_own_call": doubling_chain,
}
UNKNOWN = {
    "Conv1D": (lambda: layers.Conv1D(2, 3, name="odd"), (8, 3)),
    "Conv3D": (lambda: layers.Conv3D(2, 1, name="odd"), (4, 4, 4, 1)),
    "Conv2DTranspose": (
        lambda: layers.Conv2DTranspose(2, 3, name="odd"),
        networks.IMAGE,
    ),
    "SeparableConv1D": (
        lambda: layers.SeparableConv1D(2, 3, name="odd"),
        (8, 3),
    ),
    "ConvLSTM2D": (
        lambda: layers.ConvLSTM2D(2, 3, name="odd"),
        (2, *networks.IMAGE),
    ),
    "OwnConv2D": (lambda: OwnConv2D(2, 3, name="odd"), networks.IMAGE),
}


def two_levels():
    """Convolutions "first", "inner/second" and "inner/deep/third"."""
    deep = networks.chain(networks.conv(3, name="third"))
    inside = keras.Input(networks.IMAGE)
    deep = keras.Model(deep.input, deep.output, name="deep")
    features = deep(networks.conv(3, name="second")(inside))
    inner = keras.Model(inside, features, name="inner")
    return same_function.fill(
        networks.chain(networks.conv(3, name="first"), inner)
    )


class ChoiceTest(same_function.EmbeddingTestCase):
    @parameterized.parameters(
        ("first", ["first"]),
        (["inner/second"], ["inner/second"]),
        (["inner/deep/third", "first"], ["first", "inner/deep/third"]),
        (None, ["first", "inner/deep/third", "inner/second"]),
    )
    def test_layers_are_chosen_by_name(self, names, expected):
        model = two_levels()
        embedded = convert.embed(model, layers=names)
        self.assertCountEqual(distances.untied_layers(embedded), expected)
        self.assert_same_function(model, embedded)

    def test_layers_are_chosen_by_object(self):
        model = two_levels()
        third = rewiring.named_layers(model)["inner/deep/third"]
        for chosen in (third, [third]):
            embedded = convert.embed(model, "lcn", layers=chosen)
            self.assertCountEqual(
                distances.untied_layers(embedded), ["inner/deep/third"]
            )
            self.assert_same_function(model, embedded)

    def test_rest_may_hold_what_cannot_be_embedded(self):
        model = networks.chain(
            networks.conv(3, kernel_constraint="max_norm", name="held"),
            OwnConv2D(3, 3, name="odd"),
            Block(networks.conv(3), name="block"),
            networks.conv(2, name="conv"),
        )
        same_function.fill(model)
        embedded = convert.embed(model, layers=["conv"])
        self.assertCountEqual(distances.untied_layers(embedded), ["conv"])
        self.assert_same_function(model, embedded)

    def test_choice_is_a_set_of_layers(self):
        model = two_levels()
        first = model.get_layer("first")
        self.assertEqual(
            selection.choose(model, ["first", first], None), {id(first)}
        )


class RefusalTest(parameterized.TestCase):
    @parameterized.parameters(
        (["second"], '`layers` names "second", which is no layer of this'),
        (["inner"], '`layers` names "inner", which is no layer of this'),
        ([], "`layers` is empty, so there is nothing to embed.*layers=\\[\\]"),
    )
    def test_unknown_name_lists_the_known_ones(self, names, message):
        with self.assertRaisesRegex(
            ValueError, f"{message}.*'first', 'inner/.*'inner/deep/third'"
        ):
            convert.embed(two_levels(), layers=names)

    def test_layer_of_another_model_is_refused(self):
        other = two_levels().get_layer("first")
        with self.assertRaisesRegex(
            ValueError, 'holds a layer "first" that is not in the graph of'
        ):
            convert.embed(two_levels(), layers=[other])

    def test_layer_that_is_no_convolution_is_refused(self):
        model = networks.chain(networks.conv(), layers.Dense(2, name="dense"))
        with self.assertRaisesRegex(
            ValueError, 'Layer "dense" \\(Dense\\) cannot be embedded: .*Conv2D'
        ):
            convert.embed(model, layers=["dense"])

    def test_model_without_convolutions_is_refused(self):
        model = networks.chain(layers.Dense(2, name="dense"))
        with self.assertRaisesRegex(
            ValueError,
            'Model ".*" has no convolution to embed. Expected at least one of '
            "\\['Conv2D', .*'dense'",
        ):
            convert.embed(model)

    @parameterized.named_parameters(UNKNOWN.items())
    def test_convolution_without_a_rule_is_refused(self, case):
        build, shape = case
        odd = build()
        model = networks.chain(odd, shape=shape)
        with self.assertRaisesRegex(
            ValueError,
            f'Layer "odd" \\({type(odd).__name__}\\) cannot be embedded: there '
            "are rules for .*'Conv2D'.* not for their subclasses. Declare a ",
        ):
            convert.embed(model)

    def test_way_out_of_an_unknown_convolution_is_named(self):
        model = networks.chain(
            networks.conv(name="conv"), OwnConv2D(3, 3, name="odd")
        )
        with self.assertRaisesRegex(
            ValueError, "Leave it as it is with layers=\\['conv'\\], or declare"
        ):
            convert.embed(model)

    @parameterized.named_parameters(HIDING.items())
    def test_hidden_convolution_is_refused_by_its_holder(self, build):
        shape = networks.IMAGE
        block = build()
        if isinstance(block, layers.TimeDistributed):
            shape = (2, *shape)
        model = networks.chain(block, shape=shape)
        with self.assertRaisesRegex(
            ValueError,
            'Layer "block" \\(\\w+\\) holds the convolution "hidden" where the '
            "graph cannot be rewritten. Build it as a functional model",
        ):
            convert.embed(model)

    @parameterized.parameters(
        (networks.conv, "kernel_constraint"),
        (networks.conv, "bias_constraint"),
        (layers.DepthwiseConv2D, "depthwise_constraint"),
        (layers.SeparableConv2D, "depthwise_constraint"),
        (layers.SeparableConv2D, "pointwise_constraint"),
        (locally_connected2d.LocallyConnected2D, "kernel_constraint"),
    )
    def test_constraint_is_refused(self, build, name):
        sizes = (3,) if build is layers.DepthwiseConv2D else (3, 3)
        layer = build(*sizes, name="held", **{name: "non_neg"})
        with self.assertRaisesRegex(
            ValueError, f'Layer "held" has {name}=NonNeg, which does not carry'
        ):
            convert.embed(networks.chain(layer))

    def test_activation_with_weights_is_refused(self):
        layer = networks.conv(name="conv", activation=layers.PReLU())
        model = networks.chain(layer)
        for _ in range(2):
            with self.assertRaisesRegex(
                ValueError,
                'Layer "conv" has activation=PReLU, a layer with weights',
            ):
                convert.embed(model)
            # Only a real call builds the activation.
            model(np.zeros((1, *networks.IMAGE), "float32"))

    @parameterized.parameters("fcn", "lcn")
    def test_unknown_image_size_is_refused(self, space):
        images = keras.Input((None, None, 3))
        model = keras.Model(images, networks.conv(name="conv")(images))
        with self.assertRaisesRegex(
            ValueError,
            'Layer "conv" needs a fixed image size.*\\(None, None, 3\\)',
        ):
            convert.embed(model, space)

    def test_narrowing_is_refused_with_both_counts(self):
        model = convert.embed(networks.chain(networks.conv(2, name="conv")))
        dense = model.get_layer("conv")
        self.assertIsInstance(dense, masked_dense.MaskedDense)
        with self.assertRaisesRegex(
            ValueError,
            f'Layer "conv" has {dense.free_weights()} free weights '
            f'\\(free="all"\\) and would keep '
            f"{dense.geometry.free_entries(0)} of them",
        ):
            convert.embed(model, "lcn")


if __name__ == "__main__":
    absltest.main()

"""Tests of two networks brought into one space."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.analysis import in_one_space
from needle_tf.analysis import weight_state
from needle_tf.embedding import convert
from needle_tf.layers import locally_connected2d
from needle_tf.layers import masked_dense
from tests.analysis import small_networks

MaskedDense = masked_dense.MaskedDense
LocallyConnected2D = locally_connected2d.LocallyConnected2D


def outputs(model, state=None):
    x, _ = small_networks.data()
    state = state or weight_state.values(model)
    found, _, _ = weight_state.call(model, state, x[:4])
    return keras.ops.convert_to_numpy(found)


class EmbeddingTest(parameterized.TestCase):
    def check_functions(self, space, first, second):
        ours, theirs = space.states()
        for state, model in ((ours, first), (theirs, second)):
            np.testing.assert_allclose(
                outputs(space.first, state), outputs(model), atol=1e-5
            )

    @parameterized.parameters(
        ("fcn", None, MaskedDense),
        ("band", 1, MaskedDense),
        ("lcn", None, LocallyConnected2D),
    )
    def test_cnn_is_embedded_when_the_other_is(self, name, radius, kind):
        first = small_networks.cnn(0)
        second = convert.embed(small_networks.cnn(1), name, radius=radius)
        space = in_one_space.in_one_space(first, second)
        self.assertIs(space.second, second)
        for layer in ("first", "second"):
            self.assertIsInstance(space.first.get_layer(layer), kind)
        self.check_functions(space, first, second)
        back = in_one_space.in_one_space(second, first)
        self.assertIs(back.first, second)
        self.check_functions(back, second, first)

    def test_lcn_goes_on_to_the_fcn(self):
        first = convert.embed(small_networks.cnn(0), "lcn")
        second = convert.embed(small_networks.cnn(1), "fcn")
        space = in_one_space.in_one_space(first, second)
        self.check_functions(space, first, second)

    def test_each_layer_goes_as_far_as_its_partner(self):
        first = convert.embed(small_networks.cnn(0), "lcn", layers=["first"])
        second = convert.embed(small_networks.cnn(1), layers=["second"])
        space = in_one_space.in_one_space(first, second)
        self.check_functions(space, first, second)
        for model in (space.first, space.second):
            self.assertIsInstance(model.get_layer("first"), LocallyConnected2D)
            self.assertIsInstance(model.get_layer("second"), MaskedDense)

    def test_separable_convolution_meets_its_two_dense_layers(self):
        models = []
        for seed in (0, 1):
            layer = keras.layers.SeparableConv2D(2, 3, name="both")
            images = keras.Input((8, 8, 1))
            features = keras.layers.Flatten()(layer(images))
            model = keras.Model(images, keras.layers.Dense(3)(features))
            models.append(small_networks.compiled(model, seed))
        second = convert.embed(models[1])
        space = in_one_space.in_one_space(models[0], second)
        self.check_functions(space, models[0], second)

    def test_models_of_one_structure_are_taken_as_they_are(self):
        first, second = small_networks.cnn(0), small_networks.cnn(1)
        space = in_one_space.in_one_space(first, second)
        self.assertIs(space.first, first)
        self.assertIs(space.second, second)
        self.check_functions(space, first, second)

    def test_layers_with_names_of_their_own_belong_together_by_order(self):
        def build(numbers):
            source = features = keras.Input((8, 8, 1))
            for number in numbers:
                features = keras.layers.Conv2D(
                    2, 3, name=f"conv_{number}", activation="relu"
                )(features)
            return small_networks.compiled(
                keras.Model(source, features), numbers[0]
            )

        # The second layer of one is called as the first of the other.
        first, second = build((0, 1)), convert.embed(build((1, 2)))
        space = in_one_space.in_one_space(first, second)
        self.check_functions(space, first, second)

    def test_images_may_be_of_any_size(self):
        models = []
        for seed in (0, 1):
            images = keras.Input((None, None, 1))
            features = keras.layers.Conv2D(2, 5)(images)
            pooled = keras.layers.GlobalMaxPooling2D()(features)
            models.append(
                small_networks.compiled(keras.Model(images, pooled), seed)
            )
        self.check_functions(in_one_space.in_one_space(*models), *models)

    def test_nothing_happens_to_the_models(self):
        models = [small_networks.cnn(0), convert.embed(small_networks.cnn(1))]
        before = list(map(small_networks.variables, models))
        in_one_space.in_one_space(*models).states()
        for old, model in zip(before, models, strict=True):
            now = small_networks.variables(model)
            for a, b in zip(old, now, strict=True):
                np.testing.assert_array_equal(a, b)


class RefusalsTest(parameterized.TestCase):
    @parameterized.named_parameters(
        (
            "width",
            lambda: small_networks.cnn(filters=3),
            r'"first" of the first model and "first" of the second.*'
            r"Conv2D with weights of shapes \[\(3, 3, 1, 2\), \(2,\)\] and "
            r"Conv2D with weights of shapes \[\(3, 3, 1, 3\), \(3,\)\]",
        ),
        (
            "activation",
            lambda: small_networks.cnn(activation="tanh"),
            r"Received: activation='linear' and activation='tanh'",
        ),
        (
            "layers",
            small_networks.mlp,
            r"one network.*only in the first: \['first', 'norm', 'second'\], "
            r"only in the second: \['hidden'\]",
        ),
    )
    def test_other_networks_are_refused_by_name(self, other, message):
        with self.assertRaisesRegex(ValueError, message):
            in_one_space.in_one_space(small_networks.cnn(), other())

    def test_other_wiring_of_the_same_layers_is_refused(self):
        def build(is_skip):
            source = keras.Input((4,))
            features = keras.layers.Dense(4, name="one")(source)
            after = keras.layers.Dense(4, name="two")(features)
            if is_skip:
                after = after + features
            return small_networks.compiled(keras.Model(source, after))

        with self.assertRaisesRegex(ValueError, "different functions of the"):
            in_one_space.in_one_space(build(True), build(False))

    def test_weight_outside_the_layers_is_refused(self):
        class Own(keras.Model):
            def build(self, shape):
                self.shift = self.add_weight(shape=(2,), name="shift")

            def call(self, inputs):
                return inputs + self.shift

        model = Own(name="own")
        model(np.ones((1, 2)))
        with self.assertRaisesRegex(ValueError, '"own" .Own. holds ".*shift"'):
            in_one_space.in_one_space(model, model)


if __name__ == "__main__":
    absltest.main()

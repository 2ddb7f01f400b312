"""Tests of finding kernels with more than one gradient."""

import warnings

import keras
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers

from needle_tf.embedding import convert
from needle_tf.graphs import rewiring
from needle_tf.graphs import second_gradients


def conv(**options):
    return layers.Conv2D(2, 3, padding="same", name="conv", **options)


def with_head(inputs, *images):
    flat = [layers.Flatten()(image) for image in images]
    units = layers.Concatenate()(flat) if len(flat) > 1 else flat[0]
    return keras.Model(inputs, layers.Dense(3)(units))


def chain():
    inputs = keras.Input((4, 4, 2))
    return with_head(inputs, layers.Conv2D(2, 3, name="other")(conv()(inputs)))


def called_twice():
    inputs, shared = keras.Input((4, 4, 2)), conv()
    return with_head(inputs, shared(shared(inputs)))


def called_in_a_model_that_is_called_twice():
    inputs = keras.Input((4, 4, 2))
    block = keras.Sequential([keras.Input((4, 4, 2)), conv()], name="block")
    return with_head(inputs, block(block(inputs)))


def called_on_two_sizes():
    inputs, shared = keras.Input((4, 4, 2)), conv()
    return with_head(
        inputs, shared(inputs), shared(layers.MaxPooling2D()(inputs))
    )


def penalised():
    inputs = keras.Input((4, 4, 2))
    return with_head(inputs, conv(kernel_regularizer="l2")(inputs))


class SecondGradientsTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("chain", chain, None),
        ("twice", called_twice, '"conv", which is called twice'),
        (
            "nested",
            called_in_a_model_that_is_called_twice,
            '"block/conv", which is called twice',
        ),
        ("two_sizes", called_on_two_sizes, None),
        (
            "penalty",
            penalised,
            '"conv", which has a penalty on its weights',
        ),
    )
    def test_cnn_and_its_embedding_are_told_alike(self, build, expected):
        cnn = build()
        convolutions = {
            id(layer)
            for layer in rewiring.named_layers(cnn).values()
            if isinstance(layer, layers.Conv2D)
        }
        found = second_gradients.find(cnn, convolutions)
        self.assertEqual(found, expected)
        with warnings.catch_warnings():
            # Shared by images of two sizes.
            warnings.simplefilter("ignore", UserWarning)
            embedded = convert.embed(cnn)
        self.assertEqual(second_gradients.find(embedded), expected)

    @parameterized.parameters(called_twice, penalised)
    def test_other_layers_do_not_count(self, build):
        cnn = build()
        self.assertIsNone(second_gradients.find(cnn))
        self.assertIsNone(second_gradients.find(cnn, ()))
        # Fixed entries: no such kernel is updated early.
        self.assertIsNone(second_gradients.find(convert.embed(cnn, "lcn")))

    def test_of_a_model_without_a_graph_nothing_is_known(self):
        class Own(keras.Model):
            def call(self, inputs):
                return inputs

        self.assertIsNone(second_gradients.find(Own()))


if __name__ == "__main__":
    absltest.main()

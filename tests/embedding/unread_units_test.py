"""Tests of units that training leaves out because nothing reads them."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.embedding import convert
from needle_tf.embedding import unread_units

layers = keras.layers
SIZE = (9, 8)


def images(count=12):
    rng = np.random.default_rng(0)
    return rng.normal(size=(count, *SIZE, 2)).astype("float32")


def embedded(*after, space="fcn", **options):
    """An embedded convolution on 9x8 images, and what follows it."""
    cnn = keras.Sequential(
        [
            keras.Input((*SIZE, 2)),
            layers.Conv2D(3, 3, padding="same", name="conv", **options),
            *after,
        ]
    )
    return convert.embed(cnn, space)


def end():
    return [layers.Flatten(), layers.Dense(4)]


class FindTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("max", layers.MaxPooling2D, dict(pool_size=2, strides=2), (1, 0)),
        ("wide", layers.MaxPooling2D, dict(pool_size=3, strides=2), (0, 1)),
        ("mean", layers.AveragePooling2D, dict(pool_size=(4, 3)), (1, 2)),
        ("strided", layers.MaxPooling2D, dict(pool_size=1, strides=4), (0, 3)),
    )
    def test_remainder_of_a_pooling_is_found(self, kind, options, expected):
        model = embedded(
            layers.ReLU(), layers.Dropout(0.1), kind(**options), *end()
        )
        found = unread_units.skip_unread_units(model)
        self.assertEqual(found, {"conv": expected})
        self.assertEqual(model.get_layer("conv").unread, expected)

    @parameterized.named_parameters(
        ("same", [layers.MaxPooling2D(2, padding="same")]),
        ("all", [layers.MaxPooling2D((3, 2))]),
        ("statistics", [layers.BatchNormalization(), layers.MaxPooling2D(2)]),
        ("softmax", [layers.Activation("softmax"), layers.MaxPooling2D(2)]),
        ("dense", []),
    )
    def test_units_that_something_reads_are_left(self, after):
        model = embedded(*after, *end())
        self.assertEqual(unread_units.skip_unread_units(model), {})
        self.assertEqual(model.get_layer("conv").unread, (0, 0))

    def test_own_activation_may_mix_positions(self):
        pool = layers.MaxPooling2D(2)
        model = embedded(pool, *end(), activation="softmax")
        self.assertEqual(unread_units.skip_unread_units(model), {})

    def test_two_readers_read_what_either_reads(self):
        inputs = keras.Input((*SIZE, 2))
        units = layers.Conv2D(3, 3, padding="same", name="conv")(inputs)
        pooled = layers.Flatten()(layers.MaxPooling2D(2)(units))
        wide = layers.Flatten()(layers.MaxPooling2D(4)(units))
        outputs = layers.Concatenate()([pooled, wide])
        model = convert.embed(keras.Model(inputs, outputs))
        found = unread_units.skip_unread_units(model)
        self.assertEqual(found, {"conv": (1, 0)})
        seen = keras.Model(inputs, [outputs, units])
        found = unread_units.skip_unread_units(convert.embed(seen))
        self.assertEqual(found, {})

    def test_model_without_a_graph_is_left(self):
        class Own(keras.Model):
            def call(self, inputs):
                return inputs

        self.assertEqual(unread_units.skip_unread_units(Own()), {})

    def test_bands_and_compact_nets_are_found(self):
        cnn = keras.Sequential(
            [
                keras.Input((*SIZE, 2)),
                layers.Conv2D(3, 3, padding="same", name="conv"),
                layers.MaxPooling2D(2),
                *end(),
            ]
        )
        for space in ({"space": "lcn"}, {"space": "band", "radius": 1}):
            model = convert.embed(cnn, **space)
            found = unread_units.skip_unread_units(model)
            self.assertEqual(found, {"conv": (1, 0)})


class TrainingTest(parameterized.TestCase):
    @parameterized.product(
        space=("fcn", "lcn"), data_format=("channels_last", "channels_first")
    )
    def test_training_is_the_same_without_them(self, space, data_format):
        histories, weights = [], []
        shape, inputs = (*SIZE, 2), images()
        if data_format == "channels_first":
            shape, inputs = (2, *SIZE), np.moveaxis(inputs, -1, 1)
        form = {"data_format": data_format}
        labels = np.arange(len(inputs)) % 4
        for skips in (False, True):
            keras.utils.set_random_seed(3)
            cnn = keras.Sequential(
                [
                    keras.Input(shape),
                    layers.Conv2D(3, 3, padding="same", name="conv", **form),
                    layers.ReLU(),
                    layers.MaxPooling2D((4, 3), **form),
                    *end(),
                ]
            )
            model = convert.embed(cnn, space)
            if skips:
                found = unread_units.skip_unread_units(model)
                self.assertEqual(found, {"conv": (1, 2)})
            model.compile(
                keras.optimizers.SGD(0.1, momentum=0.9),
                keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            )
            fit = dict(batch_size=4, epochs=2, shuffle=False, verbose=0)
            histories.append(model.fit(inputs, labels, **fit).history["loss"])
            weights.append(model.get_weights())
        np.testing.assert_allclose(*histories, rtol=1e-5)
        for one, other in zip(*weights, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)

    @parameterized.parameters("fcn", "lcn")
    def test_only_training_leaves_them_out(self, space):
        pool = layers.MaxPooling2D((4, 3))
        model = embedded(pool, *end(), space=space, use_bias=False)
        layer = model.get_layer("conv")
        expected = np.asarray(layer(images()))
        unread_units.skip_unread_units(model)
        np.testing.assert_allclose(layer(images()), expected, atol=1e-6)
        trained = np.asarray(layer(images(), training=True))
        is_read = np.zeros((9, 8, 1), bool)
        is_read[:8, :6] = True
        np.testing.assert_allclose(trained, expected * is_read, atol=1e-5)


if __name__ == "__main__":
    absltest.main()

"""Tests of what is said about the layers of a model, nested ones included."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers

from needle_tf.graphs import rewiring


class OwnCall(keras.Model):
    """Has a graph, and does something else."""

    def call(self, inputs, training=None):
        return -super().call(inputs)


def dense(name):
    return layers.Dense(3, name=name)


def model_of(step, name="model"):
    features = keras.Input((3,), name="features")
    return keras.Model(features, step(features), name=name)


def values(seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(4, 3)).astype("float32")


class LayersTest(parameterized.TestCase):
    def nested(self):
        """A model, and one without a graph in it."""
        shared = dense("shared")
        inside = keras.Input((3,), name="inside")
        closed = OwnCall(inside, dense("hidden")(inside), name="closed")
        inner = model_of(lambda x: shared(dense("second")(x)), name="inner")
        return model_of(lambda x: closed(inner(shared(x)))), shared

    def test_layers_are_named_by_their_way(self):
        model, shared = self.nested()
        named = rewiring.named_layers(model)
        self.assertEqual(
            list(named),
            [
                "features",
                "shared",
                "inner/features",
                "inner/second",
                "closed/inside",
                "closed/hidden",
            ],
        )
        self.assertIs(named["shared"], shared)

    def test_model_without_a_graph_counts_as_one_layer(self):
        model, _ = self.nested()
        named = rewiring.named_layers(model, in_graph=True)
        self.assertEqual(list(named)[-1], "closed")
        self.assertIs(named["closed"], model.get_layer("closed"))
        self.assertNotIn("closed/hidden", named)

    def test_held_layers_are_found_at_any_depth(self):
        class Holder(layers.Layer):
            def __init__(self, inner, **kwargs):
                super().__init__(**kwargs)
                self.known = {"one": inner[0]}
                self.listed = [inner[1], layers.ReLU(name="relu")]

        inner = Holder([dense("a"), dense("b")], name="inner")
        outer = Holder([inner, dense("c")], name="outer")
        held = [layer.name for layer in rewiring.held_layers(outer)]
        self.assertCountEqual(held, ["inner", "a", "b", "c", "relu", "relu"])
        self.assertEmpty(list(rewiring.held_layers(dense("d"))))

    def test_free_names_are_given_once(self):
        taken = {"conv", "conv_1", "conv_3"}
        given = [rewiring.free_name("conv", taken) for _ in range(3)]
        self.assertEqual(given, ["conv_2", "conv_4", "conv_5"])
        self.assertEqual(rewiring.free_name("new", taken), "new")
        self.assertEqual(rewiring.free_name("new", taken), "new_1")

    def test_names_of_all_levels_are_known(self):
        model, _ = self.nested()
        self.assertLessEqual(
            {"shared", "inner", "second", "closed", "hidden"},
            rewiring.all_names(model),
        )

    def test_state_goes_over_with_statistics_and_seeds(self):
        adapted = layers.Normalization()
        adapted.adapt(values(3) * 4 + 1)
        normal = layers.BatchNormalization()
        model = model_of(lambda x: layers.Dropout(0.5)(normal(adapted(x))))
        for _ in range(2):
            model(values(), training=True)
        copy, kept = rewiring.rewire(model, lambda *_, **__: rewiring.KEEP)
        for source, clone in kept:
            rewiring.copy_state(source, clone)
        for training in (True, False, True):
            np.testing.assert_allclose(
                *(
                    keras.ops.convert_to_numpy(m(values(), training=training))
                    for m in (copy, model)
                ),
                1e-6,
            )


if __name__ == "__main__":
    absltest.main()

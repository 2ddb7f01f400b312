"""Tests of replacing layers in the graph of a model."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers

from needle_tf.graphs import rewiring


def keep(layer, *args, **kwargs):
    """Replaces nothing."""
    del layer, args, kwargs
    return rewiring.KEEP


def dense(name, units=3, **options):
    return layers.Dense(units, name=name, **options)


def model_of(step, shape=(3,), name="model"):
    features = keras.Input(shape, name="features")
    return keras.Model(features, step(features), name=name)


def copied(model, replace=keep, **options):
    """A rewired copy with the state of the kept layers."""
    copy, kept = rewiring.rewire(model, replace, **options)
    for source, clone in kept:
        rewiring.copy_state(source, clone)
    return copy


def outputs(model, *inputs, **options):
    inputs = inputs if len(inputs) > 1 else inputs[0]
    return [
        keras.ops.convert_to_numpy(output)
        for output in keras.tree.flatten(model(inputs, **options))
    ]


def features(seed=0, shape=(4, 3)):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


class OwnCall(keras.Model):
    """Has a graph, and does something else."""

    def call(self, inputs, training=None):
        return -super().call(inputs)


class OwnChain(keras.Sequential):
    """The same of a Sequential model."""

    def call(self, inputs, training=None, mask=None):
        return -super().call(inputs)


class PlainSubclass(keras.Model):
    """Has a graph like any functional model."""


class NoGraph(keras.Model):
    """Never had a graph."""

    def call(self, inputs):
        return inputs


class RewireTest(parameterized.TestCase):
    def test_kept_layers_are_cloned_with_fresh_weights(self):
        model = model_of(dense("dense"))
        copy, kept = rewiring.rewire(model, keep)
        self.assertEqual(copy.name, "model")
        self.assertLen(kept, 1)
        source, clone = kept[0]
        self.assertIs(source, model.get_layer("dense"))
        self.assertIs(clone, copy.get_layer("dense"))
        self.assertIsNot(clone, source)
        self.assertGreater(np.abs(clone.kernel - source.kernel).max(), 0)
        rewiring.copy_state(source, clone)
        np.testing.assert_array_equal(
            outputs(copy, features()), outputs(model, features())
        )

    def test_name_may_be_given(self):
        copy, _ = rewiring.rewire(model_of(dense("dense")), keep, name="new")
        self.assertEqual(copy.name, "new")

    def test_replaced_call_is_what_replace_returned(self):
        model = model_of(lambda x: dense("last")(dense("first")(x)))
        seen = []

        def replace(layer, *args, **kwargs):
            seen.append((layer.name, tuple(args[0].shape), kwargs))
            if layer.name == "first":
                return layers.Rescaling(2.0, name="doubled")(args[0])
            return rewiring.KEEP

        copy = copied(model, replace)
        self.assertEqual(
            seen, [("first", (None, 3), {}), ("last", (None, 3), {})]
        )
        self.assertEqual(
            [layer.name for layer in copy.layers],
            ["features", "doubled", "last"],
        )
        np.testing.assert_allclose(
            outputs(copy, features())[0],
            outputs(model.get_layer("last"), 2 * features())[0],
            1e-6,
        )

    def test_compiled_model_becomes_an_uncompiled_one(self):
        model = model_of(dense("dense"))
        model.compile("adam", "mse")
        copy, _ = rewiring.rewire(model, keep)
        self.assertFalse(copy.compiled)

    def test_shared_layer_stays_shared(self):
        shared = dense("shared")
        model = model_of(lambda x: shared(layers.ReLU()(shared(x))))
        copy, kept = rewiring.rewire(model, keep)
        self.assertLen([s for s, _ in kept if s is shared], 1)
        self.assertLen(copy.weights, 2)

    def test_layer_shared_with_a_nested_model_stays_shared(self):
        shared = dense("shared")
        inner = model_of(shared, name="inner")
        model = model_of(lambda x: shared(inner(inner(x))))
        copy = copied(model)
        self.assertLen(copy.weights, 2)
        self.assertLen(
            [x for x in copy.layers if isinstance(x, keras.Model)], 1
        )
        np.testing.assert_allclose(
            outputs(copy, features()), outputs(model, features()), 1e-6
        )

    def test_nested_models_are_offered_and_then_walked_inside(self):
        deep = model_of(dense("third"), name="deep")
        inner = model_of(lambda x: deep(dense("second")(x)), name="inner")
        model = model_of(lambda x: inner(dense("first")(x)))
        seen = []

        def replace(layer, *args, **kwargs):
            seen.append(layer.name)
            return rewiring.KEEP

        copy = copied(model, replace)
        self.assertEqual(seen, ["first", "inner", "second", "deep", "third"])
        self.assertCountEqual(
            [name for name in rewiring.named_layers(copy) if "/" in name],
            [
                "inner/features",
                "inner/second",
                "inner/deep/features",
                "inner/deep/third",
            ],
        )

    def test_nested_model_may_be_replaced_whole(self):
        inner = model_of(dense("inside"), name="inner")
        model = model_of(inner)

        def replace(layer, *args, **kwargs):
            return args[0] + 1.0 if layer is inner else rewiring.KEEP

        copy, kept = rewiring.rewire(model, replace)
        self.assertEmpty(kept)
        np.testing.assert_allclose(
            outputs(copy, features())[0], features() + 1.0, 1e-6
        )

    def test_nested_model_at_two_sizes_gets_two_copies_and_free_names(self):
        inside = keras.Input((None, 3))
        inner = keras.Model(inside, dense("same")(inside), name="inner")
        other = model_of(dense("other"), (2, 3), name="inner_1")
        steps = keras.Input((4, 3))
        features_ = other(inner(inner(steps)[:, :2]))
        model = keras.Model(steps, features_)
        copy = copied(model)
        self.assertEqual(
            [x.name for x in copy.layers if isinstance(x, keras.Model)],
            ["inner", "inner_2", "inner_1"],
        )
        self.assertLen(copy.weights, 4)
        values = features(shape=(2, 4, 3))
        np.testing.assert_allclose(
            outputs(copy, values), outputs(model, values), 1e-6
        )

    def test_first_argument_comes_by_position(self):
        inner = model_of(dense("inside"), name="inner")
        model = model_of(lambda x: inner(inputs=dense("outside")(inputs=x)))
        seen = []

        def replace(layer, *args, **kwargs):
            seen.append((len(args), "inputs" in kwargs))
            return rewiring.KEEP

        copy = copied(model, replace)
        self.assertEqual(seen, [(1, False)] * 3)
        np.testing.assert_allclose(
            outputs(copy, features()), outputs(model, features()), 1e-6
        )

    def test_arguments_of_a_call_are_kept(self):
        drop = layers.Dropout(0.5, seed=3)
        model = model_of(lambda x: drop(x, training=True))
        copy = copied(model)
        expected = outputs(model, features())[0]
        np.testing.assert_array_equal(outputs(copy, features())[0], expected)
        self.assertTrue((expected == 0).any())

    def test_inputs_and_outputs_keep_their_structure_and_names(self):
        named = {name: keras.Input((3,), name=name) for name in ("b", "a")}
        model = keras.Model(named, {"sum": dense("d")(named["a"]) + named["b"]})
        copy = copied(model)
        self.assertEqual(set(copy.input), {"a", "b"})
        self.assertEqual(set(copy.output), {"sum"})
        given = {"a": features(1), "b": features(2)}
        np.testing.assert_allclose(
            outputs(copy, given), outputs(model, given), 1e-6
        )
        listed = keras.Model([named["b"], named["a"]], model.output["sum"])
        # Keras lets data come by the names of the inputs.
        np.testing.assert_allclose(
            outputs(copied(listed), given), outputs(model, given), 1e-6
        )

    @parameterized.parameters(list, tuple, dict)
    def test_nested_model_takes_its_inputs_in_any_structure(self, structure):
        named = [keras.Input((3,), name=name) for name in ("b", "a")]
        inner = keras.Model(named, [dense("d")(named[0]) - named[1]])
        images = keras.Input((3,))
        given = [images, dense("other")(images)]
        if structure is dict:
            given = {"a": given[1], "b": given[0]}
        else:
            given = structure(given)
        model = keras.Model(images, inner(given))
        np.testing.assert_allclose(
            outputs(copied(model), features()),
            outputs(model, features()),
            1e-6,
        )

    def test_nested_model_that_is_called_in_two_ways_stays_one(self):
        """Keras loads no layer that two nested models share."""
        named = [keras.Input((3,), name=name) for name in ("b", "a")]
        inner = keras.Model(named, dense("d")(named[0]) - named[1])
        images = keras.Input((3,))
        other = dense("other")(images)
        outcomes = [inner({"a": other, "b": images}), inner((images, other))]
        model = keras.Model(images, outcomes)
        copy = copied(model)
        nested = [x for x in copy.layers if isinstance(x, keras.Model)]
        self.assertLen(nested, 1)
        file = f"{self.create_tempdir().full_path}/copy.keras"
        copy.save(file)
        for found in (copy, keras.saving.load_model(file)):
            for one, other in zip(
                outputs(found, features()),
                outputs(model, features()),
                strict=True,
            ):
                np.testing.assert_allclose(one, other, 1e-6)

    def test_nested_input_keeps_its_dtype(self):
        inside = keras.Input((3,), dtype="float16")
        inner = keras.Model(inside, layers.Identity()(inside))
        model = model_of(inner)
        # The nested Input rounds what it is given, and so must its copy.
        expected = outputs(model, features())
        self.assertGreater(np.abs(expected[0] - features()).max(), 0)
        np.testing.assert_array_equal(
            outputs(copied(model), features()), expected
        )

    def test_sequential_and_operations_are_walked(self):
        chain = keras.Sequential([keras.Input((3,)), dense("a"), dense("b")])
        model = model_of(lambda x: keras.ops.tanh(chain(x) + x) * 2.0)
        for each in (chain, model):
            copy = copied(each)
            self.assertIsNot(copy, each)
            np.testing.assert_allclose(
                outputs(copy, features()), outputs(each, features()), 1e-6
            )

    def test_function_without_state_is_not_copied(self):
        model = model_of(layers.Lambda(lambda x: 3 * x, name="triple"))
        copy = copied(model)
        self.assertIs(copy.get_layer("triple"), model.get_layer("triple"))

    def test_subclass_without_a_call_of_its_own_is_walked(self):
        inside = keras.Input((3,))
        inner = PlainSubclass(inside, dense("dense")(inside), name="inner")
        copy = copied(model_of(inner))
        self.assertIn("inner/dense", rewiring.named_layers(copy))


class RefusalTest(parameterized.TestCase):
    def test_model_without_a_graph_is_refused(self):
        inside = keras.Input((3,))
        own_call = OwnCall(inside, dense("dense")(inside), name="own")
        unbuilt = keras.Sequential([dense("dense")], name="own")
        own_chain = OwnChain([keras.Input((3,)), dense("dense")], name="own")
        for model in (own_call, unbuilt, own_chain, NoGraph(name="own")):
            self.assertFalse(rewiring.has_graph(model))
            with self.assertRaisesRegex(
                ValueError,
                f'Model "own" \\({type(model).__name__}\\) has no layer graph '
                "to rewrite. Expected a Functional model, or a Sequential "
                "model with an Input of known shape; build a subclassed model "
                "as keras.Model\\(inputs, outputs\\) instead",
            ):
                rewiring.rewire(model, keep)

    def test_layer_that_cannot_be_cloned_is_named(self):
        class Scale(layers.Layer):
            def __init__(self, factor):
                super().__init__(name="scale")
                self.factor = factor

            def call(self, inputs):
                return self.factor * inputs

            def get_config(self):
                return {}

        with self.assertRaisesRegex(
            ValueError,
            "Layer .scale. \\(Scale\\) cannot be cloned: .*'factor'. Give it a "
            "`get_config` that holds its constructor arguments.$",
        ):
            rewiring.rewire(model_of(Scale(2.0)), keep)


if __name__ == "__main__":
    absltest.main()

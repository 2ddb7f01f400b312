"""Tests of following values through the graph of a model."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers

from needle_tf.graphs import tracing


class Shaped:
    """A value that knows no more than a shape, and perhaps a name."""

    def __init__(self, shape, name=None):
        self.shape = shape
        self.name = name


def number_of_the_next_layer():
    """The number that Keras gives a layer without a name now."""
    return int(f"0{layers.Identity().name.removeprefix('identity_')}")


def dense(name, units=3):
    return layers.Dense(units, name=name)


def followed(model):
    """Calls that a model makes, as `(name, output shapes)`, and its outputs."""
    calls = []

    def step(call):
        calls.append((call.operation.name, call.output_shapes))
        return [Shaped(shape) for shape in call.output_shapes]

    outputs = tracing.follow(model, lambda name, shape: Shaped(shape), step)
    return calls, [output.shape for output in outputs]


class OwnCall(keras.Model):
    """Has a graph, and does something else."""

    def call(self, inputs, training=None):
        return -super().call(inputs)


class FollowTest(parameterized.TestCase):
    def test_calls_come_after_what_they_need(self):
        images = keras.Input((4,))
        first = dense("first")(images)
        second = dense("second")(first)
        total = layers.Add(name="add")([first, dense("third")(second)])
        calls, outputs = followed(keras.Model(images, [total, second]))
        self.assertEqual(
            [name for name, _ in calls], ["first", "second", "third", "add"]
        )
        self.assertEqual(outputs, [(3,), (3,)])

    def test_values_are_those_that_step_made(self):
        images = {name: keras.Input((2,), name=name) for name in ("b", "a")}
        difference = images["a"] - images["b"]
        seen = []

        def step(call):
            seen.extend(value.name for value in call.args)
            return [Shaped((2,), "difference")]

        (found,) = tracing.follow(
            keras.Model(images, {"out": difference}),
            lambda name, shape: Shaped(shape, name),
            step,
        )
        self.assertEqual(seen, ["a", "b"])
        self.assertEqual(found.name, "difference")

    def test_first_argument_comes_by_position(self):
        images = keras.Input((3,))
        features = layers.Dropout(0.5)(training=True, inputs=images)
        calls = []

        def step(call):
            calls.append((call.args[0].name, call.kwargs))
            return [Shaped((3,))]

        tracing.follow(
            keras.Model(images, features),
            lambda name, shape: Shaped(shape, "images"),
            step,
        )
        self.assertEqual(calls, [("images", {"training": True})])

    def test_nested_models_are_walked_at_each_call(self):
        inside = keras.Input((3,))
        inner = keras.Model(inside, dense("b")(dense("a")(inside)))
        images = keras.Input((3,))
        calls, _ = followed(keras.Model(images, inner(inner(images))))
        self.assertEqual([name for name, _ in calls], ["a", "b", "a", "b"])

    def test_nested_model_is_walked_at_the_size_of_its_call(self):
        inside = keras.Input((None, 2))
        pooled = layers.MaxPooling1D(name="pool")(dense("dense")(inside))
        images = keras.Input((6, 2))
        model = keras.Model(images, keras.Model(inside, pooled)(images))
        calls, outputs = followed(model)
        self.assertEqual(calls, [("dense", ((6, 3),)), ("pool", ((3, 3),))])
        self.assertEqual(outputs, [(3, 3)])

    @parameterized.parameters(list, tuple, dict)
    def test_nested_model_takes_its_inputs_in_any_structure(self, structure):
        named = [
            keras.Input((n,), name=name) for n, name in ((2, "b"), (3, "a"))
        ]
        inner = keras.Model(
            named, [dense("d", 5)(named[0]), layers.ReLU()(named[1])]
        )
        given = [keras.Input((2,)), keras.Input((3,))]
        if structure is dict:
            arguments = {"a": given[1], "b": given[0]}
        else:
            arguments = structure(given)
        _, outputs = followed(keras.Model(given, inner(arguments)))
        self.assertEqual(outputs, [(5,), (3,)])

    def test_model_with_a_call_of_its_own_is_one_call(self):
        inside = keras.Input((3,))
        own = OwnCall(inside, dense("hidden")(inside), name="own")
        images = keras.Input((3,))
        calls, _ = followed(keras.Model(images, own(images)))
        self.assertEqual(calls, [("own", ((3,),))])

    def test_sequential_model_is_followed(self):
        model = keras.Sequential([dense("a"), dense("b", 2)])
        model(np.zeros((1, 4)))
        calls, outputs = followed(model)
        self.assertEqual([name for name, _ in calls], ["a", "b"])
        self.assertEqual(outputs, [(2,)])

    def test_deep_models_need_no_deep_stack(self):
        images = features = keras.Input((2,))
        for _ in range(300):
            features = layers.Identity()(features)
        calls, _ = followed(keras.Model(images, features))
        self.assertLen(calls, 300)

    def test_model_is_left_as_it_is(self):
        images = keras.Input((3,))
        layer = dense("dense")
        model = keras.Model(images, layers.ReLU(name="relu")(layer(images)))
        output = layer.output
        number = number_of_the_next_layer()
        followed(model)
        self.assertEqual(number_of_the_next_layer(), number + 1)
        self.assertIs(layer.output, output)
        self.assertLen(layer._inbound_nodes, 1)
        self.assertLen(layer._outbound_nodes, 1)
        self.assertEqual(model.layers[1:], [layer, model.get_layer("relu")])


class RefusalTest(parameterized.TestCase):
    def test_model_without_a_graph_is_refused(self):
        unbuilt = keras.Sequential([dense("dense")], name="net")
        inside = keras.Input((3,))
        own = OwnCall(inside, dense("hidden")(inside), name="net")
        for model in (unbuilt, own):
            with self.assertRaisesRegex(
                ValueError,
                f'Model "net" \\({type(model).__name__}\\) has no layer graph '
                "to follow. Expected a Functional model, or a Sequential model "
                "with an Input of known shape; call a Sequential model on "
                "data, and build a subclassed model as keras.Model\\(inputs, "
                "outputs\\) instead",
            ):
                followed(model)


if __name__ == "__main__":
    absltest.main()

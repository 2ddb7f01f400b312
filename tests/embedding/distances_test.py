"""Tests of the distances of a whole network from its CNN."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers

from needle_tf.embedding import convert
from needle_tf.embedding import distances
from needle_tf.embedding import unembed
from tests.embedding import networks
from tests.embedding import same_function
from tests.oracles import dense_convolution
from tests.oracles import subspace

FIRST = dense_convolution.Convolution(
    (6, 5, 2), (3, 2), 4, strides=(2, 1), zero_padding=((1, 2), (0, 1))
)
SECOND = dense_convolution.Convolution(
    FIRST.output_shape, (2, 3), 6, padding="same", groups=2
)
NAMES = {"first": FIRST, "inner/second": SECOND}


def cnn():
    """The two convolutions, the second one inside a nested model."""
    images, inside = keras.Input((6, 5, 2)), keras.Input(SECOND.input_shape)
    first = layers.Conv2D(4, (3, 2), strides=(2, 1), name="first")
    second = layers.Conv2D(
        6, (2, 3), padding="same", groups=2, use_bias=False, name="second"
    )
    inner = keras.Model(inside, second(inside), name="inner")
    padded = layers.ZeroPadding2D(FIRST.zero_padding)(images)
    features = layers.ReLU()(first(padded))
    return same_function.fill(keras.Model(images, inner(features)))


def anywhere(seed, scale=1.0, space="fcn"):
    """The embedded network with `scale` times random values added."""
    model = convert.embed(cnn(), space)
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        values = np.asarray(weight) + scale * rng.normal(size=weight.shape)
        weight.assign(values)
    return model


def dense_kernel(layer):
    """The kernel as a dense matrix, whatever the form."""
    if hasattr(layer, "to_masked_dense"):
        layer = layer.to_masked_dense()
    return keras.ops.convert_to_numpy(layer.kernel)


class DistancesTest(parameterized.TestCase):
    @parameterized.product(
        seed=(0, 1), scale=(1.0, 1e-2, 1e-5), space=("fcn", "lcn")
    )
    def test_each_layer_has_its_explicit_projections(self, seed, scale, space):
        model = anywhere(seed, scale, space)
        found = distances.subspace_distance(model)
        self.assertCountEqual(found.layers, NAMES)
        untied = distances.untied_layers(model)
        for name, convolution in NAMES.items():
            expected = subspace.distances(
                dense_kernel(untied[name]),
                dense_convolution.labels(convolution),
            )
            # Sums of float32 squares, each part by itself.
            np.testing.assert_allclose(found.layers[name], expected, 1e-4, 0)
            self.assertEqual(expected[0] == 0, space == "lcn")

    @parameterized.product(seed=(0, 1), space=("fcn", "lcn"))
    def test_total_is_that_of_all_kernels_together(self, seed, space):
        model = anywhere(seed, 0.3, space)
        untied = distances.untied_layers(model)
        parts = np.zeros(3)
        whole = 0.0
        for name, convolution in NAMES.items():
            kernel = dense_kernel(untied[name]).astype("float64")
            labels = dense_convolution.labels(convolution)
            local = subspace.project_local(kernel, labels)
            shared = subspace.project_shared(kernel, labels)
            for number, difference in enumerate(
                (kernel - local, local - shared, kernel - shared)
            ):
                parts[number] += np.sum(difference**2)
            whole += np.sum(kernel**2)
        total = distances.subspace_distance(model).total
        np.testing.assert_allclose(total, np.sqrt(parts / whole), 1e-5)

    @parameterized.product(seed=(0, 1), scale=(1.0, 1e-4))
    def test_pythagoras_holds_by_layer_and_in_total(self, seed, scale):
        found = distances.subspace_distance(anywhere(seed, scale))
        for each in (*found.layers.values(), found.total):
            self.assertAlmostEqual(
                each.delta**2 + each.delta_share**2,
                each.delta_cnn**2,
                delta=1e-12 * each.delta_cnn**2,
            )
            self.assertGreater(each.delta_cnn, each.delta)

    def test_bias_has_its_sharing_apart(self):
        model = convert.embed(cnn())
        layer = model.get_layer("first")
        filters = layer.geometry.filters
        units = np.random.default_rng(2).normal(size=layer.bias.shape)
        layer.bias.assign(units)
        found = distances.subspace_distance(model)
        shared = units.reshape(-1, filters).mean(axis=0)
        apart = units.reshape(-1, filters) - shared
        self.assertEqual(list(found.biases), ["first"])
        self.assertAlmostEqual(
            found.biases["first"],
            np.linalg.norm(apart) / np.linalg.norm(units),
            places=6,
        )
        self.assertEqual(found.total, (0, 0, 0))

    @parameterized.parameters(
        *(
            (name, space)
            for name in sorted(networks.NETWORKS)
            for space in ("fcn", "lcn")
        )
    )
    def test_embedded_cnn_is_exactly_in_its_subspace(self, name, space):
        model = same_function.fill(networks.NETWORKS[name]())
        found = distances.subspace_distance(convert.embed(model, space))
        self.assertNotEmpty(found.layers)
        for each in (*found.layers.values(), found.total):
            self.assertEqual(each, (0.0, 0.0, 0.0))
        for share in found.biases.values():
            self.assertEqual(share, 0.0)

    def test_cnn_has_no_untied_layer_and_distance_0(self):
        found = distances.subspace_distance(cnn())
        self.assertEqual(found.layers, {})
        self.assertEqual(found.biases, {})
        self.assertEqual(found.total, (0.0, 0.0, 0.0))

    def test_network_of_zeros_is_in_every_subspace(self):
        model = convert.embed(cnn())
        for weight in model.weights:
            weight.assign(np.zeros(weight.shape))
        self.assertEqual(
            distances.subspace_distance(model).total, (0.0, 0.0, 0.0)
        )

    def test_nearest_nets_leave_the_distances_that_they_should(self):
        model = anywhere(3)
        before = distances.subspace_distance(model).total
        lcn = unembed.unembed(model, "lcn")
        total = distances.subspace_distance(lcn).total
        self.assertEqual(total.delta, 0)
        # What is left of the norm grows smaller, the broken sharing does not.
        left = (1 - before.delta**2) ** 0.5
        self.assertAlmostEqual(
            total.delta_share, before.delta_share / left, places=5
        )
        back = convert.embed(unembed.unembed(model))
        self.assertEqual(distances.subspace_distance(back).total.delta_cnn, 0)

    def test_what_lies_in_fixed_entries_does_not_count(self):
        model = convert.embed(cnn(), "band", radius=0)
        layer = model.get_layer("first")
        # As an average of weights may leave it there: `assign` knows no mask.
        layer.kernel.assign(layer.kernel + 1.0)
        found = distances.subspace_distance(model).layers["first"]
        self.assertEqual(found, (0.0, 0.0, 0.0))

    def test_numbers_are_plain_floats_in_the_order_of_the_model(self):
        found = distances.subspace_distance(anywhere(0))
        self.assertEqual(list(found.layers), ["first", "inner/second"])
        numbers = [*found.total, *found.biases.values()]
        for each in found.layers.values():
            numbers += each
        for number in numbers:
            self.assertIs(type(number), float)
            self.assertBetween(number, 0.0, 1.0)

    def test_measurement_can_be_traced(self):
        import tensorflow as tf

        model = anywhere(0)
        traced = tf.function(lambda: distances.squared_parts(model))
        self.check_close(distances.from_parts(*traced()), model)
        # The trace reads the variables, not their values of that time.
        for weight in model.weights:
            weight.assign(weight * 0.5 + 0.1)
        self.check_close(distances.from_parts(*traced()), model)

    def check_close(self, received, model):
        expected = distances.subspace_distance(model)
        self.assertEqual(list(received.layers), list(expected.layers))
        np.testing.assert_allclose(received.total, expected.total, 1e-6)
        for name, each in expected.layers.items():
            np.testing.assert_allclose(received.layers[name], each, 1e-6)
        for name, share in expected.biases.items():
            np.testing.assert_allclose(received.biases[name], share, 1e-6)

    def test_layers_of_a_model_without_a_graph_are_seen(self):
        dense = convert.embed(cnn()).get_layer("first")

        class Subclass(keras.Model):
            def __init__(self):
                super().__init__()
                self.dense = dense

            def call(self, images):
                return self.dense(images)

        model = Subclass()
        dense.kernel.assign_add(np.ones(dense.kernel.shape))
        found = distances.subspace_distance(model)
        self.assertEqual(list(found.layers), ["first"])
        self.assertGreater(found.total.delta, 0)


if __name__ == "__main__":
    absltest.main()

"""Tests of rescaling and balancing: the function stays, the norm falls."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import given

from needle_tf.scales import rescaling
from needle_tf.scales import scale_groups
from needle_tf.scales import skeletons
from tests.embedding import same_function
from tests.oracles import scale_graph as oracle
from tests.scales import drawn_scale_graphs
from tests.scales import rescaled_twins
from tests.scales import scale_networks

NETWORKS = drawn_scale_graphs.networks()
SEEDS = drawn_scale_graphs.SEEDS
graph_of = drawn_scale_graphs.graph_of
model_of = drawn_scale_graphs.model_of
weights_in = drawn_scale_graphs.weights_in


class RescaleTest(parameterized.TestCase):
    @given(NETWORKS, SEEDS)
    def test_weights_are_those_of_every_edge_and_outputs_stay(
        self, network, seed
    ):
        weights = drawn_scale_graphs.drawn_weights(network, seed)
        scales = drawn_scale_graphs.drawn_scales(network, seed)
        model = model_of(network, weights)
        rescaling.rescale(model, scales[1:], graph_of(network))
        found = weights_in(network, model)
        expected = oracle.rescaled(network, weights, scales)
        np.testing.assert_allclose(found, expected, rtol=1e-15)
        inputs = np.random.default_rng(seed).normal(
            size=(4, network.num_inputs)
        )
        before = oracle.outputs(network, weights, inputs)
        np.testing.assert_allclose(
            oracle.outputs(network, found, inputs),
            before,
            atol=1e-12 * np.abs(before).max(),
        )

    def test_scales_of_ones_change_no_bit(self):
        network = oracle.perceptron((2, 3, 2), bias=True)
        weights = drawn_scale_graphs.drawn_weights(network, 0)
        model = model_of(network, weights)
        rescaling.rescale(model, np.ones(3), graph_of(network))
        np.testing.assert_array_equal(weights_in(network, model), weights)

    def test_powers_of_two_are_exact_in_every_precision(self):
        network = oracle.perceptron((1, 2, 1))
        for dtype in ("float16", "bfloat16", "float32"):
            model = model_of(network, np.array([1.0, 3.0, 5.0, 7.0]), dtype)
            rescaling.rescale(model, [4, 0.5], graph_of(network))
            np.testing.assert_array_equal(
                weights_in(network, model), [4, 1.5, 1.25, 14]
            )
            self.assertEqual(model.trainable_variables[0].dtype, dtype)

    @parameterized.parameters(
        ([1.0, 2.0], r"vector of 3 numbers.*Received: shape \(2,\).*summary"),
        ([[1.0] * 3], r"vector of 3 numbers.*Received: shape \(1, 3\)"),
        ([1.0, -2.0, 0.0], "positive.*Received: -2.0 for group 2, and 1 other"),
        ([1.0, 2.0, 0.0], "positive.*Received: 0.0 for group 3, and 0 others"),
        ([np.nan, 2.0, 1.0], "finite.*Received: nan for group 1"),
        ([1.0, np.inf, 1.0], "finite.*Received: inf for group 2"),
    )
    def test_scales_that_change_the_function_are_refused(self, scales, message):
        network = oracle.perceptron((2, 3, 2))
        weights = np.ones(12)
        model = model_of(network, weights)
        with self.assertRaisesRegex(ValueError, message):
            rescaling.rescale(model, scales, graph_of(network))
        np.testing.assert_array_equal(weights_in(network, model), weights)

    def test_graph_of_another_model_is_refused(self):
        model = model_of(oracle.perceptron((3, 3, 2)), np.ones(15))
        with self.assertRaisesRegex(ValueError, "graph is that of another"):
            rescaling.rescale(
                model, np.ones(3), graph_of(oracle.perceptron((2, 3, 2)))
            )


class BalanceTest(parameterized.TestCase):
    @given(NETWORKS, SEEDS)
    def test_what_enters_and_what_leaves_have_one_norm(self, network, seed):
        weights = drawn_scale_graphs.drawn_weights(network, seed)
        model = model_of(network, weights)
        scales = rescaling.balance(model, graph_of(network))
        found = weights_in(network, model)
        np.testing.assert_allclose(
            found,
            oracle.rescaled(network, weights, [1, *scales]),
            rtol=1e-14,
        )
        entering, leaving = (
            np.bincount(ends, np.square(found), network.num_groups + 1)[1:]
            for ends in (network.target, network.source)
        )
        np.testing.assert_allclose(entering, leaving, rtol=1e-10)

    @given(NETWORKS, SEEDS)
    def test_balance_forgets_how_the_model_was_scaled(self, network, seed):
        weights = drawn_scale_graphs.drawn_weights(network, seed)
        scales = drawn_scale_graphs.drawn_scales(network, seed)
        graph = graph_of(network)
        found = []
        for start in (weights, oracle.rescaled(network, weights, scales)):
            model = model_of(network, start)
            rescaling.balance(model, graph)
            found.append(weights_in(network, model))
        np.testing.assert_allclose(*found, rtol=1e-9)

    def test_balancing_again_changes_nothing(self):
        network = oracle.perceptron((2, 3, 2), bias=True)
        model = model_of(network, drawn_scale_graphs.drawn_weights(network, 0))
        graph = graph_of(network)
        rescaling.balance(model, graph)
        again = rescaling.balance(model, graph)
        np.testing.assert_allclose(again, 1, rtol=1e-10)

    def test_two_weights_in_a_row_become_equal(self):
        network = oracle.perceptron((1, 1, 1))
        model = model_of(network, np.array([8.0, -2.0]))
        scales = rescaling.balance(model, graph_of(network))
        np.testing.assert_allclose(scales, [0.5])
        np.testing.assert_allclose(weights_in(network, model), [4, -4])

    def test_unit_without_weights_on_one_side_keeps_its_scale(self):
        network = oracle.perceptron((2, 3, 3, 2))
        weights = drawn_scale_graphs.drawn_weights(network, 0)
        weights[network.variables[0][1][:, 1]] = 0  # Nothing enters unit 2.
        weights[network.variables[2][1][2]] = 0  # Nothing leaves unit 6.
        model = model_of(network, weights)
        scales = rescaling.balance(model, graph_of(network))
        np.testing.assert_array_equal(scales[[1, 5]], 1)
        found = np.square(weights_in(network, model))
        entering = np.bincount(network.target, found)[[1, 3, 4, 5]]
        leaving = np.bincount(network.source, found)[[1, 3, 4, 5]]
        np.testing.assert_allclose(entering, leaving, rtol=1e-10)
        self.assertFalse(np.any(scales[[0, 2, 3, 4]] == 1))

    def test_deep_and_badly_scaled_network_is_balanced_exactly(self):
        network = oracle.perceptron((3,) * 42)
        weights = drawn_scale_graphs.drawn_weights(network, 0)
        scales = 10 ** np.random.default_rng(0).uniform(-15, 15, 121)
        weights = oracle.rescaled(network, weights, [1, *scales[1:]])
        model = model_of(network, weights)
        rescaling.balance(model, graph_of(network))
        found = np.square(weights_in(network, model))
        np.testing.assert_allclose(
            np.bincount(network.target, found)[1:],
            np.bincount(network.source, found)[1:],
            rtol=1e-10,
        )


class KerasModelTest(parameterized.TestCase):
    @parameterized.parameters(
        "sequential",
        "residual_stream",
        "bands_and_fields",
        "batch_normalization",
    )
    def test_function_stays_and_norms_balance(self, name):
        case = scale_networks.NETWORKS[name]
        model = rescaled_twins.filled(case.build, case.dtype)
        graph = scale_groups.scale_graph(model)
        images = same_function.images_for(model)
        before = same_function.outputs(model, images, False)
        scales = rescaled_twins.drawn_scales(graph)[1:]
        rescaling.rescale(model, scales)
        rescaled = same_function.outputs(model, images, False)
        found = rescaling.balance(model)
        balanced = same_function.outputs(model, images, False)
        for outputs in zip(before, rescaled, balanced, strict=True):
            for other in outputs[1:]:
                np.testing.assert_allclose(other, outputs[0], rtol=1e-9)
        self.assertGreater(np.ptp(found), 0.1)
        entering, leaving = np.zeros((2, graph.num_groups + 1))
        for edges, weight in zip(
            graph.edges,
            skeletons.weights_of(graph, model.trainable_variables),
            strict=True,
        ):
            for sums, ends in (
                (entering, edges.target),
                (leaving, edges.source),
            ):
                ends = np.broadcast_to(ends, edges.shape)
                np.add.at(sums, ends, np.square(weight))
        np.testing.assert_allclose(entering[1:], leaving[1:], rtol=1e-9)

    def test_model_without_groups_has_no_scales(self):
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        self.assertEqual(rescaling.balance(model).shape, (0,))
        rescaling.rescale(model, [])


if __name__ == "__main__":
    absltest.main()

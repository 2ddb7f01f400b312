"""Tests of the choice of skeletons: forests, invariance, start at one."""

import time
from types import SimpleNamespace

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import given
from hypothesis import strategies as st

from needle_tf.scales import scale_groups
from needle_tf.scales import skeletons
from tests.oracles import scale_graph as oracle
from tests.scales import drawn_scale_graphs

NETWORKS = drawn_scale_graphs.networks()
SEEDS = drawn_scale_graphs.SEEDS
graph_of = drawn_scale_graphs.graph_of


def no_candidates(graph, **changes):
    return drawn_scale_graphs.with_edges(
        graph, candidates=np.zeros(0, "int64"), **changes
    )


def chosen(network, policy="index", weights=None):
    """Returns the choice by edge numbers; checked by `oracle_of`."""
    graph = graph_of(network)
    if weights is not None:
        weights = drawn_scale_graphs.arrays_of(network, weights)
    skeleton = skeletons.choose(graph, policy, weights)
    return drawn_scale_graphs.oracle_of(network, skeleton)


def layer_of_edge(network, edge):
    """Returns the place of the variable that holds an edge."""
    (place,) = (
        place
        for place, (_, numbers) in enumerate(network.variables)
        if edge in numbers
    )
    return place


class ChooseTest(parameterized.TestCase):
    @given(NETWORKS, SEEDS, st.sampled_from(skeletons.POLICIES))
    def test_every_group_has_an_edge_and_chains_end_at_ground(
        self, network, seed, policy
    ):
        # Skeleton itself refuses a circle.
        weights = drawn_scale_graphs.drawn_weights(network, seed)
        skeleton = chosen(network, policy, weights)
        for group in range(1, network.num_groups + 1):
            kinds = {
                network.variables[layer_of_edge(network, edge)][0]
                for edge in (skeleton.into[group], skeleton.out_of[group])
            }
            self.assertNotIn("bias", kinds)

    @parameterized.parameters(
        ((3, 4, 4, 4, 2),), ((5, 4, 6, 3, 2),), ((2, 7, 3, 5, 4),)
    )
    def test_index_takes_the_diagonal_by_double_edges(self, widths):
        network = oracle.perceptron(widths)
        skeleton = chosen(network)
        hidden = widths[1:-1]
        doubles = set(skeleton.into[1:]) & set(skeleton.out_of[1:])
        self.assertLen(
            doubles,
            sum(min(pair) for pair in zip(hidden, hidden[1:], strict=False)),
        )
        into, out_of = iter(skeleton.into[1:]), iter(skeleton.out_of[1:])
        for _, numbers in network.variables[:-1]:
            rows, columns = numbers.shape
            for unit in range(columns):
                self.assertEqual(next(into), numbers[unit % rows, unit])
        for _, numbers in network.variables[1:]:
            rows, columns = numbers.shape
            for unit in range(rows):
                self.assertEqual(next(out_of), numbers[unit, unit % columns])

    @given(NETWORKS)
    def test_ones_chooses_as_index_does(self, network):
        graph = graph_of(network)
        self.assertEqual(
            skeletons.choose(graph, "ones").get_config(),
            skeletons.choose(graph).get_config(),
        )

    @parameterized.product(policy=skeletons.POLICIES, inner=[0, 3], size=[1, 9])
    def test_stream_begins_where_it_is_entered_and_ends_where_it_is_left(
        self, policy, inner, size
    ):
        network = oracle.Network(2)
        stream = oracle.dense(network, [0, 1], 3)
        for _ in range(3):
            stream = oracle.block(network, stream, inner)
        oracle.close(network, stream, 2)
        # Blocks would amplify without end if a product could pass them twice.
        weights = size * drawn_scale_graphs.drawn_weights(network, 0)
        skeleton = chosen(network, policy, weights)
        last = len(network.variables) - 1
        for group in (1, 2, 3):
            self.assertEqual(layer_of_edge(network, skeleton.into[group]), 0)
            self.assertEqual(
                layer_of_edge(network, skeleton.out_of[group]), last
            )

    def test_normalised_unit_is_entered_by_its_scale(self):
        network = oracle.Network(2)
        units = oracle.normalised(network, [0, 1], 4)
        units = oracle.normalised(network, units, 3)
        oracle.close(network, units, 2)
        weights = drawn_scale_graphs.drawn_weights(network, 0)
        for policy in skeletons.POLICIES:
            skeleton = chosen(network, policy, weights)
            for edge in skeleton.into[1:]:
                place = layer_of_edge(network, edge)
                self.assertEqual(network.variables[place][0], "scale")

    @given(NETWORKS)
    def test_any_entry_will_do_where_candidates_do_not_suffice(self, network):
        graph = no_candidates(graph_of(network))
        skeleton = skeletons.choose(graph)
        drawn_scale_graphs.oracle_of(network, skeleton)

    def test_masked_kernel_gives_candidates_only(self):
        graph = no_candidates(graph_of(oracle.perceptron((2, 3, 1))), count=2)
        with self.assertRaisesRegex(
            ValueError,
            'comes to it, from ground. Received: 3 groups.*"layer of 1", '
            '"layer of 2", "layer of 3".*input of the model',
        ):
            skeletons.choose(graph)

    def test_group_that_leads_nowhere_is_named(self):
        network = oracle.perceptron((2, 3, 1))
        graph = graph_of(network)
        only_first = SimpleNamespace(
            **{**vars(graph), "edges": graph.edges[:1]}
        )
        with self.assertRaisesRegex(
            ValueError, 'leads from it, to ground.*"layer of 1".*output of'
        ):
            skeletons.choose(only_first)

    def test_hundred_layers_are_chosen_at_once(self):
        network = oracle.Network(1)
        network.num_groups = 64 * 110
        size, shape = 64 * 64 * 9, (3, 3, 64, 64)
        units = np.arange(64)
        diagonal = np.ravel_multi_index((1, 1, units, units), shape)
        edges = tuple(
            scale_groups.Edges(
                path=f"{place}",
                place=place,
                layer=f"{place}",
                kind="kernel",
                shape=shape,
                source=_ids(place - 1, 110).reshape(1, 1, 64, 1),
                target=_ids(place, 110).reshape(1, 1, 1, 64),
                candidates=diagonal,
                count=size,
            )
            for place in range(111)
        )
        graph = SimpleNamespace(
            edges=edges, num_groups=64 * 110, owners=("",) * (64 * 110 + 1)
        )
        start = time.process_time()
        skeleton = skeletons.choose(graph)
        # 0.02 s where nothing else runs; a loop over units takes seconds.
        self.assertLess(time.process_time() - start, 0.5)
        self.assertEqual(skeleton.in_level.max(), 110)
        self.assertEqual(skeleton.is_double_in.sum(), 64 * 109)

    def test_unknown_policy_is_refused_with_those_known(self):
        with self.assertRaisesRegex(
            ValueError, "one of ones, max_product, index. Received: random"
        ):
            skeletons.choose(graph_of(oracle.perceptron((1, 1, 1))), "random")

    def test_max_product_asks_for_weights(self):
        with self.assertRaisesRegex(
            ValueError, r"needs `weights`.*`weights_of\(graph.*Received: None"
        ):
            skeletons.choose(
                graph_of(oracle.perceptron((1, 1, 1))), "max_product"
            )


class WeightsOfTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.network = oracle.perceptron((2, 3, 1))
        self.graph = graph_of(self.network)

    def test_weights_come_in_the_order_of_the_edges(self):
        weights = np.arange(9.0)
        model = drawn_scale_graphs.model_of(self.network, weights)
        found = skeletons.weights_of(self.graph, model.trainable_variables)
        expected = drawn_scale_graphs.arrays_of(self.network, weights)
        for array, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(array, other)

    def test_other_number_of_variables_is_refused(self):
        with self.assertRaisesRegex(
            ValueError, "the 2 trainable variables.*Received: 1 variables"
        ):
            skeletons.weights_of(self.graph, [keras.Variable(np.zeros(3))])

    def test_other_shape_is_refused_by_name(self):
        other = drawn_scale_graphs.model_of(
            oracle.perceptron((3, 3, 1)), np.ones(12)
        )
        with self.assertRaisesRegex(
            ValueError,
            r'shape \(2, 3\) for "layer0/kernel". Received: \(3, 3\). The',
        ):
            skeletons.weights_of(self.graph, other.trainable_variables)

    def test_other_number_of_arrays_is_refused(self):
        with self.assertRaisesRegex(
            ValueError, "each of the 2 variables.*Received: 1 arrays"
        ):
            skeletons.choose(self.graph, "max_product", [np.zeros((2, 3))])


def _ids(layer, layers):
    """Ids of the 64 groups of a layer; ground before the first and at last."""
    if not 0 <= layer < layers:
        return np.zeros(64, "int32")
    return (1 + 64 * layer + np.arange(64)).astype("int32")


if __name__ == "__main__":
    absltest.main()

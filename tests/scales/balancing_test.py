"""Tests of the scales of least norm: no scales are better."""

import time

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import given

from needle_tf.scales import balancing
from tests.oracles import scale_graph as oracle
from tests.scales import drawn_scale_graphs

NETWORKS = drawn_scale_graphs.networks()
SEEDS = drawn_scale_graphs.SEEDS


def least_norm_scales(network, weights):
    return balancing.least_norm_scales(
        drawn_scale_graphs.graph_of(network),
        drawn_scale_graphs.arrays_of(network, weights),
    )


class LeastNormTest(parameterized.TestCase):
    @given(NETWORKS, SEEDS)
    def test_any_other_scales_have_a_larger_norm(self, network, seed):
        weights = drawn_scale_graphs.drawn_weights(network, seed)
        scales = np.array([1, *least_norm_scales(network, weights)])
        least = np.square(oracle.rescaled(network, weights, scales)).sum()
        generator = np.random.default_rng(seed)
        for size in (1e-3, 0.1, 1.0):
            others = scales * np.exp(size * generator.normal(size=len(scales)))
            others[0] = 1
            other = np.square(oracle.rescaled(network, weights, others)).sum()
            self.assertGreater(other, least)

    def test_weights_from_a_group_to_itself_do_not_count(self):
        # 0 -> 1 -> 0 with a block 1 -> 1.
        network = oracle.Network(1)
        stream = oracle.dense(network, [0], 1)
        stream = oracle.block(network, stream, 0)
        oracle.close(network, stream, 1)
        scales = least_norm_scales(network, np.array([2.0, 1e9, 32.0]))
        np.testing.assert_allclose(scales, [4.0])

    def test_units_that_only_feed_each_other_keep_their_scales(self):
        # Stream and block amplify each other, but nothing enters either.
        network = oracle.Network(1)
        stream = oracle.dense(network, [0], 2)
        stream = oracle.block(network, stream, 3)
        oracle.close(network, stream, 1)
        weights = drawn_scale_graphs.drawn_weights(network, 0)
        weights[network.variables[0][1]] = 0
        np.testing.assert_array_equal(least_norm_scales(network, weights), 1)

    def test_network_of_zeros_keeps_its_scales(self):
        network = oracle.perceptron((2, 3, 2), bias=True)
        np.testing.assert_array_equal(
            least_norm_scales(network, np.zeros(network.num_edges)), 1
        )

    def test_no_group_no_scale(self):
        network = oracle.perceptron((2, 3))
        self.assertEqual(least_norm_scales(network, np.ones(6)).shape, (0,))

    def test_wide_layers_are_balanced_without_a_matrix_over_groups(self):
        network = oracle.perceptron((1, 1, 1, 1))
        graph = drawn_scale_graphs.graph_of(network)
        width = 500
        units = np.arange(width)
        ids = [np.zeros(1), 1 + units, 1 + width + units, np.zeros(1)]
        edges = tuple(
            _resized(edge, before, after)
            for edge, before, after in zip(
                graph.edges, ids[:-1], ids[1:], strict=True
            )
        )
        graph.edges, graph.num_groups = edges, 2 * width
        generator = np.random.default_rng(0)
        arrays = [generator.normal(size=edge.shape) for edge in edges]
        start = time.process_time()
        scales = balancing.least_norm_scales(graph, arrays)
        # 0.1 s where nothing else runs.
        self.assertLess(time.process_time() - start, 2)
        first, second = np.split(scales, 2)
        hidden = np.square(arrays[1] * second / first[:, None])
        np.testing.assert_allclose(
            np.square(arrays[0][0] * first), hidden.sum(axis=1), rtol=1e-10
        )
        np.testing.assert_allclose(
            hidden.sum(axis=0),
            np.square(arrays[2][:, 0] / second),
            rtol=1e-10,
        )

    @parameterized.parameters(np.nan, -np.inf)
    def test_weights_that_are_no_numbers_are_refused_by_name(self, bad):
        network = oracle.perceptron((2, 3, 2))
        weights = np.ones(network.num_edges)
        weights[7] = bad
        with self.assertRaisesRegex(
            ValueError, 'finite.*NaN or infinite weights in "layer1/kernel"'
        ):
            least_norm_scales(network, weights)


def _resized(edges, before, after):
    """Returns the edges of a kernel between groups of these ids."""
    return type(edges)(
        path=edges.path,
        place=edges.place,
        layer=edges.layer,
        kind="kernel",
        shape=(len(before), len(after)),
        source=before.astype("int32")[:, None],
        target=after.astype("int32")[None],
        candidates=np.arange(1),
        count=len(before) * len(after),
    )


if __name__ == "__main__":
    absltest.main()

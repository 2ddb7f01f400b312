"""Tests of the forest of largest products: against all chains, rescaled."""

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import given
from hypothesis import strategies as st

from needle_tf.scales import max_product
from needle_tf.scales import skeletons
from tests.oracles import scale_graph as oracle
from tests.scales import drawn_scale_graphs

NETWORKS = drawn_scale_graphs.networks()
SEEDS = drawn_scale_graphs.SEEDS
graph_of = drawn_scale_graphs.graph_of


def skeleton_of(network, weights, dtype="float64"):
    arrays = drawn_scale_graphs.arrays_of(network, weights)
    return skeletons.choose(
        graph_of(network), "max_product", [a.astype(dtype) for a in arrays]
    )


def without(network, weights, kinds, value=0.0):
    """Returns the weights with those of some kinds set to a value."""
    weights = np.array(weights)
    for kind, numbers in network.variables:
        if kind in kinds:
            weights[numbers] = value
    return weights


class LargestProductTest(parameterized.TestCase):
    @given(drawn_scale_graphs.perceptrons(), SEEDS)
    def test_path_through_each_unit_is_the_largest_of_all(self, network, seed):
        weights = drawn_scale_graphs.drawn_weights(network, seed)
        # Biases of 0, not the shortest of ways to ground.
        weights = without(network, weights, {"bias"})
        walked = drawn_scale_graphs.oracle_of(
            network, skeleton_of(network, weights)
        )
        paths = oracle.all_paths(network)
        sizes = np.abs(oracle.path_values(paths, weights))
        for group in range(1, network.num_groups + 1):
            largest = max(
                size
                for path, size in zip(paths, sizes, strict=True)
                if any(network.target[edge] == group for edge in path)
            )
            own = [*walked.in_chain(group), *walked.out_chain(group)]
            (found,) = np.abs(oracle.path_values([own], weights))
            np.testing.assert_allclose(found, largest, rtol=1e-12)

    @given(NETWORKS, SEEDS, st.sampled_from([0.01, 1.0, 100.0]))
    def test_rescaling_does_not_change_it(self, network, seed, size):
        weights = size * drawn_scale_graphs.drawn_weights(network, seed)
        scales = drawn_scale_graphs.drawn_scales(network, seed)
        twin = oracle.rescaled(network, weights, scales)
        self.assertEqual(
            skeleton_of(network, twin).get_config(),
            skeleton_of(network, weights).get_config(),
        )

    @given(NETWORKS, SEEDS, st.sampled_from(["float32", "float64"]))
    def test_equal_weights_are_told_apart_by_place_not_by_rounding(
        self, network, seed, dtype
    ):
        weights = np.full(network.num_edges, 0.7)
        scales = drawn_scale_graphs.drawn_scales(network, seed)
        twin = oracle.rescaled(network, weights, scales)
        self.assertEqual(
            skeleton_of(network, twin, dtype).get_config(),
            skeleton_of(network, weights, dtype).get_config(),
        )

    def test_largest_weight_into_a_unit_is_not_the_point(self):
        # 0 -> 1 -> 3 by 0.1 * 5, 0 -> 2 -> 3 by 1 * 2.
        network = oracle.perceptron((1, 2, 1, 1))
        skeleton = skeleton_of(network, np.array([0.1, 1.0, 5.0, 2.0, 1.0]))
        self.assertEqual(skeleton.in_source[3], 2)

    def test_negative_weights_count_by_their_size(self):
        network = oracle.perceptron((1, 2, 1))
        skeleton = skeleton_of(network, np.array([0.1, -1.0, 1.0, -3.0]))
        np.testing.assert_array_equal(skeleton.out_entry, [0, 0, 1])

    def test_products_far_below_the_smallest_number_are_compared(self):
        widths = (2,) * 42
        network = oracle.perceptron(widths)
        weights = 1e-10 * drawn_scale_graphs.drawn_weights(network, 0)
        skeleton = skeleton_of(network, weights)
        self.assertEqual(skeleton.in_level.max(), 40)
        self.assertEqual(
            skeleton.get_config(),
            skeleton_of(network, 1e10 * weights).get_config(),
        )

    def test_two_axes_of_groups_and_taps_between_them(self):
        # A kernel (taps, inputs, outputs) in which outputs share groups.
        scores = np.array(
            [
                [[0.0, 9.0, 1.0], [2.0, 3.0, 1.0]],
                [[5.0, 3.0, 9.0], [1.0, 2.0, 0.0]],
            ]
        )
        groups, values, entries = max_product._best_entries(
            scores, np.array([4, 7, 4]).reshape(1, 1, 3)
        )
        np.testing.assert_array_equal(groups, [4, 7])
        np.testing.assert_array_equal(values, [9, 9])
        np.testing.assert_array_equal(entries, [8, 1])

    def test_of_equal_entries_the_first_is_taken(self):
        _, values, entries = max_product._best_entries(
            np.ones((2, 3, 4)), np.array([1, 2, 1]).reshape(1, 3, 1)
        )
        np.testing.assert_array_equal(values, [1, 1])
        np.testing.assert_array_equal(entries, [0, 4])


class ZerosTest(parameterized.TestCase):
    @parameterized.parameters(True, False)
    def test_unit_without_a_nonzero_path_is_named(self, inward):
        network = oracle.perceptron((2, 3, 2))
        weights = np.ones(network.num_edges)
        kernel = network.variables[0 if inward else 1][1]
        weights[kernel[:, 1] if inward else kernel[1]] = 0
        way = "from ground to" if inward else "to ground from"
        with self.assertRaisesRegex(
            ValueError,
            f'must not be 0. Received.* {way} 1 groups, .*"layer of 2".*'
            'policy "ones"',
        ):
            skeleton_of(network, weights)

    def test_zeros_off_the_skeleton_do_no_harm(self):
        network = oracle.perceptron((2, 2, 2))
        skeleton = skeleton_of(network, np.array([0.0, 1, 1, 0, 1, 0, 0, 1]))
        np.testing.assert_array_equal(skeleton.in_entry[1:], [2, 1])
        np.testing.assert_array_equal(skeleton.out_entry[1:], [0, 3])

    def test_bias_is_taken_where_nothing_else_is_left(self):
        network = oracle.perceptron((2, 3, 2), bias=True)
        weights = np.ones(network.num_edges)
        weights[network.variables[1][1]] = 100.0
        np.testing.assert_array_equal(
            skeleton_of(network, weights).in_place[1:], 0
        )
        weights[network.variables[0][1][:, 1]] = 0
        np.testing.assert_array_equal(
            skeleton_of(network, weights).in_place[1:], [0, 1, 0]
        )

    @parameterized.parameters(np.nan, np.inf)
    def test_weights_that_are_no_numbers_are_refused(self, bad):
        network = oracle.perceptron((2, 3, 2))
        weights = np.ones(network.num_edges)
        weights[[6, 8]] = bad
        with self.assertRaisesRegex(
            ValueError, 'finite.*Received: 2 weights of "layer1/kernel"'
        ):
            skeleton_of(network, weights)


if __name__ == "__main__":
    absltest.main()

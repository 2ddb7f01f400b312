"""Tests of the basis paths: against products and least squares, unit by unit.

Everything is in float64; errors are those of a few hundred roundings.
"""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import given
from hypothesis import strategies as st

from needle_tf.ops import basis_paths
from tests.oracles import scale_graph as oracle
from tests.scales import drawn_scale_graphs

NETWORKS = drawn_scale_graphs.networks()
SEEDS = drawn_scale_graphs.SEEDS
RATE = 1e-3
_LINE = {  # 0 -> 1 -> 2 -> 0, two groups one after the other.
    "in_place": [0, 0, 1],
    "in_entry": [0, 0, 0],
    "in_source": [0, 0, 1],
    "out_place": [0, 1, 2],
    "out_entry": [0, 0, 0],
    "out_target": [0, 2, 0],
}


class Drawn:
    """A network, weights, a skeleton, and a gradient by back-propagation."""

    def __init__(self, network, seed):
        generator = np.random.default_rng(seed)
        self.network = network
        self.weights = drawn_scale_graphs.drawn_weights(network, seed)
        self.walked = oracle.drawn_skeleton(network, generator)
        self.skeleton = drawn_scale_graphs.skeleton_of(self.walked)
        self.inputs = generator.normal(size=(5, network.num_inputs))
        self.wanted = generator.normal(size=(5, len(network.outputs)))
        self.source = np.array(network.source)
        self.target = np.array(network.target)

    def gradient(self, weights):
        return oracle.gradient(self.network, weights, self.inputs, self.wanted)

    def of_skeleton(self, values, edges, ground):
        """Returns the values of skeleton edges as a vector over groups."""
        return np.array([ground, *(values[e] for e in edges[1:])], "float64")

    def products(self, weights):
        found = basis_paths.path_products(
            *(
                keras.ops.convert_to_tensor(self.of_skeleton(weights, e, 1))
                for e in (self.walked.into, self.walked.out_of)
            ),
            self.skeleton,
        )
        return [keras.ops.convert_to_numpy(vector) for vector in found]

    def flows(self, flows):
        """Returns y of each group from x of each edge."""
        sums = np.bincount(self.source, flows, self.network.num_groups + 1)
        sums[0] = 0
        found = basis_paths.inverse_chain_rule(
            *(
                keras.ops.convert_to_tensor(vector)
                for vector in (
                    sums,
                    self.of_skeleton(flows, self.walked.into, 0),
                    self.of_skeleton(flows, self.walked.out_of, 0),
                )
            ),
            self.skeleton,
        )
        return keras.ops.convert_to_numpy(found)

    def step(self, weights, rate):
        """Returns the weights after a step, by the functions under test."""
        slopes = self.gradient(weights)
        prefix, suffix = self.products(weights)
        d = prefix * suffix
        ratio = 1 - rate * self.flows(weights * slopes) / d**2
        per_path = 1 / (prefix[self.source] * suffix[self.target])
        after = basis_paths.allocated_weights(
            weights, rate * slopes * per_path, per_path, ratio[self.source]
        )
        inward = np.array(self.walked.into[1:])
        outward = np.array(self.walked.out_of[1:])
        after[inward] = basis_paths.skeleton_weights(
            weights[inward],
            ratio[self.target[inward]],
            ratio[self.source[inward]],
        )
        after[outward] = weights[outward]
        return after


def drawn_cases():
    return st.builds(Drawn, NETWORKS, SEEDS)


class CountTest(parameterized.TestCase):
    @given(drawn_cases())
    def test_there_are_m_minus_h_independent_basis_paths(self, drawn):
        paths, _ = drawn.walked.basis()
        network = drawn.network
        expected = network.num_edges - network.num_groups
        self.assertLen(paths, expected)
        matrix = oracle.exponents(paths, network.num_edges)
        self.assertEqual(np.linalg.matrix_rank(matrix), expected)

    @given(drawn_scale_graphs.perceptrons(), SEEDS)
    def test_no_set_of_paths_has_a_higher_rank(self, network, seed):
        drawn = Drawn(network, seed)
        paths, _ = drawn.walked.basis()
        every = oracle.all_paths(network)
        self.assertLessEqual(
            set(paths), {tuple(sorted(path)) for path in every}
        )
        matrix = oracle.exponents(every, network.num_edges)
        self.assertEqual(np.linalg.matrix_rank(matrix), len(paths))

    @given(drawn_cases())
    def test_groups_have_one_leader_if_they_share_a_basis_path(self, drawn):
        _, which = drawn.walked.basis()
        leader = drawn.skeleton.leader[1:]
        into, out_of = drawn.walked.into[1:], drawn.walked.out_of[1:]
        first = {}
        for number, edge in enumerate(into):
            self.assertEqual(which[edge], which[out_of[number]])
            leads = first.setdefault(which[edge], leader[number])
            self.assertEqual(leads, leader[number])
        self.assertLen(set(leader), len(first))


class ProductsTest(parameterized.TestCase):
    @given(drawn_cases())
    def test_products_are_those_along_the_chains(self, drawn):
        prefix, suffix = drawn.products(drawn.weights)
        for group in range(drawn.network.num_groups + 1):
            into = drawn.walked.in_chain(group)
            out = drawn.walked.out_chain(group)
            expected = oracle.path_values([into, out], drawn.weights)
            found = prefix[group], suffix[group]
            np.testing.assert_allclose(found, expected, rtol=1e-14)
            self.assertEqual(drawn.skeleton.in_level[group], len(into))
            self.assertEqual(drawn.skeleton.out_level[group], len(out))

    def test_gradient_of_products_reaches_every_skeleton_weight(self):
        # By hand: P_2 = w_1 w_2, K_1 = u_1 u_2.
        skeleton = basis_paths.Skeleton(**_LINE)
        prefix, suffix = basis_paths.path_products(
            np.array([1.0, 3.0, 5.0]), np.array([1.0, 5.0, 7.0]), skeleton
        )
        np.testing.assert_array_equal(prefix, [1, 3, 15])
        np.testing.assert_array_equal(suffix, [1, 35, 7])


class InverseChainRuleTest(parameterized.TestCase):
    @given(drawn_cases())
    def test_what_enters_a_group_leaves_it(self, drawn):
        flows = drawn.weights * drawn.gradient(drawn.weights)
        length = drawn.network.num_groups + 1
        entering = np.bincount(drawn.target, flows, length)[1:]
        leaving = np.bincount(drawn.source, flows, length)[1:]
        scale = np.abs(flows).max(initial=1)
        np.testing.assert_allclose(
            entering, leaving, rtol=0, atol=1e-12 * scale
        )

    @given(drawn_cases())
    def test_flows_of_paths_solve_the_chain_rule(self, drawn):
        flows = drawn.weights * drawn.gradient(drawn.weights)
        expected = oracle.path_flows(drawn.walked, flows)
        _, which = drawn.walked.basis()
        found = drawn.flows(flows)
        self.assertEqual(found[0], 0)
        np.testing.assert_allclose(
            found[1:],
            [expected[which[edge]] for edge in drawn.walked.into[1:]],
            rtol=1e-10,
            atol=1e-10 * np.abs(flows).max(initial=1),
        )


class StepTest(parameterized.TestCase):
    @given(drawn_cases())
    def test_step_is_that_of_walking_the_graph(self, drawn):
        slopes = drawn.gradient(drawn.weights)
        expected = oracle.step(drawn.walked, drawn.weights, slopes, RATE)
        found = drawn.step(drawn.weights, RATE)
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10)
        outgoing = drawn.walked.out_of[1:]
        np.testing.assert_array_equal(found[outgoing], drawn.weights[outgoing])

    @given(drawn_cases(), st.sampled_from([1e-3, 1.0, 100.0]))
    def test_path_values_take_the_step_whatever_its_size(self, drawn, rate):
        # At the larger rates values of paths change their sign.
        paths, _ = drawn.walked.basis()
        values = oracle.path_values(paths, drawn.weights)
        flows = oracle.path_flows(
            drawn.walked, drawn.weights * drawn.gradient(drawn.weights)
        )
        after = oracle.path_values(paths, drawn.step(drawn.weights, rate))
        expected = values - rate * flows / values
        size = np.maximum(np.abs(values), np.abs(expected - values))
        np.testing.assert_allclose(after / size, expected / size, atol=1e-8)

    @given(drawn_cases(), SEEDS)
    def test_rescaled_twin_computes_the_same_after_each_step(self, drawn, seed):
        scales = drawn_scale_graphs.drawn_scales(drawn.network, seed)
        weights = drawn.weights
        twin = oracle.rescaled(drawn.network, weights, scales)
        for _ in range(4):
            outputs, others = (
                oracle.outputs(drawn.network, w, drawn.inputs)
                for w in (weights, twin)
            )
            size = np.abs(outputs).max()
            np.testing.assert_allclose(others, outputs, atol=1e-8 * size)
            weights = drawn.step(weights, 1e-6)
            twin = drawn.step(twin, 1e-6)

    def test_weight_of_0_off_the_skeleton_can_leave_0(self):
        # P_a K_b = 2; (0 - 3 / 2) / 4.
        after = basis_paths.allocated_weights(
            np.zeros(2), np.array([0.0, 3.0]), 0.5, 2.0
        )
        np.testing.assert_array_equal(after, [0, -0.75])


class SkeletonTest(parameterized.TestCase):
    def test_both_edges_of_a_line_are_one_path(self):
        skeleton = basis_paths.Skeleton(**_LINE)
        self.assertEqual(skeleton.num_groups, 2)
        np.testing.assert_array_equal(skeleton.in_level, [0, 1, 2])
        np.testing.assert_array_equal(skeleton.out_level, [0, 2, 1])
        np.testing.assert_array_equal(
            skeleton.is_double_in, [False, False, True]
        )
        np.testing.assert_array_equal(
            skeleton.is_double_out, [False, True, False]
        )
        np.testing.assert_array_equal(skeleton.leader, [0, 1, 1])

    def test_equal_entries_of_different_variables_are_two_edges(self):
        skeleton = basis_paths.Skeleton(**{**_LINE, "out_place": [0, 5, 2]})
        self.assertFalse(skeleton.is_double_in.any())
        self.assertFalse(skeleton.is_double_out.any())
        np.testing.assert_array_equal(skeleton.leader, [0, 1, 2])

    @given(drawn_cases())
    def test_config_round_trips(self, drawn):
        config = drawn.skeleton.get_config()
        again = basis_paths.Skeleton.from_config(config)
        self.assertEqual(again.get_config(), config)
        np.testing.assert_array_equal(again.leader, drawn.skeleton.leader)

    @parameterized.parameters(
        ("in_source", [0, 2, 1], "in-skeleton"),
        ("in_source", [0, 1, 1], "in-skeleton"),
        ("out_target", [0, 2, 1], "out-skeleton"),
    )
    def test_circle_is_refused(self, field, groups, which):
        with self.assertRaisesRegex(
            ValueError, rf"(?s)from ground to ground.*circle.*{which}"
        ):
            basis_paths.Skeleton(**{**_LINE, field: groups})

    @parameterized.parameters(([0, 0],), ([[0, 0, 0]],))
    def test_fields_of_different_length_are_refused(self, entries):
        with self.assertRaisesRegex(
            ValueError, r"vectors of one length.*Received: shapes"
        ):
            basis_paths.Skeleton(**{**_LINE, "in_entry": entries})


if __name__ == "__main__":
    absltest.main()

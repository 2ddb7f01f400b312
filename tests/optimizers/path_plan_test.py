"""Tests of the index arrays of a step on basis paths."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.optimizers import path_plan
from needle_tf.scales import scale_groups
from needle_tf.scales import skeletons
from tests.optimizers import relu_networks
from tests.optimizers import small_runs


def planned(name):
    model = relu_networks.build(name)
    graph = scale_groups.scale_graph(model)
    skeleton = skeletons.choose(graph)
    arrays = [
        np.random.default_rng(edges.place).normal(size=edges.shape)
        for edges in graph.edges
    ]
    return graph, skeleton, path_plan.PathPlan(graph, skeleton), arrays


def summed(graph, arrays, side):
    """Sums entry by entry."""
    sums = np.zeros(graph.num_groups + 1)
    for edges, array in zip(graph.edges, arrays, strict=True):
        groups = np.broadcast_to(getattr(edges, side), edges.shape)
        np.add.at(sums, groups.reshape(-1), array.reshape(-1))
    sums[0] = 0
    return sums


class PathPlanTest(parameterized.TestCase):
    @parameterized.parameters(*relu_networks.NETWORKS)
    def test_sums_are_those_of_single_entries(self, name):
        graph, _, plan, arrays = planned(name)
        for side, gather in (
            ("source", plan.leaving),
            ("target", plan.entering),
        ):
            np.testing.assert_allclose(
                small_runs.array(gather(arrays)),
                summed(graph, arrays, side),
                atol=1e-12,
            )

    @parameterized.parameters(*relu_networks.NETWORKS)
    def test_skeleton_entries_are_found(self, name):
        graph, skeleton, plan, arrays = planned(name)
        found = small_runs.array(plan.at_skeleton(arrays, 7.0))
        for start, side in ((0, "in"), (graph.num_groups + 1, "out")):
            self.assertEqual(found[start], 7)
            for group in range(1, graph.num_groups + 1):
                place = getattr(skeleton, f"{side}_place")[group]
                entry = getattr(skeleton, f"{side}_entry")[group]
                expected = arrays[place].reshape(-1)[entry]
                self.assertEqual(found[start + group], expected)

    def test_large_variables_keep_no_mask(self):
        model = keras.Sequential(
            [
                keras.Input((300,)),
                keras.layers.Dense(500, "relu", name="large"),
                keras.layers.Dense(4, name="small"),
            ]
        )
        graph = scale_groups.scale_graph(model)
        plan = path_plan.PathPlan(graph, skeletons.choose(graph))
        kinds = {
            edges.path.split("/", 1)[1]: variable.kind is None
            for edges, variable in zip(graph.edges, plan.variables, strict=True)
        }
        self.assertEqual(
            kinds,
            {"large/kernel": True, "large/bias": False, "small/kernel": False},
        )


if __name__ == "__main__":
    absltest.main()

"""Tests of path gradients, against paths written out."""

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.optimizers import path_plan
from needle_tf.optimizers import path_step
from needle_tf.scales import scale_groups
from needle_tf.scales import skeletons
from tests.optimizers import relu_networks
from tests.optimizers import small_runs


def stepped(name, penalty=0.0):
    model = relu_networks.build(name)
    graph = scale_groups.scale_graph(model)
    skeleton = skeletons.choose(graph)
    gradients = relu_networks.gradients(model, penalty=penalty)
    variables = model.trainable_variables
    return (
        path_plan.PathPlan(graph, skeleton),
        [small_runs.array(variables[edges.place]) for edges in graph.edges],
        [np.asarray(gradients[edges.place]) for edges in graph.edges],
    )


class PathStepTest(parameterized.TestCase):
    @parameterized.parameters(*relu_networks.NETWORKS)
    def test_conservation_holds_unless_the_loss_sees_weights(self, name):
        plan, weights, gradients = stepped(name)
        error = path_step.conservation_error(weights, gradients, plan)
        self.assertLess(float(error), 1e-12)
        plan, weights, gradients = stepped(name, penalty=0.01)
        error = path_step.conservation_error(weights, gradients, plan)
        self.assertBetween(float(error), 1e-3, 1.0)

    def test_no_gradient_at_all_breaks_nothing(self):
        plan, weights, _ = stepped("mlp")
        zeros = [np.zeros_like(weight) for weight in weights]
        error = path_step.conservation_error(weights, zeros, plan)
        self.assertEqual(float(error), 0)

    @parameterized.parameters("mlp", "residual")
    def test_norm_is_that_over_the_basis_paths(self, name):
        plan, weights, gradients = stepped(name)
        paths = path_step.path_gradients(weights, gradients, plan)
        prefix, suffix, values, flow = map(small_runs.array, paths)
        leader = plan.skeleton.leader
        first = np.flatnonzero(leader == np.arange(len(leader)))[1:]
        parts = [(flow / values)[first]]
        for gradient, edges in zip(gradients, plan.variables, strict=True):
            factor = np.ones(gradient.shape)
            if edges.source is not None:
                factor = factor * prefix[edges.source]
            if edges.target is not None:
                factor = factor * suffix[edges.target]
            path = (gradient / factor).reshape(-1)
            parts.append(np.delete(path, edges.entries))
        expected = np.sum(np.concatenate(parts) ** 2)
        for unit in (1.0, 0.3):
            found = path_step.squared_norm(gradients, paths, plan, unit)
            np.testing.assert_allclose(
                float(found), unit**2 * expected, rtol=1e-10
            )


if __name__ == "__main__":
    absltest.main()

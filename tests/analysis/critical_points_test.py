"""Tests of the network whose critical points are enumerated."""

import numpy as np
import tensorflow as tf
from absl.testing import absltest

from needle_tf.analysis import critical_points


class CriticalPointsTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.network = critical_points.example()

    def test_gradients_are_those_of_automatic_differentiation(self):
        rng = np.random.default_rng(0)
        for _ in range(5):
            weights = rng.normal(size=4)
            variable = tf.Variable(weights)
            with tf.GradientTape() as tape:
                outputs = sum(
                    variable[2 * k + 1]
                    * tf.nn.relu(variable[2 * k] * self.network.inputs)
                    for k in range(2)
                )
                error = outputs - self.network.targets
                loss = tf.reduce_mean(error**2) / 2
            self.assertAlmostEqual(
                float(loss), float(self.network.loss(weights)), places=12
            )
            np.testing.assert_allclose(
                tape.gradient(loss, variable),
                self.network.weight_gradient(weights),
                atol=1e-12,
            )

    def test_loss_depends_on_weights_through_path_values(self):
        rng = np.random.default_rng(1)
        for _ in range(5):
            first, second = np.abs(rng.normal(size=2))
            outer = rng.normal(size=2)
            weights = (first, outer[0], -second, outer[1])
            paths = (first * outer[0], -second * outer[1])
            self.assertAlmostEqual(
                float(self.network.loss(np.array(weights))),
                float(self.network.loss_of_paths(np.array(paths))),
                places=12,
            )

    def test_path_gradient_is_that_of_differences(self):
        paths = np.array([0.3, -0.2])
        found = self.network.path_gradient(paths)
        for k, step in enumerate(1e-6 * np.eye(2)):
            ahead, behind = (
                float(self.network.loss_of_paths(paths + sign * step))
                for sign in (1, -1)
            )
            self.assertAlmostEqual(found[k], (ahead - behind) / 2e-6, places=7)

    def test_three_of_four_critical_points_are_only_in_the_weights(self):
        points = self.network.critical_points()
        self.assertLen(points, 4)
        for point in points:
            self.assertLess(point.weight_gradient, 1e-12)
        self.assertEqual([p.is_spurious for p in points], [False] + [True] * 3)
        self.assertEqual(points[0].loss, min(p.loss for p in points))

    def test_no_other_point_of_a_grid_has_no_gradient(self):
        values = np.linspace(-1.5, 1.5, 7)
        known = {point.path_values for point in self.network.critical_points()}
        for u, w, v, z in np.stack(np.meshgrid(*4 * [values])).reshape(4, -1).T:
            if u <= 0 or v >= 0:
                continue
            norm = np.linalg.norm(self.network.weight_gradient((u, w, v, z)))
            near = min(np.hypot(u * w - a, v * z - b) for a, b in known)
            self.assertGreater(norm, 0.02 * min(near, 1))


if __name__ == "__main__":
    absltest.main()

"""Tests of the table of recorded angles."""

import json
import math

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.optimizers import recorded_angles

TABLE = np.array([[0.0, 1e-6, 0.5], [0.1, 2.0, math.pi]])


class RecordedAnglesTest(parameterized.TestCase):
    def test_angle_is_that_of_kernel_and_step(self):
        angles = recorded_angles.RecordedAngles(TABLE)
        self.assertEqual(angles.kernels, 3)
        for step in range(2):
            for column in range(3):
                found = float(angles.of_kernel(column, step))
                self.assertEqual(found, np.float32(TABLE[step, column]))
            np.testing.assert_allclose(
                float(angles.mean(step)), TABLE[step].mean(), rtol=1e-6
            )

    @parameterized.parameters(2, 3, 10**6)
    def test_there_is_no_angle_beyond_the_last(self, step):
        angles = recorded_angles.RecordedAngles(TABLE)
        self.assertEqual(float(angles.of_kernel(2, step)), 0)
        self.assertEqual(float(angles.mean(step)), 0)

    def test_config_round_trips_to_the_last_bit(self):
        table = np.random.default_rng(0).random((50, 4)).astype("float32")
        config = recorded_angles.RecordedAngles(table).to_config()
        again = recorded_angles.RecordedAngles(json.loads(json.dumps(config)))
        self.assertEqual(again.to_config(), config)
        np.testing.assert_array_equal(again.of_kernel(3, 49), table[49, 3])

    @parameterized.parameters(
        ([0.1, 0.2], r"of shape \(steps, kernels\).*shape=\(2,\)"),
        (np.zeros((0, 3)), r"shape=\(0, 3\)"),
        ([[0.1, -0.2]], r"within \[0, pi\] radians.*from -0\.2.* to 0\.1"),
        ([[0.1, 3.2]], r"within \[0, pi\] radians"),
        ([[0.1, float("nan")]], r"within \[0, pi\] radians"),
    )
    def test_what_is_no_table_is_refused(self, table, message):
        with self.assertRaisesRegex(ValueError, message):
            recorded_angles.RecordedAngles(table)


if __name__ == "__main__":
    absltest.main()

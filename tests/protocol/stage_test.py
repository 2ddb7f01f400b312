"""Tests of what is decided for one stage; its runs are in relax_test."""

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.protocol import config as config_lib
from needle_tf.protocol import stage


class StepsPerExecutionTest(parameterized.TestCase):
    @parameterized.parameters(
        (60, 0, 20),
        (200, 0, 20),
        (7, 0, 7),
        (23, 0, 1),
        (60, 15, 15),
        (60, 7, 1),
    )
    def test_a_divisor_is_chosen(self, steps, every, expected):
        config = config_lib.ProtocolConfig(distance_every_steps=every)
        self.assertEqual(stage.steps_per_execution(config, steps), expected)

    def test_one_that_is_asked_for_is_taken_if_it_divides_an_epoch(self):
        config = config_lib.ProtocolConfig(steps_per_execution=30)
        self.assertEqual(stage.steps_per_execution(config, 60), 30)
        with self.assertRaisesRegex(
            ValueError,
            "--steps_per_execution must divide the 50 steps of an epoch. "
            "Received: --steps_per_execution=30",
        ):
            stage.steps_per_execution(config, 50)


if __name__ == "__main__":
    absltest.main()

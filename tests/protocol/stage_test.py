"""Tests of what is decided for one stage; its runs are in relax_test."""

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.callbacks import tags
from needle_tf.protocol import config as config_lib
from needle_tf.protocol import stage
from needle_tf.protocol import training_config


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

    @parameterized.parameters(
        ({"record_angles": True}, 1), ({"rotation_every_steps": 15}, 15)
    )
    def test_measurements_of_a_training_run_decide_too(self, given, expected):
        config = training_config.TrainingConfig(learning_rate=1, **given)
        self.assertEqual(stage.steps_per_execution(config, 60), expected)

    def test_one_that_is_asked_for_is_taken_if_it_divides_an_epoch(self):
        config = config_lib.ProtocolConfig(steps_per_execution=30)
        self.assertEqual(stage.steps_per_execution(config, 60), 30)
        with self.assertRaisesRegex(
            ValueError,
            "--steps_per_execution must divide the 50 steps of an epoch. "
            "Received: --steps_per_execution=30",
        ):
            stage.steps_per_execution(config, 50)


class KeptTagsTest(absltest.TestCase):
    def test_what_is_measured_again_at_the_start_goes(self):
        kept = stage._KeptTags()
        for tag in (
            tags.SUBSPACE_DELTA,
            tags.of_layer(tags.SUBSPACE_DELTA, "conv"),
            tags.GRADIENT_NORM,
            tags.LAYER_ROTATION_MIN,
            tags.of_layer(tags.LAYER_ROTATION, "conv"),
        ):
            self.assertNotIn(tag, kept)
        for tag in (
            tags.TEST_LOSS,
            tags.LEARNING_RATE,
            tags.STEP_LOSS,
            tags.of_layer(tags.STEP_ANGLE_MEAN, "conv"),
            tags.of_layer(tags.SECOND_MOMENT_LOW, "conv"),
        ):
            self.assertIn(tag, kept)


if __name__ == "__main__":
    absltest.main()

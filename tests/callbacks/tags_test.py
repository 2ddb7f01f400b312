"""Tests of the tags: stable, distinct, each in a family."""

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.callbacks import tags

# Curves of old and new runs share a plot only while these stay as they are.
STABLE = {
    "TRAIN_LOSS": "loss/train",
    "TEST_LOSS": "loss/test",
    "TRAIN_ACCURACY": "accuracy/train",
    "TEST_ACCURACY": "accuracy/test",
    "VALIDATION_LOSS": "loss/validation",
    "VALIDATION_ACCURACY": "accuracy/validation",
    "LEARNING_RATE": "learning_rate/last_step",
    "SUBSPACE_DELTA": "subspace_distance/delta",
    "SUBSPACE_DELTA_SHARE": "subspace_distance/delta_share",
    "SUBSPACE_DELTA_CNN": "subspace_distance/delta_cnn",
    "SUBSPACE_BIAS_SHARE": "subspace_distance/bias_share",
    "GRADIENT_NORM": "gradient_norm/total",
    "LAYER_ROTATION": "layer_rotation/distance",
    "LAYER_ROTATION_MEAN": "layer_rotation/mean",
    "LAYER_ROTATION_MIN": "layer_rotation/min",
    "STEP_ANGLE_MEAN": "step_angle/mean",
    "STEP_ANGLE_MEDIAN": "step_angle/median",
    "SECOND_MOMENT_LOW": "second_moment/low",
    "SECOND_MOMENT_MEDIAN": "second_moment/median",
    "SECOND_MOMENT_HIGH": "second_moment/high",
    "CLIPPED_SHARE": "ec_opt/clipped_share",
    "CONSERVATION_ERROR": "ec_opt/conservation_error",
    "STEP_LOSS": "step/loss",
    "STEP_ACCURACY": "step/accuracy",
    "EPOCH_SECONDS": "speed/epoch_seconds",
    "IMAGES_PER_SECOND": "speed/images_per_second",
}


def constants():
    return {
        name: value
        for name, value in vars(tags).items()
        if name.isupper() and isinstance(value, str)
    }


class TagsTest(parameterized.TestCase):
    def test_every_tag_is_the_one_it_always_was(self):
        self.assertEqual(constants(), STABLE)

    def test_every_tag_is_family_and_what(self):
        for tag in constants().values():
            self.assertRegex(tag, "^[a-z_]+/[a-z_]+$")

    def test_tags_of_the_total_and_of_layers_never_meet(self):
        known = list(constants().values())
        known += [tags.of_layer(tag, "conv") for tag in known]
        self.assertLen(set(known), len(known))

    def test_distances_come_in_the_order_of_their_tuple(self):
        self.assertEqual(
            [tag.partition("/")[2] for tag in tags.SUBSPACE],
            ["delta", "delta_share", "delta_cnn"],
        )

    def test_second_moments_come_in_the_order_of_their_percentiles(self):
        self.assertEqual(
            [tag.partition("/")[2] for tag in tags.SECOND_MOMENTS],
            ["low", "median", "high"],
        )

    @parameterized.parameters(
        ("conv", "subspace_distance_delta/conv"),
        ("inner/conv", "subspace_distance_delta/inner/conv"),
    )
    def test_layers_of_one_measure_share_a_group(self, layer, expected):
        self.assertEqual(tags.of_layer(tags.SUBSPACE_DELTA, layer), expected)


if __name__ == "__main__":
    absltest.main()

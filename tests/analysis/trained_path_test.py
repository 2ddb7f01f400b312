"""Tests of the settings of chains and of what comes of them."""

import json

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.analysis import evaluation
from needle_tf.analysis import paths
from needle_tf.analysis import trained_path

ChainSettings = trained_path.ChainSettings


class SettingsTest(parameterized.TestCase):
    def test_numbers_become_plain(self):
        settings = ChainSettings(
            points=np.int64(3), stiffness=1, learning_rate=np.float32(0.5)
        )
        self.assertIs(type(settings.points), int)
        self.assertEqual((settings.stiffness, settings.learning_rate), (1, 0.5))
        self.assertIs(type(settings.learning_rate), float)

    @parameterized.parameters(
        ({"points": 2}, r"`points` must be an integer of at least 3.*=2"),
        ({"epochs": -1}, r"`epochs` must be an integer of at least 0.*=-1"),
        ({"batch_size": 0}, r"`batch_size` must be an integer of at least 1"),
        ({"seed": -1}, r"`seed` must be an integer from 0"),
        ({"stiffness": -0.1}, r"`stiffness` must be a finite number.*=-0\.1"),
        ({"stiffness": True}, r"`stiffness` must be a finite number.*=True"),
        ({"learning_rate": float("nan")}, r"`learning_rate` must be a.*=nan"),
        ({"learning_rate": 0}, r"`learning_rate` must be above 0.*epochs=0"),
        (
            {"learning_rate": 0.1, "stiffness": 5.1},
            r"at most 0\.5, or springs.*stiffness=5\.1.*at most 5\.",
        ),
    )
    def test_numbers_out_of_range_are_refused(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            ChainSettings(**arguments)

    def test_stiffest_string_is_allowed(self):
        ChainSettings(learning_rate=0.1, stiffness=5)


class JsonTest(absltest.TestCase):
    def test_settings_and_epochs_are_in_the_json(self):
        figures = evaluation.Figures(1.0, 0.5, 4)
        points = tuple(
            paths.PathPoint(position, figures, None) for position in (0.0, 1.0)
        )
        found = trained_path.TrainedPath(
            "string",
            points,
            1.0,
            1.5,
            ChainSettings(points=3),
            (trained_path.ChainEpoch(0.5, 0.75),),
        )
        content = json.loads(found.to_json())
        self.assertEqual(content["settings"]["points"], 3)
        self.assertEqual(
            content["epochs"], [{"loss": 0.5, "highest_loss": 0.75}]
        )
        self.assertEqual(content["length"], 1.5)
        self.assertEqual(content["barriers"]["train"]["above_line"], 0.0)


if __name__ == "__main__":
    absltest.main()

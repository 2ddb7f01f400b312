"""Tests of what the HParams tab is told, read back from event files."""

import pathlib

import tensorflow as tf
from absl.testing import absltest
from tensorboard.plugins.hparams import plugin_data_pb2

from needle_tf.callbacks import tags
from needle_tf.protocol import sweep_plan
from needle_tf.protocol import trial_parameters

SWEEP = sweep_plan.expand(
    {"dataset": "digits"},
    ["seed=0,1"],
    ["plain:optimizer=sgd,learning_rate=0.1,drop_epochs=3+7"]
    + ["ad:optimizer=adam,learning_rate=1e-3,record_angles=true,beta_1=0.5"]
    + ["again:replay=@ad"],
    pathlib.Path("runs/a"),
)


def contents(folder):
    """Returns what was written for the HParams plugin, by tag."""
    found = {}
    for file in folder.glob("events*"):
        for record in tf.data.TFRecordDataset(str(file)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                found[value.tag] = plugin_data_pb2.HParamsPluginData.FromString(
                    value.metadata.plugin_data.content
                )
    return found


class ParametersTest(absltest.TestCase):
    def test_each_key_has_one_type_over_all_trials(self):
        found = trial_parameters.parameters(SWEEP)
        self.assertLen(found, 6)
        for key in found[0]:
            self.assertLen({type(fields[key]) for fields in found}, 1, key)
        self.assertTrue(all(f.keys() == found[0].keys() for f in found))

    def test_what_a_trial_does_not_set_is_told_apart(self):
        plain, *_, again = trial_parameters.parameters(SWEEP)
        self.assertEqual(plain["variant"], "plain")
        self.assertEqual(plain["beta_1"], -1.0)
        self.assertEqual(plain["replay"], "")
        self.assertEqual(plain["drop_epochs"], "3+7")
        self.assertEqual(plain["seed"], 0.0)
        self.assertEqual(again["optimizer"], "layca")
        self.assertEqual(again["learning_rate"], -1.0)
        self.assertEqual(again["seed"], 1.0)

    def test_folder_of_a_trial_holds_its_settings(self):
        folder = pathlib.Path(self.create_tempdir().full_path)
        trial_parameters.write(SWEEP, SWEEP.trials[2], folder)
        (content,) = contents(folder).values()
        hparams = content.session_start_info.hparams
        self.assertEqual(hparams["optimizer"].string_value, "adam")
        self.assertEqual(hparams["learning_rate"].number_value, 1e-3)
        self.assertEqual(
            set(hparams), set(trial_parameters.parameters(SWEEP)[0])
        )

    def test_root_declares_settings_and_figures(self):
        folder = pathlib.Path(self.create_tempdir().full_path)
        trial_parameters.declare(SWEEP, folder)
        (content,) = contents(folder).values()
        self.assertEqual(
            [info.name.tag for info in content.experiment.metric_infos],
            [tags.TEST_ACCURACY, tags.LAYER_ROTATION_MEAN],
        )
        self.assertLen(
            content.experiment.hparam_infos,
            len(trial_parameters.parameters(SWEEP)[0]),
        )


if __name__ == "__main__":
    absltest.main()

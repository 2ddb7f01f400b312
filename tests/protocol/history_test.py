"""Tests of the record of a stage."""

import json
import math
import pathlib

from absl.testing import absltest

from needle_tf.protocol import config as config_lib
from needle_tf.protocol import history
from needle_tf.protocol import plan

STAGE = plan.stages(config_lib.ProtocolConfig())[1]


def filled():
    one = history.History.begun(STAGE, parameters=12)
    for epoch in (20, 21, 22):
        row = {"epoch": epoch, "loss": None, "test_loss": 0.5 * epoch}
        one.add(
            row,
            {
                "conv": {"delta": 0.1 * epoch, "delta_share": 0.2},
                "b": {"delta_cnn": 3, "rotation": 0.5},
            },
        )
    return one


class HistoryTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.path = pathlib.Path(self.create_tempdir().full_path)

    def test_what_is_written_is_read_back(self):
        one = filled()
        one.diverged = {"epoch": 23, "step": 1391}
        one.write(self.path)
        self.assertEqual(history.History.read(self.path), one)

    def test_file_has_the_form_that_reports_read(self):
        filled().write(self.path)
        content = json.loads((self.path / "history.json").read_text())
        self.assertEqual(content["stage"], "efcn_relax20")
        self.assertEqual(content["kind"], "efcn")
        self.assertEqual(content["relax_epoch"], 20)
        self.assertEqual(content["first_epoch"], 20)
        self.assertEqual(content["last_epoch"], 40)
        self.assertEqual(content["parameters"], 12)
        self.assertIs(content["finished"], False)
        self.assertIsNone(content["diverged"])
        self.assertIsNone(content["stopped"])
        self.assertEqual(content["epochs"][1]["epoch"], 21)
        self.assertEqual(content["layers"]["conv"]["delta_share"], [0.2] * 3)

    def test_nothing_written_is_none(self):
        self.assertIsNone(history.History.read(self.path))

    def test_what_is_not_finite_becomes_null(self):
        one = history.History.begun(STAGE, parameters=1)
        row = {"epoch": 20, "loss": math.nan, "gradient_norm": math.inf}
        one.add(row, {"conv": {"delta": math.nan, "delta_cnn": 1.0}})
        one.write(self.path)
        back = history.History.read(self.path)
        self.assertEqual(
            back.epochs, [{"epoch": 20, "loss": None, "gradient_norm": None}]
        )
        self.assertEqual(back.layers["conv"]["delta"], [None])

    def test_cut_drops_rows_and_layers_alike(self):
        one = filled()
        one.cut_after(20)
        self.assertEqual(one.reached, 20)
        self.assertEqual(one.layers["conv"]["delta"], [2.0])
        self.assertEqual(one.layers["b"], {"delta_cnn": [3], "rotation": [0.5]})
        one.cut_after(19)
        self.assertEqual(one.reached, -1)

    def test_cut_takes_back_a_stop_that_will_come_again(self):
        one = filled()
        one.stopped = {"epoch": 21, "reason": "Finished."}
        one.cut_after(21)
        self.assertEqual(one.stopped["epoch"], 21)
        one.cut_after(20)
        self.assertIsNone(one.stopped)

    def test_history_from_before_there_were_stops_is_read(self):
        filled().write(self.path)
        file = self.path / "history.json"
        content = json.loads(file.read_text())
        del content["stopped"]
        file.write_text(json.dumps(content))
        self.assertEqual(history.History.read(self.path), filled())

    def test_stage_is_over_when_finished_or_diverged(self):
        one = filled()
        self.assertFalse(one.is_over)
        one.finished = True
        self.assertTrue(one.is_over)
        other = filled()
        other.diverged = {"epoch": 0, "step": 0}
        self.assertTrue(other.is_over)

    def test_damaged_file_is_named(self):
        (self.path / "history.json").write_text('{"stage": "cnn"')
        with self.assertRaisesRegex(ValueError, "history.json is damaged"):
            history.History.read(self.path)
        (self.path / "history.json").write_text('{"colour": 1}')
        with self.assertRaisesRegex(
            ValueError, "history.json is no history.*colour.*Remove the folder"
        ):
            history.History.read(self.path)


if __name__ == "__main__":
    absltest.main()

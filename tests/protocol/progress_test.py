"""Tests of the lines that a run prints."""

from unittest import mock

from absl.testing import absltest

from needle_tf.protocol import progress

ROW = {
    "epoch": 21,
    "loss": 0.51234,
    "accuracy": 0.9,
    "test_loss": 0.75,
    "test_accuracy": 0.8125,
    "delta": 0.0312,
    "delta_cnn": 0.04,
    "seconds": 1.26,
}
START = ROW | {
    "loss": None,
    "accuracy": None,
    "delta_cnn": 0.0,
    "seconds": None,
}


class ProgressTest(absltest.TestCase):
    def lines(self, kind, is_terminal=False):
        lines = []
        with mock.patch.object(
            progress.sys.stdout, "isatty", lambda: is_terminal
        ):
            write = progress.line_writer("efcn", 120, kind, lines.append)
            write(START)
            write(ROW)
        return lines

    def test_one_line_per_epoch_where_there_is_no_terminal(self):
        self.assertEqual(
            self.lines("auto"),
            [
                "efcn  epoch  21/120  test loss 0.7500  test accuracy 0.8125",
                "efcn  epoch  21/120  loss 0.5123  accuracy 0.9000  "
                "test loss 0.7500  test accuracy 0.8125  delta 0.0312  1.3 s",
            ],
        )
        self.assertEqual(
            self.lines("line", is_terminal=True), self.lines("auto")
        )

    def test_training_run_shows_validation_and_rotation(self):
        row = {name: ROW[name] for name in ROW if "delta" not in name}
        row |= {"val_accuracy": 0.75, "rotation_mean": 0.51234}
        lines = []
        write = progress.line_writer("train", 100, "line", lines.append)
        write(row)
        write(row | {"loss": None, "rotation_mean": 0.0, "seconds": None})
        self.assertEqual(
            lines,
            [
                "train  epoch  21/100  loss 0.5123  accuracy 0.9000  "
                "validation accuracy 0.7500  test loss 0.7500  test accuracy "
                "0.8125  rotation 0.5123  1.3 s",
                "train  epoch  21/100  validation accuracy 0.7500  test loss "
                "0.7500  test accuracy 0.8125",
            ],
        )

    def test_keras_bar_leaves_only_the_start_to_say(self):
        for lines in (self.lines("bar"), self.lines("auto", is_terminal=True)):
            self.assertEqual(
                lines,
                ["efcn  epoch  21/120  test loss 0.7500  test accuracy 0.8125"],
            )

    def test_none_is_silent(self):
        self.assertEmpty(self.lines("none"))


if __name__ == "__main__":
    absltest.main()

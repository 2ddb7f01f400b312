"""Tests of the learning curves of relax sweeps: one setting or several."""

import pathlib

import numpy as np
from absl.testing import absltest

from needle_tf.figures import curves_figure
from needle_tf.figures import pictures
from needle_tf.figures import relax_curves_figure
from needle_tf.reports import network_names
from needle_tf.reports import relax_groups
from needle_tf.reports import relax_trials
from tests.figures import picture_checks
from tests.figures import relax_situations
from tests.reports import synthetic_relax_sweeps
from tests.reports import synthetic_runs


class RelaxCurvesFigureTest(absltest.TestCase):
    def drawn(self, name):
        folder = relax_situations.write(name, self.create_tempdir().full_path)
        sweep = relax_trials.read(folder)
        figure = relax_curves_figure.build_figure(sweep)
        return sweep, figure, picture_checks.words_of(figure)

    def test_one_setting_names_its_networks_at_their_ends(self):
        sweep, figure, words = self.drawn("one_label")
        (axes,) = figure.axes
        groups = relax_groups.group(sweep)
        self.assertLen(axes.collections, len(groups))
        for one in groups:
            mean = 100 * one.finals("test_accuracy").mean
            self.assertIn(f"{network_names.name_of(one)}  {mean:.1f} ± ", words)
        self.assertIn("eFCN@30: the CNN, relaxed at epoch 30", words)
        self.assertIn("mean and range over seeds", words)

    def test_settings_are_panels_each_with_the_networks_of_all(self):
        sweep, figure, words = self.drawn("rates")
        self.assertLen(figure.axes, 4)
        for axes in figure.axes:
            curves = [x for x in axes.get_lines() if len(x.get_xdata()) > 1]
            self.assertLen(curves, 8)
        for word in ("relaxed_learning_rate=0.3", "CNN", "eFCN@30", "FCN"):
            self.assertIn(word, words.splitlines())
        cnn = relax_groups.group(sweep)[0]
        epochs, table = cnn.curves("test_accuracy")
        for axes in figure.axes:
            line = axes.get_lines()[0].get_xydata()
            np.testing.assert_allclose(
                line, np.stack([epochs, 100 * table.mean(axis=0)], axis=1)
            )

    def test_what_has_not_begun_has_no_panel(self):
        _, figure, words = self.drawn("running")
        self.assertLen(figure.axes, 2)
        self.assertNotIn("rate=0.9", words)

    def test_a_network_that_has_just_begun_is_seen(self):
        _, figure, words = self.drawn("only_begun")
        (point,) = figure.axes[0].get_lines()[:1]
        self.assertEqual(point.get_marker(), "o")
        self.assertIn("CNN  running", words)

    def test_one_run_has_the_panels_that_it_drew_itself(self):
        folder = pathlib.Path(self.create_tempdir().full_path)
        synthetic_runs.write(folder, *synthetic_relax_sweeps.stages((5,)))
        former = curves_figure.draw_curves(folder).read_bytes()
        sweep = relax_trials.read(folder)
        figure = relax_curves_figure.build_figure(sweep)
        path = pictures.save(figure, folder / "again.png")
        self.assertEqual(path.read_bytes(), former)


if __name__ == "__main__":
    absltest.main()

"""Tests of distances: over training, by setting and by relax epoch."""

import numpy as np
from absl.testing import absltest

from needle_tf.figures import distances_figure
from needle_tf.reports import relax_groups
from needle_tf.reports import relax_trials
from tests.figures import picture_checks
from tests.figures import relax_situations
from tests.reports import synthetic_relax_sweeps
from tests.reports import synthetic_runs


class DistancesFigureTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path

    def figure(self):
        sweep = relax_trials.read(self.folder)
        return sweep, distances_figure.build_figure(sweep)

    def test_one_setting_has_training_left_and_relax_epochs_right(self):
        relax_situations.write("one_label", self.folder)
        sweep, figure = self.figure()
        left, right = figure.axes
        words = picture_checks.words_of(figure)
        for word in ("eFCN@0", "eFCN@30", "delta_share", "Delta after"):
            self.assertIn(word, words)
        # Mean delta and mean delta_share of five networks.
        curves = [x for x in left.get_lines() if len(x.get_xdata()) > 1]
        self.assertLen(curves, 10)
        (line,) = [x for x in right.get_lines() if len(x.get_xdata()) == 5]
        by_hand = [
            np.mean(one.finals("delta").values)
            for one in relax_groups.group(sweep)
            if one.is_relaxed
        ]
        np.testing.assert_allclose(line.get_ydata(), by_hand)

    def test_many_networks_have_their_delta_only(self):
        synthetic_relax_sweeps.seed_sweep(self.folder, (0,), range(7))
        _, figure = self.figure()
        curves = [
            x for x in figure.axes[0].get_lines() if len(x.get_xdata()) > 1
        ]
        self.assertLen(curves, 7)
        self.assertNotIn("delta_share", picture_checks.words_of(figure))

    def test_settings_are_panels_over_their_ends(self):
        relax_situations.write("rates", self.folder)
        _, figure = self.figure()
        self.assertLen(figure.axes, 5)
        words = picture_checks.words_of(figure).splitlines()
        # The title of its panel, and the label of its line.
        self.assertEqual(words.count("relaxed_learning_rate=0.01"), 2)
        self.assertIn("eFCN@30", words)

    def test_while_nothing_is_finished_there_are_no_ends(self):
        own = [synthetic_runs.cnn(), synthetic_runs.relaxed(5, reached=9)]
        synthetic_runs.write(self.folder, *own)
        _, figure = self.figure()
        self.assertLen(figure.axes, 1)

    def test_an_elcn_has_no_delta(self):
        synthetic_relax_sweeps.seed_sweep(
            self.folder, (0,), (5, 20), kinds=("elcn",)
        )
        _, figure = self.figure()
        self.assertLen(figure.axes, 1)
        self.assertNotIn("delta: off-local", picture_checks.words_of(figure))

    def test_without_distances_there_is_no_picture(self):
        synthetic_runs.write(self.folder, synthetic_runs.cnn())
        self.assertIsNone(self.figure()[1])


if __name__ == "__main__":
    absltest.main()

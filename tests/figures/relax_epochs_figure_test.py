"""Tests of accuracy against the relax epoch: panels, levels, differences."""

import numpy as np
from absl.testing import absltest

from needle_tf.figures import relax_epochs_figure
from needle_tf.reports import relax_groups
from needle_tf.reports import relax_trials
from tests.figures import picture_checks
from tests.figures import relax_situations


class RelaxEpochsFigureTest(absltest.TestCase):
    def drawn(self, name):
        folder = relax_situations.write(name, self.create_tempdir().full_path)
        sweep = relax_trials.read(folder)
        figure = relax_epochs_figure.build_figure(sweep)
        return sweep, figure, picture_checks.words_of(figure)

    def test_relaxed_networks_stand_beside_the_levels_of_the_others(self):
        sweep, figure, words = self.drawn("one_label")
        self.assertLen(figure.axes, 2)
        self.assertIn("mean and range over seeds", words)
        self.assertIn("skinny on cifar10, 3 seeds", words)
        for one in relax_groups.group(sweep):
            if not one.is_relaxed:
                mean = 100 * one.finals("test_accuracy").mean
                self.assertIn(f"{one.kind.upper()}  {mean:.1f} ± ", words)

    def test_differences_lie_around_the_level_of_the_cnn(self):
        sweep, figure, words = self.drawn("one_label")
        right = figure.axes[1]
        (line,) = [x for x in right.get_lines() if len(x.get_xdata()) == 5]
        by_hand = [
            100 * np.mean(one.differences().values)
            for one in relax_groups.group(sweep)
            if one.is_relaxed
        ]
        np.testing.assert_allclose(line.get_ydata(), by_hand)
        low, high = right.get_ylim()
        self.assertLess(low, min(by_hand))
        self.assertGreater(high, 0)
        self.assertIn("points above the CNN of its seed", words)

    def test_settings_with_another_cnn_have_panels_of_their_own(self):
        _, figure, words = self.drawn("widths")
        self.assertLen(figure.axes, 4)
        for width in (1, 2):
            self.assertIn(f"width={width}: accuracy after training", words)
        self.assertEqual(
            words.splitlines().count("relaxed_learning_rate=0.1"), 2
        )

    def test_networks_without_a_result_are_explained(self):
        _, _, words = self.drawn("diverged")
        self.assertIn("diverged", words.splitlines())
        self.assertIn("(2 of 3)", words)

    def test_without_a_finished_relaxed_network_there_is_no_picture(self):
        folder = self.create_tempdir().full_path
        relax_situations.write("only_begun", folder)
        sweep = relax_trials.read(folder)
        self.assertIsNone(relax_epochs_figure.build_figure(sweep))


if __name__ == "__main__":
    absltest.main()

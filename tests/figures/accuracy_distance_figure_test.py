"""Tests of accuracy against distance: points, levels, names."""

import numpy as np
from absl.testing import absltest

from needle_tf.figures import accuracy_distance_figure
from needle_tf.figures import palette
from needle_tf.reports import relax_groups
from needle_tf.reports import relax_trials
from tests.figures import picture_checks
from tests.figures import relax_situations
from tests.reports import synthetic_relax_sweeps


class AccuracyDistanceFigureTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path

    def figure(self):
        sweep = relax_trials.read(self.folder)
        return sweep, accuracy_distance_figure.build_figure(sweep)

    def test_each_seed_of_each_network_is_a_point_and_the_fcn_too(self):
        relax_situations.write("one_label", self.folder)
        sweep, figure = self.figure()
        (axes,) = figure.axes
        points = [
            point
            for collection in axes.collections
            if len(collection.get_offsets()) == 3
            for point in collection.get_offsets()
        ]
        expected = [
            (member.final("delta"), 100 * member.final("test_accuracy"))
            for one in relax_groups.group(sweep)
            if one.is_relaxed or one.kind == "fcn"
            for member in one.members
        ]
        np.testing.assert_allclose(points, expected)
        self.assertEqual(axes.get_xscale(), "log")
        low, high = axes.get_xlim()
        self.assertLess(low, min(delta for delta, _ in expected))
        self.assertGreater(high, 0.93)

    def test_distances_of_one_size_need_no_logarithm(self):
        synthetic_relax_sweeps.seed_sweep(
            self.folder, (0,), (5, 10), has_baselines=False
        )
        (axes,) = self.figure()[1].axes
        self.assertEqual(axes.get_xscale(), "linear")
        self.assertEqual(axes.get_xlim()[0], 0)

    def test_levels_of_cnn_and_fcn_show_where_the_threshold_is(self):
        relax_situations.write("one_label", self.folder)
        _, figure = self.figure()
        words = picture_checks.words_of(figure)
        for word in ("CNN  ", "FCN  ", "eFCN@0", "eFCN@30", "one seed"):
            self.assertIn(word, words)
        self.assertNotIn("LCN", words)
        levels = [
            line.get_color()
            for line in figure.axes[0].get_lines()
            if len(set(line.get_ydata())) == 1 and len(line.get_xdata()) == 2
        ]
        colors = palette.colors_of(relax_groups.group(self.figure()[0]))
        self.assertEqual(levels, [colors["cnn"], colors["fcn"]])

    def test_settings_are_named_where_they_are_farthest(self):
        relax_situations.write("rates", self.folder)
        _, figure = self.figure()
        words = picture_checks.words_of(figure).splitlines()
        self.assertIn("relaxed_learning_rate=0.3", words)
        # One seed has no mean to be told from.
        self.assertNotIn("one seed", words)

    def test_elcns_alone_have_a_picture_without_distance(self):
        synthetic_relax_sweeps.seed_sweep(
            self.folder, (0,), (5, 20), kinds=("elcn",)
        )
        self.assertIsNone(self.figure()[1])

    def test_without_ends_there_is_no_picture(self):
        relax_situations.write("only_begun", self.folder)
        self.assertIsNone(self.figure()[1])


if __name__ == "__main__":
    absltest.main()

"""Tests of the panels of relax sweeps: what is drawn where, and named how."""

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.figures import palette
from needle_tf.figures import pictures
from needle_tf.figures import relax_lines
from needle_tf.figures import relax_panels
from needle_tf.reports import relax_groups
from needle_tf.reports import relax_names
from needle_tf.reports import relax_trials
from tests.reports import synthetic_relax_sweeps
from tests.reports import synthetic_runs

LOST = {"reached": 9, "diverged_step": 611}


class PanelsTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.axes = pictures.blank(4).subplots()

    def sweep(self, *trials):
        folder = self.create_tempdir().full_path
        synthetic_relax_sweeps.write(folder, {}, trials)
        return relax_trials.read(folder)

    def seeds(self, count=3, relax_epochs=(5, 20), **changes):
        return self.sweep(
            *(
                (
                    synthetic_relax_sweeps.entry({}, seed),
                    synthetic_relax_sweeps.stages(
                        relax_epochs, seed, **changes
                    ),
                )
                for seed in range(count)
            )
        )

    def lines(self, sweep):
        (facet,) = relax_groups.facets(sweep)
        return relax_lines.of(facet, relax_names.Names(sweep))

    def drawn(self, color):
        """Returns the data of all lines of a colour that have some."""
        return [
            line.get_xydata()
            for line in self.axes.get_lines()
            if line.get_color() == color and len(line.get_xdata()) > 1
        ]


class CurvesTest(PanelsTest):
    def test_lines_are_means_within_their_ranges(self):
        groups = relax_groups.group(self.seeds())
        colors = palette.colors_of(groups)
        labels = relax_panels.draw_accuracies(self.axes, groups, colors)
        self.assertLen(self.axes.collections, len(groups))
        for one, label, band in zip(
            groups, labels, self.axes.collections, strict=True
        ):
            (line,) = self.drawn(colors[one.stage])
            epochs, table = one.curves("test_accuracy")
            np.testing.assert_allclose(
                line, np.stack([epochs, 100 * table.mean(axis=0)], axis=1)
            )
            heights = band.get_paths()[0].vertices[:, 1]
            self.assertAlmostEqual(heights.max(), 100 * table.max())
            self.assertAlmostEqual(heights.min(), 100 * table.min())
            self.assertEqual((label.x, label.y), tuple(line[-1]))
            self.assertRegex(label.text, r"^\S+  \d\d\.\d ± \d\.\d$")

    def test_one_seed_has_no_range(self):
        groups = relax_groups.group(self.seeds(1))
        relax_panels.draw_accuracies(
            self.axes, groups, palette.colors_of(groups)
        )
        self.assertEmpty(self.axes.collections)
        self.assertEmpty(relax_panels.range_look(groups))

    @parameterized.parameters((True, 2, 1), (False, 1, 1))
    def test_an_elcn_has_its_sharing_only(self, has_share, efcn, elcn):
        sweep = self.seeds(2, (5,), kinds=("efcn", "elcn"))
        groups = relax_groups.group(sweep)
        colors = palette.colors_of(groups)
        labels = relax_panels.draw_distances(
            self.axes, groups, colors, has_share
        )
        self.assertEqual([x.text for x in labels], ["eFCN@5", "eLCN@5"])
        self.assertLen(self.drawn(colors["efcn_relax5"]), efcn)
        self.assertLen(self.drawn(colors["elcn_relax5"]), elcn)

    def test_a_divergence_is_marked_where_it_was(self):
        groups = relax_groups.group(self.seeds(1, (5,), **LOST))
        labels = relax_panels.draw_accuracies(
            self.axes, groups, palette.colors_of(groups)
        )
        (cross,) = [x for x in self.axes.get_lines() if x.get_marker() == "x"]
        self.assertEqual(cross.get_xdata()[0], 9)
        self.assertIn("eFCN@5  diverged", [label.text for label in labels])


class ByRelaxEpochTest(PanelsTest):
    @parameterized.parameters("ACCURACY", "DIFFERENCE", "DELTA")
    def test_means_lie_at_the_relax_epochs(self, name):
        measure = getattr(relax_panels, name)
        (line,) = self.lines(self.seeds(3, (0, 5, 20)))
        (label,) = relax_panels.draw_by_relax_epoch(self.axes, [line], measure)
        (points,) = self.drawn(line.color)
        by_hand = [np.mean(measure.values(one)) for one in line.groups]
        np.testing.assert_allclose(
            points, np.stack([[0, 5, 20], by_hand], axis=1)
        )
        self.assertEqual(label.text, "eFCN")
        self.assertLen(self.axes.collections, 1)

    def test_one_relax_epoch_shows_its_range(self):
        lines = self.lines(self.seeds(3, (5,)))
        relax_panels.draw_by_relax_epoch(
            self.axes, lines, relax_panels.ACCURACY
        )
        (bar,) = self.axes.collections
        values = relax_panels.ACCURACY.values(lines[0].groups[0])
        (segment,) = bar.get_segments()
        np.testing.assert_allclose(
            segment, [[5, values.min()], [5, values.max()]]
        )

    def test_networks_without_a_result_are_crosses(self):
        own = [synthetic_runs.cnn(), synthetic_runs.relaxed(5, **LOST)]
        own.append(synthetic_runs.relaxed(20))
        sweep = self.sweep((synthetic_relax_sweeps.entry({}), own))
        lines = self.lines(sweep)
        relax_panels.draw_by_relax_epoch(
            self.axes, lines, relax_panels.ACCURACY
        )
        crosses = [x for x in self.axes.get_lines() if x.get_marker() == "x"]
        self.assertEqual([x.get_xdata()[0] for x in crosses], [5])
        low, high = self.axes.get_xlim()
        self.assertLess(low, 5)
        self.assertGreater(high, 20)
        looks = relax_panels.lost_look(lines[0].groups)
        self.assertEqual(list(looks), ["diverged"])
        self.assertEmpty(relax_panels.lost_look(lines[0].groups[1:]))


class LevelsTest(PanelsTest):
    def test_levels_are_means_with_their_ranges(self):
        groups = relax_groups.group(self.seeds())
        labels = relax_panels.draw_levels(self.axes, groups, ("cnn", "fcn"))
        for label, stage in zip(labels, ("cnn", "fcn"), strict=True):
            (one,) = [g for g in groups if g.stage == stage]
            values = relax_panels.ACCURACY.values(one)
            self.assertAlmostEqual(label.y, values.mean())
            self.assertEqual(
                label.text,
                f"{stage.upper()}  {values.mean():.1f} ± "
                f"{values.std(ddof=1):.1f}",
            )
        self.assertLen(self.axes.patches, 2)

    @parameterized.parameters(
        ([{}, {}, {}], r"^\d\d\.\d ± \d\.\d$"),
        ([{}, {}, LOST], r"^\d\d\.\d ± \d\.\d \(2 of 3\)$"),
        ([{}, LOST], r"^\d\d\.\d \(1 of 2\)$"),
        ([LOST, {"reached": 12}], r"^diverged$"),
        ([{"reached": 12}], r"^running$"),
    )
    def test_the_outcome_tells_how_many_seeds_have_none(self, changes, text):
        sweep = self.sweep(
            *(
                (
                    synthetic_relax_sweeps.entry({}, seed),
                    [synthetic_runs.cnn(), synthetic_runs.relaxed(5, **own)],
                )
                for seed, own in enumerate(changes)
            )
        )
        one = relax_groups.group(sweep)[1]
        self.assertRegex(relax_panels.outcome(one), text)


class AgainstDistanceTest(PanelsTest):
    def test_each_seed_is_a_point_and_the_line_goes_through_the_means(self):
        sweep = self.seeds(3, (0, 20))
        (line,) = self.lines(sweep)
        fcns = [g for g in relax_groups.group(sweep) if g.kind == "fcn"]
        (label,) = relax_panels.draw_against_distance(self.axes, [line], fcns)
        seeds = [
            np.stack(
                [
                    one.finals("delta").values,
                    one.finals("test_accuracy").values,
                ],
                1,
            )
            for one in (*line.groups, *fcns)
        ]
        drawn = [
            collection.get_offsets()
            for collection in self.axes.collections
            if len(collection.get_offsets()) == 3
        ]
        self.assertLen(drawn, 3)
        for found, expected in zip(drawn, seeds, strict=True):
            np.testing.assert_allclose(found, expected * [1, 100])
        (means,) = self.drawn(line.color)
        np.testing.assert_allclose(
            means, [np.mean(own, axis=0) * [1, 100] for own in seeds[:2]]
        )
        # The label is at the farthest network.
        self.assertEqual((label.x, label.y), tuple(means[0]))


if __name__ == "__main__":
    absltest.main()

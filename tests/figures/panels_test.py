"""Tests of the panels: what the lines are, read back from the axes."""

import numpy as np
from absl.testing import absltest
from matplotlib import figure as mpl_figure

from needle_tf.figures import palette
from needle_tf.figures import panels
from tests.reports import synthetic_runs


class PanelsTest(absltest.TestCase):
    def draw(self, panel, *contents):
        stages = synthetic_runs.as_histories(*contents)
        axes = mpl_figure.Figure().subplots()
        self.colors = palette.colors_of(stages)
        labels = panel(axes, stages, self.colors)
        self.labels = {label.text: label for label in labels}
        return axes

    def lines(self, axes, stage):
        """Returns the lines of more than one point in a stage's colour."""
        return [
            line
            for line in axes.lines
            if line.get_color() == self.colors[stage]
            and len(line.get_xdata()) > 1
        ]

    def marks(self, axes, marker):
        return [
            (line.get_xdata()[0], line.get_ydata()[0])
            for line in axes.lines
            if line.get_marker() == marker and len(line.get_xdata()) == 1
        ]


class AccuraciesTest(PanelsTest):
    def test_lines_are_percent_over_epochs_in_total(self):
        relaxed = synthetic_runs.relaxed(20)
        axes = self.draw(panels.draw_accuracies, synthetic_runs.cnn(), relaxed)
        (line,) = self.lines(axes, "efcn_relax20")
        np.testing.assert_array_equal(line.get_xdata(), np.arange(20, 41))
        np.testing.assert_allclose(
            line.get_ydata(),
            [100 * row["test_accuracy"] for row in relaxed["epochs"]],
        )

    def test_a_relaxed_net_branches_off_the_cnn_at_a_mark(self):
        cnn = synthetic_runs.cnn()
        axes = self.draw(
            panels.draw_accuracies, cnn, synthetic_runs.relaxed(20)
        )
        ((epoch, percent),) = self.marks(axes, "o")
        self.assertEqual(epoch, 20)
        self.assertAlmostEqual(
            percent, 100 * cnn["epochs"][20]["test_accuracy"]
        )

    def test_labels_name_the_nets_and_their_outcome(self):
        self.draw(
            panels.draw_accuracies,
            synthetic_runs.cnn(),
            synthetic_runs.relaxed(20, reached=27),
            synthetic_runs.fcn(reached=12, diverged_step=722),
        )
        self.assertEqual(
            list(self.labels),
            ["CNN  87.0", "eFCN@20  running", "FCN  diverged"],
        )
        self.assertEqual(
            [label.x for label in self.labels.values()], [40, 27, 12]
        )

    def test_a_divergence_is_marked_where_the_line_ends(self):
        axes = self.draw(
            panels.draw_accuracies,
            synthetic_runs.cnn(),
            synthetic_runs.fcn(reached=12, diverged_step=722),
        )
        self.assertEqual([x for x, _ in self.marks(axes, "x")], [12])

    def test_the_axis_of_epochs_ends_with_the_longest_line(self):
        axes = self.draw(
            panels.draw_accuracies,
            synthetic_runs.cnn(),
            synthetic_runs.relaxed(20, reached=55, last_epoch=60),
        )
        self.assertEqual(axes.get_xlim(), (0, 55))

    def test_percentages_end_near_a_hundred(self):
        rows = [
            {"epoch": e, "test_accuracy": a}
            for e, a in enumerate((0.0, 0.9, 1.0))
        ]
        axes = self.draw(
            panels.draw_accuracies, synthetic_runs.cnn() | {"epochs": rows}
        )
        low, high = axes.get_ylim()
        self.assertBetween(low, -1, 0)
        self.assertBetween(high, 100, 101)

    def test_a_single_point_is_seen_and_its_axis_is_not_too_fine(self):
        axes = self.draw(panels.draw_accuracies, synthetic_runs.cnn(reached=0))
        ((x, y),) = self.marks(axes, "o")
        self.assertEqual((x, round(y, 9)), (0, 10))
        # On the border of the axes, and whole.
        self.assertFalse(axes.lines[0].get_clip_on())
        low, high = axes.get_ylim()
        self.assertGreaterEqual(high - low, 2)
        self.assertEqual(axes.get_xlim(), (0, 1))

    def test_a_stage_without_accuracies_is_left_out(self):
        axes = self.draw(
            panels.draw_accuracies,
            synthetic_runs.cnn(),
            synthetic_runs.fcn() | {"epochs": []},
        )
        self.assertLen(self.labels, 1)
        self.assertEmpty(self.lines(axes, "fcn"))

    def test_the_legend_explains_the_mark(self):
        axes = self.draw(
            panels.draw_accuracies,
            synthetic_runs.cnn(),
            synthetic_runs.relaxed(0),
            synthetic_runs.relaxed(20),
            synthetic_runs.relaxed(20, "elcn"),
        )
        (text,) = axes.get_legend().get_texts()
        self.assertEqual(
            text.get_text(), "eFCN@20: the CNN, relaxed at epoch 20"
        )


class DistancesTest(PanelsTest):
    def test_both_distances_of_relaxed_nets_are_drawn(self):
        relaxed = synthetic_runs.relaxed(20)
        axes = self.draw(
            panels.draw_distances,
            synthetic_runs.cnn(),
            relaxed,
            synthetic_runs.fcn(),
        )
        dashed, solid = self.lines(axes, "efcn_relax20")
        for line, name in ((dashed, "delta_share"), (solid, "delta")):
            np.testing.assert_array_equal(line.get_xdata(), range(20, 41))
            np.testing.assert_array_equal(
                line.get_ydata(), [row[name] for row in relaxed["epochs"]]
            )
        self.assertEqual(solid.get_linestyle(), "-")
        self.assertEqual(dashed.get_linestyle(), "--")
        self.assertLess(dashed.get_linewidth(), solid.get_linewidth())
        # Nets from scratch are no neighbours of the CNN: other scales.
        self.assertEqual(list(self.labels), ["eFCN@20"])
        self.assertEqual(self.labels["eFCN@20"].y, solid.get_ydata()[-1])

    def test_an_elcn_has_the_sharing_only(self):
        axes = self.draw(
            panels.draw_distances, synthetic_runs.relaxed(20, "elcn")
        )
        (line,) = self.lines(axes, "elcn_relax20")
        self.assertEqual(line.get_linestyle(), "--")
        self.assertEqual(self.labels["eLCN@20"].y, line.get_ydata()[-1])

    def test_the_legend_names_both(self):
        axes = self.draw(panels.draw_distances, synthetic_runs.relaxed(20))
        self.assertEqual(
            [text.get_text() for text in axes.get_legend().get_texts()],
            ["delta: off-local", "delta_share: sharing"],
        )
        self.assertEqual(axes.get_ylim()[0], 0)

    def test_distances_are_there_only_if_relaxed_and_measured(self):
        bare = synthetic_runs.relaxed(20)
        rows = [{"epoch": row["epoch"]} for row in bare["epochs"]]
        stages = synthetic_runs.as_histories(
            synthetic_runs.relaxed(20),
            bare | {"epochs": rows},
            synthetic_runs.cnn(),
            synthetic_runs.fcn(),
        )
        self.assertEqual(
            [panels.has_distance(stage) for stage in stages],
            [True, False, False, False],
        )


class RelaxEpochsTest(PanelsTest):
    def test_final_accuracies_are_points_over_relax_epochs(self):
        relaxed = [synthetic_runs.relaxed(e) for e in (0, 10, 30)]
        axes = self.draw(panels.draw_relax_epochs, *relaxed)
        (points,) = axes.collections
        np.testing.assert_allclose(
            points.get_offsets(),
            [
                (
                    stage["relax_epoch"],
                    100 * stage["epochs"][-1]["test_accuracy"],
                )
                for stage in relaxed
            ],
        )
        self.assertEqual(list(self.labels), ["eFCN"])

    def test_other_nets_are_levels(self):
        contents = [
            synthetic_runs.cnn(),
            *(synthetic_runs.relaxed(e) for e in (0, 10)),
            synthetic_runs.lcn(),
            synthetic_runs.fcn(),
        ]
        axes = self.draw(panels.draw_relax_epochs, *contents)
        for content, name in zip(
            (contents[0], *contents[-2:]), ("CNN", "LCN", "FCN"), strict=True
        ):
            percent = 100 * content["epochs"][-1]["test_accuracy"]
            (line,) = self.lines(axes, content["stage"])
            np.testing.assert_allclose(line.get_ydata(), [percent] * 2)
            self.assertAlmostEqual(self.labels[name].y, percent)

    def test_what_has_no_result_is_left_out(self):
        axes = self.draw(
            panels.draw_relax_epochs,
            synthetic_runs.cnn(),
            *(synthetic_runs.relaxed(e) for e in (0, 10)),
            synthetic_runs.relaxed(20, reached=27),
            synthetic_runs.relaxed(30, reached=33, diverged_step=9),
            synthetic_runs.fcn(reached=5),
        )
        (points,) = axes.collections
        self.assertLen(points.get_offsets(), 2)
        self.assertCountEqual(self.labels, ["eFCN", "CNN"])

    def test_epochs_far_apart_get_a_logarithmic_axis_with_room_for_zero(self):
        epochs = (0, 1, 2, 3, 4, 6, 8, 11, 15, 20, 27, 36)
        axes = self.draw(
            panels.draw_relax_epochs,
            *(synthetic_runs.relaxed(e) for e in epochs),
        )
        self.assertEqual(axes.get_xscale(), "symlog")
        places = axes.transLimits.transform(
            axes.transScale.transform([(x, 1) for x in axes.get_xticks()])
        )[:, 0]
        # Ticks lie at relax epochs, none upon another.
        self.assertContainsSubset(axes.get_xticks(), epochs)
        self.assertContainsSubset([0, 36], axes.get_xticks())
        self.assertTrue(np.all(np.diff(places) > 0.08), places)

    def test_epochs_close_together_keep_a_linear_axis(self):
        axes = self.draw(
            panels.draw_relax_epochs,
            *(synthetic_runs.relaxed(e) for e in (0, 5, 10, 20, 30)),
        )
        self.assertEqual(axes.get_xscale(), "linear")
        self.assertEqual(list(axes.get_xticks()), [0, 5, 10, 20, 30])


if __name__ == "__main__":
    absltest.main()

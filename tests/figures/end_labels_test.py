"""Tests of labels at the ends of lines: as near as possible, never over."""

import hypothesis
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import strategies as st
from matplotlib import figure as mpl_figure
from matplotlib import text as mpl_text
from matplotlib.backends import backend_agg

from needle_tf.figures import end_labels

HEIGHTS = st.lists(st.floats(0, 100), min_size=1, max_size=8)


class SpreadTest(parameterized.TestCase):
    @parameterized.parameters(
        ([], []),
        ([50.0], [50.0]),
        # Apart already: they stay.
        ([80.0, 20.0], [80.0, 20.0]),
        # Two at one place move by half a gap each, the first one down.
        ([50.0, 50.0], [45.0, 55.0]),
        ([50.0, 49.0], [54.5, 44.5]),
        # Three share the move; the fourth is not touched.
        ([50.0, 50.0, 50.0, 90.0], [40.0, 50.0, 60.0, 90.0]),
        # At the border all of them move inwards.
        ([0.0, 0.0], [0.0, 10.0]),
        ([100.0, 99.0, 98.0], [100.0, 90.0, 80.0]),
        ([-30.0, 130.0], [0.0, 100.0]),
    )
    def test_labels_move_as_little_as_possible(self, wanted, expected):
        np.testing.assert_allclose(
            end_labels.spread(wanted, gap=10, low=0, high=100), expected
        )

    def test_too_many_labels_share_the_room(self):
        np.testing.assert_allclose(
            end_labels.spread([5, 5, 5], gap=30, low=0, high=40), [0, 20, 40]
        )

    @hypothesis.given(HEIGHTS)
    def test_gaps_bounds_and_order_are_kept(self, wanted):
        heights = end_labels.spread(wanted, gap=10, low=0, high=100)
        self.assertTrue(np.all((heights >= -1e-9) & (heights <= 100 + 1e-9)))
        self.assertTrue(np.all(np.diff(np.sort(heights)) >= 10 - 1e-9))
        order = np.argsort(wanted, kind="stable")
        self.assertTrue(np.all(np.diff(heights[order]) > 0))

    @hypothesis.given(HEIGHTS, st.data())
    def test_no_other_arrangement_is_nearer(self, wanted, data):
        count = len(wanted)
        other = data.draw(
            st.lists(
                st.floats(0, 100 - 10 * (count - 1)),
                min_size=count,
                max_size=count,
            )
        )
        # Any rising numbers and the gaps are an arrangement that is allowed.
        other = np.sort(other) + 10 * np.arange(count)
        heights = np.sort(end_labels.spread(wanted, gap=10, low=0, high=100))
        wanted = np.sort(wanted)
        cost = np.sum((heights - wanted) ** 2)
        self.assertLessEqual(cost, np.sum((other - wanted) ** 2) + 1e-6)


class DrawTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.figure = mpl_figure.Figure((6, 3), dpi=100, layout="constrained")
        backend_agg.FigureCanvasAgg(self.figure)
        self.axes = self.figure.subplots()
        self.axes.plot([0, 10], [0, 1])
        self.axes.set_xlim(0, 10)
        self.axes.set_ylim(0, 1)

    def draw(self, *labels):
        annotations = end_labels.draw(
            self.axes,
            [end_labels.EndLabel(*label, "#112233") for label in labels],
            font_size=10,
        )
        self.figure.draw_without_rendering()
        self.figure.set_layout_engine("none")
        end_labels.move_apart(self.axes, annotations)
        self.figure.draw_without_rendering()
        return annotations

    def test_a_lone_label_stands_at_the_height_of_its_line(self):
        (label,) = self.draw(("one", 10, 0.5))
        box = label.get_window_extent()
        # The extent includes the leader; both are centred on the line's end.
        wanted = self.axes.transData.transform((10, 0.5))[1]
        self.assertAlmostEqual((box.y0 + box.y1) / 2, wanted, delta=3)
        self.assertEqual(label.get_color(), "#112233")

    def test_labels_of_equal_ends_do_not_overlap(self):
        labels = self.draw(*((f"line {k}", 10, 0.9) for k in range(5)))
        heights = [label.get_position()[1] for label in labels]
        pixels = np.diff(heights) * self.axes.get_window_extent().height
        # The height of a font of 10 points, at 100 dots per inch.
        self.assertTrue(np.all(pixels >= 10 * 100 / 72), pixels)

    def test_labels_lie_beside_the_axes_and_in_the_picture(self):
        labels = self.draw(("a rather long label", 10, 0.1), ("b", 4, 0.2))
        for label in labels:
            x = label.get_tightbbox().x1
            self.assertLess(x, self.figure.bbox.x1)
            start = label.get_transform().transform(label.get_position())[0]
            self.assertGreater(start, self.axes.get_window_extent().x1)

    def test_labels_do_not_reach_over_or_under_the_axes(self):
        labels = self.draw(*((name, 10, y) for name in "ab" for y in (0, 1)))
        axes_box = self.axes.get_window_extent()
        for label in labels:
            box = mpl_text.Text.get_window_extent(label)
            self.assertGreaterEqual(box.y0, axes_box.y0 - 1)
            self.assertLessEqual(box.y1, axes_box.y1 + 1)

    def test_leaders_over_the_axes_are_dotted(self):
        at_end, early = self.draw(("a", 10, 0.1), ("b", 4, 0.9))
        self.assertEqual(at_end.arrow_patch.get_linestyle(), "-")
        self.assertEqual(early.arrow_patch.get_linestyle(), ":")

    def test_no_labels_are_no_trouble(self):
        self.assertEqual(self.draw(), [])


class RequiredHeightTest(absltest.TestCase):
    def test_labels_of_that_height_do_not_overlap(self):
        self.assertAlmostEqual(end_labels.required_height(4, 10), 54)


if __name__ == "__main__":
    absltest.main()

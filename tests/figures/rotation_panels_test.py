"""Tests of rotation curves: where they lie, how they are told apart."""

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.figures import palette
from needle_tf.figures import pictures
from needle_tf.figures import rotation_panels


class RotationPanelsTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.enterContext(pictures.style())
        self.figure = pictures.blank(3.0)
        self.axes = self.figure.subplots()

    def draw(self, layers, steps=None, **changes):
        layers = {name: np.array(v, float) for name, v in layers.items()}
        if steps is None:
            steps = np.arange(len(next(iter(layers.values()), ())), dtype=float)
        return rotation_panels.draw(self.axes, steps, layers, **changes)

    def test_positions_and_values_are_the_ones_given(self):
        self.draw({"a": [0, 0.25, 0.5]}, steps=np.array([0.0, 7.0, 100.0]))
        (line,) = self.axes.get_lines()
        np.testing.assert_array_equal(line.get_xdata(), [0, 7, 100])
        np.testing.assert_array_equal(line.get_ydata(), [0, 0.25, 0.5])

    def test_colours_go_with_depth_and_the_mean_is_black(self):
        names = [f"conv_{k}" for k in range(10)]
        labels = self.draw({name: [0, 0.5] for name in names})
        colors = [line.get_color() for line in self.axes.get_lines()]
        self.assertEqual(colors, [*palette.depth_colors(10), "#000000"])
        self.assertEqual([label.text for label in labels], ["mean  0.50"])
        self.assertIsNotNone(
            rotation_panels.add_color_bar(self.figure, self.axes, 10)
        )

    def test_few_kernels_are_called_by_name(self):
        labels = self.draw({"block/a/kernel": [0, 0.5], "b" * 40: [0, 1]})
        self.assertEqual(labels[0].text, "block/a  0.50")
        self.assertLess(len(labels[1].text), 32)
        self.assertIsNone(
            rotation_panels.add_color_bar(self.figure, self.axes, 2)
        )

    def test_shortcuts_are_dashed_and_explained(self):
        layers = {"conv": [0, 1], "block_1_shortcut": [0, 1]}
        self.draw(layers)
        styles = [line.get_linestyle() for line in self.axes.get_lines()]
        self.assertEqual(styles, ["-", "--", "-"])
        self.assertEqual(
            list(rotation_panels.explanations(layers)), ["mean", "shortcut"]
        )
        self.assertEqual(
            list(rotation_panels.explanations(layers, is_small=True)),
            ["mean", "conv", "block_1_shortcut", "shortcut"],
        )
        self.assertEmpty(rotation_panels.explanations({"conv": [0, 1]}))

    @parameterized.parameters((0.9, 1.1), (1.02, 1.1), (1.8, 1.89))
    def test_the_axis_begins_at_0_and_shows_all(self, highest, top):
        self.draw({"a": [0, highest]})
        self.assertEqual(self.axes.get_ylim()[0], 0)
        self.assertAlmostEqual(self.axes.get_ylim()[1], top)

    def test_gaps_are_left_out_and_the_mean_is_of_all_kernels(self):
        self.draw({"a": [0, np.nan, 0.5], "b": [0, 0.5, 1]})
        a, _, mean = self.axes.get_lines()
        np.testing.assert_array_equal(a.get_xdata(), [0, 2])
        np.testing.assert_array_equal(mean.get_xdata(), [0, 2])
        np.testing.assert_array_equal(mean.get_ydata(), [0, 0.75])

    def test_nothing_measured_is_no_trouble(self):
        self.assertEqual(self.draw({}), [])
        self.assertEqual(self.draw({"a": [np.nan], "b": [np.nan]}), [])
        self.assertEqual(self.axes.get_ylim(), (0, rotation_panels.TOP))

    def test_one_point_is_seen(self):
        self.draw({"a": [0]})
        self.assertEqual(self.axes.get_lines()[0].get_marker(), "o")


if __name__ == "__main__":
    absltest.main()

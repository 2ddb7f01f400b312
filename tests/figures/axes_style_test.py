"""Tests of titles, scales and legends of axes."""

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.figures import axes_style
from needle_tf.figures import pictures
from tests.figures import picture_checks


class AxesStyleTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.enterContext(pictures.style())
        self.figure = pictures.blank(3.0)
        self.left, self.right = self.figure.subplots(1, 2)

    def height_of_title(self, axes):
        self.figure.draw_without_rendering()
        return axes._left_title.get_window_extent().y0

    def test_a_title_stands_above_a_legend(self):
        axes_style.explain(self.right, {"mean": {"lw": 2}})
        axes_style.set_up(self.right, "Right", "epochs")
        axes_style.set_up(self.left, "Left", "epochs", beside=self.right)
        self.assertAlmostEqual(
            self.height_of_title(self.left), self.height_of_title(self.right)
        )
        picture_checks.assert_in_place(self, self.figure)

    def test_nothing_to_explain_is_no_legend(self):
        axes_style.explain(self.left, {})
        axes_style.explain_above(self.figure, {})
        self.assertIsNone(self.left.get_legend())
        self.assertEmpty(self.figure.legends)

    def test_a_legend_above_all_says_what_lines_mean(self):
        axes_style.explain_above(self.figure, {"mean": {}, "shortcut": {}})
        words = picture_checks.words_of(self.figure)
        self.assertIn("mean", words)
        self.assertIn("shortcut", words)

    @parameterized.parameters("x", "y")
    def test_percentages_stay_within_what_can_be(self, axis):
        self.left.plot([0, 99.9], [0, 99.9])
        axes_style.set_percent(self.left, "test (%)", axis)
        low, high = getattr(self.left, f"get_{axis}lim")()
        self.assertGreaterEqual(low, -1)
        self.assertLessEqual(high, 101)
        self.assertEqual(getattr(self.left, f"get_{axis}label")(), "test (%)")

    def test_equal_percentages_do_not_blow_up_the_axis(self):
        self.left.plot([0, 1], [50, 50.01])
        axes_style.set_percent(self.left)
        low, high = self.left.get_ylim()
        self.assertGreaterEqual(high - low, 2)

    @parameterized.parameters((0, 1), (3, 3), (100, 100))
    def test_epochs_are_whole_and_end_with_the_lines(self, last, right):
        self.left.plot([0, last], [0, 1])
        axes_style.set_epochs(self.left)
        self.assertEqual(self.left.get_xlim(), (0, right))
        for tick in self.left.get_xticks():
            self.assertEqual(tick, round(tick))

    def test_ticks_without_room_are_left_out_but_not_the_last(self):
        self.left.set_xlim(0, 100)
        ticks = {place: f"at {place}" for place in range(0, 101)}
        axes_style.set_x_ticks(self.left, ticks)
        found = [text.get_text() for text in self.left.get_xticklabels()]
        self.assertEqual(found[-1], "at 100")
        self.assertLessEqual(len(found), 12)

    @parameterized.parameters(
        ((1e-12, 1e-2), ["10⁻¹²"]),
        ((1e-3, 1e0), ["0.001", "0.1", "1"]),
        ((0.11, 0.9), ["0.2", "0.5"]),
        ((0.4, 3), ["0.5", "1", "2"]),
    )
    def test_logarithmic_ticks_are_plain(self, values, expected):
        self.left.plot([0, 1], values)
        axes_style.set_logarithmic(self.left)
        words = picture_checks.words_of(self.figure).splitlines()
        for word in expected:
            self.assertIn(word, words)
        self.assertNotIn("$", "".join(words))


if __name__ == "__main__":
    absltest.main()

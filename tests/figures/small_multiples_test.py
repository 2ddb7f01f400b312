"""Tests of small panels: all of them are there, and readable."""

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.figures import pictures
from needle_tf.figures import small_multiples
from tests.figures import picture_checks


class SmallMultiplesTest(parameterized.TestCase):
    @parameterized.parameters(1, 2, 3, 4, 5, 7, 8, 13)
    def test_panels_have_their_titles_in_place(self, count):
        titles = [
            f"learning_rate={k}, momentum={k}\n88 %" for k in range(count)
        ]
        with pictures.style():
            figure, all_axes = small_multiples.blank(
                titles, "All", x_label="epochs", y_label="rotation"
            )
            for axes in all_axes:
                axes.plot([0, 100], [0, 1])
            small_multiples.finish(figure, kernels=20)
        self.assertLen(all_axes, count)
        words = picture_checks.words_of(figure)
        self.assertIn(f"learning_rate={count - 1}", words)
        self.assertIn("first\nlayer", words)
        picture_checks.assert_in_place(self, figure)
        picture_checks.assert_large_enough(self, figure)

    @parameterized.parameters(
        (1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 3), (8, 4), (13, 5), (40, 5)
    )
    def test_rows_are_full_where_they_can_be(self, panels, columns):
        self.assertEqual(small_multiples.column_count(panels), columns)

    def test_few_kernels_need_no_bar(self):
        with pictures.style():
            figure, _ = small_multiples.blank(
                ["a"], "All", x_label="x", y_label="y"
            )
            small_multiples.finish(figure, kernels=2)
        self.assertLen(figure.axes, 1)


if __name__ == "__main__":
    absltest.main()

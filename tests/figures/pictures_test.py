"""Tests of what all pictures share."""

import pathlib

import matplotlib
from absl.testing import absltest
from matplotlib import image as mpl_image

from needle_tf.figures import end_labels
from needle_tf.figures import pictures


class PicturesTest(absltest.TestCase):
    def figure(self, title=""):
        with pictures.style():
            figure = pictures.blank(3.0, title)
            axes = figure.subplots()
            axes.plot([0, 1], [0, 1])
            labels = [
                end_labels.EndLabel(name, 1, 1, "#000000") for name in "ab"
            ]
            annotations = end_labels.draw(axes, labels, pictures.FONT)
            pictures.lay_out(figure, [(axes, annotations)])
        return figure, annotations

    def test_a_picture_is_1500_pixels_wide_and_white(self):
        path = pathlib.Path(self.create_tempdir().full_path, "a.png")
        self.assertEqual(pictures.save(self.figure()[0], str(path)), path)
        picture = mpl_image.imread(path)
        self.assertEqual(picture.shape, (450, 1500, 4))
        self.assertEqual(picture[0, 0].tolist(), [1, 1, 1, 1])

    def test_equal_figures_are_equal_files_without_a_date(self):
        folder = pathlib.Path(self.create_tempdir().full_path)
        contents = [
            pictures.save(self.figure("t")[0], folder / name).read_bytes()
            for name in ("a.png", "b.png")
        ]
        self.assertEqual(contents[0], contents[1])
        for chunk in (b"tIME", b"Software", b"matplotlib"):
            self.assertNotIn(chunk, contents[0])

    def test_labels_are_moved_apart(self):
        _, annotations = self.figure()
        heights = {label.xyann[1] for label in annotations}
        self.assertLen(heights, 2)

    def test_the_style_is_neither_taken_nor_left_behind(self):
        with matplotlib.rc_context({"font.size": 30}):
            with pictures.style():
                self.assertEqual(matplotlib.rcParams["font.size"], 11)
            self.assertEqual(matplotlib.rcParams["font.size"], 30)

    def test_long_titles_are_shortened(self):
        figure, _ = self.figure("long " * 30)
        text = figure.get_suptitle()
        self.assertLen(text, 72)
        self.assertEndsWith(text, "\N{HORIZONTAL ELLIPSIS}")
        self.assertEqual(pictures.shortened("short", 5), "short")


if __name__ == "__main__":
    absltest.main()

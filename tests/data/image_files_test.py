"""Tests of image files: what is found, their shape, their pixels."""

import pathlib

import numpy as np
import PIL.Image
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import given
from hypothesis import strategies as st

from needle_tf.data import image_files


class ImageFilesTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.root = pathlib.Path(self.create_tempdir().full_path)

    def write(self, name, pixels):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(pixels).save(path)
        return path

    def write_numbered(self, count, shape=(2, 3)):
        return [
            self.write(f"{row:04}.png", np.full(shape, row % 256, "uint8"))
            for row in range(count)
        ]

    def test_images_are_found_in_order_and_others_counted(self):
        flat = np.zeros((2, 2), "uint8")
        for name in ("b.PNG", "a/z.png", "a/b/c.bmp", ".hidden.png"):
            self.write(name, flat)
        (self.root / "x.txt").write_text("")
        (self.root / "README").write_text("")
        found, others = image_files.found_below(self.root)
        self.assertEqual(
            [str(path.relative_to(self.root)) for path in found],
            ["a/b/c.bmp", "a/z.png", "b.PNG"],
        )
        self.assertEqual(others, {".txt": 1, "no ending": 1})

    def test_folder_that_is_not_there_holds_nothing(self):
        found, others = image_files.found_below(self.root / "none")
        self.assertEmpty(found)
        self.assertEqual(image_files.counted(others), "no file")

    @given(st.lists(st.integers(0, 4), max_size=6))
    def test_taking_keeps_files_with_their_labels(self, rows):
        files = image_files.ImageFiles(
            [pathlib.Path(str(row)) for row in range(5)],
            np.arange(5, dtype="int32"),
        )
        taken = files.take(np.array(rows, int))
        self.assertEqual([int(str(path)) for path in taken.paths], rows)
        np.testing.assert_array_equal(taken.labels, rows)

    # More files than one thread reads in one go, and an uneven rest.
    @parameterized.parameters(1, 64, 65, 150)
    def test_many_threads_keep_the_order(self, count):
        decoded = image_files.decoded(self.write_numbered(count), (2, 3), 1)
        self.assertEqual(decoded.shape, (count, 2, 3, 1))
        np.testing.assert_array_equal(decoded[:, 0, 0, 0], np.arange(count))
        self.assertEqual(np.ptp(decoded, axis=(1, 2, 3)).max(), 0)

    def test_of_several_broken_files_the_first_is_named(self):
        paths = self.write_numbered(200)
        for row in (70, 71, 150, 199):
            paths[row].write_bytes(b"broken")
        for _ in range(3):
            with self.assertRaisesRegex(
                ValueError, r"0070\.png cannot be read as an image"
            ):
                image_files.decoded(paths, (2, 3), 1)

    def test_other_sizes_are_resized_or_refused(self):
        paths = [
            *self.write_numbered(1),
            self.write("x.png", np.full((8, 9), 5, "uint8")),
        ]
        decoded = image_files.decoded(paths, (2, 3), 1)
        np.testing.assert_array_equal(decoded[1], np.full((2, 3, 1), 5))
        with self.assertRaisesRegex(
            ValueError,
            r"--image_size\. Received: \(8, 9\) \(height, width\) in "
            r".*x\.png, others \(2, 3\)",
        ):
            image_files.decoded(paths, (2, 3), 1, is_resized=False)

    def test_grey_is_read_as_colour_and_colour_as_grey(self):
        grey = self.write("grey.png", np.full((2, 2), 7, "uint8"))
        red = np.zeros((2, 2, 3), "uint8")
        red[..., 0] = 100
        red = self.write("red.png", red)
        colour = image_files.decoded([grey], (2, 2), 3)
        np.testing.assert_array_equal(colour, np.full((1, 2, 2, 3), 7))
        # Luma of red after ITU-R 601: 0.299.
        np.testing.assert_array_equal(
            image_files.decoded([red], (2, 2), 1), np.full((1, 2, 2, 1), 30)
        )

    @parameterized.parameters((None, (2, 3)), ((5, 5), (5, 5)))
    def test_common_shape_is_read_from_the_headers(self, image_size, size):
        paths = self.write_numbered(3)
        self.assertEqual(image_files.common_shape(paths, image_size), (size, 1))
        paths.append(self.write("c.png", np.zeros((2, 3, 3), "uint8")))
        self.assertEqual(image_files.common_shape(paths, image_size), (size, 3))

    def test_sizes_draw_class_by_class(self):
        labels = np.repeat(np.arange(3, dtype="int32"), 10)
        files = image_files.ImageFiles([pathlib.Path("x")] * 30, labels)
        train, test = image_files.sized((files, files), 6, None, 0)
        np.testing.assert_array_equal(np.bincount(train.labels), [2, 2, 2])
        self.assertLen(test.paths, 30)
        with self.assertRaisesRegex(ValueError, "`train_size` must"):
            image_files.sized((files, files), 31, None, 0)


if __name__ == "__main__":
    absltest.main()

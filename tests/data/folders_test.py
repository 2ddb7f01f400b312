"""Tests of reading a folder of images in class folders."""

import pathlib
from unittest import mock

import numpy as np
import PIL.Image
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.data import folders
from needle_tf.data import image_files
from needle_tf.data import memory


class FolderTestCase(parameterized.TestCase):
    """Writes small images into class folders."""

    def setUp(self):
        super().setUp()
        self.root = pathlib.Path(self.create_tempdir().full_path)
        self.rng = np.random.default_rng(0)

    def write(self, path, shape=(6, 5, 3), pixels=None, **options):
        """Writes one image, of random pixels if none are given."""
        path = self.root / path
        path.parent.mkdir(parents=True, exist_ok=True)
        if pixels is None:
            pixels = self.rng.integers(0, 256, shape, "uint8")
        PIL.Image.fromarray(pixels).save(path, **options)
        return pixels

    def write_classes(self, *names, count=5, below="", **options):
        return {
            f"{name}/{row}": self.write(f"{below}{name}/{row}.png", **options)
            for name in names
            for row in range(count)
        }


class LayoutTest(FolderTestCase):
    def test_class_folders_are_split_class_by_class(self):
        written = self.write_classes("dog", "cat", count=10)
        data = folders.image_folder(self.root)
        self.assertEqual(data.class_names, ("cat", "dog"))
        self.assertEqual(data.input_shape, (6, 5, 3))
        np.testing.assert_array_equal(np.bincount(data.train_labels), [8, 8])
        np.testing.assert_array_equal(np.bincount(data.test_labels), [2, 2])
        # Every image written is there once, with its own label.
        label_of = {
            pixels.tobytes(): data.class_names.index(name.split("/")[0])
            for name, pixels in written.items()
        }
        read = {}
        for pixels, labels in (
            (data.train_images, data.train_labels),
            (data.test_images, data.test_labels),
        ):
            for image, label in zip(pixels, labels, strict=True):
                read[image.tobytes()] = label
        self.assertEqual(read, label_of)

    def test_split_depends_on_the_seed_and_the_fraction(self):
        self.write_classes("a", "b", count=10)
        one, same, other = (
            folders.image_folder(self.root, seed=seed) for seed in (1, 1, 2)
        )
        self.assertEqual(one.fingerprint(), same.fingerprint())
        self.assertNotEqual(one.fingerprint(), other.fingerprint())
        half = folders.image_folder(self.root, test_fraction=0.5)
        self.assertLen(half.test_images, 10)
        self.assertEqual(
            half.source, f"{self.root}, 50% of each class to test on"
        )

    @parameterized.parameters("test", "validation")
    def test_given_parts_are_kept(self, name):
        train = self.write_classes("a", "b", count=3, below="train/")
        test = self.write_classes("a", "b", count=2, below=f"{name}/")
        data = folders.image_folder(self.root)
        np.testing.assert_array_equal(
            data.train_images, np.stack(list(train.values()))
        )
        np.testing.assert_array_equal(
            data.test_images, np.stack(list(test.values()))
        )
        np.testing.assert_array_equal(data.train_labels, [0, 0, 0, 1, 1, 1])
        self.assertEqual(data.source, f"{self.root}, parts train and {name}")

    def test_test_comes_before_validation(self):
        for count, part in enumerate(("train", "test", "validation"), start=1):
            self.write_classes("a", "b", count=count, below=f"{part}/")
        self.assertLen(folders.image_folder(self.root).test_images, 4)

    def test_class_may_be_called_train(self):
        self.write_classes("train", "plane")
        data = folders.image_folder(self.root)
        self.assertEqual(data.class_names, ("plane", "train"))

    def test_smaller_sizes_take_some_of_every_class(self):
        self.write_classes("a", "b", count=10)
        data = folders.image_folder(self.root, train_size=6, test_size=2)
        np.testing.assert_array_equal(np.bincount(data.train_labels), [3, 3])
        np.testing.assert_array_equal(np.bincount(data.test_labels), [1, 1])

    def test_files_lie_in_any_depth_and_others_are_skipped_with_a_warning(
        self,
    ):
        self.write_classes("a", "b", count=2)
        self.write("a/deep/deeper/x.png")
        (self.root / "a" / ".DS_Store").write_bytes(b"hidden")
        (self.root / "b" / "notes.txt").write_text("not an image")
        with self.assertLogs("absl", "WARNING") as logs:
            data = folders.image_folder(self.root)
        self.assertEqual(len(data.train_images) + len(data.test_images), 5)
        self.assertRegex(logs.output[0], r"Skipped below .*: 1 x \.txt\.")


class FormatTest(FolderTestCase):
    def test_png_bmp_and_gif_keep_their_pixels(self):
        colours = np.array([[10, 20, 30], [200, 100, 0]], "uint8")
        pixels = colours[self.rng.integers(0, 2, (6, 5))]
        for ending in ("png", "bmp", "gif", "PNG"):
            self.write(f"a/{ending}.{ending}", pixels=pixels)
            self.write(f"b/{ending}.{ending}", pixels=pixels)
        data = folders.image_folder(self.root, test_fraction=0.5)
        for image in (*data.train_images, *data.test_images):
            np.testing.assert_array_equal(image, pixels)

    def test_jpeg_is_read_up_to_its_own_loss(self):
        pixels = np.zeros((16, 16, 3), "uint8")
        pixels[:, 8:] = 255
        for name in ("a/1.jpg", "a/2.jpeg", "b/1.jpg", "b/2.JPG"):
            self.write(name, pixels=pixels, quality=95)
        data = folders.image_folder(self.root, test_fraction=0.5)
        error = np.abs(data.train_images - pixels.astype(int))
        self.assertLess(error.max(), 10)

    def test_grey_images_have_one_channel(self):
        written = self.write_classes("a", "b", shape=(6, 5))
        data = folders.image_folder(self.root)
        self.assertEqual(data.input_shape, (6, 5, 1))
        self.assertIn(
            data.train_images[0].tobytes(),
            {pixels.tobytes() for pixels in written.values()},
        )

    def test_grey_among_colour_is_read_as_colour(self):
        self.write_classes("a", shape=(6, 5))
        self.write_classes("b")
        data = folders.image_folder(self.root)
        grey = data.train_images[data.train_labels == 0]
        self.assertEqual(grey.shape[1:], (6, 5, 3))
        np.testing.assert_array_equal(grey[..., 0], grey[..., 2])

    def test_transparency_is_dropped(self):
        written = self.write_classes("a", "b", shape=(6, 5, 4))
        palette = PIL.Image.fromarray(np.zeros((6, 5, 3), "uint8")).convert("P")
        palette.save(self.root / "a" / "palette.png", transparency=b"\x00\x10")
        data = folders.image_folder(self.root)
        self.assertEqual(data.input_shape, (6, 5, 3))
        rows = {pixels[..., :3].tobytes() for pixels in written.values()}
        self.assertIn(data.train_images[-1].tobytes(), rows)

    def test_resizing_brings_all_to_one_size(self):
        for row, shape in enumerate([(6, 5, 3), (9, 7, 3), (40, 3, 3)]):
            value = np.full(shape, 40 * row, "uint8")
            self.write(f"a/{row}.png", pixels=value)
            self.write(f"b/{row}.png", pixels=value)
        data = folders.image_folder(self.root, image_size=(8, 4))
        self.assertEqual(data.input_shape, (8, 4, 3))
        # A constant image stays constant whatever its size was.
        for image in data.train_images:
            self.assertLen(np.unique(image), 1)

    def test_halving_averages_without_aliasing(self):
        stripes = np.zeros((8, 8), "uint8")
        stripes[:, ::2] = 200
        for name in ("a/1", "a/2", "b/1", "b/2"):
            self.write(f"{name}.png", pixels=stripes)
        data = folders.image_folder(self.root, image_size=2)
        np.testing.assert_allclose(data.train_images, 100, atol=15)


class BadFolderTest(FolderTestCase):
    def refuses(self, message, **arguments):
        with self.assertRaisesRegex(ValueError, message):
            folders.image_folder(self.root, **arguments)

    def test_missing_folder_is_refused(self):
        with self.assertRaisesRegex(
            ValueError, r"there is no folder /no/where\. Point --data_dir at"
        ):
            folders.image_folder("/no/where")

    def test_folder_without_two_classes_is_refused(self):
        self.refuses("at least two class folders .* Found: no folder")
        self.write_classes("a")
        self.refuses("at least two class folders .* Found: a")

    def test_empty_class_is_named(self):
        self.write_classes("a")
        (self.root / "b").mkdir()
        self.refuses("class folder .*/b holds no image.*Found: no file")
        (self.root / "b" / "x.webp").write_bytes(b"other")
        self.refuses(r"end in \.png, .*Found: 1 x \.webp")

    def test_class_of_one_image_is_named(self):
        self.write_classes("a")
        self.write_classes("b", count=1)
        self.refuses("at least 2 images, .* one image of class 'b'")

    def test_classes_that_differ_between_the_parts_are_named(self):
        self.write_classes("a", "b", below="train/")
        self.write_classes("a", "c", below="test/")
        self.refuses("same class folders. Only in one of them: b, c")

    def test_fraction_beside_given_parts_is_refused(self):
        self.write_classes("a", "b", below="train/")
        self.write_classes("a", "b", below="test/")
        self.refuses(
            "`test_fraction` would be ignored: .* parts train and test already"
            ". Received: test_fraction=0.2",
            test_fraction=0.2,
        )

    def test_different_sizes_without_image_size_name_two_files(self):
        self.write_classes("a")
        self.write_classes("b", shape=(6, 7, 3))
        self.refuses(
            r"different sizes need --image_size\. Received: \(6, 5\) \(height, "
            r"width\) in .*/a/\d\.png and \(6, 7\) in .*/b/\d\.png"
        )

    @parameterized.parameters("png", "jpg", "bmp", "gif")
    def test_broken_image_is_named(self, ending):
        self.write_classes("a", "b", shape=(60, 50, 3))
        broken = self.root / "b" / f"broken.{ending}"
        self.write(broken, shape=(60, 50, 3))
        whole = broken.read_bytes()
        for kept in (whole[: len(whole) // 2], whole[:20], b"", b"hello"):
            broken.write_bytes(kept)
            self.refuses(
                rf"/b/broken\.{ending} cannot be read as an image: .*\. "
                "Replace or remove the file"
            )

    def test_deep_colours_are_refused_by_file(self):
        self.write_classes("a", "b")
        deep = np.full((6, 5), 1000, "uint16")
        self.write("a/deep.png", pixels=deep)
        self.refuses(
            r"/a/deep\.png has more than 8 bits per channel \(mode I;16\)\. "
            "Convert it to 8 bits"
        )

    def test_more_images_than_there_are_is_refused(self):
        self.write_classes("a", "b")
        self.refuses("`train_size` must .* from 1 to 8", train_size=9)

    def test_more_than_the_memory_holds_is_refused_before_decoding(self):
        self.write_classes("a", "b")
        with (
            mock.patch.object(memory, "available_bytes", lambda: 1799),
            mock.patch.object(image_files, "decoded") as decoded,
        ):
            self.refuses(
                "would not fit into memory: the images take 900 bytes.*Give a "
                "smaller --image_size, --train_size or --test_size"
            )
        decoded.assert_not_called()


if __name__ == "__main__":
    absltest.main()

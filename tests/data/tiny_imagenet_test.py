"""Tests of reading Tiny ImageNet from a tree of real JPEGs."""

import pathlib
from unittest import mock

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.data import image_files
from needle_tf.data import memory
from needle_tf.data import tiny_imagenet
from tests.data import unpacked_sets


class TinyImageNetTestCase(parameterized.TestCase):
    """Unpacks the small set into a folder."""

    def setUp(self):
        super().setUp()
        self.root = pathlib.Path(self.create_tempdir().full_path)
        unpacked_sets.write_tiny_imagenet(self.root)

    def read(self, **arguments):
        return tiny_imagenet.tiny_imagenet(self.root, **arguments)


class ReadingTest(TinyImageNetTestCase):
    def test_every_image_has_the_label_of_its_class(self):
        data = self.read()
        self.assertEqual(data.input_shape, (6, 8, 3))
        self.assertEqual(data.train_images.dtype, "uint8")
        # In the order of wnids.txt, not of the alphabet.
        np.testing.assert_array_equal(
            data.train_labels, np.repeat([0, 1, 2], 4)
        )
        for index, (image, label) in enumerate(
            zip(data.train_images, data.train_labels, strict=True)
        ):
            colour = unpacked_sets.colour_of(
                unpacked_sets.WNIDS[label], index % 4
            )
            self.assertTrue(unpacked_sets.is_coloured(image, colour), index)
        # n01, n02, n03 in turn.
        np.testing.assert_array_equal(data.test_labels, [1, 2, 0] * 2)
        for index, (image, label) in enumerate(
            zip(data.test_images, data.test_labels, strict=True)
        ):
            colour = unpacked_sets.colour_of(
                unpacked_sets.WNIDS[label], 5 + index // 3
            )
            self.assertTrue(unpacked_sets.is_coloured(image, colour), index)

    def test_classes_are_called_by_their_first_name(self):
        data = self.read()
        self.assertEqual(
            data.class_names, ("crane (n03)", "crane (n01)", "goldfish")
        )
        self.assertEqual(data.source, f"{self.root}, parts train and val")

    def test_grey_images_become_colour(self):
        (self.root / "val" / "images" / "val_1.JPEG").write_bytes(
            unpacked_sets.jpeg(90)
        )
        data = self.read()
        self.assertTrue(
            unpacked_sets.is_coloured(data.test_images[1], (90, 90, 90))
        )

    def test_sizes_take_classes_in_proportion_and_decode_no_more(self):
        with mock.patch.object(
            image_files, "decoded", wraps=image_files.decoded
        ) as decoded:
            data = self.read(train_size=6, test_size=3, seed=1)
        self.assertEqual(
            [len(call.args[0]) for call in decoded.call_args_list], [6, 3]
        )
        np.testing.assert_array_equal(np.bincount(data.train_labels), [2, 2, 2])
        np.testing.assert_array_equal(np.bincount(data.test_labels), [1, 1, 1])
        self.assertEqual(
            data.fingerprint(),
            self.read(train_size=6, test_size=3, seed=1).fingerprint(),
        )
        others = {
            self.read(train_size=6, test_size=3, seed=seed).fingerprint()
            for seed in range(4)
        }
        self.assertGreater(len(others), 1)

    @parameterized.parameters((4, (4, 4)), ((3, 5), (3, 5)))
    def test_images_are_resized(self, image_size, expected):
        path = self.root / "train" / "n01" / "images" / "n01_0.JPEG"
        colour = unpacked_sets.colour_of("n01", 0)
        path.write_bytes(unpacked_sets.jpeg(colour, (30, 20)))
        data = self.read(image_size=image_size)
        self.assertEqual(data.input_shape, (*expected, 3))
        self.assertTrue(unpacked_sets.is_coloured(data.train_images[4], colour))


class BadFolderTest(TinyImageNetTestCase):
    def refuses(self, message, **arguments):
        with self.assertRaisesRegex(ValueError, message):
            self.read(**arguments)

    def test_missing_folder_is_refused(self):
        with self.assertRaisesRegex(
            ValueError,
            "/no/where is no unpacked Tiny ImageNet: there is no "
            r"/no/where/wnids\.txt\. Point --data_dir at .*in it\.$",
        ):
            tiny_imagenet.tiny_imagenet("/no/where")

    def test_folder_above_is_refused_with_the_one_below(self):
        root = pathlib.Path(self.create_tempdir().full_path)
        inside = root / "tiny-imagenet-200"
        inside.mkdir()
        with self.assertRaisesRegex(ValueError, rf"Try --data_dir={inside}\.$"):
            tiny_imagenet.tiny_imagenet(root)

    @parameterized.parameters(
        ("words.txt", r"words\.txt cannot be read: .* Unpack"),
        ("val/val_annotations.txt", r"val_annotations\.txt cannot be read"),
        ("val/images/val_2.JPEG", r"no .*val_2\.JPEG, which line 3 of"),
        ("wnids.txt", r"there is no .*wnids\.txt"),
    )
    def test_missing_file_is_named(self, file, message):
        (self.root / file).unlink()
        self.refuses(message)

    def test_class_without_images_is_named(self):
        images = self.root / "train" / "n02" / "images"
        for file in images.iterdir():
            file.unlink()
        (images / "notes.txt").write_text("none")
        self.refuses(r"n02/images holds no image of class n02.*1 x \.txt")

    def test_missing_class_folder_is_named(self):
        (self.root / "train" / "n02").rename(self.root / "train" / "other")
        self.refuses("n02/images holds no image of class n02. Found: no file")

    @parameterized.parameters(
        ("", "Received: 0 lines"),
        ("n01\n", "Received: 1 lines"),
        ("n01\nn02\nn01\n", "Received: 3 lines, n01 more than once"),
    )
    def test_damaged_list_of_classes_is_refused(self, text, message):
        (self.root / "wnids.txt").write_text(text)
        self.refuses(rf"wnids\.txt must hold at least two .*{message}")

    @parameterized.parameters("n01\tcrane\n", "n01\tcrane\nn02\nn03\t \n")
    def test_class_without_a_name_is_named(self, text):
        (self.root / "words.txt").write_text(text)
        self.refuses(
            r"words\.txt has no name for 2 classes of wnids\.txt, the first "
            "of them n03"
        )

    def test_file_that_is_no_text_is_named(self):
        (self.root / "words.txt").write_bytes(b"\xff\xfe\x00")
        self.refuses(r"words\.txt cannot be read")

    @parameterized.parameters(
        ("val_1.JPEG\tn77\t0", "Received in line 2: .*n77"),
        ("val_1.JPEG n01", "Received in line 2: 'val_1.JPEG n01'"),
        ("val_0.JPEG\tn01", "no .*val_0.JPEG, which line 2 .* named twice"),
    )
    def test_damaged_annotation_is_named_by_its_line(self, line, message):
        file = self.root / "val" / "val_annotations.txt"
        lines = file.read_text().splitlines()
        file.write_text("\n".join([lines[0], line, *lines[2:]]))
        self.refuses(message)

    @parameterized.parameters(0, 4)
    def test_annotations_that_end_early_are_refused(self, kept):
        file = self.root / "val" / "val_annotations.txt"
        lines = file.read_text().splitlines()
        file.write_text("\n".join(lines[:kept]))
        self.refuses(
            rf"must name each image in .*Received: {kept} names, and "
            rf"{6 - kept} images without one, such as val_{kept}\.JPEG"
        )

    @parameterized.parameters(
        "train/n02/images/n02_3.JPEG", "val/images/val_5.JPEG"
    )
    def test_broken_image_is_named(self, name):
        file = self.root / name
        whole = file.read_bytes()
        for damaged in (whole[: len(whole) // 2], b"", b"hello"):
            file.write_bytes(damaged)
            self.refuses(f"{name} cannot be read as an image")

    def test_image_of_another_size_is_named(self):
        file = self.root / "val" / "images" / "val_3.JPEG"
        file.write_bytes(unpacked_sets.jpeg((1, 2, 3), (9, 6)))
        self.refuses(
            r"different sizes need --image_size. Received: \(6, 9\) \(height, "
            r"width\) in .*/val_3\.JPEG, others \(6, 8\)"
        )
        self.read(image_size=4)

    def test_more_images_than_there_are_is_refused(self):
        self.refuses("`train_size` must .* from 1 to 12", train_size=13)

    def test_bad_image_size_is_refused(self):
        self.refuses("`image_size` must be an integer", image_size=0)

    def test_more_than_the_memory_holds_is_refused_before_decoding(self):
        with (
            mock.patch.object(memory, "available_bytes", lambda: 100),
            mock.patch.object(image_files, "decoded") as decoded,
        ):
            self.refuses("would not fit into memory: the images take 2.5 KiB")
        decoded.assert_not_called()


if __name__ == "__main__":
    absltest.main()

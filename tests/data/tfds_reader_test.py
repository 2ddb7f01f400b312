"""Tests of reading a set that TFDS has prepared, on real prepared files."""

import pathlib
from unittest import mock

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.data import memory
from needle_tf.data import tfds_reader
from tests.data import prepared_sets


class ReaderTestCase(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.data_dir = self.create_tempdir().full_path

    def reader(self, image_size=None, **prepared):
        path = prepared_sets.prepare(self.data_dir, **prepared)
        return tfds_reader.Reader("tiny_shapes:1.0.0", path, image_size)

    def refuses(self, message, image_size=None, **prepared):
        with self.assertRaisesRegex(ValueError, message):
            self.reader(image_size, **prepared)


class ReadingTest(ReaderTestCase):
    def test_pixels_and_labels_come_as_prepared_in_their_order(self):
        reader = self.reader()
        for split, count, seed in (("train", 30, 0), ("test", 12, 1)):
            pixels, labels = prepared_sets.examples(count, seed=seed)
            np.testing.assert_array_equal(reader.labels(split), labels)
            read = reader.images(split, np.arange(count))
            np.testing.assert_array_equal(read, pixels)
            self.assertEqual(read.dtype, "uint8")
        self.assertEqual(reader.labels("train").dtype, "int32")
        self.assertEqual(reader.splits, ("train", "test"))
        self.assertEqual(reader.class_names, ("ant", "bee", "cow"))

    def test_only_the_wanted_rows_are_decoded(self):
        reader = self.reader()
        rows = np.array([0, 3, 17, 29])
        decode, calls = tfds_reader.Reader._decoded, []

        def counted(self, encoded):
            counting = tf.py_function(lambda: calls.append(1), [], [])
            with tf.control_dependencies([counting]):
                return decode(self, encoded)

        with mock.patch.object(tfds_reader.Reader, "_decoded", counted):
            read = reader.images("train", rows)
        pixels, _ = prepared_sets.examples(30)
        np.testing.assert_array_equal(read, pixels[rows])
        self.assertLen(calls, 4)

    def test_validation_tests_if_there_is_no_test_split(self):
        both = {
            "train": prepared_sets.examples(9),
            "validation": prepared_sets.examples(6),
        }
        self.assertEqual(
            self.reader(splits=both).splits, ("train", "validation")
        )
        three = both | {"test": prepared_sets.examples(3)}
        self.assertEqual(
            self.reader(splits=three, version="2.0.0").splits,
            ("train", "test"),
        )

    def test_other_columns_do_not_disturb(self):
        pixels, labels = prepared_sets.examples(9)
        columns = {
            "picture": pixels,
            "class": labels,
            "id": [f"image {row}" for row in range(9)],
            "box": np.zeros((9, 4), "float32"),
        }
        reader = self.reader(
            splits={"train": columns, "test": columns},
            features={
                "picture": tfds.features.Image(shape=(6, 5, 3)),
                "class": tfds.features.ClassLabel(num_classes=3),
                "id": tfds.features.Text(),
                "box": tfds.features.Tensor(shape=(4,), dtype=np.float32),
            },
        )
        np.testing.assert_array_equal(
            reader.images("test", np.arange(9)), pixels
        )
        np.testing.assert_array_equal(reader.labels("test"), labels)
        self.assertEqual(reader.class_names, ("0", "1", "2"))

    def test_deep_pixels_come_as_float32(self):
        pixels, labels = prepared_sets.examples(6, shape=(4, 4, 1))
        deep = pixels.astype("uint16") * 200
        reader = self.reader(
            splits={"train": (deep, labels), "test": (deep, labels)},
            features={
                "image": tfds.features.Image(shape=(4, 4, 1), dtype=np.uint16),
                "label": tfds.features.ClassLabel(num_classes=3),
            },
        )
        read = reader.images("train", np.arange(6))
        self.assertEqual(read.dtype, "float32")
        np.testing.assert_array_equal(read, deep.astype("float32"))


class ResizingTest(ReaderTestCase):
    def test_images_are_resized_to_height_and_width(self):
        flat = (
            np.ones((6, 6, 5, 3), "uint8")
            * np.arange(6, dtype="uint8")[:, None, None, None]
        )
        labels = np.arange(6) % 3
        reader = self.reader(
            (4, 8), splits={"train": (flat, labels), "test": (flat, labels)}
        )
        read = reader.images("train", np.arange(6))
        self.assertEqual(read.shape, (6, 4, 8, 3))
        # A constant image stays constant whatever its size was.
        np.testing.assert_array_equal(read, read[:, :1, :1, :1] + 0 * read)
        np.testing.assert_array_equal(read[:, 0, 0, 0], np.arange(6))

    def test_halving_averages_and_rounds(self):
        stripes = np.zeros((3, 8, 8, 1), "uint8")
        stripes[:, :, ::2] = 201
        labels = np.arange(3)
        reader = self.reader(
            (4, 4),
            splits={"train": (stripes, labels), "test": (stripes, labels)},
        )
        inner = reader.images("train", np.arange(3))[:, :, 1:-1]
        # Weights 1:3:3:1 over four stripes, two of them bright: 100.5.
        np.testing.assert_allclose(inner, 100.5, atol=0.5)

    def test_images_of_their_own_size_are_left_alone(self):
        reader = self.reader((6, 5))
        pixels, _ = prepared_sets.examples(30)
        np.testing.assert_array_equal(
            reader.images("train", np.arange(30)), pixels
        )

    def test_varying_sizes_are_resized_or_refused(self):
        options = {
            "splits": {
                "train": prepared_sets.examples(6),
                "test": prepared_sets.examples(6),
            },
            "features": {
                "image": tfds.features.Image(shape=(None, None, 3)),
                "label": tfds.features.ClassLabel(num_classes=3),
            },
        }
        self.refuses(
            r"images of tiny_shapes:1\.0\.0 vary in shape: \(None, None, 3\) "
            r"\(height, width, channels\)\. Give one --image_size",
            **options,
        )
        path = pathlib.Path(self.data_dir, "tiny_shapes", "1.0.0")
        reader = tfds_reader.Reader("tiny_shapes", path, (6, 5))
        pixels, _ = prepared_sets.examples(6)
        # Resized to the size that they happen to have.
        np.testing.assert_array_equal(
            reader.images("test", np.arange(6)), pixels
        )

    def test_varying_channels_are_refused(self):
        self.refuses(
            r"\(None, None, None\) \(height.*Give another --dataset",
            (6, 5),
            splits={
                "train": prepared_sets.examples(6),
                "test": prepared_sets.examples(6),
            },
            features={
                "image": tfds.features.Image(shape=(None, None, None)),
                "label": tfds.features.ClassLabel(num_classes=3),
            },
        )


class RefusalTest(ReaderTestCase):
    def test_missing_splits_are_named(self):
        self.refuses(
            r"tiny_shapes:1\.0\.0 must have the split train, and test or "
            "validation. It has: train, unlabelled",
            splits={
                "train": prepared_sets.examples(6),
                "unlabelled": prepared_sets.examples(6),
            },
        )

    def test_set_without_one_image_and_one_label_is_described(self):
        columns = {
            "left": prepared_sets.examples(6)[0],
            "right": prepared_sets.examples(6)[0],
            "label": np.arange(6) % 3,
        }
        image = tfds.features.Image(shape=(6, 5, 3))
        self.refuses(
            "is not an image classification set, which has one image and one "
            r"class label per example\. It has: label \(ClassLabel\), left "
            r"\(Image\), right \(Image\)\. Choose another --dataset",
            splits={"train": columns, "test": columns},
            features={
                "left": image,
                "right": image,
                "label": tfds.features.ClassLabel(num_classes=3),
            },
        )

    def test_examples_without_a_label_are_counted(self):
        pixels, labels = prepared_sets.examples(6)
        reader = self.reader(
            splits={
                "train": (pixels, labels),
                "test": (pixels, np.where(labels == 1, -1, labels)),
            },
        )
        with self.assertRaisesRegex(
            ValueError,
            r"split test of tiny_shapes:1\.0\.0 has 2 images without",
        ):
            reader.labels("test")

    def test_damaged_files_are_named(self):
        reader = self.reader()
        (file,) = pathlib.Path(self.data_dir).rglob("*train.tfrecord*")
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
        for read in (
            lambda: reader.labels("train"),
            lambda: reader.images("train", np.arange(30)),
        ):
            with self.assertRaisesRegex(
                ValueError,
                r"files of tiny_shapes:1\.0\.0 in .*1\.0\.0 are broken: .*"
                "Prepare it again",
            ):
                read()

    def test_missing_files_are_named(self):
        reader = self.reader()
        (file,) = pathlib.Path(self.data_dir).rglob("*train.tfrecord*")
        file.unlink()
        with self.assertRaisesRegex(ValueError, "are broken: .*Prepare it"):
            reader.labels("train")

    def test_damaged_description_is_named(self):
        path = prepared_sets.prepare(self.data_dir)
        (path / "features.json").write_text("{")
        with self.assertRaisesRegex(
            ValueError, r"/1\.0\.0 is no data set that TFDS can read: .*Prepare"
        ):
            tfds_reader.Reader("tiny_shapes", path, None)

    def test_more_than_the_memory_holds_is_refused(self):
        reader = self.reader()
        with mock.patch.object(memory, "available_bytes", lambda: 2 * 900):
            reader.require_room(10)
            with self.assertRaisesRegex(
                ValueError,
                r"^tiny_shapes:1\.0\.0 would not fit .* take 990 bytes.*Give a "
                "smaller --image_size, --train_size or --test_size",
            ):
                reader.require_room(11)

    def test_errors_are_told_by_their_first_line(self):
        self.assertEqual(
            tfds_reader.first_line(OSError("\nfirst\nsecond")), "first"
        )
        self.assertEqual(tfds_reader.first_line(KeyError()), "KeyError")


class QuietTest(ReaderTestCase):
    def test_nothing_is_logged_about_what_only_tfds_can_change(self):
        reader = self.reader()
        # absl would log such a warning once per process only.
        every_time = mock.patch(
            "absl.logging._get_next_log_count_per_token", return_value=0
        )
        with every_time, self.assertNoLogs("absl", "WARNING"):
            reader.labels("train")
            reader.images("train", np.arange(3))


if __name__ == "__main__":
    absltest.main()

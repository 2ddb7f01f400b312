"""Tests of the embedded data sets."""

import pathlib
from unittest import mock

import numpy as np
import sklearn.datasets
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.data import digits
from needle_tf.data import memory


def as_rows(squares):
    """Each square of pixels as something that a set can hold."""
    return {square.tobytes() for square in squares}


def digit_windows(canvas):
    """The 8x8 windows of a canvas that hold all of its ink."""
    ink = canvas.sum()
    sides = range(canvas.shape[0] - digits.DIGIT_SIZE + 1)
    for top in sides:
        for left in sides:
            window = canvas[top : top + 8, left : left + 8]
            if window.sum() == ink:
                yield np.ascontiguousarray(window)


class BundledDigitsTest(absltest.TestCase):
    def test_they_are_those_of_scikit_learn_wherever_it_keeps_its_file(self):
        read = digits.bundled_digits.__wrapped__
        loaded = sklearn.datasets.load_digits()
        expected = loaded.images.astype("uint8"), loaded.target.astype("int32")
        from_file = read()
        with mock.patch.object(sklearn.datasets, "load_digits") as load:
            load.side_effect = AssertionError
            read()  # The file alone is enough,
        with mock.patch.object(pathlib.Path, "is_file", return_value=False):
            from_library = read()  # and so is the library.
        for found in (from_file, from_library):
            for ours, theirs in zip(found, expected, strict=True):
                self.assertEqual(ours.dtype, theirs.dtype)
                np.testing.assert_array_equal(ours, theirs)


class SplitTest(parameterized.TestCase):
    @parameterized.parameters(0, 1, 12345)
    def test_every_real_digit_is_in_exactly_one_part(self, seed):
        train, test = digits.digit_split(seed)
        np.testing.assert_array_equal(
            np.sort(np.concatenate([train, test])), np.arange(1797)
        )
        self.assertEqual((len(train), len(test)), (1347, 450))

    def test_classes_are_split_alike(self):
        _, labels = digits.bundled_digits()
        _, test = digits.digit_split(0)
        share = np.bincount(labels[test]) / np.bincount(labels)
        # Rounded within a class of about 180.
        np.testing.assert_allclose(share, 0.25, atol=0.5 / 170)

    def test_seed_decides(self):
        one, same, other = (digits.digit_split(seed) for seed in (1, 1, 2))
        np.testing.assert_array_equal(one[1], same[1])
        self.assertFalse(np.array_equal(one[1], other[1]))

    def test_real_digits_differ_so_that_disjoint_rows_mean_disjoint_images(
        self,
    ):
        pixels, _ = digits.bundled_digits()
        self.assertLen(as_rows(pixels), 1797)
        self.assertEqual((pixels.min(), pixels.max()), (0, 16))


class PlainDigitsTest(absltest.TestCase):
    def test_they_are_the_split_digits_themselves(self):
        data = digits.plain_digits(seed=3)
        pixels, labels = digits.bundled_digits()
        train, test = digits.digit_split(3)
        np.testing.assert_array_equal(data.train_images[..., 0], pixels[train])
        np.testing.assert_array_equal(data.train_labels, labels[train])
        np.testing.assert_array_equal(data.test_images[..., 0], pixels[test])
        np.testing.assert_array_equal(data.test_labels, labels[test])
        self.assertEqual(data.input_shape, (8, 8, 1))
        self.assertEqual(data.class_names, tuple("0123456789"))

    def test_smaller_sizes_take_some_of_every_class(self):
        data = digits.plain_digits(seed=3, train_size=100, test_size=20)
        whole = digits.plain_digits(seed=3)
        self.assertLen(data.train_images, 100)
        self.assertLen(data.test_images, 20)
        self.assertBetween(np.bincount(data.train_labels).min(), 9, 10)
        np.testing.assert_array_equal(np.bincount(data.test_labels), [2] * 10)
        self.assertLess(as_rows(data.train_images), as_rows(whole.train_images))

    def test_more_than_there_are_is_refused(self):
        with self.assertRaisesRegex(
            ValueError,
            "`train_size` must be an integer from 1 to 1347. Received: "
            "train_size=1348",
        ):
            digits.plain_digits(seed=0, train_size=1348)
        with self.assertRaisesRegex(ValueError, "`test_size` .* 1 to 450"):
            digits.plain_digits(seed=0, test_size=451)


class ClutteredDigitsTest(parameterized.TestCase):
    def test_default_is_the_set_of_the_documentation(self):
        data = digits.cluttered_digits(seed=0)
        self.assertEqual(data.train_images.shape, (6000, 16, 16, 1))
        self.assertEqual(data.test_images.shape, (2000, 16, 16, 1))
        self.assertEqual(data.train_images.dtype, "uint8")
        self.assertEqual(data.train_images.max(), 16)
        np.testing.assert_array_equal(np.bincount(data.train_labels), 600)
        np.testing.assert_array_equal(np.bincount(data.test_labels), 200)

    def test_seed_decides_everything(self):
        one, same, other = (
            digits.cluttered_digits(seed, train_size=50, test_size=30)
            for seed in (5, 5, 6)
        )
        self.assertEqual(one.fingerprint(), same.fingerprint())
        self.assertFalse(np.array_equal(one.train_images, other.train_images))
        self.assertFalse(np.array_equal(one.test_labels, other.test_labels))

    def test_more_training_images_leave_the_test_images(self):
        few = digits.cluttered_digits(seed=0, train_size=10, test_size=30)
        many = digits.cluttered_digits(seed=0, train_size=99, test_size=30)
        np.testing.assert_array_equal(few.test_images, many.test_images)

    @parameterized.parameters(8, 9, 20)
    def test_without_clutter_each_image_is_one_real_digit_of_its_part(
        self, canvas_size
    ):
        data = digits.cluttered_digits(
            seed=0,
            canvas_size=canvas_size,
            clutter_pieces=0,
            train_size=60,
            test_size=60,
        )
        pixels, labels = digits.bundled_digits()
        for part, rows in zip(
            (
                (data.train_images, data.train_labels),
                (data.test_images, data.test_labels),
            ),
            digits.digit_split(0),
            strict=True,
        ):
            label_of = {pixels[row].tobytes(): labels[row] for row in rows}
            for canvas, label in zip(*part, strict=True):
                found = [
                    label_of[window.tobytes()]
                    for window in digit_windows(canvas[..., 0])
                    if window.tobytes() in label_of
                ]
                self.assertIn(label, found)

    def test_digits_stand_at_every_place(self):
        data = digits.cluttered_digits(
            seed=0, canvas_size=10, clutter_pieces=0, train_size=500
        )
        for axis in (1, 2):
            filled = data.train_images.any(axis=3 - axis)[..., 0]
            # The columns of a digit's frame may be blank at its sides, its
            # top row hardly ever: all three places of the frame occur.
            first = filled.argmax(axis=1)
            self.assertContainsSubset({0, 1, 2}, set(first))

    def test_clutter_adds_ink_and_takes_none_from_the_digit(self):
        sizes = {"train_size": 300, "test_size": 10}
        bare, cluttered = (
            digits.cluttered_digits(seed=0, clutter_pieces=pieces, **sizes)
            for pieces in (0, 3)
        )
        np.testing.assert_array_equal(bare.train_labels, cluttered.train_labels)
        more = cluttered.train_images.astype(int) - bare.train_images
        self.assertGreaterEqual(more.min(), 0)
        added = more.any(axis=(1, 2, 3))
        # A fragment may be blank or lie under the digit, three hardly ever.
        self.assertGreater(added.mean(), 0.95)
        self.assertLessEqual((more > 0).sum(axis=(1, 2, 3)).max(), 3 * 16)

    def test_images_and_their_clutter_come_from_digits_of_their_part_only(
        self,
    ):
        pixels, labels = digits.bundled_digits()
        train, test = digits.digit_split(0)
        marked = np.empty_like(pixels)
        marked[train], marked[test] = 1, 2
        with mock.patch.object(
            digits, "bundled_digits", lambda: (marked, labels)
        ):
            data = digits.cluttered_digits(seed=0)
        self.assertEqual(set(np.unique(data.train_images)), {0, 1})
        self.assertEqual(set(np.unique(data.test_images)), {0, 2})

    def test_fragments_come_from_other_digits(self):
        rng = np.random.default_rng(0)
        # Digit i is filled with the value i + 1: two of them.
        two = np.ones((2, 8, 8), "uint8") * np.uint8([[[1]], [[2]]])
        scenes = digits._scenes(two, np.zeros(200, int), 16, 1, 4, rng)
        inks = [set(np.unique(scene)) - {0} for scene in scenes]
        self.assertTrue(all(ink == {1, 2} for ink in inks))

    def test_real_digits_of_a_class_are_used_equally_often(self):
        labels = np.repeat(np.arange(10), 7)
        rows = digits._balanced_rows(labels, 250, np.random.default_rng(0))
        uses = np.bincount(rows, minlength=70)
        self.assertEqual(uses.sum(), 250)
        self.assertBetween(uses.min(), 3, 4)
        self.assertBetween(uses.max(), 3, 4)
        np.testing.assert_array_equal(np.bincount(labels[rows]), 25)

    def test_sizes_that_ten_does_not_divide_differ_by_one_image(self):
        data = digits.cluttered_digits(seed=0, train_size=53, test_size=7)
        counts = np.bincount(data.train_labels)
        self.assertEqual((counts.min(), counts.max()), (5, 6))
        self.assertEqual(np.bincount(data.test_labels).max(), 1)

    @parameterized.parameters(
        ({"canvas_size": 7}, "`canvas_size` must be an integer of at least 8"),
        ({"clutter_pieces": -1}, "`clutter_pieces` must .* at least 0"),
        ({"piece_size": 0}, "`piece_size` must be an integer from 1 to 8"),
        ({"piece_size": 9}, "`piece_size` .* Received: piece_size=9"),
        ({"train_size": 0}, "`train_size` must be an integer of at least 1"),
        ({"test_size": 2.5}, "`test_size` .* Received: test_size=2.5"),
    )
    def test_arguments_out_of_range_are_refused(self, changes, message):
        with self.assertRaisesRegex(ValueError, message):
            digits.cluttered_digits(seed=0, **changes)

    def test_more_than_the_memory_holds_is_refused(self):
        with mock.patch.object(memory, "available_bytes", lambda: 2**20):
            with self.assertRaisesRegex(
                ValueError,
                "`cluttered_digits` would not fit .* take 2.0 MiB.*Lower "
                "--train_size, --test_size or --canvas_size",
            ):
                digits.cluttered_digits(seed=0)


if __name__ == "__main__":
    absltest.main()

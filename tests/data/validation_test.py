"""Tests of holding validation images out."""

from unittest import mock

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import given
from hypothesis import strategies as st

from needle_tf.data import batches
from needle_tf.data import images
from needle_tf.data import memory
from needle_tf.data import validation


def build(count=10, classes=2, dtype="uint8"):
    """A set in which the first pixel of training image i is i."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (count, 3, 2, 2)).astype(dtype)
    pixels[:, 0, 0, 0] = np.arange(count)
    return images.ImageData(
        "tiny",
        pixels,
        (np.arange(count) % classes).astype("int32"),
        pixels[:1],
        np.zeros(1, "int32"),
        tuple(map(str, range(classes))),
        "drawn",
    )


def rows(pixels):
    """Which images of `build` these are."""
    return pixels[:, 0, 0, 0].tolist()


class HoldOutTest(parameterized.TestCase):
    @given(
        count=st.integers(4, 60),
        fraction=st.floats(0.001, 0.999),
        seed=st.integers(0, 99),
        stratified=st.booleans(),
    )
    def test_each_image_is_on_one_side_with_its_label(
        self, count, fraction, seed, stratified
    ):
        data = build(count)
        train, held = validation.hold_out(
            data, fraction, seed, stratified=stratified
        )
        kept_rows, held_rows = rows(train.train_images), rows(held.test_images)
        self.assertEqual(sorted(kept_rows + held_rows), list(range(count)))
        self.assertEqual(kept_rows, sorted(kept_rows))
        self.assertEqual(held_rows, sorted(held_rows))
        for part, labels in (
            (train.train_images, train.train_labels),
            (held.test_images, held.test_labels),
        ):
            chosen = rows(part)
            np.testing.assert_array_equal(part, data.train_images[chosen])
            np.testing.assert_array_equal(labels, data.train_labels[chosen])
        if not stratified:
            size = min(max(round(fraction * count), 1), count - 1)
            self.assertLen(held_rows, size)

    @parameterized.parameters((50000, 45000), (100000, 90000))
    def test_a_tenth_of_the_published_sets_is_a_tenth(self, count, kept):
        labels = np.zeros(count, "int32")
        pixels = np.zeros((count, 1, 1, 1), "uint8")
        data = images.ImageData(
            "flat", pixels, labels, pixels[:1], labels[:1], ("a", "b")
        )
        train, held = validation.hold_out(data, 0.1, 0)
        self.assertLen(train.train_images, kept)
        self.assertLen(held.test_images, count - kept)

    def test_rows_depend_on_the_seed_and_not_on_what_the_images_are(self):
        def held(data, seed):
            return rows(validation.hold_out(data, 0.4, seed)[1].test_images)

        self.assertEqual(held(build(20), 3), held(build(20, classes=5), 3))
        self.assertNotEqual(held(build(20), 3), held(build(20), 4))

    def test_plain_split_takes_no_heed_of_classes_and_stratified_does(self):
        data = build(200, classes=4)
        counts = {
            stratified: [
                np.bincount(
                    validation.hold_out(data, 0.2, seed, stratified=stratified)[
                        1
                    ].test_labels,
                    minlength=4,
                ).tolist()
                for seed in range(5)
            ]
            for stratified in (False, True)
        }
        self.assertEqual(counts[True], [[10] * 4] * 5)
        self.assertNotIn([10] * 4, counts[False])

    def test_statistics_remain_those_of_the_whole_training_set(self):
        for data in (build(), build().with_scalar_statistics()):
            for part in validation.hold_out(data, 0.5, 0):
                np.testing.assert_array_equal(part.mean, data.mean)
                np.testing.assert_array_equal(part.std, data.std)

    def test_scalar_statistics_may_be_taken_before_or_after(self):
        before, _ = validation.hold_out(
            build().with_scalar_statistics(), 0.3, 0
        )
        after, _ = validation.hold_out(build(), 0.3, 0)
        after = after.with_scalar_statistics()
        self.assertEqual(before.fingerprint(), after.fingerprint())

    def test_batches_of_the_validation_set_are_standardised_alike(self):
        data = build()
        _, held = validation.hold_out(data, 0.3, 1)
        got = batches.test_batches(held, batch_size=10)
        pixels, labels = next(got.as_numpy_iterator())
        chosen = data.train_images[rows(held.test_images)].astype(float)
        exact = data.train_images.astype(float)
        axes = (0, 1, 2)
        np.testing.assert_allclose(
            pixels, (chosen - exact.mean(axes)) / exact.std(axes), atol=1e-6
        )
        np.testing.assert_array_equal(labels, held.test_labels)

    def test_set_says_what_was_done_to_it(self):
        train, held = validation.hold_out(build(), 0.3, 0)
        for part in (train, held):
            self.assertEqual(part.name, "tiny")
            self.assertEqual(
                part.source, "drawn, 3 of 10 training images held out"
            )
        self.assertNotEqual(train.fingerprint(), build().fingerprint())


class MemoryTest(absltest.TestCase):
    def test_pixels_of_the_training_images_are_copied_once(self):
        data = build()
        train, held = validation.hold_out(data, 0.3, 0)
        self.assertIs(train.test_images, data.test_images)
        self.assertIs(held.train_images, train.train_images)
        self.assertEqual(
            train.train_images.nbytes + held.test_images.nbytes,
            data.train_images.nbytes,
        )

    def test_copy_that_does_not_fit_is_refused_before_it_is_made(self):
        data = build()
        with (
            mock.patch.object(memory, "available_bytes", lambda: 239),
            self.assertRaisesRegex(
                ValueError,
                "tiny with a validation part would not fit into memory: the "
                "images take 120 bytes.*or hold nothing out",
            ),
        ):
            validation.hold_out(data, 0.3, 0)


class RefusalTest(parameterized.TestCase):
    @parameterized.parameters(
        0, 1, 0.0, 1.0, -0.1, 1.5, float("nan"), "0.1", None, True
    )
    def test_fraction_outside_0_and_1_is_refused(self, fraction):
        with self.assertRaisesRegex(
            ValueError,
            r"`fraction` must be a number in \(0, 1\), ends excluded.*"
            f"Received: fraction={fraction!r}",
        ):
            validation.hold_out(build(), fraction, 0)

    def test_bad_seed_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`seed` must be .* seed=-1"):
            validation.hold_out(build(), 0.1, -1)

    def test_one_training_image_is_refused(self):
        with self.assertRaisesRegex(
            ValueError,
            "needs at least 2 training images.*Received: 1 in tiny. Raise "
            "--train_size",
        ):
            validation.hold_out(build(1), 0.5, 0)

    def test_class_of_one_image_cannot_be_stratified(self):
        with self.assertRaisesRegex(
            ValueError, "every class needs at least 2 images.*class '1'"
        ):
            validation.hold_out(build(9, classes=8), 0.5, 0, stratified=True)


if __name__ == "__main__":
    absltest.main()

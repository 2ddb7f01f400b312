"""Tests of flips and crops, against all crops there are in NumPy."""

import hashlib

import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import given
from hypothesis import strategies as st

from needle_tf.data import batches
from tests.data import numbered_sets


class AugmentationTest(parameterized.TestCase):
    @parameterized.named_parameters(*numbered_sets.AUGMENTATIONS[1:])
    def test_each_image_is_one_of_its_crops_and_all_of_them_come(
        self, augmentation
    ):
        # Small images: 1-wide borders make each crop a different picture.
        data = numbered_sets.build(3, shape=(5, 6, 1))
        settings = {"flip": False, "crop_padding": 0} | augmentation
        exact = numbered_sets.standardised(data, data.train_images)
        candidates = [
            np.stack(list(numbered_sets.crops(one, **settings)))
            for one in exact
        ]
        seen = [set() for _ in exact]
        for pixels, labels in numbered_sets.run(
            data, 0, 250, 3, **augmentation
        ):
            for image, label in zip(pixels, labels, strict=True):
                error = np.abs(candidates[label] - image).max(axis=(1, 2, 3))
                self.assertLess(error.min(), 1e-6)
                seen[label].add(int(error.argmin()))
        # At most 98 equally likely crops, 250 draws for each of 3 images.
        self.assertEqual(set.union(*seen), set(range(len(candidates[0]))))

    def test_half_of_the_images_are_mirrored(self):
        data = numbered_sets.build(10)
        exact = numbered_sets.standardised(data, data.train_images)
        mirrored = [
            np.abs(image - exact[label]).max() > 1e-6
            for pixels, labels in numbered_sets.run(data, 0, 100, 10, flip=True)
            for image, label in zip(pixels, labels, strict=True)
        ]
        # 1,000 draws: the standard deviation is 0.016.
        self.assertAlmostEqual(np.mean(mirrored), 0.5, delta=0.07)

    def test_border_of_a_crop_is_the_mean_colour(self):
        # Far from 0, and not constant: only the mean becomes 0.
        data = numbered_sets.build(2, shape=(3, 3, 2), dtype="float32")
        self.assertGreater(data.mean.min(), 50)
        pixels = np.concatenate(
            [
                pixels
                for pixels, _ in numbered_sets.run(
                    data, 0, 50, 2, crop_padding=2
                )
            ]
        )
        corners = pixels[:, 0, 0]
        self.assertGreater(np.mean((corners == 0).all(axis=-1)), 0.5)

    @given(
        sides=st.tuples(st.integers(2, 6), st.integers(2, 6)),
        padding=st.integers(1, 5),
        seed=st.integers(0, 99),
    )
    def test_mirror_is_shifted_as_the_mean_colour_is(
        self, sides, padding, seed
    ):
        padding = min(padding, min(sides) - 1)
        # No pixel is 0, and no two are equal: shifts can be read off.
        batch = np.arange(1, 4 * sides[0] * sides[1] + 1, dtype="int32")
        batch = batch.reshape(4, *sides, 1)
        filled, mirrored = (
            batches.augment(
                tf.constant(batch),
                seed=tf.constant([seed, 1], "int64"),
                flip=False,
                crop_padding=padding,
                crop_fill=fill,
            ).numpy()
            for fill in batches.CROP_FILLS
        )
        for image, one, other in zip(batch, filled, mirrored, strict=True):
            found = [
                np.array_equal(crop, one)
                for crop in numbered_sets.crops(image, False, padding, "mean")
            ]
            expected = list(
                numbered_sets.crops(image, False, padding, "reflect")
            )
            np.testing.assert_array_equal(other, expected[found.index(True)])

    def test_mirror_repeats_the_pixel_at_the_edge(self):
        line = tf.reshape(tf.range(1, 5), (1, 1, 4, 1))
        line = tf.tile(line, (50, 4, 1, 1))
        got = batches.augment(
            line,
            seed=tf.constant([0, 0], "int64"),
            flip=False,
            crop_padding=3,
            crop_fill="reflect",
        )
        self.assertEqual(
            {tuple(row) for row in got[:, 0, :, 0].numpy().tolist()},
            # Windows of 3 2 1 | 1 2 3 4 | 4 3 2
            {
                (3, 2, 1, 1),
                (2, 1, 1, 2),
                (1, 1, 2, 3),
                (1, 2, 3, 4),
                (2, 3, 4, 4),
                (3, 4, 4, 3),
                (4, 4, 3, 2),
            },
        )

    @parameterized.parameters(
        (True, 0, "58b3a7ba3a93952b"),
        (False, 2, "371a54c3db7be38e"),
        (True, 3, "961d445eed60e1fc"),
    )
    def test_random_numbers_stay_what_they_were(self, flip, padding, digest):
        # Written down once: a run that goes on years later sees the same.
        batch = tf.reshape(tf.range(1, 801), (20, 5, 4, 2))
        got = batches.augment(
            batch,
            seed=tf.constant([7, 11], "int64"),
            flip=flip,
            crop_padding=padding,
        )
        pixels = got.numpy().astype("<i4").tobytes()
        self.assertEqual(
            hashlib.blake2b(pixels, digest_size=8).hexdigest(), digest
        )

    def test_images_batches_and_epochs_are_augmented_each_by_itself(self):
        data = numbered_sets.build(20)
        exact = numbered_sets.standardised(data, data.train_images)
        patterns = [
            tuple(np.abs(pixels - exact[labels]).max(axis=(1, 2, 3)) > 1e-6)
            for pixels, labels in numbered_sets.run(data, 0, 2, 10, flip=True)
        ]
        for pattern in patterns:
            self.assertBetween(sum(pattern), 1, 9)
        # Two epochs of two batches, no two mirrored at the same places.
        self.assertLen(set(patterns), 4)


if __name__ == "__main__":
    absltest.main()

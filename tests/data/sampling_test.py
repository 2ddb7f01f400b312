"""Tests of which rows of a labelled set are taken."""

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import given
from hypothesis import strategies as st

from needle_tf.data import sampling

LABELS = st.lists(st.integers(0, 5), min_size=1, max_size=60).map(np.array)


def twice(labels):
    """Labels whose every class occurs at least twice."""
    return np.concatenate([labels, labels])


class StratifiedSampleTest(parameterized.TestCase):
    @given(labels=LABELS, share=st.floats(0.01, 1), seed=st.integers(0, 9))
    def test_classes_come_in_proportion_to_within_one_image(
        self, labels, share, seed
    ):
        size = max(1, int(share * len(labels)))
        rng = np.random.default_rng(seed)
        rows = sampling.stratified_sample(labels, size, rng)
        self.assertLen(np.unique(rows), size)
        self.assertTrue((np.diff(rows) > 0).all())
        exact = np.bincount(labels) * size / len(labels)
        taken = np.bincount(labels[rows], minlength=len(exact))
        self.assertLess(np.abs(taken - exact).max(), 1)

    def test_sorted_labels_give_every_class(self):
        labels = np.repeat(np.arange(10), 500)
        rng = np.random.default_rng(0)
        rows = sampling.stratified_sample(labels, 50, rng)
        np.testing.assert_array_equal(np.bincount(labels[rows]), [5] * 10)
        # Drawn from the whole class, not from its beginning.
        self.assertGreater(np.max(rows % 500), 250)

    def test_every_row_of_a_class_is_drawn_sometimes(self):
        labels = np.array([0, 1, 0, 1, 0, 1])
        drawn = [
            sampling.stratified_sample(labels, 2, np.random.default_rng(seed))
            for seed in range(60)
        ]
        self.assertEqual(set(np.ravel(drawn)), set(range(6)))

    def test_no_size_takes_all(self):
        rows = sampling.stratified_sample(np.array([1, 0, 1]), None, None)
        np.testing.assert_array_equal(rows, [0, 1, 2])

    @parameterized.parameters(0, 4, 1.5)
    def test_sizes_that_cannot_be_are_refused_by_their_flag(self, size):
        with self.assertRaisesRegex(
            ValueError,
            "`test_size` must be an integer from 1 to 3. "
            f"Received: test_size={size}",
        ):
            sampling.stratified_sample(
                np.zeros(3, int), size, None, "test_size"
            )


class SizedPartsTest(absltest.TestCase):
    def test_another_training_size_leaves_the_test_rows(self):
        labels = np.repeat(np.arange(4), 30)
        few = sampling.sized_parts(labels, labels, 8, 20, seed=3)
        many = sampling.sized_parts(labels, labels, 80, 20, seed=3)
        self.assertEqual([len(rows) for rows in many], [80, 20])
        np.testing.assert_array_equal(few[1], many[1])

    def test_rows_depend_on_the_seed_alone(self):
        labels = np.repeat(np.arange(4), 30)
        one, same, other = (
            sampling.sized_parts(labels, labels, 40, 40, seed)
            for seed in (1, 1, 2)
        )
        np.testing.assert_array_equal(one, same)
        self.assertFalse(np.array_equal(one[0], other[0]))
        self.assertFalse(np.array_equal(one[0], one[1]))


class StratifiedSplitTest(parameterized.TestCase):
    @given(
        labels=LABELS.map(twice),
        fraction=st.floats(0.01, 0.99),
        seed=st.integers(0, 9),
    )
    def test_parts_are_disjoint_and_each_has_its_share_of_each_class(
        self, labels, fraction, seed
    ):
        rng = np.random.default_rng(seed)
        train, test = sampling.stratified_split(labels, fraction, rng, "abcdef")
        np.testing.assert_array_equal(
            np.sort(np.concatenate([train, test])), np.arange(len(labels))
        )
        for label in np.unique(labels):
            count = np.count_nonzero(labels == label)
            tested = np.count_nonzero(labels[test] == label)
            self.assertBetween(tested, 1, count - 1)
            if tested not in (1, count - 1):
                self.assertLessEqual(abs(tested - fraction * count), 0.5)

    @parameterized.parameters(0, 1, -0.1, 1.5)
    def test_fractions_at_or_beyond_the_ends_are_refused(self, fraction):
        with self.assertRaisesRegex(
            ValueError,
            r"`test_fraction` must lie in \(0, 1\), ends excluded. Received: "
            f"test_fraction={fraction}",
        ):
            sampling.stratified_split(np.zeros(4, int), fraction, None, "a")

    def test_class_of_one_image_is_refused_by_its_name(self):
        with self.assertRaisesRegex(
            ValueError, "at least 2 images, .* one image of class 'dog'"
        ):
            sampling.stratified_split(
                np.array([0, 1, 0]), 0.5, None, ("cat", "dog")
            )


if __name__ == "__main__":
    absltest.main()

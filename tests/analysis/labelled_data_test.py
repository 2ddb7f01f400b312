"""Tests of images with labels, from arrays and from `tf.data`."""

import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.analysis import labelled_data

LabelledData = labelled_data.LabelledData
X = np.arange(14.0).reshape(7, 2)
Y = np.arange(7)


def rows(batches):
    return [np.asarray(y).tolist() for _, y in batches]


class BatchesTest(parameterized.TestCase):
    def test_arrays_come_in_order_the_last_batch_smaller(self):
        found = list(LabelledData((X, Y), 3).batches())
        self.assertEqual(rows(found), [[0, 1, 2], [3, 4, 5], [6]])
        for x, y in found:
            np.testing.assert_array_equal(x, X[y])

    def test_inputs_may_be_several(self):
        inputs = {"left": X, "right": -X}
        for x, y in LabelledData((inputs, Y), 3).batches():
            np.testing.assert_array_equal(x["left"], X[y])
            np.testing.assert_array_equal(x["right"], -X[y])

    def test_dataset_is_read_anew_each_time(self):
        dataset = tf.data.Dataset.from_tensor_slices((X, Y)).batch(4)
        data = LabelledData(dataset)
        for _ in range(2):
            self.assertEqual(rows(data.batches()), [[0, 1, 2, 3], [4, 5, 6]])
        self.assertEqual(rows(data.shuffled(0, 0)), rows(data.batches()))

    def test_order_follows_from_seed_and_epoch_alone(self):
        data = LabelledData((X, Y), 3)
        first = rows(data.shuffled(1, 2))
        self.assertEqual(rows(data.shuffled(1, 2)), first)
        self.assertNotEqual(rows(data.shuffled(1, 3)), first)
        self.assertNotEqual(rows(data.shuffled(2, 2)), first)
        self.assertCountEqual(sum(first, []), Y)
        for x, y in data.shuffled(1, 2):
            np.testing.assert_array_equal(x, X[y])

    def test_labelled_data_are_taken_as_they_are(self):
        data = LabelledData((X, Y), 3)
        self.assertIs(LabelledData.of(data, 5), data)
        self.assertEqual(rows(LabelledData.of((X, Y), 7).batches()), [list(Y)])


class RefusalsTest(parameterized.TestCase):
    @parameterized.parameters(
        ((X, Y, Y), r"pair of arrays \(x, y\).*Received: tuple of 3"),
        (X, r"pair of arrays \(x, y\).*Received: ndarray\."),
        ((X, Y[:3]), r"one length, at least 1.*\[\(7, 2\), \(3,\)\]"),
        ((X[:0], Y[:0]), r"one length, at least 1.*\[\(0, 2\), \(0,\)\]"),
    )
    def test_what_is_no_pair_of_arrays_is_refused(self, source, message):
        with self.assertRaisesRegex(ValueError, message):
            LabelledData(source)

    @parameterized.named_parameters(
        (
            "three",
            lambda: tf.data.Dataset.from_tensor_slices((X, Y, Y)).batch(2),
            r"give pairs \(x, y\)",
        ),
        (
            "single_examples",
            lambda: tf.data.Dataset.from_tensor_slices((X, Y)),
            r"give batches.*dataset\.batch\(500\)",
        ),
        (
            "endless",
            lambda: tf.data.Dataset.from_tensors((X, Y)).repeat(),
            r"come to an end.*dataset\.take\(steps\)",
        ),
    )
    def test_what_is_no_data_set_of_pairs_is_refused(self, source, message):
        with self.assertRaisesRegex(ValueError, message):
            LabelledData(source())

    def test_batch_size_below_1_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`batch_size` must be.*=0"):
            LabelledData((X, Y), 0)


if __name__ == "__main__":
    absltest.main()

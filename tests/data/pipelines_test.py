"""Tests that no thread of tf.data's tunes our pipelines."""

import pathlib
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.data import batches
from needle_tf.data import pipelines
from tests import source_tree
from tests.data import numbered_sets


def is_tuned(dataset):
    return dataset.options().autotune.enabled is not False


class PipelinesTest(parameterized.TestCase):
    def test_elements_and_their_order_stay(self):
        numbers = tf.data.Dataset.range(1000).map(
            lambda n: 2 * n, num_parallel_calls=pipelines.parallel_calls()
        )
        self.assertTrue(is_tuned(numbers))
        untuned = pipelines.untuned(numbers.prefetch(pipelines.AHEAD))
        self.assertFalse(is_tuned(untuned))
        self.assertTrue(untuned.options().deterministic)
        np.testing.assert_array_equal(
            list(untuned.as_numpy_iterator()), np.arange(0, 2000, 2)
        )

    def test_other_options_stay(self):
        options = tf.data.Options()
        options.experimental_optimization.apply_default_optimizations = False
        untuned = pipelines.untuned(
            tf.data.Dataset.range(3).with_options(options)
        )
        kept = untuned.options().experimental_optimization
        self.assertFalse(kept.apply_default_optimizations)

    @parameterized.parameters("training_batches", "test_batches")
    def test_batches_are_untuned(self, part):
        arguments = {"batch_size": 4}
        if part == "training_batches":
            arguments |= {"seed": 0, "first_epoch": 0, "last_epoch": 2}
        made = getattr(batches, part)(numbered_sets.build(), **arguments)
        self.assertFalse(is_tuned(made))
        # As Keras has them on several devices.
        spread = tf.distribute.OneDeviceStrategy("CPU:0")
        spread = spread.experimental_distribute_dataset(made)
        self.assertLen(list(spread), len(list(made)))

    def test_calls_follow_the_processors_and_are_limited(self):
        for count, calls in ((None, 1), (2, 2), (64, 16)):
            with self.subTest(count=count):
                with mock.patch("os.cpu_count", return_value=count):
                    self.assertEqual(pipelines.parallel_calls(), calls)

    def test_nothing_of_ours_asks_to_be_tuned(self):
        own = pathlib.Path(pipelines.__file__)
        for file in source_tree.python_files("needle_tf"):
            with self.subTest(file=file.name):
                if file != own:
                    self.assertNotIn("AUTOTUNE", file.read_text("utf-8"))


if __name__ == "__main__":
    absltest.main()

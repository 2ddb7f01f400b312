"""Tests of resuming training runs: real SIGKILLs, and what is kept."""

import json
import pathlib

import numpy as np
from absl.testing import absltest

from needle_tf.callbacks import tags
from tests import fresh_process
from tests.callbacks import event_files
from tests.protocol import killed_runs
from tests.protocol import tiny_runs

TIMES = (tags.EPOCH_SECONDS, tags.IMAGES_PER_SECOND)


class KilledTrainingTest(absltest.TestCase):
    def test_killed_run_ends_with_the_numbers_of_one_that_was_not(self):
        folder = pathlib.Path(self.create_tempdir().full_path)
        printed = fresh_process.run(killed_runs.SCRIPT, folder, "training")
        seen = json.loads(printed.splitlines()[-1])
        # In the midst of writing a file three times; the others may be late.
        self.assertGreaterEqual(seen["kills"], 4)
        whole, killed = folder / "whole", folder / "killed"
        numbers = tiny_runs.numbers(whole)["train"]
        # The criterion ended it one epoch before the last.
        self.assertEqual(numbers["stopped"]["epoch"], 4)
        self.assertLen(numbers["epochs"], 5)
        # To the bit: equality of floats, not nearness.
        self.assertEqual(tiny_runs.numbers(killed)["train"], numbers)
        self.assert_equal_arrays(whole, killed)
        self.assert_equal_files(whole / "train", killed / "train")
        self.assert_equal_events(whole, killed)
        self.assertEmpty([p.name for p in killed.rglob(".writing_*")])

    def assert_equal_arrays(self, whole, killed):
        arrays, others = tiny_runs.weights(whole), tiny_runs.weights(killed)
        self.assertEqual(arrays.keys(), others.keys())
        self.assertGreater(len(arrays), 30)
        for name, array in arrays.items():
            np.testing.assert_array_equal(array, others[name], err_msg=name)

    def assert_equal_files(self, whole, killed):
        for name, shapes in (
            ("angles.npz", {"angles": (4 * 5, 3)}),
            ("features.npz", {"start": (3, 3, 1, 4), "end": (3, 3, 1, 4)}),
        ):
            with np.load(whole / name) as one, np.load(killed / name) as other:
                for key, shape in shapes.items():
                    self.assertEqual(one[key].shape, shape)
                for key in one:
                    np.testing.assert_array_equal(one[key], other[key], key)
        self.assertEqual(
            (whole / "second_moments.json").read_text(),
            (killed / "second_moments.json").read_text(),
        )

    def assert_equal_events(self, whole, killed):
        """TensorBoard shows each step once, as if nothing had happened."""
        expected = event_files.scalars(whole / "tensorboard/train")
        found = event_files.scalars(killed / "tensorboard/train")
        self.assertEqual(found.keys(), expected.keys())
        for tag, values in found.items():
            if tag not in TIMES:
                self.assertEqual(values, expected[tag], tag)


if __name__ == "__main__":
    absltest.main()

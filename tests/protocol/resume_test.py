"""Tests of resuming: real SIGKILLs, and the numbers of a run without."""

import json
import pathlib

import numpy as np
from absl.testing import absltest

from needle_tf.callbacks import tags
from tests import fresh_process
from tests.callbacks import event_files
from tests.protocol import killed_runs
from tests.protocol import tiny_runs

STEPS = 6  # Of an epoch of a tiny run.


class KilledRunsTest(absltest.TestCase):
    def test_killed_run_ends_with_the_numbers_of_one_that_was_not(self):
        folder = pathlib.Path(self.create_tempdir().full_path)
        printed = fresh_process.run(killed_runs.SCRIPT, folder, "relax")
        seen = json.loads(printed.splitlines()[-1])
        # In the midst of writing a file three times; the others may be late.
        self.assertGreaterEqual(seen["kills"], 4)
        self.assert_equal_runs(folder / "whole", folder / "killed")

    def assert_equal_runs(self, whole, killed):
        numbers = tiny_runs.numbers(whole)
        self.assertEqual(list(numbers), ["cnn", "efcn_relax1"])
        self.assertLen(numbers["cnn"]["epochs"], 4)
        self.assertTrue(numbers["cnn"]["finished"])
        # To the bit: equality of floats, not nearness.
        self.assertEqual(tiny_runs.numbers(killed), numbers)
        arrays, others = tiny_runs.weights(whole), tiny_runs.weights(killed)
        self.assertEqual(arrays.keys(), others.keys())
        self.assertGreater(len(arrays), 30)
        for name, array in arrays.items():
            np.testing.assert_array_equal(array, others[name], err_msg=name)
        leftovers = [p.name for p in killed.rglob(".writing_*")]
        self.assertEmpty(leftovers)
        for stage, first in (("cnn", 0), ("efcn_relax1", 1)):
            self.assert_equal_events(whole, killed, stage, first)

    def assert_equal_events(self, whole, killed, stage, first):
        """TensorBoard shows each step once, as if nothing had happened."""
        steps = [STEPS * epoch for epoch in range(first, 4)]
        expected = event_files.scalars(whole / "tensorboard" / stage)
        found = event_files.scalars(killed / "tensorboard" / stage)
        self.assertEqual(found.keys(), expected.keys())
        for tag in found:
            if tag in (tags.EPOCH_SECONDS, tags.IMAGES_PER_SECOND):
                self.assertLen(found[tag], len(steps) - 1)
            else:
                self.assertEqual(found[tag], expected[tag], (stage, tag))
        self.assertEqual([step for step, _ in found[tags.TEST_LOSS]], steps[1:])


if __name__ == "__main__":
    absltest.main()

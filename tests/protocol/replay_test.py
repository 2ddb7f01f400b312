"""Tests of the angles that another run turns by."""

import pathlib

import numpy as np
from absl.testing import absltest

from needle_tf.graphs import kernels
from needle_tf.protocol import replay
from tests.callbacks import small_fits


class ReplayTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.file = pathlib.Path(self.create_tempdir().full_path, "angles.npz")
        self.network = small_fits.network()
        self.names = list(kernels.named_kernels(self.network))

    def record(self, steps, names=None):
        names = self.names if names is None else names
        angles = np.linspace(0, 1, steps * len(names))
        angles = angles.reshape(steps, len(names))
        np.savez(self.file, names=np.array(names), angles=angles)
        return angles

    def test_as_many_steps_as_are_made_are_returned(self):
        angles = self.record(6)
        found = replay.angles(self.file, self.network, steps=4)
        np.testing.assert_array_equal(found, angles[:4])
        found = replay.angles(self.file, self.network, steps=6)
        self.assertLen(found, 6)

    def test_recording_that_is_too_short_is_refused(self):
        self.record(6)
        with self.assertRaisesRegex(
            ValueError, "holds 6 steps, and this run makes 7.*Lower --epochs"
        ):
            replay.angles(self.file, self.network, steps=7)

    def test_recording_of_another_network_is_refused(self):
        self.record(6, ["conv_1", "logits"])
        with self.assertRaisesRegex(
            ValueError,
            "of other kernels.*Recorded: conv_1, logits. Here: "
            f"{', '.join(self.names)}",
        ):
            replay.angles(self.file, self.network, steps=1)

    def test_other_file_is_refused_by_name(self):
        self.file.write_text("no angles")
        with self.assertRaisesRegex(ValueError, "angles.npz is no recording"):
            replay.angles(self.file, self.network, steps=1)


if __name__ == "__main__":
    absltest.main()

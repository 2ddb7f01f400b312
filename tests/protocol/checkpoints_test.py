"""Tests of checkpoints: what they bring back, and damaged ones."""

import pathlib

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.protocol import checkpoints
from tests.callbacks import small_fits


def damage_in_the_middle(file):
    content = bytearray(file.read_bytes())
    # Bytes of a weight: the archive's own tables stay whole.
    middle = len(content) // 2
    content[middle : middle + 8] = b"\xff" * 8
    file.write_bytes(content)


def truncate(file):
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 3])


def empty(file):
    file.write_bytes(b"")


class CheckpointsTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.path = pathlib.Path(self.create_tempdir().full_path) / "cnn"
        self.lines = []

    def write(self, *epochs):
        model = small_fits.network()
        for epoch in epochs:
            checkpoints.save(model, self.path, epoch)

    def newest(self, not_after=100):
        return checkpoints.newest_good(self.path, not_after, self.lines.append)

    def test_weights_and_optimizer_come_back(self):
        model = small_fits.network()
        model.compile(
            keras.optimizers.Adam(0.01, amsgrad=True),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        )
        small_fits.fit(model)
        checkpoints.save(model, self.path, 2)
        file = checkpoints.file_of(self.path, 2)
        self.assertEqual(file.name, "epoch_0002.keras")
        back = checkpoints.load(file)
        pairs = zip(
            model.weights + model.optimizer.variables,
            back.weights + back.optimizer.variables,
            strict=True,
        )
        for one, other in pairs:
            np.testing.assert_array_equal(one, other)
        self.assertGreater(int(back.optimizer.iterations), 0)

    def test_loss_scale_comes_back(self):
        model = small_fits.network()
        model.compile(
            keras.optimizers.LossScaleOptimizer(
                keras.optimizers.SGD(0.1), initial_scale=8.0
            ),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        model.optimizer.build(model.trainable_variables)
        model.optimizer.dynamic_scale.assign(2.0)
        model.optimizer.step_counter.assign(7)
        checkpoints.save(model, self.path, 0)
        back = checkpoints.load(checkpoints.file_of(self.path, 0)).optimizer
        self.assertEqual(float(back.dynamic_scale), 2.0)
        self.assertEqual(int(back.step_counter), 7)

    def test_newest_good_one_is_taken(self):
        self.assertIsNone(self.newest())
        self.write(0, 3, 12)
        self.assertEqual(checkpoints.epochs_in(self.path), [0, 3, 12])
        self.assertEqual(self.newest(), 12)
        self.assertEqual(self.newest(not_after=11), 3)
        self.assertEmpty(self.lines)

    @parameterized.named_parameters(
        ("flipped_bytes", damage_in_the_middle),
        ("truncated", truncate),
        ("empty", empty),
    )
    def test_damaged_file_is_named_with_the_last_good_one(self, spoil):
        self.write(1, 2)
        spoil(checkpoints.file_of(self.path, 2))
        self.assertEqual(self.newest(), 1)
        self.assertLen(self.lines, 1)
        self.assertRegex(
            self.lines[0],
            r"epoch_0002.keras is corrupt \(.+\). Going on from the last good "
            r"one, .*epoch_0001.keras",
        )
        with self.assertRaisesRegex(
            ValueError, "epoch_0002.keras is corrupt.*remove it and repeat"
        ):
            checkpoints.load(checkpoints.file_of(self.path, 2))

    def test_nothing_but_damaged_files_is_refused_by_their_names(self):
        self.write(1, 2)
        for epoch in (1, 2):
            truncate(checkpoints.file_of(self.path, epoch))
        with self.assertRaisesRegex(
            ValueError,
            "epoch_0002.keras is corrupt.*epoch_0001.keras is corrupt.*No good "
            "checkpoint is left.*remove the folder",
        ):
            self.newest()

    def test_prune_keeps_the_newest_and_what_must_stay(self):
        self.write(0, 1, 2, 3, 4)
        checkpoints.prune(self.path, keep=[1], resume_points=2)
        self.assertEqual(checkpoints.epochs_in(self.path), [1, 3, 4])
        checkpoints.prune(self.path, keep=[1, 4], resume_points=0)
        self.assertEqual(checkpoints.epochs_in(self.path), [1, 4])

    def test_other_files_are_no_checkpoints(self):
        self.write(1)
        folder = checkpoints.file_of(self.path, 1).parent
        (folder / ".writing_epoch_0002.keras").write_text("half")
        (folder / "epoch_0003.txt").write_text("")
        self.assertEqual(checkpoints.epochs_in(self.path), [1])


if __name__ == "__main__":
    absltest.main()

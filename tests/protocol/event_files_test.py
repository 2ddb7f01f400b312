"""Tests of taking steps back from event files."""

import pathlib

import tensorflow as tf
from absl.testing import absltest

from needle_tf.protocol import event_files
from tests.callbacks import event_files as reader


class CutAfterTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.path = pathlib.Path(self.create_tempdir().full_path)

    def write(self, tag, steps):
        writer = tf.summary.create_file_writer(str(self.path))
        with writer.as_default():
            for step in steps:
                tf.summary.scalar(tag, step / 2, step=step)
        writer.close()

    def test_later_steps_go_and_the_others_stay(self):
        self.write("a", [0, 6, 12, 18])
        self.write("b", [6, 12])
        event_files.cut_after(self.path, 12, {"a", "b"})
        found = reader.scalars(self.path)
        self.assertEqual(found["a"], [(0, 0.0), (6, 3.0), (12, 6.0)])
        self.assertEqual(found["b"], [(6, 3.0), (12, 6.0)])
        self.assertLen(list(self.path.iterdir()), 1)

    def test_of_the_last_step_only_named_tags_stay(self):
        self.write("a", [6, 12])
        self.write("b", [6, 12])
        event_files.cut_after(self.path, 12, {"a"})
        found = reader.scalars(self.path)
        self.assertEqual(found["a"], [(6, 3.0), (12, 6.0)])
        self.assertEqual(found["b"], [(6, 3.0)])

    def test_nothing_stays_of_a_stage_that_begins_anew(self):
        self.write("a", [0, 6])
        event_files.cut_after(self.path, -1)
        self.assertEmpty(reader.scalars(self.path))

    def test_half_an_event_at_the_end_goes(self):
        self.write("a", [0, 6])
        (file,) = self.path.iterdir()
        file.write_bytes(file.read_bytes()[:-5])
        event_files.cut_after(self.path, 6, {"a"})
        self.assertEqual(reader.scalars(self.path)["a"], [(0, 0.0)])

    def test_a_process_killed_in_here_leaves_nothing_twice(self):
        self.write("a", [0, 6])
        (file,) = self.path.iterdir()
        event_files.cut_after(self.path, 6, {"a"})
        # As if it had been killed before it removed the old file.
        (kept,) = self.path.iterdir()
        kept.with_name(file.name).write_bytes(kept.read_bytes())
        event_files.cut_after(self.path, 6, {"a"})
        steps = [step for step, _ in reader.scalars(self.path)["a"]]
        self.assertEqual(steps, [0, 6])

    def test_missing_folder_is_no_mistake(self):
        event_files.cut_after(self.path / "none", 3)
        self.assertFalse((self.path / "none").exists())

    def test_what_is_written_afterwards_goes_on(self):
        self.write("a", [0, 6, 12])
        event_files.cut_after(self.path, 6, {"a"})
        self.write("a", [12, 18])
        steps = [step for step, _ in reader.scalars(self.path)["a"]]
        self.assertEqual(steps, [0, 6, 12, 18])


if __name__ == "__main__":
    absltest.main()

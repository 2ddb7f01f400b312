"""Tests of pictures in event files, read back."""

import pathlib

import numpy as np
import tensorflow as tf
from absl.testing import absltest

from needle_tf.protocol import event_pictures


def pictures(folder):
    """Returns the size of every picture in the event files, by tag."""
    found = {}
    for file in folder.glob("pictures/*"):
        for record in tf.data.TFRecordDataset(str(file)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                width, height, *_ = value.tensor.string_val
                found[value.tag] = (int(width), int(height))
    return found


class EventPicturesTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)

    def draw(self, name, height, width):
        pixels = np.zeros((height, width, 3), "uint8")
        file = self.folder / name
        file.write_bytes(tf.io.encode_png(pixels).numpy())
        return file

    def test_pictures_are_shown_under_their_names(self):
        files = [self.draw("curves.png", 4, 6), self.draw("speed.png", 3, 2)]
        event_pictures.write(self.folder, files)
        self.assertEqual(
            pictures(self.folder), {"curves": (6, 4), "speed": (2, 3)}
        )

    def test_new_pictures_take_the_place_of_the_old(self):
        event_pictures.write(self.folder, [self.draw("curves.png", 4, 6)])
        other = self.folder / "table.csv"
        other.write_text("a,b")
        files = [str(self.draw("rotations.png", 2, 2)), other]
        event_pictures.write(self.folder, files)
        self.assertEqual(pictures(self.folder), {"rotations": (2, 2)})


if __name__ == "__main__":
    absltest.main()

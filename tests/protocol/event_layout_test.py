"""Tests of the layout, read by TensorBoard's own plugin."""

import pathlib

from absl.testing import absltest
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.custom_scalar import metadata

from needle_tf.protocol import event_layout


class EventLayoutTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.root = pathlib.Path(self.create_tempdir().full_path)

    def read(self):
        events = event_accumulator.EventAccumulator(str(self.root / "layout"))
        events.Reload()
        (event,) = events.Tensors(metadata.CONFIG_SUMMARY_TAG)
        (content,) = event.tensor_proto.string_val
        return layout_pb2.Layout.FromString(content)

    def test_layout_opens_on_distance_accuracy_and_rotation(self):
        event_layout.write(self.root)
        layout = self.read()
        self.assertEqual(
            [category.title for category in layout.category],
            list(event_layout.CHARTS),
        )
        first = layout.category[0].chart[0]
        self.assertEqual(first.title, "off-local share (delta)")
        self.assertEqual(
            list(first.multiline.tag), ["^subspace_distance/delta$"]
        )
        self.assertFalse(any(c.closed for c in layout.category))

    def test_layout_is_written_once(self):
        event_layout.write(self.root)
        event_layout.write(self.root)
        self.assertLen(list((self.root / "layout").iterdir()), 1)


if __name__ == "__main__":
    absltest.main()

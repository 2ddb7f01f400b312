"""Tests of scales at pooling."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers

from needle_tf.scales import events
from tests.scales import taken_down

FIRST = {"data_format": "channels_first"}


def is_same_partition(one, other):
    """Whether two labellings hold the same things together."""
    pairs = set(zip(one.tolist(), other.tolist(), strict=True))
    return len(pairs) == len(np.unique(one)) == len(np.unique(other))


def united_by_averaging(model):
    """Which inputs and outputs hang together, by averaging basis images."""
    shape = model.input.shape[1:]
    size = int(np.prod(shape))
    basis = np.eye(size, dtype="float32").reshape(size, *shape)
    answers = keras.ops.convert_to_numpy(model(basis)).reshape(size, -1)
    count = size + answers.shape[1]
    links = np.zeros((count, count))
    links[:size, size:] = answers
    reach = (links + links.T + np.eye(count)) != 0
    for _ in range(count.bit_length()):  # Twice as far each time.
        reach = reach.astype("float32") @ reach.astype("float32") > 0
    return reach.argmax(axis=1)  # The first of those that hang together.


class PoolingTest(parameterized.TestCase):
    @parameterized.parameters(
        (layers.AveragePooling1D(2), (5, 2)),
        (layers.AveragePooling1D(2, 3, padding="same"), (5, 2)),
        (layers.AveragePooling2D((2, 3), (2, 2)), (5, 6, 2)),
        (layers.AveragePooling2D(2, (1, 3), padding="same"), (3, 5, 1)),
        (layers.AveragePooling2D(2, **FIRST), (2, 4, 5)),
        (layers.AveragePooling3D(2, padding="same"), (3, 2, 3, 1)),
        (layers.GlobalAveragePooling1D(), (3, 2)),
        (layers.GlobalAveragePooling2D(), (3, 2, 2)),
        (layers.GlobalAveragePooling2D(keepdims=True, **FIRST), (2, 3, 2)),
        (layers.GlobalAveragePooling3D(), (2, 1, 2, 2)),
    )
    def test_units_under_a_window_are_united(self, layer, shape):
        found = taken_down.take_down(layer, shape)
        received = np.concatenate([x.reshape(-1) for x in found.labels()])
        self.assertTrue(
            is_same_partition(received, united_by_averaging(found.model))
        )

    @parameterized.parameters(
        (layers.MaxPooling2D(2), layers.AveragePooling2D(2)),
        (layers.GlobalMaxPooling2D(), layers.GlobalAveragePooling2D()),
    )
    def test_maxima_unite_what_averages_do(self, peak, mean):
        shape = (4, 5, 2)
        for ours, theirs in zip(
            taken_down.take_down(peak, shape).labels(),
            taken_down.take_down(mean, shape).labels(),
            strict=True,
        ):
            np.testing.assert_array_equal(ours, theirs)

    @parameterized.parameters(
        layers.MaxPooling2D(2), layers.GlobalAveragePooling2D(keepdims=True)
    )
    def test_channels_pass_through(self, layer):
        found = taken_down.take_down(
            lambda x: layer(layers.Conv2D(3, 2)(x)), (None, None, 2)
        )
        self.assertEqual(found.output.ids.shape, (1, 1, 3))
        uses = found.ledger.uses()
        np.testing.assert_array_equal(
            found.output.ids.reshape(-1), uses[0].target.reshape(-1)
        )

    def test_paths_join_in_a_window(self):
        found = taken_down.take_down(layers.MaxPooling1D(2), (4, 1))
        passing = [
            event
            for event in found.ledger.events
            if isinstance(event, events.Passing)
        ]
        before = np.concatenate([event.before for event in passing])
        after = np.concatenate([event.after for event in passing])
        self.assertCountEqual(before, found.inputs[0].ids.reshape(-1))
        first, second = found.output.ids.reshape(-1)
        self.assertEqual(sorted(after), [first, first, second, second])


if __name__ == "__main__":
    absltest.main()

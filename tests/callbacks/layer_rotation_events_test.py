"""Tests of the monitor of layer rotation: event files and the axis."""

from unittest import mock

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.callbacks import layer_rotation
from needle_tf.callbacks import tags
from tests.callbacks import event_files
from tests.callbacks import small_fits

STEPS = small_fits.STEPS
LayerRotation = layer_rotation.LayerRotation


class EventsTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path

    def steps(self, tag=tags.LAYER_ROTATION_MEAN):
        return [step for step, _ in event_files.scalars(self.folder)[tag]]

    def test_file_holds_mean_min_and_each_kernel(self):
        callback = LayerRotation(self.folder)
        small_fits.fit(small_fits.network(), callback, epochs=2)
        events = event_files.scalars(self.folder)
        history = callback.history
        for tag, values in (
            (tags.LAYER_ROTATION_MEAN, [row.mean for row in history]),
            (tags.LAYER_ROTATION_MIN, [row.min for row in history]),
            ("layer_rotation_distance/conv", None),
            ("layer_rotation_distance/logits", None),
        ):
            if values is None:
                name = tag.partition("/")[2]
                values = [row.layers[name] for row in history]
            written = events.pop(tag)
            self.assertEqual([s for s, _ in written], [0, STEPS, 2 * STEPS])
            np.testing.assert_allclose([v for _, v in written], values, 1e-6)
        self.assertEmpty(events)

    def test_without_a_folder_nothing_is_written(self):
        with mock.patch("tensorflow.summary.create_file_writer") as writer:
            small_fits.fit(small_fits.network(), LayerRotation(), epochs=1)
        writer.assert_not_called()

    @parameterized.parameters(
        (1, [0, 1, 2, 3, 4, 5, 6]), (2, [0, 2, 3, 4, 6]), (100, [0, 3, 6])
    )
    def test_steps_in_between_are_written_once(self, every_steps, expected):
        callback = LayerRotation(self.folder, every_steps=every_steps)
        small_fits.fit(small_fits.network(), callback, epochs=2)
        self.assertEqual(self.steps(), expected)
        self.assertEqual([row.step for row in callback.measured], expected)
        self.assertLen(callback.history, 3)

    @parameterized.parameters(
        (0, [10, 13, 16]), (1, [10, 12, 13, 15, 16]), (6, [10, 12, 13, 16])
    )
    def test_several_steps_per_execution_end_where_they_end(
        self, every_steps, expected
    ):
        model = small_fits.network(steps_per_execution=2)
        callback = LayerRotation(
            self.folder, every_steps=every_steps, first_step=10
        )
        small_fits.fit(model, callback, epochs=2)
        self.assertEqual(self.steps(), expected)

    @parameterized.parameters((None, 0), (100, 100))
    def test_axis_goes_on_over_fits_of_a_model(self, first_step, start):
        model = small_fits.network()
        callback = LayerRotation(self.folder, first_step=first_step)
        small_fits.fit(model, callback, epochs=1)
        small_fits.fit(model, callback, epochs=2, initial_epoch=1)
        # The second fit writes where the first one ended, once more. Files of
        # one second are read in any order.
        self.assertEqual(
            sorted(self.steps()),
            [start, start + STEPS, start + STEPS, start + 2 * STEPS],
        )

    def test_training_that_is_stopped_ends_with_its_last_step(self):
        model = small_fits.network()

        def stop(batch, logs):
            model.stop_training = batch == 1

        callback = LayerRotation(self.folder)
        small_fits.fit(
            model,
            callback,
            keras.callbacks.LambdaCallback(on_train_batch_end=stop),
            epochs=2,
        )
        self.assertEqual(self.steps(), [0, 2])


if __name__ == "__main__":
    absltest.main()

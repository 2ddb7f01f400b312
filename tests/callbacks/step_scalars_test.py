"""Tests of loss and accuracy within the epochs, read back."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.callbacks import step_scalars
from needle_tf.callbacks import tags
from tests.callbacks import event_files
from tests.callbacks import small_fits

STEPS = small_fits.STEPS


class KeepLogs(keras.callbacks.Callback):
    """Keeps what Keras reports after each batch."""

    def __init__(self):
        super().__init__()
        self.logs = []

    def on_train_batch_end(self, batch, logs=None):
        self.logs.append(dict(logs))


class StepScalarsTest(parameterized.TestCase):
    def fit(self, *callbacks, model=None, epochs=2, **arguments):
        folder = self.create_tempdir().full_path
        callback = step_scalars.StepScalars(folder, **arguments)
        model = small_fits.network() if model is None else model
        small_fits.fit(model, callback, *callbacks, epochs=epochs)
        return event_files.scalars(folder)

    def test_every_step_holds_what_keras_reports(self):
        kept = KeepLogs()
        events = self.fit(kept)
        self.assertCountEqual(events, [tags.STEP_LOSS, tags.STEP_ACCURACY])
        for tag, name in (
            (tags.STEP_LOSS, "loss"),
            (tags.STEP_ACCURACY, "accuracy"),
        ):
            steps, values = zip(*events[tag], strict=True)
            self.assertEqual(list(steps), list(range(1, 2 * STEPS + 1)))
            reported = [logs[name] for logs in kept.logs]
            np.testing.assert_allclose(values, reported, 1e-6)

    @parameterized.parameters(
        (2, None, [2, 4, 6]),
        (4, None, [4]),
        (4, 10, [12, 16]),
        (100, None, []),
    )
    def test_steps_in_between_are_left_out(self, every, first, expected):
        events = self.fit(every_steps=every, first_step=first)
        steps = [step for step, _ in events.get(tags.STEP_LOSS, [])]
        self.assertEqual(steps, expected)

    def test_several_steps_per_execution_are_written_where_they_end(self):
        model = small_fits.network(steps_per_execution=2)
        events = self.fit(model=model)
        steps = [step for step, _ in events[tags.STEP_LOSS]]
        self.assertEqual(steps, [2, 3, 5, 6])

    def test_axis_goes_on_over_fits(self):
        folder = self.create_tempdir().full_path
        callback = step_scalars.StepScalars(folder, first_step=50)
        model = small_fits.network()
        for _ in range(2):
            small_fits.fit(model, callback, epochs=1)
        steps = [s for s, _ in event_files.scalars(folder)[tags.STEP_LOSS]]
        self.assertEqual(steps, list(range(51, 51 + 2 * STEPS)))

    def test_model_without_accuracy_has_a_loss(self):
        model = keras.Sequential(small_fits.network().layers)
        model.compile(
            "sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        )
        self.assertEqual(list(self.fit(model=model)), [tags.STEP_LOSS])

    @parameterized.parameters(
        ("every_steps", 0, 1),
        ("every_steps", 1.5, 1),
        ("first_step", -1, 0),
    )
    def test_counts_must_be_counts(self, name, value, least):
        with self.assertRaisesRegex(
            ValueError,
            f"`{name}` must be an integer of at least {least}. Received: "
            f"{name}={value}",
        ):
            step_scalars.StepScalars("unused", **{name: value})


if __name__ == "__main__":
    absltest.main()

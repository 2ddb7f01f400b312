"""Tests of the stopping criteria of the study."""

import types

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import given
from hypothesis import strategies as st

from needle_tf.callbacks import stops
from tests.callbacks import small_fits


def fed(callback, values, name="loss", first_epoch=0):
    """Gives a callback one figure per epoch until it stops."""
    callback.set_model(types.SimpleNamespace(stop_training=False))
    callback.on_train_begin()
    for epoch, value in enumerate(values, first_epoch):
        callback.on_epoch_end(epoch, {name: value})
        if callback.model.stop_training:
            break
    return callback


class StopIfNotLearningTest(parameterized.TestCase):
    @parameterized.parameters((0.2, 1), (0.19, 1), (0.2001, None), (1.0, None))
    def test_looks_at_the_bound_itself_after_that_epoch(self, value, expected):
        callback = fed(
            stops.StopIfNotLearning(0.2, 1), [0.0, value, 0.0], "accuracy"
        )
        self.assertEqual(callback.stopped_epoch, expected)
        self.assertEqual(callback.model.stop_training, expected is not None)

    def test_says_why(self):
        callback = fed(
            stops.StopIfNotLearning(0.2, 1), [0.5, 0.125], "accuracy"
        )
        self.assertEqual(
            callback.reason,
            "Not learning: accuracy 0.125 after epoch 1 (counted from 0) is "
            "not above 0.2.",
        )

    def test_training_resumed_later_goes_on(self):
        callback = stops.StopIfNotLearning(0.2, 1)
        fed(callback, [0.0, 0.0], "accuracy", first_epoch=2)
        self.assertIsNone(callback.stopped_epoch)
        self.assertEqual(callback.reason, "")

    @parameterized.parameters(-0.1, 1.1, float("nan"))
    def test_accuracy_must_be_a_share(self, value):
        with self.assertRaisesRegex(
            ValueError,
            r"`accuracy` must be a number in \[0, 1\]. Received: accuracy="
            f"{value}",
        ):
            stops.StopIfNotLearning(value, 7)

    @parameterized.parameters("0.2", None, True)
    def test_accuracy_must_be_a_number(self, value):
        with self.assertRaisesRegex(
            ValueError, f"`accuracy` must hold numbers.*accuracy={value!r}"
        ):
            stops.StopIfNotLearning(value, 7)

    def test_epoch_must_be_a_count(self):
        with self.assertRaisesRegex(ValueError, "`epoch` must be.*epoch=-1"):
            stops.StopIfNotLearning(0.2, -1)

    @parameterized.parameters(0.0, 1.0, np.float32(0.5))
    def test_bounds_and_numpy_numbers_are_taken(self, value):
        self.assertEqual(stops.StopIfNotLearning(value, 0).accuracy, value)


class StopAtLossTest(parameterized.TestCase):
    @parameterized.parameters(
        ([1.0, 1e-4, 0.0], 1),
        ([1.0, 1.1e-4, 1e-5], 2),
        ([1.0, 0.5], None),
        ([float("nan")], None),
    )
    def test_stops_at_the_bound(self, losses, expected):
        callback = fed(stops.StopAtLoss(1e-4), losses)
        self.assertEqual(callback.stopped_epoch, expected)

    def test_says_why(self):
        self.assertEqual(
            fed(stops.StopAtLoss(0.5), [0.25]).reason,
            "Finished: loss 0.25 after epoch 0 (counted from 0) is not above "
            "0.5.",
        )

    @parameterized.parameters(-1e-9, float("inf"), float("nan"))
    def test_loss_must_be_a_number_of_at_least_0(self, value):
        with self.assertRaisesRegex(
            ValueError,
            f"`loss` must be a number at least 0. Received: loss={value}",
        ):
            stops.StopAtLoss(value)

    def test_penalties_count(self):
        model = keras.Sequential(
            [
                keras.Input((2,)),
                keras.layers.Dense(
                    1, kernel_regularizer="l2", kernel_initializer="ones"
                ),
            ]
        )
        model.compile(keras.optimizers.SGD(0.0), "mse")
        data = np.zeros((4, 2), "float32"), np.zeros((4, 1), "float32")
        for bound, epochs in ((0.019, 2), (0.021, 1)):
            callback = stops.StopAtLoss(bound)
            fitted = model.fit(*data, epochs=2, callbacks=[callback], verbose=0)
            # The error is 0; the penalty 0.01 * 2 is all of the loss.
            self.assertLen(fitted.history["loss"], epochs)


class StopIfUnchangedTest(parameterized.TestCase):
    @parameterized.parameters(
        (3, [2, 1, 1, 1, 1, 1], 4),
        (1, [2, 1, 1], 2),
        (1, [2, 2], 1),
        (2, [1, 1, 2, 1, 1, 1], 5),
        (3, [1, 1, 1], None),
        (1, [1.0, np.nextafter(1.0, 2.0), 1.0], None),
        (1, [float("nan")] * 4, None),
    )
    def test_epochs_without_a_change_are_counted(
        self, epochs, losses, expected
    ):
        callback = fed(stops.StopIfUnchanged(epochs), losses)
        self.assertEqual(callback.stopped_epoch, expected)

    def test_says_why(self):
        self.assertEqual(
            fed(stops.StopIfUnchanged(), [0.5] * 4).reason,
            "Unchanged: loss is 0.5 to the bit since 3 epochs, after epoch 3 "
            "(counted from 0).",
        )

    @given(
        losses=st.lists(st.sampled_from([0.1, 0.2]), max_size=12),
        epochs=st.integers(1, 4),
        cut=st.integers(0, 12),
    )
    def test_resumed_training_stops_where_it_would_have(
        self, losses, epochs, cut
    ):
        whole = fed(stops.StopIfUnchanged(epochs), losses)
        cut = min(cut, len(losses))
        first = fed(stops.StopIfUnchanged(epochs), losses[:cut])
        if first.stopped_epoch is not None:
            self.assertEqual(first.stopped_epoch, whole.stopped_epoch)
            return
        second = stops.StopIfUnchanged(epochs, earlier=first.losses)
        fed(second, losses[cut:], first_epoch=cut)
        self.assertEqual(second.stopped_epoch, whole.stopped_epoch)
        self.assertEqual(second.losses, whole.losses)

    def test_fits_of_one_model_go_on_and_another_begins_anew(self):
        callback = stops.StopIfUnchanged(2)
        for model, expected in (("a", None), ("a", 0), ("b", None)):
            if expected is None:
                shared = types.SimpleNamespace(name=model, stop_training=False)
            callback.set_model(shared)
            callback.on_train_begin()
            for epoch in range(2):
                callback.on_epoch_end(epoch, {"loss": 1.0})
                if callback.stopped_epoch is not None:
                    break
            self.assertEqual(callback.stopped_epoch, expected)

    def test_earlier_losses_must_be_numbers(self):
        with self.assertRaisesRegex(
            ValueError, "`earlier` must hold numbers only.*earlier=None"
        ):
            stops.StopIfUnchanged(earlier=[1.0, None])

    @parameterized.parameters(0, 1.5, True)
    def test_epochs_must_be_a_count(self, value):
        with self.assertRaisesRegex(
            ValueError,
            f"`epochs` must be an integer of at least 1. Received: epochs="
            f"{value}",
        ):
            stops.StopIfUnchanged(value)


class AllTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("accuracy", stops.StopIfNotLearning(1.0, 1), 2),
        ("loss", stops.StopAtLoss(100.0), 1),
        ("unchanged", stops.StopIfUnchanged(1), 2),
    )
    def test_fit_ends_after_that_epoch(self, callback, epochs):
        # Nothing changes at rate 0, and nothing is shuffled or dropped.
        model = small_fits.network(0.0)
        model.get_layer("drop").rate = 0.0
        fitted = small_fits.fit(model, callback, epochs=4, shuffle=False)
        self.assertLen(fitted.history["loss"], epochs)
        self.assertEqual(callback.stopped_epoch, epochs - 1)
        self.assertIn(f"after epoch {epochs - 1} ", callback.reason)

    @parameterized.named_parameters(
        ("accuracy", lambda **kw: stops.StopIfNotLearning(0.1, 7, **kw)),
        ("loss", lambda **kw: stops.StopAtLoss(0.1, **kw)),
        ("unchanged", lambda **kw: stops.StopIfUnchanged(**kw)),
    )
    def test_unknown_figure_is_named_after_the_first_epoch(self, build):
        callback = build(monitor="acc")
        with self.assertRaisesRegex(
            ValueError,
            f'`{type(callback).__name__}` looks at "acc", which this model '
            r"does not report. Received: \['accuracy', 'loss', .*monitor=",
        ):
            small_fits.fit(small_fits.network(), callback, epochs=1)
        with self.assertRaisesRegex(ValueError, "`monitor` must.*monitor=3"):
            build(monitor=3)

    def test_another_figure_can_be_looked_at(self):
        callback = fed(
            stops.StopAtLoss(1.0, monitor="val_loss"), [1], "val_loss"
        )
        self.assertEqual(callback.stopped_epoch, 0)
        self.assertStartsWith(callback.reason, "Finished: val_loss 1 after")

    def test_next_fit_forgets_that_the_last_one_stopped(self):
        callback = fed(stops.StopAtLoss(1.0), [0.5])
        fed(callback, [2.0])
        self.assertIsNone(callback.stopped_epoch)
        self.assertEqual(callback.reason, "")


if __name__ == "__main__":
    absltest.main()

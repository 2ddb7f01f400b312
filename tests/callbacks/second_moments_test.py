"""Tests of the percentiles of second moments."""

import json
import math

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.callbacks import second_moments
from needle_tf.callbacks import tags
from tests.callbacks import event_files
from tests.callbacks import small_fits

STEPS = small_fits.STEPS
SecondMoments = second_moments.SecondMoments

# Optimizer, and the words in the names of its slots that hold the moments.
ADAPTIVE = (
    (keras.optimizers.Adam, "velocity"),
    (keras.optimizers.AdamW, "velocity"),
    (keras.optimizers.Nadam, "velocity"),
    (keras.optimizers.Lamb, "velocity"),
    (keras.optimizers.RMSprop, "velocity"),
    (keras.optimizers.Adagrad, "accumulator"),
    (keras.optimizers.Adadelta, "accumulated_grad"),
    (keras.optimizers.Ftrl, "accumulator"),
    (keras.optimizers.Adamax, "norm"),
)


def network(optimizer):
    model = small_fits.network()
    model.compile(optimizer, model.loss)
    return model


def moments(optimizer, word, layer):
    """The slot of a kernel in NumPy, found by the name of the variable."""
    slots = [
        v
        for v in optimizer.variables
        if v.name.endswith(f"_{layer}_kernel_{word}")
    ]
    (slot,) = slots
    value = slot.numpy().astype("float64")
    return value**2 if word == "norm" else value


class PercentilesTest(parameterized.TestCase):
    @parameterized.parameters(*ADAPTIVE)
    def test_percentiles_are_those_of_numpy(self, build, word):
        optimizer = build(0.01)
        callback = SecondMoments()
        small_fits.fit(network(optimizer), callback, epochs=2)
        self.assertLen(callback.history, 2)
        last = callback.history[-1]
        self.assertEqual((last.epoch, last.step), (2, 2 * STEPS))
        self.assertEqual(list(last.layers), ["conv", "logits"])
        for name, values in last.layers.items():
            oracle = np.percentile(
                moments(optimizer, word, name), second_moments.PERCENTILES
            )
            np.testing.assert_allclose(values, oracle, 1e-4)
            self.assertGreater(values[1], 0)

    def test_variants_of_optimizers_are_known_too(self):
        for optimizer in (
            keras.optimizers.Adam(0.01, amsgrad=True),
            keras.optimizers.RMSprop(0.01, centered=True, momentum=0.9),
        ):
            model, callback = network(optimizer), SecondMoments()
            small_fits.fit(model, callback, epochs=1)
            np.testing.assert_allclose(
                callback.history[0].layers["conv"],
                np.percentile(
                    moments(optimizer, "velocity", "conv"), [10, 50, 90]
                ),
                1e-4,
            )

    def test_wrapped_optimizers_are_looked_into(self):
        adam = keras.optimizers.Adam(0.01)
        model = network(keras.optimizers.LossScaleOptimizer(adam))
        callback = SecondMoments()
        small_fits.fit(model, callback, epochs=1)
        np.testing.assert_allclose(
            callback.history[0].layers["logits"],
            np.percentile(moments(adam, "velocity", "logits"), [10, 50, 90]),
            1e-4,
        )

    def test_kernels_can_be_chosen(self):
        callback = SecondMoments(kernels=["log*"])
        small_fits.fit(network("adam"), callback, epochs=1)
        self.assertEqual(list(callback.history[0].layers), ["logits"])

    def test_frozen_kernels_are_left_out(self):
        model = small_fits.network()
        model.get_layer("conv").trainable = False
        model.compile("adam", model.loss)
        callback = SecondMoments()
        small_fits.fit(model, callback, epochs=1)
        self.assertEqual(list(callback.history[0].layers), ["logits"])
        with self.assertRaisesRegex(ValueError, r"keeps none for \['conv'\]"):
            small_fits.fit(model, SecondMoments(kernels="conv"))

    @parameterized.parameters(
        (keras.optimizers.SGD, "SGD"),
        (keras.optimizers.Lion, "Lion"),
        (keras.optimizers.Muon, "Muon"),
        (
            lambda rate: keras.optimizers.LossScaleOptimizer(
                keras.optimizers.SGD(rate, momentum=0.9)
            ),
            r"LossScaleOptimizer\(SGD\)",
        ),
    )
    def test_optimizer_without_second_moments_is_named(self, build, name):
        with self.assertRaisesRegex(
            ValueError,
            f"`SecondMoments` needs .*Received: {name}, which keeps none for "
            r"\['conv', 'logits'\]. Leave the callback out",
        ):
            small_fits.fit(network(build(0.01)), SecondMoments())

    def test_training_is_left_as_it_was(self):
        models = [network("adam"), network("adam")]
        for model, callbacks in zip(
            models, ([], [SecondMoments()]), strict=True
        ):
            keras.utils.set_random_seed(3)
            small_fits.fit(model, *callbacks, epochs=2)
        weights = (model.get_weights() for model in models)
        for plain, watched in zip(*weights, strict=True):
            np.testing.assert_array_equal(watched, plain)


class RecordTest(parameterized.TestCase):
    def test_json_holds_all_epochs(self):
        callback = SecondMoments()
        model = network("adam")
        small_fits.fit(model, callback, epochs=1)
        small_fits.fit(model, callback, epochs=2, initial_epoch=1)
        record = json.loads(json.dumps(callback.as_json(), allow_nan=False))
        self.assertEqual(record["percentiles"], [10, 50, 90])
        self.assertEqual(record["epochs"], [1, 2])
        self.assertEqual(list(record["layers"]), ["conv", "logits"])
        for name, rows in record["layers"].items():
            self.assertEqual(
                rows, [list(each.layers[name]) for each in callback.history]
            )

    def test_resumed_record_goes_on(self):
        model, first = network("adam"), SecondMoments()
        self.assertEqual(first.as_json()["epochs"], [])
        small_fits.fit(model, first, epochs=2)
        second = SecondMoments(earlier=first.as_json())
        self.assertEqual(second.as_json(), first.as_json())
        small_fits.fit(model, second, epochs=3, initial_epoch=2)
        record = second.as_json()
        self.assertEqual(record["epochs"], [1, 2, 3])
        for name, rows in record["layers"].items():
            self.assertEqual(rows[:2], first.as_json()["layers"][name])
            self.assertEqual(rows[2], list(second.history[0].layers[name]))

    def test_number_that_is_none_is_null(self):
        callback = SecondMoments()
        callback.history.append(
            second_moments.Percentiles(1, 3, {"conv": (0.0, math.nan, 1.0)})
        )
        self.assertEqual(
            callback.as_json()["layers"], {"conv": [[0.0, None, 1.0]]}
        )

    def test_other_kernels_are_not_mixed_in(self):
        first = SecondMoments(kernels="conv")
        small_fits.fit(network("adam"), first, epochs=1)
        second = SecondMoments(earlier=first.as_json())
        with self.assertRaisesRegex(
            ValueError, r"Expected: \['conv'\]. Received: \['conv', 'logits'\]"
        ):
            small_fits.fit(network("adam"), second, epochs=1)

    @parameterized.parameters(
        ({},),
        ({"percentiles": [5, 50, 95], "epochs": [], "layers": {}},),
        ({"percentiles": [10, 50, 90], "epochs": [1], "layers": {"a": []}},),
        ({"percentiles": [10, 50, 90], "epochs": 3, "layers": {}},),
    )
    def test_earlier_must_be_a_record(self, earlier):
        with self.assertRaisesRegex(
            ValueError, "`earlier` must be what `SecondMoments.as_json` returns"
        ):
            SecondMoments(earlier=earlier)

    def test_event_file_holds_three_scalars_per_kernel(self):
        folder = self.create_tempdir().full_path
        callback = SecondMoments(folder, first_step=10)
        small_fits.fit(network("adam"), callback, epochs=2)
        events = event_files.scalars(folder)
        for name in ("conv", "logits"):
            for number, tag in enumerate(tags.SECOND_MOMENTS):
                steps, values = zip(
                    *events.pop(tags.of_layer(tag, name)), strict=True
                )
                self.assertEqual(steps, (10 + STEPS, 10 + 2 * STEPS))
                np.testing.assert_allclose(
                    values,
                    [each.layers[name][number] for each in callback.history],
                    1e-6,
                )
        self.assertEmpty(events)

    def test_first_step_must_be_a_count(self):
        with self.assertRaisesRegex(ValueError, "`first_step`.*first_step=-1"):
            SecondMoments(first_step=-1)


if __name__ == "__main__":
    absltest.main()

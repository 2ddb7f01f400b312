"""Tests of the monitor of layer rotation: values, reference and choice."""

import math
from unittest import mock

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.callbacks import layer_rotation
from needle_tf.embedding import convert
from needle_tf.graphs import kernels as kernels_lib
from needle_tf.ops import rotation
from tests.callbacks import kept_kernels
from tests.callbacks import small_fits
from tests.oracles import turns

STEPS = small_fits.STEPS
LayerRotation = layer_rotation.LayerRotation


def compiled(model, learning_rate=0.1, **settings):
    # Eager: nothing to compile for a handful of steps.
    settings.setdefault("run_eagerly", not settings)
    model.compile(
        keras.optimizers.SGD(learning_rate),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        **settings,
    )
    return model


def nested():
    """A model with a shared layer, one in a nested model, and a separable."""
    keras.utils.set_random_seed(0)
    inside = keras.Input((6, 6, 2))
    conv = keras.layers.SeparableConv2D(2, 3, padding="same", name="conv")
    inner = keras.Model(inside, conv(inside), name="inner")
    shared = keras.layers.Conv2D(2, 3, padding="same", name="shared")
    images = keras.Input((6, 6, 1))
    features = keras.layers.Concatenate()([images, images])
    features = shared(inner(shared(features)))
    features = keras.layers.BatchNormalization()(features)
    outputs = keras.layers.Dense(3)(keras.layers.Flatten()(features))
    return keras.Model(images, outputs)


class Subclassed(keras.Model):
    """A model without a graph."""

    def __init__(self):
        super().__init__()
        self.flatten = keras.layers.Flatten()
        self.dense = keras.layers.Dense(3, name="dense")

    def call(self, inputs):
        return self.dense(self.flatten(inputs))


def subclassed():
    model = Subclassed()
    model(small_fits.data()[0])
    return model


def relaxed():
    return convert.embed(small_fits.network())


def expected(kept, step, start=0):
    """The rotations of the oracle at a step of what was kept."""
    return {
        name: turns.cosine_distance(values[step], values[start])
        for name, values in kept.kept.items()
    }


class ValuesTest(parameterized.TestCase):
    def check(self, rotations, oracle, rtol=1e-5):
        self.assertEqual(list(rotations.layers), list(oracle))
        np.testing.assert_allclose(
            list(rotations.layers.values()), list(oracle.values()), rtol, 1e-12
        )

    @parameterized.named_parameters(
        ("sequential", small_fits.network),
        ("nested_and_shared", nested),
        ("subclassed", subclassed),
        ("relaxed", relaxed),
    )
    def test_rotations_equal_those_of_the_oracle(self, build):
        model = compiled(build())
        callback, kept = (
            LayerRotation(every_steps=1),
            kept_kernels.KeepKernels(),
        )
        small_fits.fit(model, callback, kept, epochs=2)
        self.assertEqual(
            list(kept.kept), list(kernels_lib.named_kernels(model))
        )
        self.assertLen(callback.measured, 2 * STEPS + 1)
        for step, rotations in enumerate(callback.measured):
            self.assertEqual(rotations.step, step)
            self.check(rotations, expected(kept, step))
        self.assertEqual(callback.history, callback.measured[::STEPS])
        self.assertGreater(callback.history[-1].min, 0)

    @parameterized.parameters(
        *((rate, {}) for rate in (1e-8, 1e-5, 1e-2, 10.0)),
        *((rate, {"jit_compile": True}) for rate in (1e-8, 10.0)),
    )
    def test_small_and_large_turns_keep_their_digits(self, rate, settings):
        model = compiled(small_fits.network(), rate, **settings)
        callback, kept = LayerRotation(), kept_kernels.KeepKernels()
        small_fits.fit(model, callback, kept, epochs=1)
        self.check(callback.history[-1], expected(kept, -1))

    @parameterized.parameters("mixed_bfloat16", "mixed_float16", "bfloat16")
    def test_half_precision_is_measured_in_float32(self, policy):
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(policy)
        try:
            model = small_fits.network()
            model.compile("sgd", "sparse_categorical_crossentropy")
        finally:
            keras.config.set_dtype_policy(before)
        callback, kept = LayerRotation(), kept_kernels.KeepKernels()
        small_fits.fit(model, callback, kept, epochs=2)
        self.check(callback.history[-1], expected(kept, -1))

    def test_mean_and_min_are_over_kernels(self):
        rotations = layer_rotation.Rotations(3, {"a": 0.5, "b": 0.25, "c": 1.5})
        self.assertEqual((rotations.mean, rotations.min), (0.75, 0.25))

    def test_arrays_hold_the_history(self):
        callback = LayerRotation(first_step=7)
        self.assertEqual(callback.as_arrays()[1], {})
        small_fits.fit(small_fits.network(), callback, epochs=2)
        steps, layers = callback.as_arrays()
        np.testing.assert_array_equal(steps, [7, 7 + STEPS, 7 + 2 * STEPS])
        self.assertEqual(list(layers), ["conv", "logits"])
        for name, values in layers.items():
            self.assertEqual(values.dtype, "float64")
            self.assertEqual(
                values.tolist(), [row.layers[name] for row in callback.history]
            )

    @parameterized.parameters((0.0, 1.0), (math.nan, math.nan))
    def test_kernel_that_vanishes_counts_as_1_and_a_diverged_one_as_nan(
        self, factor, expected
    ):
        model = small_fits.network()
        kernel = model.get_layer("conv").kernel
        spoil = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: kernel.assign(
                factor * kernel
            )
        )
        callback = LayerRotation(kernels="conv")
        small_fits.fit(model, spoil, callback, epochs=1)
        np.testing.assert_equal(callback.history[-1].mean, expected)


class ReferenceTest(parameterized.TestCase):
    def test_weights_of_the_first_fit_are_kept_over_further_ones(self):
        model, whole = small_fits.network(), small_fits.network()
        for each in (model, whole):
            each.get_layer("drop").rate = 0.0
        callback, once = LayerRotation(), LayerRotation()
        small_fits.fit(model, callback, epochs=1, shuffle=False)
        small_fits.fit(
            model, callback, epochs=2, initial_epoch=1, shuffle=False
        )
        small_fits.fit(whole, once, epochs=2, shuffle=False)
        self.assertLen(callback.history, 2)
        self.assertEqual(callback.history[-1].step, 2 * STEPS)
        self.assertEqual(callback.history[0], once.history[1])
        self.assertEqual(callback.history[1], once.history[2])

    def test_reset_reference_begins_anew(self):
        model, callback = small_fits.network(), LayerRotation()
        small_fits.fit(model, callback, epochs=1)
        callback.reset_reference()
        small_fits.fit(model, callback, epochs=1)
        self.assertEqual(callback.history[0].mean, 0.0)

    def test_another_model_begins_anew(self):
        callback = LayerRotation()
        for model in (small_fits.network(), compiled(nested())):
            small_fits.fit(model, callback, epochs=1)
            self.assertEqual(callback.history[0].mean, 0.0)
            self.assertEqual(
                list(callback.history[1].layers),
                list(kernels_lib.named_kernels(model)),
            )

    @parameterized.parameters("model", "arrays", "float64")
    def test_rotation_is_measured_from_a_given_reference(self, kind):
        start = small_fits.network()
        first, model = start.get_weights(), small_fits.network()
        small_fits.fit(model, epochs=1)
        reference = start
        if kind != "model":
            dtype = "float32" if kind == "arrays" else "float64"
            reference = {
                name: kernel.numpy().astype(dtype)
                for name, kernel in kernels_lib.named_kernels(start).items()
            }
        callback = LayerRotation(reference=reference)
        kept = kept_kernels.KeepKernels()
        small_fits.fit(model, callback, kept, epochs=2)
        for row, step in ((0, 0), (-1, -1)):
            oracle = [
                turns.cosine_distance(kept.kept[name][step], value)
                for name, value in (("conv", first[0]), ("logits", first[2]))
            ]
            np.testing.assert_allclose(
                list(callback.history[row].layers.values()), oracle, 1e-5
            )
        self.assertGreater(callback.history[0].min, 0)

    def test_reference_that_is_trained_itself_stays_where_it_was(self):
        model = small_fits.network()
        callback = LayerRotation(reference=model)
        small_fits.fit(model, callback, epochs=1)
        self.assertEqual(callback.history[0].mean, 0.0)
        self.assertGreater(callback.history[1].min, 0.0)

    def test_reference_that_does_not_fit_is_named(self):
        reference = {
            "conv": np.ones((3, 3, 1, 1)),
            "other": np.ones((2, 2)),
        }
        with self.assertRaisesRegex(
            ValueError,
            '`reference` must hold .*Received: "logits" is missing; "other" is '
            r'unknown; "conv" has shape \(3, 3, 1, 1\), not \(3, 3, 1, 2\)\. '
            r"The model's kernels: \['conv', 'logits'\]",
        ):
            small_fits.fit(
                small_fits.network(), LayerRotation(reference=reference)
            )

    def test_reference_may_hold_more_of_the_model_than_is_watched(self):
        callback = LayerRotation(
            reference=small_fits.network(), kernels="logits"
        )
        small_fits.fit(small_fits.network(), callback, epochs=1)
        self.assertEqual(list(callback.history[0].layers), ["logits"])

    def test_reference_of_another_type_is_refused(self):
        with self.assertRaisesRegex(
            ValueError, "`reference` must be None, a keras.Model.*type ndarray"
        ):
            LayerRotation(reference=np.ones(3))

    def test_zero_kernels_and_references_are_named(self):
        model = small_fits.network()
        zeros = {
            name: np.zeros(kernel.shape)
            for name, kernel in kernels_lib.named_kernels(model).items()
        }
        with self.assertRaisesRegex(
            ValueError,
            r"A reference of a kernel must not be all zero.*\['conv', 'logits'"
            r"\].*kernels=\[...\].*another reference",
        ):
            small_fits.fit(model, LayerRotation(reference=zeros))
        model.get_layer("logits").kernel.assign(zeros["logits"])
        with self.assertRaisesRegex(
            ValueError,
            r"A kernel must not be all zero.*zeros in \['logits'\].*initial",
        ):
            small_fits.fit(model, LayerRotation())
        callback = LayerRotation(kernels=["conv"])
        small_fits.fit(model, callback, epochs=1)
        self.assertLen(callback.history, 2)


class ReuseTest(parameterized.TestCase):
    def test_fits_of_a_model_trace_the_measurement_once(self):
        model, callback = small_fits.network(), LayerRotation(every_steps=1)
        with mock.patch.object(
            rotation, "cosine_distance", wraps=rotation.cosine_distance
        ) as measure:
            for _ in range(2):
                small_fits.fit(model, callback, epochs=2)
        self.assertEqual(measure.call_count, 2)  # Once per kernel.

    def test_training_is_left_as_it_was(self):
        models = [small_fits.network(), small_fits.network()]
        for model, callbacks in zip(
            models, ([], [LayerRotation(every_steps=1)]), strict=True
        ):
            keras.utils.set_random_seed(3)
            small_fits.fit(model, *callbacks, epochs=2)
        weights = (model.get_weights() for model in models)
        for plain, watched in zip(*weights, strict=True):
            np.testing.assert_array_equal(watched, plain)

    @parameterized.product(
        name=("every_steps", "first_step"), value=(-1, 1.5, "1", True)
    )
    def test_counts_must_be_counts(self, name, value):
        with self.assertRaisesRegex(
            ValueError,
            f"`{name}` must be an integer of at least 0. Received: {name}="
            f"{value!r}",
        ):
            LayerRotation(**{name: value})

    def test_model_that_is_not_built_is_refused(self):
        model = keras.Sequential(
            [keras.layers.Flatten(), keras.layers.Dense(3)]
        )
        with self.assertRaisesRegex(ValueError, "has no kernel.*built=False"):
            small_fits.fit(compiled(model), LayerRotation(), epochs=1)


if __name__ == "__main__":
    absltest.main()

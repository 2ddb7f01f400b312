"""Tests of the record of angles step by step."""

import os
import pathlib
from unittest import mock

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from needle_tf.callbacks import stepwise_rotation
from needle_tf.callbacks import tags
from needle_tf.embedding import convert
from tests.callbacks import event_files
from tests.callbacks import kept_kernels
from tests.callbacks import small_fits
from tests.oracles import turns

STEPS = small_fits.STEPS
StepwiseRotation = stepwise_rotation.StepwiseRotation


def expected(kept):
    """Angles of the oracle, of shape (steps, kernels)."""
    columns = [
        [turns.angle(*pair) for pair in zip(values, values[1:], strict=False)]
        for values in kept.kept.values()
    ]
    return np.transpose(columns)


class Turn(keras.callbacks.Callback):
    """Turns the kernels by given angles after each batch, in float32."""

    def __init__(self, angle):
        super().__init__()
        self._angle = angle

    def on_train_batch_end(self, batch, logs=None):
        rng = np.random.default_rng(batch)
        for layer in (self.model.get_layer("conv"), self.model.layers[-1]):
            weight = layer.kernel.numpy().astype("float64")
            other = rng.normal(size=weight.shape)
            other -= np.sum(other * weight) / np.sum(weight**2) * weight
            other *= np.linalg.norm(weight) / np.linalg.norm(other)
            layer.kernel.assign(
                np.cos(self._angle) * weight + np.sin(self._angle) * other
            )


class AnglesTest(parameterized.TestCase):
    @parameterized.parameters("sgd", "adam", "rmsprop")
    def test_angles_equal_those_of_the_oracle(self, optimizer):
        model = small_fits.network()
        model.compile(optimizer, model.loss)
        callback, kept = StepwiseRotation(), kept_kernels.KeepKernels()
        small_fits.fit(model, callback, kept, epochs=2)
        self.assertEqual(callback.names, ["conv", "logits"])
        self.assertEqual(callback.angles.dtype, "float64")
        self.assertEqual(callback.angles.shape, (2 * STEPS, 2))
        np.testing.assert_allclose(callback.angles, expected(kept), 1e-5)

    @settings(max_examples=10)
    @given(exponent=st.floats(-6, np.log10(3.1)))
    def test_any_turn_keeps_its_digits(self, exponent):
        # At 1e-6 the weights themselves are rounded; what is recorded is the
        # angle between the rounded ones.
        model = small_fits.network(0.0)
        kept = kept_kernels.KeepKernels()
        callback = StepwiseRotation()
        small_fits.fit(model, Turn(10**exponent), callback, kept, epochs=1)
        np.testing.assert_allclose(callback.angles, expected(kept), 2e-5)
        np.testing.assert_allclose(callback.angles, 10**exponent, 0.05)

    def test_no_step_is_no_turn(self):
        callback = StepwiseRotation()
        small_fits.fit(small_fits.network(0.0), callback, epochs=1)
        np.testing.assert_array_equal(callback.angles, np.zeros((STEPS, 2)))

    @parameterized.named_parameters(
        ("jit", small_fits.network, {"jit_compile": True}),
        ("relaxed", lambda: convert.embed(small_fits.network()), {}),
    )
    def test_other_networks_are_recorded_alike(self, build, compiled):
        model = build()
        model.compile(
            keras.optimizers.Adam(1e-4),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            **compiled,
        )
        callback, kept = StepwiseRotation(), kept_kernels.KeepKernels()
        small_fits.fit(model, callback, kept, epochs=1)
        np.testing.assert_allclose(callback.angles, expected(kept), 1e-4)

    @parameterized.parameters("mixed_float16", "bfloat16")
    def test_half_precision_is_measured_on_the_weights(self, policy):
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(policy)
        try:
            model = small_fits.network()
        finally:
            keras.config.set_dtype_policy(before)
        callback, kept = StepwiseRotation(), kept_kernels.KeepKernels()
        small_fits.fit(model, callback, kept, epochs=1)
        np.testing.assert_allclose(callback.angles, expected(kept), 1e-5, 1e-9)

    def test_fits_of_a_model_make_one_record(self):
        model, callback = small_fits.network(), StepwiseRotation()
        recorded = []
        for epochs in (1, 2):
            kept = kept_kernels.KeepKernels()
            small_fits.fit(model, callback, kept, epochs=epochs)
            recorded.append(expected(kept))
        np.testing.assert_allclose(
            callback.angles, np.concatenate(recorded), 1e-5
        )

    def test_steps_of_a_fit_that_fails_are_not_lost(self):
        def fail(batch, logs):
            if batch == 1:
                raise ArithmeticError

        callback = StepwiseRotation()
        breaks = keras.callbacks.LambdaCallback(on_train_batch_end=fail)
        with self.assertRaises(ArithmeticError):
            small_fits.fit(small_fits.network(), callback, breaks)
        self.assertEqual(callback.angles.shape, (2, 2))

    def test_training_is_left_as_it_was(self):
        models = [small_fits.network(), small_fits.network()]
        for model, callbacks in zip(
            models, ([], [StepwiseRotation()]), strict=True
        ):
            keras.utils.set_random_seed(3)
            small_fits.fit(model, *callbacks, epochs=2)
        weights = (model.get_weights() for model in models)
        for plain, watched in zip(*weights, strict=True):
            np.testing.assert_array_equal(watched, plain)


class RefusedTest(parameterized.TestCase):
    def test_several_steps_per_execution_are_refused(self):
        model = small_fits.network(steps_per_execution=2)
        with self.assertRaisesRegex(
            ValueError,
            "`StepwiseRotation` .* needs steps_per_execution=1. Received: 2. "
            "Give steps_per_execution=1 to `compile`",
        ):
            small_fits.fit(model, StepwiseRotation())

    def test_zero_kernels_are_named(self):
        model = small_fits.network()
        kernel = model.get_layer("logits").kernel
        kernel.assign(0 * kernel)
        with self.assertRaisesRegex(
            ValueError, r"A kernel must not be all zero.*zeros in \['logits'\]"
        ):
            small_fits.fit(model, StepwiseRotation())
        callback = StepwiseRotation(kernels="conv")
        small_fits.fit(model, callback, epochs=1)
        self.assertEqual(callback.names, ["conv"])
        self.assertEqual(callback.angles.shape, (STEPS, 1))

    def test_other_kernels_are_not_mixed_in(self):
        callback = StepwiseRotation(kernels="conv")
        small_fits.fit(small_fits.network(), callback, epochs=1)
        callback.kernels = None
        with self.assertRaisesRegex(
            ValueError,
            r"A recording goes on .*Expected: \['conv'\]. Received: \['conv', "
            r"'logits'\]",
        ):
            small_fits.fit(small_fits.network(), callback, epochs=1)

    @parameterized.parameters(
        ([[0.1, 0.2]], r"1 names, angles of shape \(1, 2\) and type float64"),
        ([0.1], r"1 names, angles of shape \(1,\) and type float64"),
        ([["a"]], r"angles of shape \(1, 1\) and type <U1"),
        ([[0.1], [np.nan]], 'Received: nan for "conv" in step 1'),
        ([[-0.1]], 'Received: -0.1 for "conv" in step 0'),
        ([[3.2]], 'Received: 3.2 for "conv" in step 0'),
    )
    def test_earlier_must_be_a_recording(self, angles, words):
        with self.assertRaisesRegex(ValueError, f"`earlier` must.*{words}"):
            StepwiseRotation(earlier=(["conv"], angles))

    def test_first_step_must_be_a_count(self):
        with self.assertRaisesRegex(ValueError, "`first_step`.*first_step=-1"):
            StepwiseRotation(first_step=-1)


class FileTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)
        self.file = self.folder / "angles.npz"

    def test_file_holds_names_and_angles(self):
        callback = StepwiseRotation()
        small_fits.fit(small_fits.network(), callback, epochs=1)
        callback.save(self.file)
        names, angles = StepwiseRotation.load(self.file)
        self.assertEqual(names, callback.names)
        np.testing.assert_array_equal(angles, callback.angles)
        self.assertEqual(os.listdir(self.folder), ["angles.npz"])

    def test_nothing_recorded_can_be_saved(self):
        StepwiseRotation().save(self.file)
        names, angles = StepwiseRotation.load(self.file)
        self.assertEqual((names, angles.shape), ([], (0, 0)))

    def test_resumed_recording_goes_on(self):
        model, first = small_fits.network(), StepwiseRotation()
        small_fits.fit(model, first, epochs=1)
        first.save(self.file)
        second = StepwiseRotation(earlier=StepwiseRotation.load(self.file))
        self.assertEqual(second.names, first.names)
        np.testing.assert_array_equal(second.angles, first.angles)
        kept = kept_kernels.KeepKernels()
        small_fits.fit(model, second, kept, epochs=2, initial_epoch=1)
        self.assertEqual(second.angles.shape, (2 * STEPS, 2))
        np.testing.assert_array_equal(second.angles[:STEPS], first.angles)
        np.testing.assert_allclose(second.angles[STEPS:], expected(kept), 1e-5)

    def test_failure_leaves_the_file_that_was_there(self):
        first = StepwiseRotation(earlier=(["conv"], [[0.1]]))
        first.save(self.file)
        second = StepwiseRotation(earlier=(["conv"], [[0.2]]))
        with mock.patch("os.replace", side_effect=OSError("disk")):
            with self.assertRaisesRegex(OSError, "disk"):
                second.save(self.file)
        _, angles = StepwiseRotation.load(self.file)
        self.assertEqual(angles.tolist(), [[0.1]])
        self.assertEqual(os.listdir(self.folder), ["angles.npz"])

    def test_missing_file_is_a_missing_file(self):
        with self.assertRaisesRegex(FileNotFoundError, "angles.npz"):
            StepwiseRotation.load(self.file)

    @parameterized.named_parameters(
        ("text", lambda file: file.write_text("no numbers")),
        ("empty", lambda file: file.write_bytes(b"")),
        ("other", lambda file: np.savez(file, angles=np.ones((1, 1)))),
        ("pickle", lambda file: np.savez(file, names=np.array([{}]))),
        ("cut", lambda file: file.write_bytes(b"PK\x03\x04 and no more")),
    )
    def test_damaged_file_is_named(self, write):
        write(self.file)
        with self.assertRaisesRegex(
            ValueError, "angles.npz is no recording of angles .*Expected what"
        ):
            StepwiseRotation.load(self.file)

    def test_array_alone_is_no_recording(self):
        file = self.folder / "angles.npy"
        np.save(file, np.ones((2, 2)))
        with self.assertRaisesRegex(ValueError, "angles.npy is no recording"):
            StepwiseRotation.load(file)

    def test_file_of_another_shape_is_named(self):
        np.savez(self.file, names=["conv"], angles=np.ones((2, 2)))
        with self.assertRaisesRegex(ValueError, "angles.npz must hold names"):
            StepwiseRotation.load(self.file)


class EventsTest(parameterized.TestCase):
    def test_epochs_have_their_mean_and_median(self):
        folder = self.create_tempdir().full_path
        callback = StepwiseRotation(folder, first_step=10)
        small_fits.fit(small_fits.network(), callback, epochs=2)
        events = event_files.scalars(folder)
        epochs = callback.angles.reshape(2, STEPS, 2)
        for tag, statistic in (
            (tags.STEP_ANGLE_MEAN, np.mean),
            (tags.STEP_ANGLE_MEDIAN, np.median),
        ):
            for name, part in (
                (tag, epochs),
                (tags.of_layer(tag, "conv"), epochs[:, :, :1]),
                (tags.of_layer(tag, "logits"), epochs[:, :, 1:]),
            ):
                steps, values = zip(*events.pop(name), strict=True)
                self.assertEqual(steps, (10 + STEPS, 10 + 2 * STEPS))
                oracle = [statistic(epoch) for epoch in part]
                np.testing.assert_allclose(values, oracle, 1e-6)
        self.assertEmpty(events)


if __name__ == "__main__":
    absltest.main()

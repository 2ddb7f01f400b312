"""Tests of the choice of kernels and of their copies."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.callbacks import watched_kernels


def network():
    """conv1, conv2 and logits, the second in a nested model."""
    inside = keras.Input((6, 6, 2))
    conv = keras.layers.Conv2D(2, 3, name="conv2")(inside)
    inner = keras.Model(inside, conv, name="inner")
    images = keras.Input((6, 6, 1))
    features = keras.layers.Conv2D(2, 3, padding="same", name="conv1")(images)
    features = keras.layers.Flatten()(inner(features))
    return keras.Model(images, keras.layers.Dense(3, name="logits")(features))


NAMES = ["conv1", "inner/conv2", "logits"]


class ChooseTest(parameterized.TestCase):
    @parameterized.parameters(
        (None, NAMES),
        ("logits", ["logits"]),
        (["logits", "conv1"], ["conv1", "logits"]),
        ("*conv*", ["conv1", "inner/conv2"]),
        (["inner/*", "inner/conv2"], ["inner/conv2"]),
        (["conv[0-9]"], ["conv1"]),
    )
    def test_names_and_patterns_choose_in_model_order(self, choice, expected):
        chosen = watched_kernels.choose(network(), choice)
        self.assertEqual(list(chosen), expected)

    def test_layers_models_and_variables_choose_by_identity(self):
        model = network()
        conv, inner = model.get_layer("conv1"), model.get_layer("inner")
        logits = model.get_layer("logits")
        for choice, expected in (
            (conv, ["conv1"]),
            ([inner], ["inner/conv2"]),
            ([logits.kernel, conv], ["conv1", "logits"]),
            ([model], NAMES),
        ):
            chosen = watched_kernels.choose(model, choice)
            self.assertEqual(list(chosen), expected)
        kernel = watched_kernels.choose(model, conv)["conv1"]
        self.assertIs(kernel, conv.kernel)

    @parameterized.parameters("conv", "Conv1", "conv2", "c", "conv1/kernel")
    def test_part_of_a_name_is_no_name(self, choice):
        with self.assertRaisesRegex(
            ValueError,
            f'`kernels` holds "{choice}", which is no kernel of model '
            r'"functional.*" and has none. Its kernels: '
            r"\['conv1', 'inner/conv2', 'logits'\]",
        ):
            watched_kernels.choose(network(), ["conv1", choice])

    def test_what_is_no_kernel_is_named(self):
        model = network()
        for choice, words in (
            (keras.layers.Dense(3, name="other"), 'Dense "other"'),
            (model.get_layer("conv1").bias, r'Variable "conv1/bias"'),
            (3, 'int "3"'),
        ):
            with self.assertRaisesRegex(ValueError, f"holds {words}, which"):
                watched_kernels.choose(model, [choice])

    def test_empty_choice_is_refused(self):
        with self.assertRaisesRegex(
            ValueError, r"`kernels` is empty.*Received: kernels=\[\].*conv1"
        ):
            watched_kernels.choose(network(), [])

    def test_model_without_kernels_is_refused(self):
        flat = keras.Sequential([keras.Input((3,)), keras.layers.Rescaling(2)])
        unbuilt = keras.Sequential([keras.layers.Dense(3)])
        for model, built in ((flat, True), (unbuilt, False)):
            with self.assertRaisesRegex(
                ValueError,
                f'Model "{model.name}" has no kernel to watch .*Received: '
                rf"built={built}\. .*keras\.Input",
            ):
                watched_kernels.choose(model)


class CopiesTest(parameterized.TestCase):
    def test_copies_stay_where_the_kernels_go_on(self):
        kernels = list(watched_kernels.choose(network()).values())
        copies = watched_kernels.copies(kernels)
        before = [kernel.value.numpy().copy() for kernel in kernels]
        for kernel in kernels:
            kernel.assign(2 * kernel)
        for copy, value, kernel in zip(copies, before, kernels, strict=True):
            np.testing.assert_array_equal(copy, value)
            self.assertEqual(copy.device, kernel.value.device)
            self.assertEqual(copy.dtype, kernel.value.dtype)


class ZeroTest(parameterized.TestCase):
    @parameterized.parameters("float16", "bfloat16", "float32", "float64")
    def test_zero_kernels_are_named_and_tiny_ones_are_not(self, dtype):
        # The square of the tiny one is 0; half precision has none as small.
        tiny = 1e-7 if dtype == "float16" else 1e-30
        values = [
            keras.ops.full((2, 2), fill, dtype)
            for fill in (0.0, tiny, -1.0, np.nan)
        ]
        with self.assertRaisesRegex(
            ValueError,
            "A kernel must not be all zero: it has no direction .* Received: "
            r"zeros in \['a'\]\. Do this\.",
        ):
            watched_kernels.refuse_zero("abcd", values, "kernel", "Do this.")
        watched_kernels.refuse_zero("bcd", values[1:], "kernel", "Do this.")

    @parameterized.parameters(
        (0.25, 1.0, 1.0, 0.25),
        (np.nan, 0.0, 1.0, 7.0),
        (np.nan, 1.0, 0.0, 7.0),
        (np.nan, 1.0, np.nan, np.nan),
    )
    def test_turn_of_a_zero_kernel_is_told_from_one_that_diverged(
        self, turn, before, after, expected
    ):
        import tensorflow as tf

        counts = tf.function(watched_kernels.or_instead)
        value = counts(
            tf.constant(turn),
            tf.fill((2, 2), before),
            tf.fill((2, 2), after),
            7.0,
        )
        np.testing.assert_array_equal(value, np.float32(expected))


if __name__ == "__main__":
    absltest.main()

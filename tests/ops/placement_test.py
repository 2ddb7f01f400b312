"""Tests of where operations run, on the one device there is.

More devices: `tests.embedding.devices_test`.
"""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.ops import placement

# Ways in which `tf.device` takes the same device.
NAMES = (
    "CPU:0",
    "cpu:0",
    "/CPU:0",
    "/device:CPU:0",
    "/job:localhost/replica:0/task:0/device:CPU:0",
    "CPU",
)
UNKNOWN = ("GPU:7", "CPU:9", "/job:worker/task:1/device:CPU:0", "disk", "", 0)


class CheckTest(parameterized.TestCase):
    @parameterized.parameters(*NAMES)
    def test_names_that_tensorflow_takes_are_taken(self, name):
        self.assertEqual(placement.check_device(name), name)
        self.assertEqual(placement.stored_device(name, "conv"), name)

    @parameterized.parameters(*UNKNOWN)
    def test_device_that_is_not_there_is_refused(self, name):
        with self.assertRaisesRegex(
            ValueError,
            f"There is no device {name!r} here. Expected one of \\['CPU:0'",
        ):
            placement.check_device(name)

    def test_stored_device_that_is_not_there_is_given_up_with_a_warning(self):
        with self.assertWarnsRegex(
            UserWarning,
            "Layer \"conv\" was saved for the device 'GPU:7' and goes where "
            "tensorflow puts it. There is no device 'GPU:7' here. .* To place "
            "it anew, use `needle_tf.embed\\(model, devices=",
        ):
            self.assertIsNone(placement.stored_device("GPU:7", "conv"))

    def test_other_backends_have_no_such_placement(self):
        with absltest.mock.patch.object(
            keras.backend, "backend", return_value="jax"
        ):
            self.assertIsNone(placement.check_device(None))
            with self.assertRaisesRegex(
                ValueError,
                "places weights on TensorFlow only. Received: device='CPU:0' "
                "on jax. Leave it out; with JAX, shard kernels by `keras.dis",
            ):
                placement.check_device("CPU:0")


class RunTest(parameterized.TestCase):
    def test_no_device_runs_the_function_itself(self):
        first, second = object(), object()
        self.assertEqual(
            placement.run(None, lambda *args: args, first, second),
            (first, second),
        )
        self.assertIs(placement.bound(None, placement.run), placement.run)
        with placement.scope(None):
            pass

    @parameterized.parameters(False, True)
    def test_gradients_of_any_order_are_those_of_the_function(self, traced):
        rng = np.random.default_rng(0)
        x = tf.constant(rng.normal(size=(3, 4)))
        kernel = keras.Variable(rng.normal(size=(4, 2)), dtype="float64")

        def function(x, kernel):
            return tf.matmul(x, tf.tanh(kernel))

        def derivatives(device):
            watched = [x, kernel.value]
            with tf.GradientTape(persistent=True) as outer:
                outer.watch(x)
                with tf.GradientTape() as inner:
                    inner.watch(x)
                    y = placement.run(device, function, x, kernel)
                    loss = tf.reduce_sum(y**3)
                first = inner.gradient(loss, watched)
                turned = sum(tf.reduce_sum(tf.sin(g)) for g in first)
            second = outer.gradient(turned, watched)
            return [y, *first, *second, *outer.gradient(turned, watched)]

        if traced:
            derivatives = tf.function(derivatives)
        for found, expected in zip(
            derivatives("CPU:0"), derivatives(None), strict=True
        ):
            np.testing.assert_allclose(found, expected, 1e-12)


if __name__ == "__main__":
    absltest.main()

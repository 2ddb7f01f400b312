"""Tests of the gradient's norm, against difference quotients."""

import keras
import numpy as np
from absl.testing import absltest

from needle_tf.callbacks import gradient_norm
from needle_tf.callbacks import tags
from tests.callbacks import event_files
from tests.callbacks import small_fits


def loss_of(model, images, labels):
    """Returns the mean cross entropy in float64, by NumPy."""
    scores = np.asarray(model(images, training=False), "float64")
    scores -= scores.max(axis=1, keepdims=True)
    logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return -logs[np.arange(len(labels)), labels].mean()


def slope_along(model, images, labels, variable, direction, width=1e-3):
    """Returns the derivative of the loss along a direction, by quotients."""
    start = keras.ops.convert_to_numpy(variable)
    losses = []
    for sign in (1, -1):
        variable.assign(start + sign * width * direction)
        losses.append(loss_of(model, images, labels))
    variable.assign(start)
    return (losses[0] - losses[1]) / (2 * width)


class GradientNormTest(absltest.TestCase):
    def test_norm_of_a_layer_equals_difference_quotients(self):
        model = small_fits.network()
        images, labels = small_fits.data()
        squares = gradient_norm.squared_norms(model, images, labels)
        self.assertEqual(list(squares), ["conv", "logits"])
        for layer in (model.get_layer("conv"), model.get_layer("logits")):
            square = 0.0
            for variable in layer.trainable_variables:
                for place in np.ndindex(*variable.shape):
                    direction = np.zeros(variable.shape, "float32")
                    direction[place] = 1
                    square += (
                        slope_along(model, images, labels, variable, direction)
                        ** 2
                    )
            # Quotients of a float32 network: good to three digits.
            np.testing.assert_allclose(
                float(squares[layer.name]), square, rtol=5e-3
            )

    def test_event_file_holds_total_and_layers_for_start_and_epochs(self):
        folder = self.create_tempdir().full_path
        callback = gradient_norm.GradientNorm(
            folder, *small_fits.data(), first_step=10
        )
        small_fits.fit(small_fits.network(), callback, epochs=2)
        events = event_files.scalars(folder)
        steps = [10, 10 + small_fits.STEPS, 10 + 2 * small_fits.STEPS]
        layers = [
            events[tags.of_layer(tags.GRADIENT_NORM, name)]
            for name in ("conv", "logits")
        ]
        for values in (events[tags.GRADIENT_NORM], *layers):
            self.assertEqual([step for step, _ in values], steps)
        total = [value for _, value in events[tags.GRADIENT_NORM]]
        np.testing.assert_allclose(total, callback.history, rtol=1e-6)
        squares = [sum(v[i][1] ** 2 for v in layers) for i in range(3)]
        np.testing.assert_allclose(np.square(total), squares, rtol=1e-5)
        self.assertGreater(total[0], 0)

    def test_measuring_leaves_training_alone(self):
        plain = small_fits.network()
        small_fits.fit(plain, epochs=2)
        watched = small_fits.network()
        folder = self.create_tempdir().full_path
        callback = gradient_norm.GradientNorm(folder, *small_fits.data())
        small_fits.fit(watched, callback, epochs=2)
        for one, other in zip(plain.weights, watched.weights, strict=True):
            np.testing.assert_array_equal(one, other)

    def test_graph_is_traced_once_per_model(self):
        traces = []
        folder = self.create_tempdir().full_path
        callback = gradient_norm.GradientNorm(folder, *small_fits.data())
        model = small_fits.network()
        compute_loss = model.compute_loss
        model.compute_loss = lambda *args, **kwargs: (
            traces.append(kwargs["training"]),
            compute_loss(*args, **kwargs),
        )[1]
        small_fits.fit(model, callback, epochs=3)
        self.assertLen([t for t in traces if t is False], 1 + TEST_TRACES)

    def test_small_gradients_survive_float16(self):
        # The mean over many images makes each one's part small.
        images, labels = (
            np.concatenate([part] * 100) for part in small_fits.data()
        )
        squares = {}
        for policy in ("float32", "mixed_float16"):
            keras.config.set_dtype_policy(policy)
            self.addCleanup(keras.config.set_dtype_policy, "float32")
            model = small_fits.network()
            # What flows back into the convolution is about 1e-8: below the
            # smallest float16.
            logits = model.get_layer("logits")
            logits.kernel.assign(1e-4 * logits.kernel)
            squares[policy] = float(
                gradient_norm.squared_norms(model, images, labels)["conv"]
            )
        np.testing.assert_allclose(
            squares["mixed_float16"], squares["float32"], rtol=0.1
        )

    def test_nested_layers_are_named_behind_their_model(self):
        inner = keras.Sequential(
            [keras.Input((6, 6, 1)), keras.layers.Flatten(name="flatten")]
            + [keras.layers.Dense(3, name="dense")],
            name="inner",
        )
        outer = keras.Sequential([keras.Input((6, 6, 1)), inner])
        outer.compile(
            "sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        )
        squares = gradient_norm.squared_norms(outer, *small_fits.data())
        self.assertEqual(list(squares), ["inner/dense"])


# Keras' own test step calls the loss in inference mode once per trace.
TEST_TRACES = 1


if __name__ == "__main__":
    absltest.main()

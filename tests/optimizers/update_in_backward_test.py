"""Tests of updates within the backward pass: the numbers of the inner one."""

from unittest import mock

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.embedding import convert
from needle_tf.optimizers import layca
from needle_tf.optimizers import update_in_backward
from tests.optimizers import small_runs

UpdateInBackward = update_in_backward.UpdateInBackward
layers = keras.layers

INNERS = {
    "sgd": lambda: keras.optimizers.SGD(0.05),
    "momentum": lambda: keras.optimizers.SGD(0.05, momentum=0.9, clipnorm=0.1),
    "adam": lambda: keras.optimizers.Adam(
        keras.optimizers.schedules.ExponentialDecay(1e-2, 2, 0.5)
    ),
    "adamw": lambda: keras.optimizers.AdamW(1e-2, weight_decay=0.1),
    "scaled": lambda: keras.optimizers.SGD(0.05, loss_scale_factor=8.0),
    "clipped": lambda: keras.optimizers.RMSprop(1e-3, clipvalue=1e-3),
}


def network(**options):
    keras.utils.set_random_seed(5)
    cnn = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            layers.Conv2D(4, 3, padding="same", name="conv_1", **options),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.MaxPooling2D(2),
            layers.Conv2D(3, 2, name="conv_2"),
            layers.Flatten(),
            layers.Dense(3, name="logits"),
        ]
    )
    return convert.embed(cnn)


def data():
    images = small_runs.normal(1, (24, 6, 6, 2))
    return images, np.arange(24) % 3


def loss():
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def trained(make, wraps=False, **compiled):
    model = network()
    optimizer = UpdateInBackward(make(), model) if wraps else make()
    model.compile(optimizer, loss(), **compiled)
    with mock.patch.object(
        optimizer, "apply", side_effect=optimizer.apply
    ) as apply:
        history = model.fit(
            *data(), batch_size=8, epochs=2, shuffle=False, verbose=0
        )
    # Before each of the calls the backward pass updated both kernels.
    for call in apply.call_args_list if wraps else ():
        gradients, variables = call.args
        taken = [
            variable.path
            for gradient, variable in zip(gradients, variables, strict=True)
            if gradient is None
        ]
        assert taken == ["conv_1/kernel", "conv_2/kernel"], taken
    return model, history.history["loss"]


def kernels(model):
    return [model.get_layer(name).kernel for name in ("conv_1", "conv_2")]


class FitTest(parameterized.TestCase):
    @parameterized.parameters(
        *((inner, {}) for inner in INNERS),
        ("adamw", {"run_eagerly": True}),
        ("momentum", {"jit_compile": True}),
    )
    def test_all_numbers_are_those_of_the_inner_optimizer(
        self, inner, compiled
    ):
        expected, expected_losses = trained(INNERS[inner], **compiled)
        model, losses = trained(INNERS[inner], wraps=True, **compiled)
        optimizer = model.optimizer
        np.testing.assert_allclose(losses, expected_losses, rtol=1e-5)
        for weight, other in zip(model.weights, expected.weights, strict=True):
            np.testing.assert_allclose(
                weight, other, atol=1e-5, err_msg=weight.path
            )
        self.assertEqual(int(optimizer.iterations), 6)
        self.assertEqual(int(optimizer.inner.iterations), 6)

    def test_mixed_precision_trains_alike(self):
        self.addCleanup(keras.config.set_dtype_policy, "float32")
        keras.config.set_dtype_policy("mixed_bfloat16")
        expected, _ = trained(INNERS["sgd"])
        model, _ = trained(INNERS["sgd"], wraps=True)
        for kernel, other in zip(
            kernels(model), kernels(expected), strict=True
        ):
            self.assertEqual(kernel.dtype, "float32")
            np.testing.assert_allclose(kernel, other, atol=1e-3)

    def test_rate_can_be_set_by_callbacks(self):
        model = network()
        optimizer = UpdateInBackward(INNERS["sgd"](), model)
        model.compile(optimizer, loss())
        halved = keras.callbacks.LearningRateScheduler(lambda e, rate: rate / 2)
        model.fit(*data(), epochs=2, verbose=0, callbacks=[halved])
        self.assertAlmostEqual(float(optimizer.learning_rate), 0.0125)
        self.assertAlmostEqual(float(optimizer.inner.learning_rate), 0.0125)


class StepTest(parameterized.TestCase):
    def gradients(self, model, optimizer):
        images, labels = data()
        with tf.GradientTape() as tape:
            value = loss()(labels, model(images, training=True))
            value = optimizer.scale_loss(value)
        return tape.gradient(value, model.trainable_variables)

    def test_kernels_are_updated_when_gradients_come_back(self):
        model = network()
        optimizer = UpdateInBackward(INNERS["sgd"](), model)
        before = [small_runs.array(kernel).copy() for kernel in kernels(model)]
        gradients = self.gradients(model, optimizer)
        taken = [id(kernel) for kernel in kernels(model)]
        for variable, gradient in zip(
            model.trainable_variables, gradients, strict=True
        ):
            self.assertEqual(gradient is None, id(variable) in taken)
        for kernel, start in zip(kernels(model), before, strict=True):
            self.assertTrue(np.any(small_runs.array(kernel).copy() != start))
        after = [small_runs.array(kernel).copy() for kernel in kernels(model)]
        optimizer.apply(gradients, model.trainable_variables)
        for kernel, value in zip(kernels(model), after, strict=True):
            np.testing.assert_array_equal(kernel, value)

    def test_gradients_from_elsewhere_are_applied_by_the_inner_one(self):
        variable, expected = small_runs.kernel(), small_runs.kernel()
        optimizer, inner = UpdateInBackward(INNERS["adam"]()), INNERS["adam"]()
        for gradient in small_runs.gradients(3):
            optimizer.apply([gradient], [variable])
            inner.apply([gradient], [expected])
        np.testing.assert_array_equal(variable, expected)

    def test_a_step_that_the_backward_pass_did_alone_is_counted(self):
        variable = keras.Variable(np.ones((2, 2), "float32"), name="kernel")
        optimizer = UpdateInBackward(INNERS["sgd"]())
        optimizer.build([variable])
        optimizer.scale_loss(1.0)
        self.assertTrue(optimizer._take(variable, np.ones((2, 2), "float32")))
        optimizer.apply([None], [variable])
        self.assertEqual(int(optimizer.iterations), 1)
        np.testing.assert_allclose(variable, 0.95 * np.ones((2, 2)))

    def test_saved_and_loaded_it_goes_on_alike(self):
        file = f"{self.create_tempdir().full_path}/model.keras"
        model, _ = trained(INNERS["adam"], wraps=True)
        model.save(file)
        loaded = keras.saving.load_model(file)
        self.assertIsInstance(loaded.optimizer, UpdateInBackward)
        self.assertIsInstance(loaded.optimizer.inner, keras.optimizers.Adam)
        for each in (model, loaded):
            each.fit(*data(), batch_size=8, shuffle=False, verbose=0)
        for one, other in zip(model.weights, loaded.weights, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)


class RefusalTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("nadam", lambda: keras.optimizers.Nadam(), "must not be a Nadam"),
        (
            "scaling",
            lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD()),
            "must not be a LossScaleOptimizer.*float32 or bfloat16",
        ),
        (
            "layca",
            lambda: layca.Layca(keras.optimizers.SGD(), 0.1),
            "which wraps another optimizer",
        ),
        (
            "norm_of_all",
            lambda: keras.optimizers.SGD(global_clipnorm=1.0),
            "`global_clipnorm` of `inner` is not possible.*`clipnorm`",
        ),
        (
            "accumulation",
            lambda: keras.optimizers.SGD(gradient_accumulation_steps=2),
            "gradient_accumulation_steps=2 in SGD",
        ),
        ("average", lambda: keras.optimizers.SGD(use_ema=True), "use_ema"),
    )
    def test_what_needs_all_gradients_is_refused(self, inner, message):
        with self.assertRaisesRegex(ValueError, message):
            UpdateInBackward(inner())

    def test_unbuilt_it_cannot_begin(self):
        with self.assertRaisesRegex(ValueError, "optimizer.build"):
            UpdateInBackward(INNERS["sgd"]()).scale_loss(1.0)

    @parameterized.parameters(False, True)
    def test_penalty_on_a_kernel_is_refused(self, knows_model):
        model = network(kernel_regularizer="l2")
        with self.assertRaisesRegex(ValueError, '"conv_1.*penalty'):
            train(model, knows_model)

    @parameterized.parameters(False, True)
    def test_layer_that_is_called_twice_is_refused(self, knows_model):
        inputs = keras.Input((6, 6, 2))
        conv = layers.Conv2D(2, 3, padding="same", name="twice")
        outputs = layers.Flatten()(conv(conv(inputs)))
        outputs = layers.Dense(3)(outputs)
        model = convert.embed(keras.Model(inputs, outputs))
        with self.assertRaisesRegex(ValueError, '"twice.*called twice'):
            train(model, knows_model)


def train(model, knows_model):
    """Fails when the optimizer is made, or in the first step without it."""
    inner = INNERS["sgd"]()
    if knows_model:
        UpdateInBackward(inner, model)
        return
    optimizer = UpdateInBackward(inner)
    optimizer.build(model.trainable_variables)
    model.compile(optimizer, loss())
    model.fit(*data(), verbose=0)


if __name__ == "__main__":
    absltest.main()

"""Tests of optimizer state that goes through the embedding."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers

from needle_tf.embedding import convert
from needle_tf.embedding import slots
from needle_tf.optimizers import registry
from tests.embedding import networks
from tests.embedding import same_function

# Optimizer of the registry: its options here, and where it keeps its slots.
KEPT = {
    "adadelta": ({}, ["_accumulated_grads", "_accumulated_delta_vars"]),
    "adagrad": ({}, ["_accumulators"]),
    "adam": ({}, ["_momentums", "_velocities"]),
    "adam_momentum_sgd": ({}, ["_momentums"]),
    "adamax": ({}, ["_m", "_u"]),
    "adamw": (
        {"amsgrad": True, "weight_decay": 0.01},
        ["_momentums", "_velocities", "_velocity_hats"],
    ),
    "effective_rate_sgd": ({"momentum": 0.9}, ["momentums"]),
    "ftrl": ({}, ["_accumulators", "_linears"]),
    "lamb": ({}, ["_momentums", "_velocities"]),
    "lion": ({}, ["_momentums"]),
    "nadam": ({}, ["_momentums", "_velocities"]),
    "normalized_sgd": ({"momentum": 0.9}, ["momentums"]),
    "rmsprop": (
        {"momentum": 0.9, "centered": True},
        ["_velocities", "_momentums", "_average_gradients"],
    ),
    "schedule_free_adamw": ({}, ["_momentums", "_velocities"]),
    "sgd": ({"momentum": 0.9}, ["momentums"]),
}
NOT_KEPT_BECAUSE = {
    "adafactor": "its factored moments have the shape of no weight",
    "ec_adam": "what it keeps belongs to the paths of one network",
    "ec_momentum": "what it keeps belongs to the paths of one network",
    "ec_sgd": "what it keeps belongs to the paths of one network",
    "lars_sgd": "a norm is a number, of the shape of no weight",
    "layca": "a norm is a number, and another optimizer is inside",
    "muon": "keeps other state for a matrix than for a convolution",
}
# Those that do not move weight by weight: norms of layers decide, or FTRL.
OF_WHOLE_LAYERS = ("effective_rate_sgd", "ftrl", "lamb", "normalized_sgd")
NAMED = [(name, name, *case) for name, case in KEPT.items()]


def network():
    return same_function.fill(
        networks.chain(
            layers.ZeroPadding2D(1),
            networks.conv(3, padding="valid", strides=2, name="conv"),
            layers.BatchNormalization(name="normal"),
            layers.SeparableConv2D(3, 2, name="separable"),
            layers.Flatten(),
            layers.Dense(2, name="logits"),
            shape=(5, 4, 2),
        )
    )


def fit(model, seed=0, batches=3):
    rng = np.random.default_rng(seed)
    shape = model.inputs[0].shape[1:]
    for _ in range(batches):
        images = rng.normal(size=(4, *shape)).astype("float32")
        model.train_on_batch(images, rng.normal(size=(4, 2)))
    return model


def trained(optimizer):
    model = network()
    model.compile(optimizer, "mse", run_eagerly=True)
    return fit(model)


def embedded_with_slots(model, optimizer, space="fcn"):
    embedded, pairs = convert.embed_with_pairs(model, space)
    embedded.compile(optimizer, "mse", run_eagerly=True)
    optimizer.build(embedded.trainable_variables)
    slots.carry_slots(model.optimizer, optimizer, pairs)
    return embedded, pairs


def array(variable):
    return keras.ops.convert_to_numpy(variable)


class CarrySlotsTest(same_function.EmbeddingTestCase):
    def test_every_optimizer_of_the_registry_has_a_case(self):
        self.assertEmpty(KEPT.keys() & NOT_KEPT_BECAUSE.keys())
        self.assertCountEqual(
            registry.names(), [*KEPT.keys(), *NOT_KEPT_BECAUSE.keys()]
        )

    @parameterized.named_parameters(NAMED)
    def test_slots_are_the_embedded_slots(self, name, options, kept):
        model = trained(registry.build(name, learning_rate=0.01, **options))
        for space in ("fcn", "lcn"):
            optimizer = registry.build(name, learning_rate=0.5, **options)
            embedded, pairs = embedded_with_slots(model, optimizer, space)
            self.check_slots(model, embedded, pairs, kept)
            self.assertEqual(int(optimizer.iterations), 3)
            self.assertAlmostEqual(float(optimizer.learning_rate), 0.5)

    def check_slots(self, model, embedded, pairs, kept):
        places = {id(pair.target): pair for pair in pairs}
        sources = [id(v) for v in model.trainable_variables]
        for attribute in kept:
            old = getattr(model.optimizer, attribute)
            new = getattr(embedded.optimizer, attribute)
            self.assertLen(new, len(embedded.trainable_variables))
            moved = 0.0
            for variable, slot in zip(
                embedded.trainable_variables, new, strict=True
            ):
                pair = places[id(variable)]
                before = array(old[sources.index(id(pair.source))])
                moved += np.abs(before).sum()
                np.testing.assert_array_equal(array(slot), pair.carry(before))
            self.assertGreater(moved, 0, attribute)

    @parameterized.named_parameters(
        case for case in NAMED if case[0] not in OF_WHOLE_LAYERS
    )
    def test_coasting_networks_stay_together(self, name, options, kept):
        del kept
        # With no gradient only the slots move the weights.
        model = trained(registry.build(name, learning_rate=0.01, **options))
        optimizer = registry.build(name, learning_rate=0.01, **options)
        embedded, _ = embedded_with_slots(model, optimizer)
        before = array(model.trainable_variables[0])
        for network in (model, embedded):
            variables = network.trainable_variables
            for _ in range(2):
                network.optimizer.apply(
                    [keras.ops.zeros(v.shape) for v in variables], variables
                )
        moved = np.abs(array(model.trainable_variables[0]) - before).max()
        self.assertEqual(moved > 0, name not in ("adagrad", "adadelta"))
        self.assert_same_function(model, embedded)

    @parameterized.named_parameters(NAMED)
    def test_training_goes_on(self, name, options, kept):
        del kept
        model = trained(registry.build(name, learning_rate=0.001, **options))
        optimizer = registry.build(name, learning_rate=0.001, **options)
        embedded, _ = embedded_with_slots(model, optimizer)
        fit(embedded, seed=1, batches=2)
        self.assertEqual(int(optimizer.iterations), 5)
        for weight in embedded.weights:
            self.assertTrue(np.isfinite(array(weight)).all(), weight.path)

    def test_accumulated_gradients_stay_behind(self):
        options = {"learning_rate": 0.1, "gradient_accumulation_steps": 2}
        source = network()
        source.compile(keras.optimizers.Adam(**options), "mse")
        fit(source, batches=3)
        target, pairs = convert.embed_with_pairs(source)
        optimizer = keras.optimizers.Adam(**options)
        target.compile(optimizer, "mse")
        optimizer.build(target.trainable_variables)
        slots.carry_slots(source.optimizer, optimizer, pairs)
        self.assertEqual(int(optimizer.iterations), 1)
        self.assertEqual(int(optimizer._iterations), 2)
        for waiting in optimizer._accumulated_gradients:
            np.testing.assert_array_equal(waiting, np.zeros(waiting.shape))
        self.assertGreater(float(abs(optimizer._momentums[0].numpy()).max()), 0)
        fit(target, batches=2)
        self.assertEqual(int(optimizer.iterations), 2)

    def test_nadam_keeps_its_running_product(self):
        model = trained(keras.optimizers.Nadam())
        optimizer = keras.optimizers.Nadam()
        embedded_with_slots(model, optimizer)
        product = float(model.optimizer._u_product)
        self.assertLess(product, 1)
        self.assertEqual(float(optimizer._u_product), product)

    def test_averages_of_the_weights_are_embedded_too(self):
        settings = {"use_ema": True, "ema_momentum": 0.5}
        model = trained(keras.optimizers.SGD(0.1, **settings))
        optimizer = keras.optimizers.SGD(0.1, **settings)
        embedded, pairs = embedded_with_slots(model, optimizer)
        self.check_slots(
            model, embedded, pairs, ["_model_variables_moving_average"]
        )

    def test_scaled_losses_wrap_the_same_slots(self):
        wrap = keras.optimizers.LossScaleOptimizer
        for source, target in (
            (wrap(keras.optimizers.Adam()), wrap(keras.optimizers.Adam())),
            (wrap(keras.optimizers.Adam()), keras.optimizers.Adam()),
            (keras.optimizers.Adam(), wrap(keras.optimizers.Adam())),
        ):
            model = trained(source)
            embedded, pairs = embedded_with_slots(model, target)
            model.optimizer = getattr(source, "inner_optimizer", source)
            embedded.optimizer = getattr(target, "inner_optimizer", target)
            self.check_slots(
                model, embedded, pairs, ["_momentums", "_velocities"]
            )
            self.assertEqual(int(target.iterations), 3)

    def test_layer_shared_by_two_sizes_hands_its_slots_to_both(self):
        shared, images = networks.conv(3, name="conv"), keras.Input((4, 4, 3))
        small = shared(layers.MaxPooling2D()(shared(images)))
        features = layers.Dense(2)(layers.Flatten()(small))
        model = same_function.fill(keras.Model(images, features))
        optimizer = keras.optimizers.SGD(0.01, momentum=0.9)
        model.compile(optimizer, "mse", run_eagerly=True)
        fit(model)
        optimizer = keras.optimizers.SGD(0.01, momentum=0.9)
        with self.assertWarnsRegex(UserWarning, "several sizes"):
            embedded, pairs = embedded_with_slots(model, optimizer)
        self.assertLen(embedded.trainable_variables, 6)
        self.check_slots(model, embedded, pairs, ["momentums"])


class RefusalTest(parameterized.TestCase):
    def check(self, source, target, message):
        model = trained(source)
        with self.assertRaisesRegex(ValueError, message):
            embedded_with_slots(model, target)

    def test_other_class_is_refused(self):
        self.check(
            keras.optimizers.SGD(momentum=0.9),
            keras.optimizers.Adam(),
            "between optimizers of one class. Received: SGD and Adam. Reset "
            "them instead \\(--optimizer_slots=reset\\)",
        )

    def test_state_of_another_shape_is_refused(self):
        self.check(
            keras.optimizers.Adafactor(),
            keras.optimizers.Adafactor(),
            "Adafactor keeps state of shape \\(3, 3, 2\\) for a weight of "
            "shape \\(3, 3, 2, 3\\), which cannot be embedded. Reset it",
        )

    def test_optimizer_with_another_inside_is_refused(self):
        self.check(
            registry.build("layca", learning_rate=0.1),
            registry.build("layca", learning_rate=0.1),
            "Layca keeps more of the first network than the slots of the "
            "optimizer inside it: norms of its weights, or its paths. Reset",
        )

    def test_other_state_for_the_new_shape_is_refused(self):
        self.check(
            keras.optimizers.Muon(),
            keras.optimizers.Muon(),
            "Muon keeps other state for a weight of shape \\(3, 3, 2, 3\\) "
            "than for one of shape \\(40, 18\\). Reset it instead",
        )

    @parameterized.parameters(
        (0.9, 0.0, "only the first keeps `momentums`"),
        (0.0, 0.9, "only the second keeps `momentums`"),
    )
    def test_other_settings_are_refused(self, first, second, message):
        self.check(
            keras.optimizers.SGD(momentum=first),
            keras.optimizers.SGD(momentum=second),
            f"Both optimizers are SGD, but {message}: their settings differ",
        )

    def test_unbuilt_optimizer_is_refused(self):
        model = trained(keras.optimizers.Adam())
        _, pairs = convert.embed_with_pairs(model)
        for source, target in (
            (model.optimizer, keras.optimizers.Adam()),
            (keras.optimizers.Adam(), model.optimizer),
        ):
            with self.assertRaisesRegex(
                ValueError,
                "must be built before their slots are carried. Call "
                "`optimizer.build\\(model.trainable_variables\\)`",
            ):
                slots.carry_slots(source, target, pairs)

    def test_weight_that_was_not_trained_is_refused(self):
        model = network()
        model.get_layer("conv").trainable = False
        model.compile(keras.optimizers.Adam(), "mse", run_eagerly=True)
        fit(model)
        embedded, pairs = convert.embed_with_pairs(model)
        embedded.get_layer("conv").trainable = True
        optimizer = keras.optimizers.Adam()
        optimizer.build(embedded.trainable_variables)
        with self.assertRaisesRegex(
            ValueError,
            'The weight behind "conv/kernel" was not trained by this Adam, so '
            "it has no slots to carry",
        ):
            slots.carry_slots(model.optimizer, optimizer, pairs)


if __name__ == "__main__":
    absltest.main()

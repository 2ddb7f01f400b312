"""Tests of the networks of a run, and of models that do not fit."""

import dataclasses
import pathlib

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf import optimizers
from needle_tf.data import loading
from needle_tf.embedding import distances
from needle_tf.optimizers import registry as optimizer_registry
from needle_tf.protocol import networks
from needle_tf.protocol import plan as plan_lib
from needle_tf.scales import skeletons
from tests.protocol import tiny_runs

DATA = loading.load("digits", seed=0, train_size=40, test_size=20)
PLAIN = {"optimizer_options": {}, "optimizer_slots": "reset"}


def conv_model(shape=(8, 8, 1), classes=10, **dense):
    return keras.Sequential(
        [
            keras.Input(shape),
            keras.layers.Conv2D(2, 3, name="conv"),
            keras.layers.GlobalAveragePooling2D(name="mean"),
            keras.layers.Dense(classes, name="logits", **dense),
        ],
        name="mine",
    )


def two_inputs():
    inputs = [keras.Input((8, 8, 1)), keras.Input((8, 8, 1))]
    added = keras.layers.Add()(inputs)
    return keras.Model(inputs, keras.layers.Flatten()(added), name="mine")


def without_convolution():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Flatten(name="flatten"),
            keras.layers.Dense(10, name="logits"),
        ],
        name="mine",
    )


UNFIT = (
    ("input", lambda: conv_model((9, 8, 1)), r"takes images of shape \(9, 8,"),
    ("size", lambda: conv_model((None, None, 1)), r"unknown input size"),
    ("classes", lambda: conv_model(classes=7), r"gives \(7,\) scores.*10 clas"),
    ("inputs", two_inputs, r"has 2 inputs and 1 outputs"),
    ("no_convolution", without_convolution, r'"mine" has no convolution'),
)


class FromFileTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        folder = pathlib.Path(self.create_tempdir().full_path)
        self.file = folder / "mine.keras"

    def build(self, model, **changes):
        model.save(self.file)
        config = tiny_runs.config(self.file, **changes)
        return networks.build_cnn(config, DATA), config

    @parameterized.named_parameters(*UNFIT)
    def test_model_that_does_not_fit_is_refused_by_name(self, model, message):
        with self.assertRaisesRegex(ValueError, message):
            self.build(model())

    def test_unknown_layer_to_relax_is_refused_before_training(self):
        with self.assertRaisesRegex(ValueError, '"conv_9".*no layer'):
            self.build(conv_model(), relaxed_layers=["conv_9"])

    def test_file_of_something_else_is_refused(self):
        self.file.write_text("no model")
        with self.assertRaisesRegex(
            ValueError, r"mine.keras cannot be loaded: .+Expected a file that"
        ):
            networks.build_cnn(tiny_runs.config(self.file), DATA)

    def test_weights_in_the_file_are_the_start_of_the_cnn_alone(self):
        model = conv_model()
        cnn, config = self.build(model)
        for one, other in zip(model.weights, cnn.weights, strict=True):
            np.testing.assert_array_equal(one, other)
        config = dataclasses.replace(config, baselines=("fcn",))
        plan = plan_lib.stages(config)[-1]
        fcn = networks.build_from_scratch(plan, config, DATA)
        self.assertGreater(distances.subspace_distance(fcn).total.delta, 0.5)
        logits = np.asarray(fcn.get_layer("logits").kernel)
        self.assertNotAlmostEqual(
            float(np.ptp(logits - model.get_layer("logits").kernel)), 0.0
        )

    @parameterized.parameters((None, True), ("softmax", False))
    def test_loss_fits_what_the_model_ends_in(self, activation, is_logits):
        cnn, config = self.build(conv_model(activation=activation))
        networks.compile_network(cnn, 0.1, config, DATA, steps=1)
        self.assertEqual(cnn.loss.from_logits, is_logits)


class CompileTest(parameterized.TestCase):
    def compiled(self, number=0, steps=2, **changes):
        config = tiny_runs.config(**changes)
        plan = plan_lib.stages(config)[number]
        network = networks.build_from_scratch(plan, config, DATA)
        networks.compile_network(
            network, plan.learning_rate, config, DATA, steps
        )
        return network

    def test_optimizer_is_the_one_asked_for(self):
        network = self.compiled(
            optimizer="adam",
            learning_rate=0.25,
            optimizer_options={"beta_1": 0.5},
        )
        self.assertIsInstance(network.optimizer, keras.optimizers.Adam)
        self.assertEqual(float(network.optimizer.learning_rate), 0.25)
        self.assertEqual(network.optimizer.beta_1, 0.5)
        self.assertTrue(network.optimizer.built)

    def test_kernels_of_dense_nets_can_be_updated_in_the_backward_pass(self):
        changes = dict(
            update_in_backward=True, optimizer_options={"momentum": 0.5}
        )
        cnn = self.compiled(**changes)
        self.assertIs(type(cnn.optimizer), keras.optimizers.SGD)
        config = tiny_runs.config(optimizer_slots="embed", **changes)
        plan = next(p for p in plan_lib.stages(config) if p.kind == "efcn")
        efcn = networks.relax(cnn, plan, config, DATA, steps=1)
        self.assertIsInstance(efcn.optimizer, optimizers.UpdateInBackward)
        self.assertEqual(efcn.optimizer.inner.momentum, 0.5)
        self.assertTrue(efcn.optimizer.inner.built)

    def test_second_gradients_are_refused_before_the_cnn_is_trained(self):
        penalised = networks.build_cnn(tiny_runs.config(), DATA)
        conv = penalised.get_layer("conv_2")
        conv.kernel_regularizer = keras.regularizers.L2(0.1)
        inputs = keras.Input(DATA.input_shape)
        shared = keras.layers.Conv2D(DATA.input_shape[2], 3, padding="same")
        outputs = keras.layers.Flatten()(shared(shared(inputs)))
        outputs = keras.layers.Dense(DATA.num_classes)(outputs)
        folder = self.create_tempdir().full_path
        for model, reason in (
            (penalised, '"conv_2", which has a penalty'),
            (keras.Model(inputs, outputs), "which is called twice"),
        ):
            with self.subTest(reason):
                file = f"{folder}/{model.name}.keras"
                model.save(file)
                networks.build_cnn(tiny_runs.config(model_file=file), DATA)
                config = tiny_runs.config(
                    model_file=file, update_in_backward=True
                )
                with self.assertRaisesRegex(
                    ValueError, f"--update_in_backward needs.*{reason}"
                ):
                    networks.build_cnn(config, DATA)

    def test_compile_settings_are_taken(self):
        network = self.compiled(jit_compile=False)
        self.assertFalse(network.jit_compile)
        self.assertEqual(network.steps_per_execution, 2)

    def test_xla_that_a_layer_does_not_support_is_refused(self):
        config = tiny_runs.config(jit_compile=True)
        network = networks.build_cnn(config, DATA)
        networks.compile_network(network, 0.1, config, DATA, steps=1)
        self.assertTrue(network.jit_compile)
        network.layers[-1].supports_jit = False
        with self.assertRaisesRegex(
            ValueError, '--jit_compile would be ignored: "logits" of "small'
        ):
            networks.compile_network(network, 0.1, config, DATA, steps=1)

    def test_precision_of_the_policy_reaches_the_layers(self):
        keras.config.set_dtype_policy("mixed_bfloat16")
        self.addCleanup(keras.config.set_dtype_policy, "float32")
        network = self.compiled()
        self.assertEqual(network.get_layer("conv_1").compute_dtype, "bfloat16")
        self.assertEqual(network.get_layer("conv_1").kernel.dtype, "float32")


class EcOptTest(parameterized.TestCase):
    def compiled(self, network, **changes):
        config = tiny_runs.training(
            optimizer="ec_sgd", validation_fraction=0, **changes
        )
        networks.compile_network(network, 0.05, config, DATA, steps=1)
        return network.optimizer

    @parameterized.parameters(
        ({}, 1.0, False),
        ({"skeleton": "index"}, None, True),
        ({"skeleton": "max_product"}, None, True),
    )
    def test_network_starts_as_the_option_says(self, options, unit, is_same):
        network = conv_model()
        before = network.get_weights()
        optimizer = self.compiled(network, optimizer_options=options)
        found = map(np.array_equal, before, network.get_weights())
        self.assertEqual(all(found), is_same)
        if unit is not None:
            self.assertEqual(optimizer.unit, unit)

    def test_network_with_a_penalty_is_refused(self):
        network = keras.Sequential(
            [
                keras.Input((8, 8, 1)),
                keras.layers.Flatten(),
                keras.layers.Dense(4, "relu", kernel_regularizer="l2"),
                keras.layers.Dense(10),
            ]
        )
        with self.assertRaisesRegex(ValueError, "needs a loss that sees"):
            self.compiled(network, optimizer_options={})


class RelaxTest(parameterized.TestCase):
    def relaxed(self, **changes):
        return self.relaxed_by(tiny_runs.config(**changes))

    def relaxed_by(self, config):
        plans = plan_lib.stages(config)
        cnn = networks.build_from_scratch(plans[0], config, DATA)
        networks.compile_network(cnn, 0.05, config, DATA, steps=1)
        images = DATA.train_images[:20].astype("float32")
        cnn.fit(images, DATA.train_labels[:20], verbose=0)
        network = networks.relax(cnn, plans[1], config, DATA, steps=1)
        scores = [np.asarray(net(images)) for net in (cnn, network)]
        np.testing.assert_allclose(*scores, rtol=1e-4, atol=1e-4)
        return network

    def momenta(self, network):
        return [float(np.abs(m).max()) for m in network.optimizer.momentums]

    def test_slots_are_embedded_with_the_weights(self):
        network = self.relaxed(optimizer_slots="embed")
        self.assertGreater(min(self.momenta(network)), 0)
        self.assertEqual(int(network.optimizer.iterations), 1)

    def test_slots_are_reset_by_default(self):
        network = self.relaxed(optimizer_slots="reset")
        self.assertEqual(max(self.momenta(network)), 0)
        self.assertEqual(int(network.optimizer.iterations), 0)

    @parameterized.parameters(optimizer_registry.names())
    def test_slots_are_embedded_or_refused_before_the_run(self, name):
        plain = ("sgd", "normalized_sgd", "effective_rate_sgd")
        options = {"momentum": 0.5} if name in plain else {}
        changes = {"optimizer": name, "optimizer_options": options}
        try:
            config = tiny_runs.config(**changes, optimizer_slots="embed")
        except ValueError as error:
            self.assertRegex(str(error), "embed is not possible with")
            if optimizer_registry.needs_model(name):
                return
            config = tiny_runs.config(**changes, optimizer_slots="reset")
            # Asked for all the same, it fails after the CNN is trained.
            object.__setattr__(config, "optimizer_slots", "embed")
            with self.assertRaisesRegex(ValueError, "optimizer_slots=reset"):
                self.relaxed_by(config)
            return
        self.relaxed_by(config)

    def test_relaxed_net_keeps_its_function_under_ec_opt(self):
        # `relaxed` compares the outputs of both nets.
        network = self.relaxed(optimizer="ec_momentum", **PLAIN)
        graph = network.optimizer.graph
        expected = skeletons.choose(
            graph,
            "max_product",
            skeletons.weights_of(graph, network.trainable_variables),
        )
        np.testing.assert_array_equal(
            network.optimizer.skeleton.in_entry, expected.in_entry
        )

    def test_relaxed_net_has_its_own_learning_rate(self):
        network = self.relaxed(relaxed_learning_rate=0.5)
        self.assertEqual(float(network.optimizer.learning_rate), 0.5)

    def test_band_frees_fewer_weights_than_the_fcn(self):
        band = self.relaxed(space="band", radius=1)
        layer = band.get_layer("conv_1")
        self.assertEqual((layer.free, layer.radius), ("band", 1))

    def test_only_the_layers_asked_for_are_relaxed(self):
        network = self.relaxed(relaxed_layers=["conv_2"])
        self.assertEqual(list(distances.untied_layers(network)), ["conv_2"])


if __name__ == "__main__":
    absltest.main()

"""Tests of EC-Opt: what a step does to path values, and what stays equal."""

import warnings

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.optimizers import ec_opt
from needle_tf.scales import equivalence
from needle_tf.scales import rescaling
from needle_tf.scales import scale_groups
from needle_tf.scales import skeletons
from tests.optimizers import relu_networks
from tests.optimizers import small_runs

optimizers = keras.optimizers


def rescaled_twin(model, seed=3):
    """Returns the same function with units scaled from 0.1 to 10."""
    twin = relu_networks.twin_of(model)
    count = scale_groups.scale_graph(twin).num_groups
    scales = 10 ** np.random.default_rng(seed).uniform(-1, 1, count)
    rescaling.rescale(twin, scales)
    return twin


def drift(make_optimizer, name, steps=8, start="ones"):
    """Returns how far outputs of rescaled twins part, and how far they went."""
    model = relu_networks.build(name)
    if start == "ones":
        graph = scale_groups.scale_graph(model)
        skeletons.start_at_one(graph, skeletons.choose(graph), model)
    twin = rescaled_twin(model)
    before = relu_networks.outputs(model)
    ends = [
        relu_networks.train(network, make_optimizer(network), steps)
        for network in (model, twin)
    ]
    moved = np.abs(ends[0] - before).max()
    return np.abs(ends[1] - ends[0]).max(), moved


class InvarianceTest(parameterized.TestCase):
    @parameterized.parameters("sgd", "rmsprop", "adamw", "nadam", "lion")
    def test_rescaled_twins_stay_equal_under_any_inner_optimizer(self, inner):
        def make(model):
            return ec_opt.ECOpt(
                relu_networks.INNERS[inner](), model, skeleton="index"
            )

        apart, moved = drift(make, "mlp", 50 if inner == "sgd" else 8)
        self.assertGreater(moved, 0.02)
        self.assertLess(apart, 1e-7 * moved)

    @parameterized.parameters(
        ("cnn", "max_product"),
        ("residual", "index"),
        ("residual", "max_product"),
    )
    def test_rescaled_twins_of_any_wiring_stay_equal(self, name, skeleton):
        def make(model):
            return ec_opt.ECOpt(optimizers.SGD(0.02), model, skeleton=skeleton)

        start = "ones" if skeleton == "index" else "as it is"
        apart, moved = drift(make, name, start=start)
        self.assertGreater(moved, 0.02)
        self.assertLess(apart, 1e-7 * moved)

    def test_sgd_on_weights_takes_rescaled_twins_apart(self):
        apart, moved = drift(lambda _: optimizers.SGD(0.02), "mlp")
        self.assertGreater(apart, 0.1 * moved)


class RatiosTest(parameterized.TestCase):
    def test_ratios_are_clipped_and_counted(self):
        model = relu_networks.build("mlp")
        optimizer = ec_opt.ECOpt(
            optimizers.SGD(50.0), model, ratio_range=(0.9, 1.1)
        )
        values = equivalence.basis_path_values(
            model, optimizer.graph, optimizer.skeleton
        ).groups
        relu_networks.train(model, optimizer, 1)
        after = equivalence.basis_path_values(
            model, optimizer.graph, optimizer.skeleton
        ).groups
        ratios = after / values
        self.assertBetween(ratios.min(), 0.9 - 1e-9, 1.1)
        self.assertBetween(ratios.max(), 0.9, 1.1 + 1e-9)
        at_bounds = np.isclose(ratios, 0.9) | np.isclose(ratios, 1.1)
        self.assertGreater(at_bounds.sum(), 0)
        self.assertAlmostEqual(optimizer.clipped_share, at_bounds.mean(), 5)

    def test_small_steps_are_not_clipped(self):
        model = relu_networks.build("mlp")
        optimizer = ec_opt.ECOpt(optimizers.SGD(1e-4), model)
        relu_networks.train(model, optimizer, 3)
        self.assertEqual(optimizer.clipped_share, 0)

    def test_a_loss_that_sees_the_weights_is_seen(self):
        errors = []
        for penalty in (0.0, 0.01):
            model = relu_networks.build("cnn")
            optimizer = ec_opt.ECOpt(optimizers.SGD(1e-3), model)
            optimizer.build(model.trainable_variables)
            optimizer.apply(
                relu_networks.gradients(model, penalty=penalty),
                model.trainable_variables,
            )
            errors.append(float(small_runs.array(optimizer.conservation_error)))
        self.assertLess(errors[0], 1e-6)
        self.assertGreater(errors[1], 1e-3)

    def test_unit_makes_rates_comparable(self):
        model = relu_networks.build("mlp")
        optimizer = ec_opt.ECOpt(
            optimizers.SGD(0.1), model, skeleton="max_product"
        )
        values = equivalence.basis_path_values(
            model, optimizer.graph, optimizer.skeleton
        ).groups
        mean = np.exp(np.mean(np.log(np.abs(values))))
        length = optimizer.skeleton.mean_length
        self.assertAlmostEqual(
            optimizer.unit, mean ** (1 - 1 / length), places=6
        )
        self.assertEqual(
            ec_opt.ECOpt(optimizers.SGD(0.1), relu_networks.build("mlp")).unit,
            1.0,
        )


class OptionsTest(parameterized.TestCase):
    def test_norm_of_the_path_gradient_is_bounded(self):
        ends = []
        for bound in (None, 1e9, 1e-6):
            model = relu_networks.build("cnn")
            before = relu_networks.outputs(model)
            optimizer = ec_opt.ECOpt(
                optimizers.SGD(0.1), model, global_clipnorm=bound
            )
            ends.append(relu_networks.train(model, optimizer, 1))
        np.testing.assert_allclose(ends[1], ends[0], rtol=1e-9)
        self.assertGreater(np.abs(ends[0] - ends[2]).max(), 1e-4)
        del before

    def test_clipped_steps_are_invariant_too(self):
        def make(model):
            return ec_opt.ECOpt(
                optimizers.SGD(0.1),
                model,
                skeleton="index",
                global_clipnorm=0.05,
            )

        apart, moved = drift(make, "cnn")
        self.assertGreater(moved, 1e-3)
        self.assertLess(apart, 1e-7)

    def test_accumulated_steps_are_those_of_the_whole_batch(self):
        ends = []
        for parts in (1, 2):
            model = relu_networks.build("mlp")
            inputs, labels = relu_networks.examples(model)
            optimizer = ec_opt.ECOpt(
                optimizers.Adam(0.01),
                model,
                gradient_accumulation_steps=parts if parts > 1 else None,
            )
            optimizer.build(model.trainable_variables)
            for _ in range(3):
                for part in range(parts):
                    chosen = slice(part, None, parts)
                    batch = (inputs[chosen], labels[chosen])
                    optimizer.apply(
                        relu_networks.gradients(model, batch),
                        model.trainable_variables,
                    )
            ends.append(relu_networks.outputs(model))
        np.testing.assert_allclose(ends[1], ends[0], rtol=1e-7)

    def test_weights_without_a_gradient_follow_the_scales_of_their_units(self):
        model = relu_networks.two_headed()
        inputs, _ = relu_networks.examples(model)
        # The first head's bias trains, is of no group, and decays at its rate.
        first, second = (model.get_layer(name) for name in ("one", "other"))
        optimizer = ec_opt.ECOpt(
            optimizers.SGD(0.05, weight_decay=0.1), model, skeleton="index"
        )
        values = equivalence.basis_path_values(model, optimizer.graph)
        optimizer.build(model.trainable_variables)
        biases = [small_runs.array(head.bias) for head in (first, second)]
        found = relu_networks.gradients_of_first(model, inputs)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Keras': some have no gradient.
            optimizer.apply(found, model.trainable_variables)
        after = equivalence.basis_path_values(model, optimizer.graph)
        path = second.kernel.path
        entries = optimizer._plan.variables[
            [edges.path for edges in optimizer.graph.edges].index(path)
        ].entries
        others = np.delete(after.weights[path].reshape(-1), entries)
        expected = 0.995 * np.delete(values.weights[path].reshape(-1), entries)
        np.testing.assert_allclose(others, expected, rtol=1e-6)
        # As under Keras' own SGD: what has no gradient does not decay.
        np.testing.assert_array_equal(small_runs.array(second.bias), biases[1])
        place = [v.path for v in model.trainable_variables].index(
            first.bias.path
        )
        np.testing.assert_allclose(
            small_runs.array(first.bias),
            0.995 * biases[0] - 0.05 * np.asarray(found[place]),
            rtol=1e-6,
        )

    def test_variables_in_another_order_are_the_same_step(self):
        ends = []
        for order in (1, -1):
            model = relu_networks.build("cnn")
            optimizer = ec_opt.ECOpt(optimizers.Adam(0.01), model)
            variables = model.trainable_variables[::order]
            optimizer.build(variables)
            gradients = relu_networks.gradients(model)[::order]
            optimizer.apply(gradients, variables)
            ends.append(relu_networks.outputs(model))
        np.testing.assert_array_equal(ends[0], ends[1])

    def test_ones_changes_the_model_and_others_do_not(self):
        for skeleton in ("index", "max_product", "ones"):
            model = relu_networks.build("mlp")
            before = model.get_weights()
            ec_opt.ECOpt(optimizers.SGD(0.1), model, skeleton=skeleton)
            same = [
                np.array_equal(old, new)
                for old, new in zip(before, model.get_weights(), strict=True)
            ]
            self.assertEqual(all(same), skeleton != "ones")


class FitTest(parameterized.TestCase):
    def fitted(self, **kwargs):
        keras.utils.set_random_seed(0)
        model = small_runs.network()
        policy = kwargs.pop("policy", None)
        if policy:
            config = model.get_config()
            before = keras.config.dtype_policy()
            keras.config.set_dtype_policy(policy)
            try:
                for layer in config["layers"]:
                    layer["config"].pop("dtype", None)
                weights = model.get_weights()
                model = keras.Sequential.from_config(config)
                model.set_weights(weights)
            finally:
                keras.config.set_dtype_policy(before)
        rate = kwargs.pop("rate", 0.05)
        optimizer = ec_opt.ECOpt(optimizers.SGD(rate, momentum=0.9), model)
        small_runs.compiled(model, optimizer, **kwargs)
        small_runs.fit(model, epochs=3)
        return model

    def test_xla_takes_the_same_steps(self):
        expected = self.fitted().get_weights()
        found = self.fitted(jit_compile=True).get_weights()
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=2e-3, atol=2e-4)

    @parameterized.parameters("mixed_bfloat16", "mixed_float16")
    def test_half_precision_trains(self, policy):
        model = self.fitted(policy=policy)
        images, labels = small_runs.examples()
        self.assertTrue(
            all(np.isfinite(weight).all() for weight in model.get_weights())
        )
        self.assertLess(model.evaluate(images, labels, verbose=0), 1.1)

    def test_schedule_sets_the_rate_of_the_path_values(self):
        schedule = keras.optimizers.schedules.PiecewiseConstantDecay(
            [2], [0.05, 0.0]
        )
        first = self.fitted(rate=schedule)
        self.assertEqual(float(first.optimizer.learning_rate), 0.0)


if __name__ == "__main__":
    absltest.main()

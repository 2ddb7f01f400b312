"""Tests of EC-Opt in the registry: its options, and the optimizer inside."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.optimizers import options
from needle_tf.optimizers import registry

NAMES = ("ec_adam", "ec_momentum", "ec_sgd")
SHARED = {
    "skeleton",
    "ratio_low",
    "ratio_high",
    "comparable_rate",
    "weight_decay",
    "global_clipnorm",
    "gradient_accumulation_steps",
}
OWN = {
    "ec_adam": {"beta_1", "beta_2", "epsilon", "amsgrad"},
    "ec_momentum": {"momentum", "nesterov"},
    "ec_sgd": set(),
}


def network():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((5,)),
            keras.layers.Dense(4, activation="relu", name="hidden"),
            keras.layers.Dense(3, name="logits"),
        ]
    )


class TableTest(parameterized.TestCase):
    def test_those_of_ec_opt_need_a_network_and_no_others(self):
        found = [n for n in registry.names() if registry.needs_model(n)]
        self.assertEqual(found, list(NAMES))
        with self.assertRaisesRegex(ValueError, "no optimizer called 'ec'"):
            registry.needs_model("ec")

    @parameterized.parameters(*NAMES)
    def test_options_are_those_of_ec_opt_and_of_the_one_inside(self, name):
        self.assertEqual(set(registry.options_of(name)), SHARED | OWN[name])

    @parameterized.parameters(*NAMES)
    def test_weights_outlive_the_first_step(self, name):
        self.assertTrue(registry.keeps_weights(name))

    @parameterized.parameters(
        (dict(clipnorm=1.0), "ec_sgd does not read `clipnorm`"),
        (dict(clipvalue=1.0), "ec_sgd does not read `clipvalue`"),
        (dict(use_ema=True), "ec_sgd does not read `use_ema`"),
        (dict(momentum=0.5), "ec_sgd does not read `momentum`"),
        (
            dict(skeleton="diagonal"),
            r"`skeleton` must be one of ones, max_product, index\. Rec.*diag",
        ),
        (dict(ratio_low=0), r"`ratio_low` must be.*> 0 and < 1\. .*=0"),
        (dict(ratio_low=1), r"`ratio_low` must be.*> 0 and < 1\. .*=1"),
        (dict(ratio_high=1), r"`ratio_high` must be a finite number > 1\. "),
        (dict(comparable_rate=1), r"`comparable_rate` must be True or False"),
    )
    def test_what_it_would_ignore_or_cannot_take_is_refused(self, given, says):
        with self.assertRaisesRegex(ValueError, says):
            registry.check("ec_sgd", learning_rate=0.1, **given)

    def test_momentum_is_above_0_and_nesterov_needs_none_to_be_given(self):
        registry.check("ec_momentum", learning_rate=0.1, nesterov=True)
        with self.assertRaisesRegex(ValueError, "`momentum` must be.*> 0"):
            registry.check("ec_momentum", learning_rate=0.1, momentum=0)


class BuildTest(parameterized.TestCase):
    @parameterized.parameters(*NAMES)
    def test_network_must_be_given(self, name):
        with self.assertRaisesRegex(
            ValueError, rf"{name} steps on the path values.*model=None"
        ):
            registry.build(name, learning_rate=0.1)

    def test_others_leave_the_network_alone(self):
        model = network()
        before = model.get_weights()
        optimizer = registry.build("sgd", learning_rate=0.1, model=model)
        self.assertIs(type(optimizer), keras.optimizers.SGD)
        for one, other in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)

    @parameterized.parameters(
        ("ec_sgd", {}, keras.optimizers.SGD, {"momentum": 0.0}),
        ("ec_sgd", {"weight_decay": 0.1}, keras.optimizers.SGD, {}),
        ("ec_momentum", {}, keras.optimizers.SGD, {"momentum": 0.9}),
        (
            "ec_momentum",
            {"momentum": 0.5, "nesterov": True},
            keras.optimizers.SGD,
            {},
        ),
        ("ec_adam", {"beta_1": 0.5}, keras.optimizers.Adam, {}),
        ("ec_adam", {"weight_decay": 0}, keras.optimizers.Adam, {}),
        ("ec_adam", {"weight_decay": 0.1}, keras.optimizers.AdamW, {}),
    )
    def test_optimizer_inside_gets_its_own_options(
        self, name, given, kind, defaults
    ):
        optimizer = registry.build(
            name, learning_rate=0.25, model=network(), **given
        )
        self.assertIs(type(optimizer), registry.class_of(name))
        self.assertIs(type(optimizer.inner), kind)
        self.assertEqual(float(optimizer.learning_rate), 0.25)
        for option, value in (given | defaults).items():
            self.assertEqual(getattr(optimizer.inner, option), value, option)

    def test_options_of_its_own_reach_it(self):
        optimizer = registry.build(
            "ec_sgd",
            learning_rate=0.25,
            model=network(),
            skeleton="index",
            ratio_low=0.25,
            comparable_rate=False,
            global_clipnorm=3,
            gradient_accumulation_steps=2,
        )
        config = optimizer.get_config()
        self.assertSequenceEqual(config["ratio_range"], (0.25, 2.0))
        self.assertFalse(config["comparable_rate"])
        self.assertEqual(optimizer.global_clipnorm, 3)
        self.assertEqual(optimizer.gradient_accumulation_steps, 2)

    @parameterized.parameters(
        ("ones", False), ("index", True), ("max_product", True)
    )
    def test_only_the_skeleton_of_ones_changes_weights(self, policy, is_same):
        model = network()
        before = model.get_weights()
        registry.build("ec_sgd", learning_rate=1, model=model, skeleton=policy)
        found = [
            np.array_equal(one, other)
            for one, other in zip(before, model.get_weights(), strict=True)
        ]
        self.assertEqual(all(found), is_same)

    def test_policies_are_those_of_the_skeletons(self):
        from needle_tf.scales import skeletons

        self.assertCountEqual(
            options.OPTIONS["skeleton"].choices, skeletons.POLICIES
        )


if __name__ == "__main__":
    absltest.main()

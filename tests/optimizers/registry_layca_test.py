"""Tests of Layca in the registry: with the options of what is inside it."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.optimizers import options
from needle_tf.optimizers import registry
from needle_tf.optimizers import rows
from tests.optimizers import registry_test

value_for = registry_test.value_for


class LaycaTest(parameterized.TestCase):
    @parameterized.parameters(*options.INNER)
    def test_optimizer_inside_gets_its_own_options(self, inner):
        known = registry.options_of("layca", inner)
        self.assertLessEqual(set(rows.ROWS[inner].own), known.keys())
        own = {
            name: value_for(known[name])
            for name in rows.ROWS[inner].own
            if not name.endswith("weight_decay")
        }
        optimizer = registry.build(
            "layca",
            learning_rate=0.5,
            inner_optimizer=inner,
            others="inner",
            others_learning_rate=0.125,
            clipnorm=2,
            **own,
        )
        self.assertIs(type(optimizer.inner), registry.class_of(inner))
        config = optimizer.get_config()["inner"]["config"]
        self.assertEqual({k: config[k] for k in own}, own)
        self.assertEqual(config["learning_rate"], 0.125)
        self.assertEqual(optimizer.clipnorm, 2)
        self.assertEqual(float(optimizer.learning_rate), 0.5)

    def test_decay_that_nobody_asked_for_is_left_out(self):
        optimizer = registry.build(
            "layca", learning_rate=0.1, inner_optimizer="muon"
        )
        self.assertIsNone(optimizer.inner.weight_decay)
        self.assertIsNone(optimizer.inner.adam_weight_decay)

    def test_rates_may_be_schedules(self):
        schedule = keras.optimizers.schedules.CosineDecay(0.5, 10)
        optimizer = registry.build(
            "layca",
            learning_rate=schedule,
            others="inner",
            others_learning_rate=schedule,
        )
        self.assertEqual(float(optimizer.learning_rate), 0.5)
        self.assertEqual(float(optimizer.inner.learning_rate), 0.5)

    def test_recorded_angles_stand_for_the_rate(self):
        table = np.full((3, 2), 0.25)
        optimizer = registry.build(
            "layca", learning_rate=None, angles=table, inner_optimizer="adam"
        )
        self.assertEqual(float(optimizer.learning_rate), 0.25)
        arguments = registry.check("layca", learning_rate=None, replays=True)
        self.assertEqual(arguments, {"learning_rate": None})
        with self.assertRaisesRegex(
            ValueError, r"replayed by the optimizer layca\. Received: sgd"
        ):
            registry.build("sgd", learning_rate=None, angles=table)

    @parameterized.parameters(
        (
            dict(beta_1=0.5),
            r"layca around sgd does not read `beta_1`.*=0\.5\. Around these "
            r"it does \(inner_optimizer\): adam, adam_momentum_sgd, adamax",
        ),
        (
            dict(inner_optimizer="adam", nesterovv=True),
            r"layca around adam does not read `nesterovv`.*It reads: beta_1",
        ),
        (
            dict(inner_optimizer="ftrl"),
            r"`inner_optimizer` must be one of adadelta, .*'ftrl'",
        ),
        (
            dict(weight_decay=0.1),
            r"would ignore `weight_decay`\. Received: weight_decay=0\.1\. Set "
            r"others=inner, or leave it out\.$",
        ),
        (
            dict(inner_optimizer="muon", adam_weight_decay=0.1),
            r"would ignore `adam_weight_decay`",
        ),
        (
            dict(inner_optimizer="adamw"),
            r"adamw inside layca is adam.*Set inner_optimizer=adam, or others",
        ),
        (
            dict(others_learning_rate=0.1),
            r"layca ignores `others_learning_rate` without `others`",
        ),
        (
            dict(others="frozen", others_learning_rate=0.1),
            r"would ignore `others_learning_rate`",
        ),
        (dict(use_ema=True), r"layca around sgd does not read `use_ema`"),
        (dict(alpha_skips=["a"]), r"layca ignores `alpha_skips` without"),
        (dict(exact_angle=True, project=False), "`exact_angle` needs"),
        (dict(alpha=-1), r"`alpha` must be a finite number > -1 and < 1"),
        (dict(others="all"), r"`others` must be one of frozen, inner.*'all'"),
    )
    def test_what_layca_would_ignore_is_refused(self, settings, message):
        for step in (registry.check, registry.build):
            with self.assertRaisesRegex(ValueError, message):
                step("layca", learning_rate=0.1, **settings)


if __name__ == "__main__":
    absltest.main()

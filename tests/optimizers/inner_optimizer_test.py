"""Tests of what is asked of an optimizer inside another one."""

import keras
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.optimizers import inner_optimizer
from needle_tf.optimizers import layca
from needle_tf.optimizers import options
from needle_tf.optimizers import registry
from tests.optimizers import small_runs

Adam = keras.optimizers.Adam


def built():
    optimizer = Adam()
    optimizer.build([small_runs.kernel()])
    return optimizer


class CheckTest(parameterized.TestCase):
    @parameterized.parameters(
        (lambda: "sgd", r"must be a Keras optimizer, such as.*inner='sgd'"),
        (keras.optimizers.Ftrl, r"must not be a Ftrl: it computes the weights"),
        (
            keras.optimizers.ScheduleFreeAdamW,
            r"must not be a ScheduleFreeAdamW: it recovers an average",
        ),
        (
            lambda: keras.optimizers.LossScaleOptimizer(Adam()),
            r"must not be a LossScaleOptimizer.*LossScaleOptimizer\(Layca\(",
        ),
        (
            lambda: keras.optimizers.MultiOptimizer(lambda variable: Adam()),
            r"must not be a MultiOptimizer: it takes no steps itself",
        ),
        (
            lambda: layca.Layca(Adam(), 0.1),
            r"inner=Layca, which wraps another optimizer\. Give that one\.",
        ),
        (
            built,
            r"must be a new optimizer.*Adam\.from_config\(inner\.get_config",
        ),
        (lambda: Adam(use_ema=True), r"`use_ema` must be off in `inner`"),
    )
    def test_what_has_no_step_of_its_own_is_refused(self, make, message):
        with self.assertRaisesRegex(ValueError, message):
            inner_optimizer.check(make())

    def test_table_of_the_registry_is_what_is_accepted(self):
        accepted = []
        for name in registry.names():
            if name == "layca" or registry.needs_model(name):
                continue
            inner = registry.build(name, learning_rate=0.1)
            try:
                inner_optimizer.check(inner)
                accepted.append(name)
            except ValueError:
                pass
        # Steps of these are scaled only, which Layca undoes.
        scaled = {"effective_rate_sgd", "lars_sgd", "normalized_sgd"}
        self.assertEqual(set(accepted) - scaled, set(options.INNER))


class DecayTest(parameterized.TestCase):
    @parameterized.parameters(
        (
            lambda: keras.optimizers.AdamW(),
            r"weight_decay=0\.004 in AdamW.*Adam",
        ),
        (
            lambda: keras.optimizers.Muon(weight_decay=None),
            r"adam_weight_decay=0\.004 in Muon\. Set it to None",
        ),
        (lambda: keras.optimizers.SGD(weight_decay=0.1), r"weight_decay=0\.1"),
    )
    def test_decay_that_would_do_nothing_is_refused(self, make, message):
        with self.assertRaisesRegex(ValueError, message):
            inner_optimizer.check_decay(make(), "frozen")
        inner_optimizer.check_decay(make(), "inner")

    def test_no_decay_is_fine(self):
        inner = keras.optimizers.Muon(weight_decay=0, adam_weight_decay=None)
        inner_optimizer.check_decay(inner, "frozen")


class AdoptedTest(parameterized.TestCase):
    def test_options_move_to_the_optimizer_around(self):
        inner = Adam(clipnorm=1.0, loss_scale_factor=8.0)
        taken = inner_optimizer.adopted(inner, {"clipvalue": None})
        self.assertEqual(
            taken,
            {"clipvalue": None, "clipnorm": 1.0, "loss_scale_factor": 8.0},
        )
        self.assertIsNone(inner.clipnorm)
        self.assertIsNone(inner.loss_scale_factor)

    @parameterized.parameters(*inner_optimizer.LAYCA.refused_options)
    def test_what_a_sphere_does_not_have_is_refused(self, name):
        with self.assertRaisesRegex(
            ValueError, rf"`{name}` is not possible with Layca.*{name}=0\.5"
        ):
            inner_optimizer.adopted(Adam(), {name: 0.5})

    def test_config_leaves_out_what_was_taken(self):
        inner = Adam(0.5)
        inner.gradient_accumulation_steps = 3
        config = inner_optimizer.to_config(inner)["config"]
        self.assertIsNone(config["gradient_accumulation_steps"])
        self.assertEqual(config["learning_rate"], 0.5)


if __name__ == "__main__":
    absltest.main()

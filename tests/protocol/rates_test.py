"""Tests of the learning rate over a training run."""

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.protocol import rates
from needle_tf.protocol import training_config

STEPS = 10


def rate_at(step, **settings):
    settings = {"learning_rate": 0.5} | settings
    config = training_config.TrainingConfig(**settings)
    return float(rates.schedule(config, STEPS)(step))


class RatesTest(parameterized.TestCase):
    def test_rate_without_a_schedule_is_a_number(self):
        config = training_config.TrainingConfig(learning_rate=0.5)
        self.assertEqual(rates.schedule(config, STEPS), 0.5)
        config = training_config.TrainingConfig(replay="runs/a")
        self.assertIsNone(rates.schedule(config, STEPS))

    @parameterized.parameters(
        (0, 0.5), (29, 0.5), (30, 0.1), (59, 0.1), (60, 0.02), (399, 0.02)
    )
    def test_epochs_of_a_drop_begin_with_the_smaller_rate(self, step, expected):
        found = rate_at(step, drop_epochs=[3, 6])
        self.assertAlmostEqual(found, expected, places=6)

    @parameterized.parameters(
        ("linear", 0, 0.05),
        ("linear", 10, 0.275),
        ("linear", 20, 0.5),
        ("discrete", 0, 0.05),
        ("discrete", 19, 0.05),
        ("discrete", 20, 0.5),
    )
    def test_warm_up_begins_with_a_tenth(self, kind, step, expected):
        found = rate_at(step, warmup_epochs=2, warmup=kind)
        self.assertAlmostEqual(found, expected, places=6)

    def test_warm_up_and_drops_go_together(self):
        given = {"warmup_epochs": 2, "drop_epochs": [1, 4], "drop_factor": 0.5}
        self.assertAlmostEqual(rate_at(0, **given), 0.05, places=6)
        self.assertAlmostEqual(rate_at(10, **given), 0.55 * 0.25, places=6)
        self.assertAlmostEqual(rate_at(40, **given), 0.125, places=6)

    @parameterized.parameters((0, 0.5), (9, 0.5), (10, 0.45), (29, 0.405))
    def test_rate_decays_from_epoch_to_epoch(self, step, expected):
        found = rate_at(step, decay_per_epoch=0.9)
        self.assertAlmostEqual(found, expected, places=6)

    def test_warm_up_and_decay_go_together(self):
        given = {"warmup_epochs": 2, "decay_per_epoch": 0.5}
        self.assertAlmostEqual(rate_at(0, **given), 0.05, places=6)
        self.assertAlmostEqual(rate_at(10, **given), 0.55 * 0.25, places=6)
        self.assertAlmostEqual(rate_at(20, **given), 0.125, places=6)

    def test_gathered_gradients_make_fewer_updates(self):
        given = {
            "drop_epochs": [3],
            "optimizer_options": {"gradient_accumulation_steps": 2},
        }
        self.assertAlmostEqual(rate_at(14, **given), 0.5, places=6)
        self.assertAlmostEqual(rate_at(15, **given), 0.1, places=6)
        del given["drop_epochs"]
        given["decay_per_epoch"] = 0.2
        self.assertAlmostEqual(rate_at(4, **given), 0.5, places=6)
        self.assertAlmostEqual(rate_at(5, **given), 0.1, places=6)


if __name__ == "__main__":
    absltest.main()

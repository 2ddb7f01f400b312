"""Tests of drops, decay and warm-up, step by step."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.optimizers import schedules

EpochDecay = schedules.EpochDecay
StepDrops = schedules.StepDrops
WarmUp = schedules.WarmUp


def rates(schedule, steps):
    return [float(schedule(step)) for step in steps]


def expected_drops(step, initial, boundaries, factor):
    for boundary in boundaries:
        if step >= boundary:
            initial *= factor
    return initial


class StepDropsTest(parameterized.TestCase):
    @parameterized.parameters(
        ([3, 5], 0.2), ([1], 0.5), ([], 0.1), ((2, 3, 4), 3)
    )
    def test_rate_drops_from_each_boundary_on(self, boundaries, factor):
        schedule = StepDrops(0.5, boundaries=boundaries, factor=factor)
        np.testing.assert_allclose(
            rates(schedule, range(8)),
            [expected_drops(s, 0.5, boundaries, factor) for s in range(8)],
            rtol=1e-6,
        )

    @parameterized.parameters(
        (dict(initial_learning_rate=0), r"`initial_learning_rate` must be.*=0"),
        (dict(factor=0), r"`factor` must be a finite number > 0.*factor=0"),
        (dict(boundaries=[0]), r"`boundaries` must be steps.*\[0\]"),
        (dict(boundaries=[3, 3]), r"`boundaries` must be.*\[3, 3\]"),
        (dict(boundaries=[1.5]), r"`boundaries` must be.*\[1\.5\]"),
        (dict(boundaries=7), r"`boundaries` must be.*=7"),
    )
    def test_bad_settings_are_refused(self, settings, message):
        good = dict(initial_learning_rate=0.5, boundaries=[3], factor=0.2)
        with self.assertRaisesRegex(ValueError, message):
            StepDrops(**{**good, **settings})


class EpochDecayTest(parameterized.TestCase):
    @parameterized.parameters((3, 0.5), (1, 0.99), (2, 1.5))
    def test_rate_is_multiplied_after_each_epoch(self, steps, factor):
        schedule = EpochDecay(0.5, batches_per_epoch=steps, factor=factor)
        np.testing.assert_allclose(
            rates(schedule, range(9)),
            [0.5 * factor ** (step // steps) for step in range(9)],
            rtol=1e-6,
        )

    def test_steps_of_many_batches_decay_with_the_epochs(self):
        schedule = EpochDecay(
            1.0, batches_per_epoch=5, factor=0.5, batches_per_step=2
        )
        # Batches 0-1, 2-3, 4-5, ...; epochs begin with batches 5, 10, 15.
        np.testing.assert_allclose(
            rates(schedule, range(8)),
            [1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.25],
            rtol=1e-6,
        )

    def test_published_rate_is_exponential_in_the_epoch(self):
        schedule = EpochDecay(0.1, batches_per_epoch=938, factor=0.990049834)
        for epoch in (0, 1, 29, 299):
            for step in (938 * epoch, 938 * epoch + 937):
                self.assertAlmostEqual(
                    float(schedule(step)) / (0.1 * np.exp(-0.01 * epoch)),
                    1,
                    places=5,
                )

    @parameterized.parameters(
        (dict(initial_learning_rate=0), r"`initial_learning_rate` must be.*=0"),
        (dict(factor=0), r"`factor` must be a finite number > 0.*factor=0"),
        (
            dict(batches_per_epoch=0),
            r"`batches_per_epoch` must be an integer >= 1",
        ),
        (dict(batches_per_epoch=2.5), r"`batches_per_epoch` must be.*=2\.5"),
    )
    def test_bad_settings_are_refused(self, settings, message):
        good = dict(initial_learning_rate=0.5, batches_per_epoch=3, factor=0.2)
        with self.assertRaisesRegex(ValueError, message):
            EpochDecay(**{**good, **settings})


class WarmUpTest(parameterized.TestCase):
    def test_linear_warm_up_is_the_formula_of_the_study(self):
        schedule = WarmUp(0.5, warmup_steps=4)
        expected = [
            0.5 * f + 0.1 * 0.5 * (1 - f) for f in (0, 0.25, 0.5, 0.75, 1, 1)
        ]
        np.testing.assert_allclose(rates(schedule, range(6)), expected, 1e-6)

    def test_discrete_warm_up_waits(self):
        schedule = WarmUp(
            0.5, warmup_steps=2, kind="discrete", start_fraction=0.2
        )
        np.testing.assert_allclose(
            rates(schedule, range(4)), [0.1, 0.1, 0.5, 0.5], rtol=1e-6
        )

    @parameterized.parameters(*schedules.KINDS)
    def test_no_steps_are_no_warm_up(self, kind):
        schedule = WarmUp(0.5, warmup_steps=0, kind=kind)
        self.assertEqual(rates(schedule, (0, 1)), [0.5, 0.5])

    def test_target_may_be_a_schedule_that_counts_on(self):
        drops = StepDrops(0.5, boundaries=[3], factor=0.1)
        schedule = WarmUp(drops, warmup_steps=4, kind="discrete")
        np.testing.assert_allclose(
            rates(schedule, range(6)), [0.05] * 3 + [0.005] + [0.05] * 2, 1e-6
        )

    @parameterized.parameters(
        (dict(target=0), r"`target` must be a finite number > 0.*target=0"),
        (dict(warmup_steps=-1), r"`warmup_steps` must be an integer >= 0.*-1"),
        (dict(kind="slow"), r"`kind` must be one of linear, discrete.*'slow'"),
        (dict(start_fraction=2), r"`start_fraction` must be.*<= 1.*=2"),
    )
    def test_bad_settings_are_refused(self, settings, message):
        with self.assertRaisesRegex(ValueError, message):
            WarmUp(**{"target": 0.5, "warmup_steps": 3, **settings})


class KerasTest(parameterized.TestCase):
    @parameterized.parameters(
        StepDrops(0.5, boundaries=[3, 9], factor=0.2),
        WarmUp(0.5, warmup_steps=3),
        EpochDecay(0.5, batches_per_epoch=3, factor=0.9, batches_per_step=2),
        WarmUp(
            EpochDecay(0.5, batches_per_epoch=3, factor=0.9), warmup_steps=4
        ),
        WarmUp(
            StepDrops(0.5, boundaries=[3, 9], factor=0.2),
            warmup_steps=4,
            kind="discrete",
            start_fraction=0.0,
        ),
    )
    def test_config_round_trips(self, schedule):
        config = keras.optimizers.schedules.serialize(schedule)
        again = keras.optimizers.schedules.deserialize(config)
        self.assertEqual(again.get_config(), schedule.get_config())
        self.assertEqual(rates(again, range(12)), rates(schedule, range(12)))

    def test_optimizer_goes_by_the_schedule(self):
        schedule = WarmUp(1.0, warmup_steps=2, start_fraction=0.5)
        optimizer = keras.optimizers.SGD(schedule)
        variable = keras.Variable(0.0)
        for _ in range(3):
            optimizer.apply([keras.ops.ones(())], [variable])
        self.assertAlmostEqual(float(variable.value), -0.5 - 0.75 - 1.0)
        again = keras.optimizers.SGD.from_config(optimizer.get_config())
        self.assertEqual(again.get_config(), optimizer.get_config())


if __name__ == "__main__":
    absltest.main()

"""Tests of the start that a run gives to its network."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.models import registry
from needle_tf.protocol import initial_weights
from needle_tf.scales import scale_groups
from needle_tf.scales import skeletons
from tests.protocol import tiny_runs

IMAGES = np.random.default_rng(0).normal(size=(16, 8, 8, 1)).astype("float32")


def network():
    keras.utils.set_random_seed(0)
    return registry.build("ec_digits_mlp", (8, 8, 1), 10)


def scores(model):
    return keras.ops.convert_to_numpy(model(IMAGES, training=False))


def settled(**changes):
    model = network()
    initial_weights.settle(model, tiny_runs.training(**changes))
    return model


class SettleTest(parameterized.TestCase):
    def assert_weights_are_equal(self, one, other):
        pairs = zip(one.get_weights(), other.get_weights(), strict=True)
        for ours, expected in pairs:
            np.testing.assert_array_equal(ours, expected)

    def test_nothing_asked_for_is_nothing_done(self):
        self.assert_weights_are_equal(settled(), network())

    def test_skeleton_weights_start_at_1(self):
        model = settled(skeleton_start=True)
        graph = scale_groups.scale_graph(model)
        skeleton = skeletons.choose(graph)
        weights = skeletons.weights_of(graph, model.trainable_variables)
        for side in ("in", "out"):
            places = getattr(skeleton, f"{side}_place")[1:]
            entries = getattr(skeleton, f"{side}_entry")[1:]
            found = [
                weights[place].ravel()[entry]
                for place, entry in zip(places, entries, strict=True)
            ]
            np.testing.assert_array_equal(found, np.ones(32 + 64 + 16))

    def test_spread_keeps_the_function_and_moves_the_weights(self):
        model, before = settled(unit_scale_spread=10), network()
        np.testing.assert_allclose(
            scores(model), scores(before), rtol=1e-4, atol=1e-5
        )
        # Factors of the units are what their biases' kernels grow by.
        factors = [
            np.linalg.norm(one, axis=0) / np.linalg.norm(other, axis=0)
            for one, other in zip(
                model.get_weights()[:1], before.get_weights()[:1], strict=True
            )
        ][0]
        self.assertBetween(factors.min(), 0.1, 0.3)
        self.assertBetween(factors.max(), 3, 10)

    def test_spread_acts_on_the_network_that_starts_at_1(self):
        model = settled(skeleton_start=True, unit_scale_spread=10)
        start = settled(skeleton_start=True)
        np.testing.assert_allclose(
            scores(model), scores(start), rtol=1e-4, atol=1e-5
        )
        self.assertGreater(np.abs(scores(start) - scores(network())).max(), 0.1)

    def test_spread_is_drawn_by_the_seed_of_the_weights(self):
        one = settled(unit_scale_spread=10, init_seed=3)
        again = settled(unit_scale_spread=10, init_seed=3, seed=8)
        other = settled(unit_scale_spread=10, init_seed=4)
        self.assert_weights_are_equal(one, again)
        self.assertGreater(
            np.abs(one.get_weights()[0] - other.get_weights()[0]).max(), 0.01
        )

    @parameterized.parameters(
        ({"skeleton_start": True}, "--skeleton_start would be ignored"),
        (
            {"unit_scale_spread": 3},
            r"--unit_scale_spread=3\.0 would be ignored.*leave "
            "--unit_scale_spread away",
        ),
    )
    def test_network_without_units_to_rescale_is_refused(self, given, says):
        model = keras.Sequential(
            [
                keras.Input((8, 8, 1)),
                keras.layers.Flatten(),
                keras.layers.Dense(10, name="logits"),
            ],
            name="line",
        )
        config = tiny_runs.training(**given)
        with self.assertRaisesRegex(ValueError, says):
            initial_weights.settle(model, config)


class DrawnScalesTest(parameterized.TestCase):
    def test_scales_are_log_uniform_within_the_spread(self):
        scales = initial_weights.drawn_scales(4000, 10, seed=0)
        self.assertBetween(scales.min(), 0.1, 0.11)
        self.assertBetween(scales.max(), 9, 10)
        shares = np.histogram(np.log10(scales), 4, (-1, 1))[0] / 4000
        np.testing.assert_allclose(shares, 0.25, atol=0.03)

    def test_spread_of_1_moves_nothing(self):
        np.testing.assert_array_equal(
            initial_weights.drawn_scales(3, 1, seed=0), np.ones(3)
        )


if __name__ == "__main__":
    absltest.main()

"""Tests of scales at normalisations and at layers that change no unit."""

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers

from tests.scales import taken_down

SHAPE = (2, 3, 4)
TAKEN_AWAY = "its normalisation takes the scale away"


class NormalizationTest(parameterized.TestCase):
    @parameterized.parameters(
        (layers.BatchNormalization(), (1, 1, 4)),
        (layers.BatchNormalization(axis=1), (2, 1, 1)),
        (layers.GroupNormalization(2), (1, 1, 4)),
        (layers.GroupNormalization(1, axis=-2), (1, 3, 1)),
        (layers.LayerNormalization(), (1, 1, 4)),
        (layers.LayerNormalization(axis=(1, 3)), (2, 1, 4)),
    )
    def test_units_behind_it_get_their_scale_from_gamma(self, layer, sizes):
        found = taken_down.take_down(layer, SHAPE)
        self.assertFalse(found.labels()[0].any())
        self.assertEqual(found.output.ids.shape, sizes)
        self.assertLen(np.unique(found.output.ids), np.prod(sizes))
        self.assertEqual(found.whys(), {TAKEN_AWAY})
        scale, shift = found.ledger.uses()
        self.assertEqual((scale.kind, shift.kind), ("scale", "bias"))
        for use in (scale, shift):
            self.assertFalse(use.source.any())
            self.assertEqual(use.target.shape, use.shape)
            np.testing.assert_array_equal(
                use.target.reshape(-1), found.output.ids.reshape(-1)
            )
        np.testing.assert_array_equal(scale.entries, np.arange(np.prod(sizes)))
        self.assertIsNone(shift.entries)

    def test_gamma_multiplies_the_units_that_it_is_said_to(self):
        layer = layers.LayerNormalization(axis=(1, 3), center=False)
        found = taken_down.take_down(layer, SHAPE)
        images = np.random.default_rng(0).normal(size=(1, *SHAPE))
        before = np.asarray(found.model(images))
        (gamma,) = found.ledger.uses()
        factors = np.arange(1.0, 9.0).reshape(gamma.shape)
        gamma.variable.assign(factors)
        by_id = np.zeros(found.output.ids.max() + 1)
        by_id[gamma.target] = factors
        np.testing.assert_allclose(
            found.model(images), before * by_id[found.output.ids], 1e-5
        )

    @parameterized.parameters(
        layers.BatchNormalization(scale=False),
        layers.BatchNormalization(trainable=False),
        layers.LayerNormalization(scale=False, center=False),
    )
    def test_without_a_gamma_that_trains_all_is_ground(self, layer):
        found = taken_down.take_down(layer, SHAPE)
        self.assertTrue(found.output.is_ground())
        self.assertFalse(found.labels()[0].any())
        self.assertEqual(
            found.whys(),
            {TAKEN_AWAY, "it has no scale (gamma) that trains"},
        )

    def test_frozen_shift_keeps_the_scale(self):
        layer = layers.BatchNormalization()
        layer.build((None, 3))
        layer.beta.trainable = False
        found = taken_down.take_down(layer, (3,))
        self.assertFalse(found.labels()[1].any())
        self.assertIn("its beta is frozen", found.whys())


class PassingTest(parameterized.TestCase):
    @parameterized.parameters(
        layers.Dropout(0.5),
        layers.SpatialDropout2D(0.5),
        layers.GaussianDropout(0.5),
        layers.LeakyReLU(0.3),
        layers.ReLU(negative_slope=0.1),
        layers.PReLU(),
        layers.Identity(),
        layers.Rescaling(1 / 255),
        layers.Rescaling([1.0, 2.0, 0.5, 3.0]),
    )
    def test_units_keep_their_scales(self, layer):
        found = taken_down.take_down(layer, SHAPE)
        np.testing.assert_array_equal(found.output.ids, found.inputs[0].ids)
        self.assertEmpty(found.whys())
        images = np.random.default_rng(0).normal(size=(2, *SHAPE))
        np.testing.assert_allclose(
            found.model(4 * images), 4 * np.asarray(found.model(images)), 1e-5
        )

    def test_learnt_slopes_are_no_edges(self):
        found = taken_down.take_down(layers.PReLU(), SHAPE)
        self.assertEmpty(found.ledger.uses())
        self.assertEqual(
            list(found.ledger.why_plain.values()),
            ["a slope is the same at any scale"],
        )

    @parameterized.parameters(
        (layers.ELU(), "ELU is not positively homogeneous"),
        (layers.Softmax(), "Softmax is not positively homogeneous"),
        (layers.GaussianNoise(0.1), "GaussianNoise is not"),
        (layers.AlphaDropout(0.1), "AlphaDropout is not"),
        (layers.ReLU(6.0), "a ReLU with a `max_value` or a `threshold` is not"),
        (layers.ReLU(threshold=1.0), "a ReLU with a `max_value` or"),
        (layers.Rescaling(2.0, offset=-1.0), "it adds an offset"),
        (layers.Rescaling(np.ones((2, 1, 1))), "its scale is an array"),
    )
    def test_others_end_them(self, layer, why):
        found = taken_down.take_down(layer, SHAPE)
        self.assertTrue(found.output.is_ground())
        self.assertFalse(found.labels()[0].any())
        self.assertStartsWith(*found.whys(), why)


if __name__ == "__main__":
    absltest.main()

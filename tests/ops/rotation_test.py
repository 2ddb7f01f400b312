"""Tests of the rotation math, against float64 by another road."""

import math

import hypothesis
import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import strategies as st

from needle_tf.ops import rotation
from tests.oracles import rotation as oracle

SHAPES = st.lists(st.integers(1, 5), min_size=1, max_size=4).filter(
    lambda shape: math.prod(shape) > 1
)
# Rounding of float32 (6e-8), a few times over.
EXACT = 5e-7


def normal(seed, shape, dtype="float32"):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def turned(weight, step, tangent, **kwargs):
    return keras.ops.convert_to_numpy(
        rotation.turned(weight, step, tangent, **kwargs)
    )


def across(weight, seed):
    """Returns a float64 vector of the length of `weight`, orthogonal to it."""
    weight = np.asarray(weight, "float64")
    other = normal(seed, weight.shape, "float64")
    other -= np.vdot(other, weight) / np.vdot(weight, weight) * weight
    return other * np.linalg.norm(weight) / np.linalg.norm(other)


class AngleTest(parameterized.TestCase):
    @parameterized.parameters(
        # The rounding of the turned weight itself, 6e-8, is the limit.
        (1e-6, 0.05),
        (1e-4, 1e-3),
        (1e-2, 1e-5),
        (1.0, 1e-6),
        (3.0, 1e-6),
        (math.pi, 1e-6),
    )
    def test_small_and_large_angles_are_seen(self, expected, tolerance):
        start = normal(0, (30, 40))
        end = np.cos(expected) * start + np.sin(expected) * across(start, 1)
        found = float(rotation.angle(start, end.astype("float32")))
        np.testing.assert_allclose(found, expected, rtol=tolerance)

    @hypothesis.given(SHAPES, st.integers(0, 99), st.floats(0.1, 10))
    def test_angle_equals_the_oracle_whatever_the_norms(
        self, shape, seed, scale
    ):
        before = normal(seed, shape)
        after = scale * normal(seed + 100, shape)
        np.testing.assert_allclose(
            float(rotation.angle(before, after.astype("float32"))),
            oracle.angle(before, after),
            atol=3e-6,
        )

    @hypothesis.given(SHAPES, st.integers(0, 99))
    def test_distance_equals_the_oracle(self, shape, seed):
        start, weight = normal(seed, shape), normal(seed + 100, shape)
        np.testing.assert_allclose(
            float(rotation.cosine_distance(weight, start)),
            oracle.cosine_distance(weight, start),
            atol=3e-6,
        )

    def test_distance_of_a_tiny_turn_is_not_zero(self):
        start = normal(0, (100, 10))
        end = start + 1e-5 * across(start, 1)
        found = float(rotation.cosine_distance(end.astype("float32"), start))
        np.testing.assert_allclose(found, 0.5e-10, rtol=0.02)

    def test_units_are_measured_by_themselves(self):
        before, after = normal(0, (3, 3, 2, 5)), normal(1, (3, 3, 2, 5))
        found = rotation.angle(before, after, axes=(0, 1, 2))
        self.assertEqual(tuple(found.shape), (1, 1, 1, 5))
        for unit in range(5):
            np.testing.assert_allclose(
                found[0, 0, 0, unit],
                oracle.angle(before[..., unit], after[..., unit]),
                rtol=1e-6,
            )

    def test_unturned_is_zero_and_reversed_is_two(self):
        weight = normal(0, (20, 30))
        self.assertEqual(float(rotation.angle(weight, weight)), 0)
        self.assertEqual(float(rotation.cosine_distance(weight, weight)), 0)
        self.assertEqual(float(rotation.cosine_distance(-weight, weight)), 2)

    @parameterized.parameters((0, 1), (1, 0), (0, 0))
    def test_all_zeros_have_no_direction(self, before, after):
        weight = normal(0, (4, 3))
        found = rotation.angle(before * weight, after * weight)
        self.assertTrue(np.isnan(found))

    def test_half_precision_is_measured_in_float32(self):
        weight = np.ones((600, 600), "float16")  # |w|^2 overflows float16.
        self.assertEqual(float(rotation.norm(weight)), 600)
        after = weight.copy()
        after[0, 0] = 0
        np.testing.assert_allclose(
            float(rotation.angle(weight, after)),
            oracle.angle(weight, after),
            rtol=1e-5,
        )

    def test_large_weights_are_summed_exactly(self):
        # More than a chunk, and with a rest.
        weight = normal(0, ((1 << 21) + 3,))
        np.testing.assert_allclose(
            float(rotation.norm(weight)),
            np.linalg.norm(weight.astype("float64")),
            rtol=1e-6,
        )
        after = weight + 0.01 * normal(1, weight.shape)
        np.testing.assert_allclose(
            float(rotation.angle(weight, after)),
            oracle.angle(weight, after),
            rtol=1e-5,
        )


class RandomWalkTest(parameterized.TestCase):
    @parameterized.parameters(
        # The figures of the study at the rate 3^-3.
        (1, 0.000685, 1e-6),
        (1564, 0.658, 1e-3),
        (353, 0.215, 1e-3),
        (705, 0.383, 1e-3),
    )
    def test_formula_gives_the_figures_of_the_study(self, steps, value, atol):
        found = rotation.random_walk_distance(1 / 27, steps)
        np.testing.assert_allclose(found, value, atol=atol)

    def test_tiny_rates_do_not_vanish(self):
        found = rotation.random_walk_distance(1e-9, 2)
        np.testing.assert_allclose(found, 1e-18)
        self.assertEqual(rotation.random_walk_distance(0.1, 0), 0)


class TurnedTest(parameterized.TestCase):
    @hypothesis.given(
        SHAPES, st.integers(0, 99), st.sampled_from([1e-3, 1 / 27, 0.5, 4.0])
    )
    def test_step_equals_the_published_one(self, shape, seed, rate):
        weight, step = normal(seed, shape), normal(seed + 100, shape)
        np.testing.assert_allclose(
            turned(weight, step, rate),
            oracle.layca_step(weight, step, rate),
            atol=2e-6 * np.linalg.norm(weight) * self.slowness(weight, step),
        )

    @staticmethod
    def slowness(weight, step):
        """How much larger a step is than its part across the weight."""
        sine = math.sin(oracle.angle(weight, step))
        return 1 / max(sine, 1e-3)

    @parameterized.product(
        project=(True, False), restore_norm=(True, False), norm=(None, 2.0)
    )
    def test_each_variant_equals_the_oracle(self, project, restore_norm, norm):
        weight, step = normal(0, (5, 4, 3)), normal(1, (5, 4, 3))
        variant = dict(project=project, restore_norm=restore_norm, norm=norm)
        np.testing.assert_allclose(
            turned(weight, step, 0.3, **variant),
            oracle.layca_step(weight, step, 0.3, **variant),
            atol=2e-6,
        )

    @parameterized.product(
        project=(True, False), restore_norm=(True, False), axis=(-1, -2)
    )
    def test_units_turn_by_themselves(self, project, restore_norm, axis):
        weight, step = normal(0, (3, 2, 4, 5)), normal(1, (3, 2, 4, 5))
        variant = dict(project=project, restore_norm=restore_norm)
        axes = tuple(i for i in range(4) if i != axis + 4)
        np.testing.assert_allclose(
            turned(weight, step, 0.3, axes=axes, **variant),
            oracle.by_unit(
                oracle.layca_step, weight, step, 0.3, axis=axis, **variant
            ),
            atol=2e-6,
        )

    @parameterized.parameters(1e-4, 1 / 27, 0.3, 1.0, 30.0)
    def test_angle_is_the_arc_tangent_of_the_rate(self, rate):
        weight, step = normal(0, (50, 40)), normal(1, (50, 40))
        after = turned(weight, step, rate)
        # Of a few roundings of 2,000 weights, 6e-8, the part along the turn.
        self.assertAlmostEqual(
            oracle.angle(weight, after),
            math.atan(rate),
            delta=1e-6 * rate + 2e-7 / math.sqrt(weight.size),
        )
        np.testing.assert_allclose(
            np.linalg.norm(after), np.linalg.norm(weight), rtol=EXACT
        )

    @parameterized.parameters(1e-4, 0.5, math.pi / 2, 2.0, math.pi)
    def test_angle_may_be_given_itself(self, angle):
        weight, step = normal(0, (50, 40)), normal(1, (50, 40))
        after = rotation.turned_by(weight, step, angle)
        self.assertAlmostEqual(
            oracle.angle(weight, after),
            angle,
            delta=1e-6 * angle + 2e-7 / math.sqrt(weight.size),
        )
        # Against the step, as against a gradient.
        self.assertLess(np.vdot(after - weight, across_of(step, weight)), 1e-3)

    def test_negative_rate_turns_along_the_step(self):
        weight, step = normal(0, (6, 5)), normal(1, (6, 5))
        np.testing.assert_allclose(
            turned(weight, step, -0.2), turned(weight, -step, 0.2), atol=1e-6
        )

    @parameterized.product(
        share=(0.3, 1e-2, 1e-4), sign=(1, -1), scale=(1e-20, 1, 1e20)
    )
    def test_steps_nearly_along_the_weight_turn_as_far(
        self, share, sign, scale
    ):
        weight = normal(0, (50, 40))
        step = (sign * weight + share * across(weight, 1)) * scale
        step = step.astype("float32")
        after = turned(weight, step, 0.1)
        self.assertAlmostEqual(
            oracle.angle(weight, after) / math.atan(0.1), 1, delta=1e-6
        )
        np.testing.assert_allclose(
            np.linalg.norm(after), np.linalg.norm(weight), rtol=EXACT
        )
        # The direction is as good as the rounding of the step lets it be.
        np.testing.assert_allclose(
            after,
            oracle.layca_step(weight, step, 0.1),
            atol=0.1 * 4 * 1e-6 / share,
        )

    @parameterized.product(
        scale=(1e-33, 1e-25, 1e-8, 1e8, 1e25, 1e36),
        axes=(None, (0,)),
        project=(True, False),
    )
    def test_size_of_the_step_does_not_matter(self, scale, axes, project):
        weight, step = normal(0, (30, 20)), normal(1, (30, 20))
        settings = dict(axes=axes, project=project)
        np.testing.assert_allclose(
            turned(weight, (scale * step).astype("float32"), 0.1, **settings),
            turned(weight, step, 0.1, **settings),
            atol=1e-6,
        )

    @parameterized.product(
        step=(0.0, 1.0, -3.0, 1e-30), project=(True,), axes=(None, (0,))
    )
    def test_step_without_a_part_across_leaves_the_direction(
        self, step, project, axes
    ):
        weight = normal(0, (30, 20))
        norm = 2 * np.linalg.norm(weight, axis=axes, keepdims=axes is not None)
        after = turned(
            weight, np.float32(step) * weight, 0.1, norm=norm, axes=axes
        )
        np.testing.assert_allclose(after, 2 * weight, rtol=1e-6)

    def test_zero_step_without_projection_stays(self):
        weight = normal(0, (30, 20))
        after = turned(weight, 0 * weight, 0.1, project=False)
        np.testing.assert_allclose(after, weight, rtol=1e-6)
        # One that takes the whole weight away leaves it as well.
        after = turned(weight, weight, 1.0, project=False)
        np.testing.assert_allclose(after, weight, rtol=1e-6)

    @parameterized.product(bad=(np.nan, np.inf, -np.inf), project=(True, False))
    def test_bad_step_makes_all_of_the_weight_nan(self, bad, project):
        weight, step = normal(0, (6, 5)), normal(1, (6, 5))
        step[2, 3] = bad
        after = turned(weight, step, 0.1, project=project)
        self.assertTrue(np.isnan(after).all())
        after = turned(weight, step, 0.1, project=project, axes=(0,))
        self.assertTrue(np.isnan(after[:, 3]).all())
        self.assertTrue(np.isfinite(np.delete(after, 3, axis=1)).all())

    @parameterized.parameters(None, 3.0)
    def test_all_zeros_stay_zeros(self, norm):
        zero, step = np.zeros((4, 3), "float32"), normal(1, (4, 3))
        np.testing.assert_array_equal(turned(zero, step, 0.1, norm=norm), zero)
        weight = normal(0, (4, 3))
        weight[:, 1] = 0
        after = turned(weight, step, 0.1, axes=(0,))
        np.testing.assert_array_equal(after[:, 1], 0)
        self.assertGreater(np.abs(after - weight)[:, 0].max(), 0.01)

    @parameterized.parameters("float16", "bfloat16")
    def test_half_precision_is_computed_in_float32(self, dtype):
        weight = keras.ops.cast(100 * normal(0, (300, 300)), dtype)
        step = keras.ops.cast(100 * normal(1, (300, 300)), dtype)
        after = rotation.turned(weight, step, 0.1)
        self.assertEqual(
            keras.backend.standardize_dtype(after.dtype), "float32"
        )
        before = keras.ops.convert_to_numpy(keras.ops.cast(weight, "float32"))
        self.assertAlmostEqual(
            oracle.angle(before, after) / math.atan(0.1), 1, delta=1e-6
        )

    def test_direction_has_the_length_one(self):
        for scale in (1e-33, 1.0, 1e36):
            step = (scale * normal(0, (6, 5))).astype("float32")
            found = rotation.direction(step)
            np.testing.assert_allclose(np.linalg.norm(found), 1, rtol=1e-6)
        np.testing.assert_array_equal(rotation.direction(0 * step), 0)


def across_of(step, weight):
    """Returns the part of `step` across `weight`."""
    step = step.astype("float64")
    return step - np.vdot(step, weight) / np.vdot(weight, weight) * weight


if __name__ == "__main__":
    absltest.main()

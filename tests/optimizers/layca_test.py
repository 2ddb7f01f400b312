"""Tests of Layca's steps, against the published algorithm in float64."""

import math

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.ops import rotation
from needle_tf.optimizers import layca
from tests.optimizers import small_runs
from tests.oracles import rotation as oracle

SGD = keras.optimizers.SGD
INNERS = tuple(small_runs.INNERS.items())
array = small_runs.array
# Keras's Muon takes no float64.
SHADOWS = {"muon": "float32"}


def reference(make_inner, start, gradients, rate, dtype="float64"):
    """Returns the weights after each step, in float64.

    The inner step is what the plain optimizer does to a shadow of the weights
    at the rate 1; it is turned as published, to the norm of the start.
    """
    shadow = keras.Variable(start, dtype=dtype)
    inner = make_inner()
    inner.learning_rate = 1.0
    weight, norm, found = start, np.linalg.norm(start), []
    for gradient in gradients:
        shadow.assign(weight)
        inner.apply([keras.ops.cast(gradient, dtype)], [shadow])
        step = np.asarray(weight, "float64") - array(shadow)
        weight = oracle.layca_step(weight, step, rate, norm)
        found.append(weight)
    return found


def angles_of(weights):
    return [
        oracle.angle(a, b)
        for a, b in zip(weights[:-1], weights[1:], strict=True)
    ]


def stepped(optimizer, variables, gradients):
    """Returns all values of the first variable, its start included."""
    weights = [array(variables[0]).copy()]
    for gradient in gradients:
        optimizer.apply([gradient] * len(variables), variables)
        weights.append(array(variables[0]).copy())
    return weights


class StepTest(parameterized.TestCase):
    @parameterized.named_parameters(
        (f"{name}_{rank}d", name, make_inner, shape)
        for name, make_inner in INNERS
        for rank, shape in ((2, (6, 5)), (4, (3, 2, 3, 4)))
    )
    def test_steps_equal_the_oracle(self, name, make_inner, shape):
        variable = small_runs.kernel(shape=shape)
        gradients = small_runs.gradients(6, shape)
        dtype = SHADOWS.get(name, "float64")
        expected = reference(make_inner, array(variable), gradients, 0.2, dtype)
        optimizer = layca.Layca(make_inner(), 0.2)
        found = stepped(optimizer, [variable], gradients)[1:]
        for step, (ours, theirs) in enumerate(
            zip(found, expected, strict=True)
        ):
            np.testing.assert_allclose(
                ours, theirs, atol=1e-5, err_msg=str(step)
            )

    @parameterized.named_parameters(
        ("sgd", lambda: SGD()),
        ("adam", lambda: keras.optimizers.Adam()),
    )
    def test_units_turn_by_themselves(self, make_inner):
        variable = small_runs.kernel(shape=(3, 3, 2, 4))
        start = array(variable)
        gradient = small_runs.normal(1, variable.shape)
        optimizer = layca.Layca(make_inner(), 0.2, granularity="unit")
        optimizer.apply([gradient], [variable])
        step = gradient
        if isinstance(optimizer.inner, keras.optimizers.Adam):
            # Its first step is the sign, but for epsilon.
            step = gradient / (abs(gradient) + 1e-7 / math.sqrt(1e-3))
        np.testing.assert_allclose(
            array(variable),
            oracle.by_unit(oracle.layca_step, start, step, 0.2),
            atol=1e-5,
        )

    @parameterized.parameters(1e-3, 1 / 27, 0.5)
    def test_every_step_turns_by_the_arc_tangent_of_the_rate(self, rate):
        weights = stepped(
            layca.Layca(SGD(momentum=0.9), rate),
            [small_runs.kernel(shape=(50, 40))],
            small_runs.gradients(5, (50, 40)),
        )
        np.testing.assert_allclose(
            angles_of(weights), math.atan(rate), rtol=2e-6
        )

    def test_exact_angle_is_the_rate_itself(self):
        weights = stepped(
            layca.Layca(SGD(), 2.0, exact_angle=True),
            [small_runs.kernel(shape=(50, 40))],
            small_runs.gradients(3, (50, 40)),
        )
        np.testing.assert_allclose(angles_of(weights), 2.0, rtol=1e-6)

    @parameterized.parameters({"project": False}, {"restore_norm": False})
    def test_variants_equal_the_oracle(self, **variant):
        variable = small_runs.kernel()
        expected = array(variable)
        optimizer = layca.Layca(SGD(), 0.3, **variant)
        for gradient in small_runs.gradients(4):
            optimizer.apply([gradient], [variable])
            expected = oracle.layca_step(expected, gradient, 0.3, **variant)
        np.testing.assert_allclose(array(variable), expected, atol=1e-5)

    def test_momentum_is_free_of_the_rate(self):
        optimizer = layca.Layca(SGD(momentum=0.9), 0.01)
        gradients = small_runs.gradients(2)
        stepped(optimizer, [small_runs.kernel()], gradients)
        np.testing.assert_allclose(
            array(optimizer.inner.momentums[0]),
            -0.9 * gradients[0] - gradients[1],
            rtol=1e-6,
        )

    @parameterized.parameters(
        ({"multipliers": {"b/": 0.5}}, [1, 0.5, 1]),
        ({"multipliers": {"b/": 0.5, "c/": 0.0}}, [1, 0.5, 0]),
        ({"alpha": 0.6}, [0.4**5, 0.4**2.5, 1]),
        ({"alpha": -0.6}, [1, 0.4**2.5, 0.4**5]),
        ({"alpha": -0.6, "alpha_skips": ["b/"]}, [1, 1, 0.4**5]),
    )
    def test_multipliers_scale_the_rates(self, settings, factors):
        variables = [
            keras.Variable(small_runs.normal(i, (50, 40)), name="kernel")
            for i in range(3)
        ]
        for variable, name in zip(variables, "abc", strict=True):
            variable._path = f"{name}/kernel"
        starts = [array(v).copy() for v in variables]
        optimizer = layca.Layca(SGD(), 0.3, **settings)
        optimizer.apply(small_runs.gradients(3, (50, 40)), variables)
        turns = [
            oracle.angle(start, array(variable))
            for start, variable in zip(starts, variables, strict=True)
        ]
        expected = np.arctan(0.3 * np.array(factors))
        np.testing.assert_allclose(turns, expected, rtol=1e-5, atol=1e-7)

    def test_random_steps_turn_as_far_as_the_random_walk(self):
        shape, steps = (64, 64), 100
        variables = [
            small_runs.kernel(i, shape, f"{i}_kernel") for i in range(8)
        ]
        starts = [array(v).copy() for v in variables]
        optimizer = layca.Layca(SGD(), 0.1)
        rng = np.random.default_rng(1)
        for _ in range(steps):
            gradients = rng.normal(size=(8, *shape)).astype("float32")
            optimizer.apply(list(gradients), variables)
        mean = np.mean(
            [
                oracle.cosine_distance(array(v), start)
                for v, start in zip(variables, starts, strict=True)
            ]
        )
        # A cosine of 4096 entries scatters by less than 1/64; eight of them.
        np.testing.assert_allclose(
            mean,
            rotation.random_walk_distance(0.1, steps),
            atol=4 / 64 / math.sqrt(8),
        )


class NormTest(parameterized.TestCase):
    @parameterized.parameters("layer", "unit")
    def test_norms_stay_for_ten_thousand_steps(self, granularity):
        shapes = [(3, 3, 4, 8), (40, 30)]
        variables = [
            small_runs.kernel(i, shape, f"{i}_kernel")
            for i, shape in enumerate(shapes)
        ]
        starts = [array(v).astype("float64") for v in variables]
        optimizer = layca.Layca(
            SGD(momentum=0.9), 1 / 27, granularity=granularity
        )
        optimizer.build(variables)

        @tf.function
        def run(steps):
            for step in tf.range(steps):
                optimizer.apply(
                    [
                        tf.random.stateless_normal(shape, [step, place])
                        for place, shape in enumerate(shapes)
                    ]
                )

        run(10_000)
        self.assertEqual(int(optimizer.iterations), 10_000)
        for variable, start in zip(variables, starts, strict=True):
            axis = (
                None if granularity == "layer" else (0, 1, 2)[: start.ndim - 1]
            )
            np.testing.assert_allclose(
                np.sqrt(np.sum(array(variable).astype("float64") ** 2, axis)),
                np.sqrt(np.sum(start**2, axis)),
                rtol=1e-6,
            )
            self.assertGreater(
                oracle.cosine_distance(array(variable), start), 0.5
            )

    def test_norm_is_that_of_the_first_step_and_not_of_the_build(self):
        variable = small_runs.kernel()
        optimizer = layca.Layca(SGD(), 0.1)
        optimizer.build([variable])
        variable.assign(3 * array(variable))  # Weights are loaded.
        expected = np.linalg.norm(array(variable))
        for gradient in small_runs.gradients(3):
            optimizer.apply([gradient])
            found = np.linalg.norm(array(variable))
            np.testing.assert_allclose(found, expected, rtol=1e-6)

    def test_what_moves_the_norm_in_between_is_undone(self):
        variable = small_runs.kernel()
        expected = np.linalg.norm(array(variable))
        optimizer = layca.Layca(SGD(), 0.1)
        for gradient in small_runs.gradients(2):
            optimizer.apply([gradient], [variable])
            np.testing.assert_allclose(
                np.linalg.norm(array(variable)), expected, rtol=1e-6
            )
            variable.assign(2 * array(variable))


class RareStepsTest(parameterized.TestCase):
    @parameterized.parameters(1e-25, 1e-12, 1e12, 1e25)
    def test_tiny_and_huge_gradients_turn_as_far(self, scale):
        ends = []
        for factor in (1.0, scale):
            variable = small_runs.kernel()
            gradients = [
                np.float32(factor) * g for g in small_runs.gradients(3)
            ]
            optimizer = layca.Layca(SGD(momentum=0.9), 0.1)
            ends.append(stepped(optimizer, [variable], gradients)[-1])
        np.testing.assert_allclose(ends[1], ends[0], atol=2e-6)

    @parameterized.parameters("layer", "unit")
    def test_zero_gradient_leaves_the_weights(self, granularity):
        variable = small_runs.kernel()
        start = array(variable)
        optimizer = layca.Layca(SGD(), 0.1, granularity=granularity)
        stepped(optimizer, [variable], [0 * start] * 3)
        np.testing.assert_allclose(array(variable), start, rtol=3e-7)

    @parameterized.parameters(np.nan, np.inf)
    def test_bad_gradient_stays_in_its_own_kernel(self, bad):
        variables = [small_runs.kernel(i, name=f"{i}_kernel") for i in range(3)]
        gradients = small_runs.gradients(3)
        gradients[1][2, 2] = bad
        optimizer = layca.Layca(SGD(momentum=0.9), 0.1)
        optimizer.apply(gradients, variables)
        self.assertTrue(np.isnan(array(variables[1])).all())
        for place in (0, 2):
            self.assertTrue(np.isfinite(array(variables[place])).all())

    def test_gradient_along_the_weights_leaves_them(self):
        variable = small_runs.kernel(shape=(30, 20))
        start = array(variable)
        optimizer = layca.Layca(SGD(), 0.1)
        stepped(optimizer, [variable], [5 * start, -start])
        np.testing.assert_allclose(array(variable), start, rtol=1e-6)

    def test_unit_of_zeros_stays(self):
        values = small_runs.normal(0, (6, 5))
        values[:, 1] = 0
        variable = keras.Variable(values, name="kernel")
        optimizer = layca.Layca(SGD(), 0.1, granularity="unit")
        stepped(optimizer, [variable], small_runs.gradients(3))
        np.testing.assert_array_equal(array(variable)[:, 1], 0)
        self.assertTrue(np.isfinite(array(variable)).all())


class ReplayTest(parameterized.TestCase):
    def test_recorded_angles_are_turned_exactly_and_then_no_more(self):
        table = np.array([[1e-5, 0.5], [0.0, 1e-3], [2.5, 0.1]])
        variables = [
            small_runs.kernel(i, (50, 40), f"{i}_kernel") for i in range(2)
        ]
        optimizer = layca.Layca(keras.optimizers.Adam(), angles=table)
        turns = []
        for step in range(5):
            before = [array(v).copy() for v in variables]
            gradients = small_runs.gradients(2, (50, 40), seed=10 * step)
            optimizer.apply(gradients, variables)
            turns.append(
                [
                    oracle.angle(b, array(v))
                    for b, v in zip(before, variables, strict=True)
                ]
            )
        expected = np.concatenate([table, np.zeros((2, 2))])
        np.testing.assert_allclose(turns, expected, rtol=1e-5, atol=1e-7)

    def test_rate_shows_the_mean_angle_and_cannot_be_set(self):
        table = np.array([[0.1, 0.3], [0.2, 0.2]])
        optimizer = layca.Layca(SGD(), angles=table)
        self.assertAlmostEqual(float(optimizer.learning_rate), 0.2, places=6)
        with self.assertRaisesRegex(TypeError, "not settable"):
            optimizer.learning_rate = 0.1

    def test_columns_are_held_against_the_kernels(self):
        optimizer = layca.Layca(SGD(), angles=np.full((3, 2), 0.1))
        with self.assertRaisesRegex(
            ValueError,
            r"`angles` must have a column for each of the 1 controlled "
            r"kernels\. Received: 2 columns\. The kernels are: kernel",
        ):
            optimizer.build([small_runs.kernel()])


if __name__ == "__main__":
    absltest.main()

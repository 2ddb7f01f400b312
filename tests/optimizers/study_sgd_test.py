"""Tests of the variants of SGD of the study, step by step in NumPy."""

import math

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.optimizers import study_sgd
from tests.optimizers import small_runs

array = small_runs.array
CLASSES = (
    study_sgd.NormalizedSGD,
    study_sgd.EffectiveRateSGD,
    study_sgd.LarsSGD,
    study_sgd.AdamMomentumSGD,
)


def run(optimizer, variable, gradients):
    """Returns the weights after each step."""
    found = []
    for gradient in gradients:
        optimizer.apply([gradient], [variable])
        found.append(array(variable).copy())
    return found


def momenta(gradients, momentum, nesterov):
    """Returns the steps of SGD at the rate 1."""
    mean, steps = 0.0, []
    for gradient in gradients:
        mean = momentum * mean + gradient
        steps.append(gradient + momentum * mean if nesterov else mean)
    return steps


def norm(values):
    return np.linalg.norm(values.astype("float64"))


@parameterized.product(momentum=(0, 0.9), nesterov=(False, True))
class StepTest(parameterized.TestCase):
    def test_steps_equal_numpy(self, momentum, nesterov):
        gradients = small_runs.gradients(4)
        steps = momenta(gradients, momentum, nesterov)
        moves = {
            study_sgd.NormalizedSGD: lambda w, s: s / norm(s),
            study_sgd.EffectiveRateSGD: lambda w, s: norm(w) ** 2 * s,
            study_sgd.LarsSGD: lambda w, s: norm(w) * s / norm(s),
        }
        for kind, move in moves.items():
            # Room to grow, so that the norm is not limited here.
            extra = {"growth": 10} if kind is study_sgd.LarsSGD else {}
            variable = small_runs.kernel()
            weight = array(variable).astype("float64")
            found = run(
                kind(0.01, momentum, nesterov, **extra), variable, gradients
            )
            for ours, step in zip(found, steps, strict=True):
                weight = weight - 0.01 * move(weight, step)
                np.testing.assert_allclose(ours, weight, atol=2e-6)


class AdamMomentumTest(parameterized.TestCase):
    def test_steps_equal_numpy(self):
        variable = small_runs.kernel()
        weight, mean = array(variable).astype("float64"), 0.0
        gradients = small_runs.gradients(4)
        optimizer = study_sgd.AdamMomentumSGD(0.1, beta_1=0.8)
        found = run(optimizer, variable, gradients)
        for ours, gradient in zip(found, gradients, strict=True):
            mean = 0.8 * mean + 0.2 * gradient
            weight = weight - 0.1 * mean
            np.testing.assert_allclose(ours, weight, atol=2e-6)


class LarsTest(parameterized.TestCase):
    def test_norm_grows_by_no_more_than_its_share_in_a_step(self):
        variable = small_runs.kernel(shape=(30, 20))
        first = norm(array(variable))
        optimizer = study_sgd.LarsSGD(0.5, growth=0.01)
        gradients = small_runs.gradients(5, (30, 20))
        found = run(optimizer, variable, gradients)
        np.testing.assert_allclose(
            [norm(weight) for weight in found],
            first * (1 + 0.01 * np.arange(1, 6)),
            rtol=1e-6,
        )

    def test_norm_may_fall(self):
        variable = small_runs.kernel()
        start = array(variable)
        run(study_sgd.LarsSGD(0.25), variable, [start])
        np.testing.assert_allclose(array(variable), 0.75 * start, rtol=1e-6)

    def test_what_is_no_kernel_stays(self):
        bias = keras.Variable(np.ones(3), name="bias")
        kernel = small_runs.kernel()
        start = array(kernel).copy()
        optimizer = study_sgd.LarsSGD(0.25)
        optimizer.apply([np.ones(3), start], [bias, kernel])
        np.testing.assert_array_equal(array(bias), 1)
        self.assertGreater(abs(array(kernel) - start).max(), 0.1)


class SoundTest(parameterized.TestCase):
    @parameterized.parameters(*CLASSES)
    def test_zero_gradient_leaves_the_weights(self, kind):
        variable = small_runs.kernel()
        start = array(variable)
        run(kind(0.1), variable, [0 * start] * 2)
        np.testing.assert_array_equal(array(variable), start)

    @parameterized.product(
        kind=(study_sgd.NormalizedSGD, study_sgd.LarsSGD),
        scale=(1e-25, 1e25),
    )
    def test_size_of_the_gradient_does_not_matter(self, kind, scale):
        gradient = small_runs.normal(1, (6, 5))
        ends = []
        for factor in (1.0, scale):
            variable = small_runs.kernel()
            step = (factor * gradient).astype("float32")
            ends += run(kind(0.1), variable, [step])
        np.testing.assert_allclose(ends[1], ends[0], atol=1e-6)

    @parameterized.parameters(*CLASSES)
    def test_half_precision_norms_do_not_overflow(self, kind):
        values = np.full((400, 400), 2.0)  # |w|^2 = 640,000 > 65,504.
        variable = keras.Variable(values, name="kernel", dtype="float16")
        gradient = keras.ops.full((400, 400), 1e-3, "float16")
        kind(1e-3).apply([gradient], [variable])
        self.assertEqual(variable.dtype, "float16")
        found = array(variable)
        self.assertTrue(np.isfinite(found).all())
        self.assertLessEqual(found.max(), 2.0)

    @parameterized.parameters(*CLASSES)
    def test_bounds_are_those_of_the_options(self, kind):
        name = "beta_1" if kind is study_sgd.AdamMomentumSGD else "momentum"
        with self.assertRaisesRegex(ValueError, rf"`{name}` must be.*{name}=2"):
            kind(0.1, **{name: 2})
        with self.assertRaisesRegex(ValueError, r"`learning_rate` must.*-1"):
            kind(-1)
        schedule = keras.optimizers.schedules.CosineDecay(0.5, 10)
        self.assertEqual(float(kind(schedule).learning_rate), 0.5)

    def test_negative_growth_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`growth` must be.*growth=-1"):
            study_sgd.LarsSGD(growth=-1)

    def test_lars_takes_a_first_norm_of_the_first_step(self):
        variable = small_runs.kernel()
        optimizer = study_sgd.LarsSGD(3.0, growth=1.0)
        optimizer.build([variable])
        variable.assign(5 * array(variable))  # Weights are loaded.
        first = norm(array(variable))
        across = small_runs.normal(1, (6, 5))
        optimizer.apply([across])
        self.assertTrue(
            math.isclose(norm(array(variable)), 2 * first, rel_tol=1e-6)
        )


if __name__ == "__main__":
    absltest.main()

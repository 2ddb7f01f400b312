"""Tests of Layca in training: `fit`, precision, accumulation, schedules."""

import math

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers

from needle_tf.embedding import convert
from needle_tf.optimizers import layca
from tests.optimizers import small_runs
from tests.oracles import rotation as oracle

SGD = keras.optimizers.SGD
Adam = keras.optimizers.Adam
array = small_runs.array


def trained(optimizer, *, epochs=2, batch_size=16, model=None, **kwargs):
    model = small_runs.compiled(
        model or small_runs.network(), optimizer, **kwargs
    )
    return small_runs.fit(model, epochs, batch_size)


def assert_same(found, expected, atol=1e-5):
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=atol)


class Watched(layca.Layca):
    """Counts how often its steps are traced."""

    traced = 0

    def update_step(self, *args):
        self.traced += 1
        super().update_step(*args)


class FitTest(parameterized.TestCase):
    # The others: in `contract_test`, without a model.
    @parameterized.parameters("momentum", "nadam")
    def test_graph_and_xla_train_as_eager(self, inner):
        make_inner = small_runs.INNERS[inner]
        ends = [
            small_runs.kernels_of(
                trained(layca.Layca(make_inner(), 0.1), **mode)
            )
            for mode in (
                {"run_eagerly": True},
                {"jit_compile": False},
                {"jit_compile": True},
            )
        ]
        # Ratios of gradients near 0 turn with their rounding.
        assert_same(ends[1], ends[0], 1e-3)
        assert_same(ends[2], ends[0], 1e-3)

    def test_others_are_frozen_as_published(self):
        model = small_runs.network()
        before = small_runs.others_of(model)
        after = small_runs.others_of(
            trained(layca.Layca(SGD(), 0.1), model=model)
        )
        for start, end in zip(before, after, strict=True):
            np.testing.assert_array_equal(start, end)

    @parameterized.product(jit_compile=(False, True))
    def test_others_are_trained_by_the_inner_optimizer(self, jit_compile):
        rate = keras.optimizers.schedules.PiecewiseConstantDecay(
            [1], [0.3, 0.2]
        )
        plain = small_runs.compiled(
            small_runs.network(), SGD(rate, weight_decay=0.1), run_eagerly=True
        )
        ours = small_runs.compiled(
            small_runs.network(),
            layca.Layca(SGD(rate, weight_decay=0.1), 0.1, others="inner"),
            jit_compile=jit_compile,
        )
        images, labels = small_runs.examples()
        for _ in range(3):
            # From the same weights, so that the gradients are the same.
            ours.set_weights(plain.get_weights())
            starts = small_runs.kernels_of(ours)
            plain.train_on_batch(images, labels)
            ours.train_on_batch(images, labels)
            assert_same(small_runs.others_of(ours), small_runs.others_of(plain))
            for start, end in zip(
                starts, small_runs.kernels_of(ours), strict=True
            ):
                self.assertAlmostEqual(
                    oracle.angle(start, end), math.atan(0.1), delta=1e-6
                )

    def test_nothing_is_traced_again(self):
        optimizer = Watched(Adam(), 0.1, others="inner")
        model = small_runs.compiled(small_runs.network(), optimizer)
        small_runs.fit(model)
        once = optimizer.traced
        optimizer.learning_rate = 0.05
        small_runs.fit(model, epochs=3)
        self.assertEqual(optimizer.traced, once)

    def test_efcn_keeps_its_fixed_entries_at_zero(self):
        cnn = small_runs.network()
        model = convert.embed(cnn, "band", radius=1)
        layer = model.get_layer("conv")
        start = array(layer.kernel)
        fixed = array(layer.mask(np.ones_like(start))) == 0
        self.assertGreater(fixed.sum(), 0)
        trained(layca.Layca(SGD(momentum=0.9), 0.1), model=model)
        np.testing.assert_array_equal(array(layer.kernel)[fixed], 0)
        np.testing.assert_allclose(
            np.linalg.norm(array(layer.kernel)),
            np.linalg.norm(start),
            rtol=1e-6,
        )
        self.assertGreater(oracle.angle(start, array(layer.kernel)), 0.1)

    def test_constraints_come_afterwards(self):
        model = keras.Sequential(
            [
                keras.Input((6, 6, 2)),
                layers.Flatten(),
                layers.Dense(3, kernel_constraint="non_neg"),
            ]
        )
        trained(layca.Layca(SGD(), 0.3), model=model)
        self.assertGreaterEqual(array(model.layers[-1].kernel).min(), 0)


class PrecisionTest(parameterized.TestCase):
    @parameterized.parameters("mixed_bfloat16", "mixed_float16")
    def test_mixed_precision_turns_by_the_same_angle(self, dtype):
        self.addCleanup(
            keras.config.set_dtype_policy, keras.config.dtype_policy()
        )
        keras.config.set_dtype_policy(dtype)
        model = small_runs.network()
        starts = small_runs.kernels_of(model)
        optimizer = layca.Layca(SGD(), 0.1)
        small_runs.compiled(model, optimizer)
        if dtype == "mixed_float16":
            self.assertIs(model.optimizer.inner_optimizer, optimizer)
        images, labels = small_runs.examples()
        while not int(optimizer.iterations):  # Scales that overflow are left.
            model.train_on_batch(images, labels)
        for start, end in zip(
            starts, small_runs.kernels_of(model), strict=True
        ):
            self.assertAlmostEqual(
                oracle.angle(start, end), math.atan(0.1), delta=1e-6
            )

    @parameterized.parameters("float16", "bfloat16")
    def test_half_precision_weights_keep_their_norm(self, dtype):
        variable = small_runs.kernel(shape=(60, 50), dtype=dtype)
        expected = np.linalg.norm(array(variable).astype("float64"))
        optimizer = layca.Layca(SGD(), 0.1)
        for gradient in small_runs.gradients(20, (60, 50)):
            gradient = keras.ops.cast(gradient, dtype)
            optimizer.apply([gradient], [variable])
        self.assertEqual(variable.dtype, dtype)
        found = np.linalg.norm(array(variable).astype("float64"))
        # 3,000 weights of 2^-9 rounding each, measured anew in each step.
        np.testing.assert_allclose(found, expected, rtol=1e-3)

    def test_fixed_loss_scale_does_not_matter(self):
        ends = [
            small_runs.kernels_of(
                trained(
                    layca.Layca(SGD(momentum=0.9, loss_scale_factor=f), 0.1)
                )
            )
            for f in (None, 1024.0)
        ]
        assert_same(*ends)


class InheritedTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("momentum", lambda **k: SGD(0.1, momentum=0.9, **k)),
        ("adam", lambda **k: Adam(0.1, **k)),
        ("nadam", lambda **k: keras.optimizers.Nadam(0.1, **k)),
    )
    def test_accumulated_gradients_equal_one_large_batch(self, make_inner):
        variables = [
            [small_runs.kernel(), keras.Variable(np.ones(5), name="bias")]
            for _ in range(3)
        ]
        optimizers = [
            layca.Layca(make_inner(), 0.1, others="inner"),
            layca.Layca(
                make_inner(gradient_accumulation_steps=2), 0.1, others="inner"
            ),
            layca.Layca(
                make_inner(),
                0.1,
                others="inner",
                gradient_accumulation_steps=2,
            ),
        ]
        for step in range(3):
            halves = [
                [small_runs.normal(10 * step + i, s) for s in ((6, 5), (5,))]
                for i in range(2)
            ]
            mean = [(a + b) / 2 for a, b in zip(*halves, strict=True)]
            optimizers[0].apply(mean, variables[0])
            for half in halves:
                optimizers[1].apply(half, variables[1])
                optimizers[2].apply(half, variables[2])
        for ours in variables[1:]:
            assert_same(map(array, ours), map(array, variables[0]))
        for optimizer in optimizers:
            self.assertEqual(int(optimizer.iterations), 3)
            self.assertEqual(int(optimizer.inner.iterations), 3)

    @parameterized.parameters("clipvalue", "clipnorm", "global_clipnorm")
    def test_gradients_are_clipped_by_either(self, name):
        gradients = small_runs.gradients(3)
        ends = []
        for inside, outside in (({name: 0.5}, {}), ({}, {name: 0.5})):
            variable = small_runs.kernel()
            optimizer = layca.Layca(SGD(momentum=0.9, **inside), 0.1, **outside)
            for gradient in gradients:
                optimizer.apply([gradient], [variable])
            ends.append(array(variable))
        expected = small_runs.kernel()
        optimizer = layca.Layca(SGD(momentum=0.9), 0.1)
        for gradient in gradients:
            if name == "clipvalue":
                gradient = np.clip(gradient, -0.5, 0.5)
            else:
                gradient = gradient * 0.5 / np.linalg.norm(gradient)
            optimizer.apply([gradient], [expected])
        for end in ends:
            np.testing.assert_allclose(end, array(expected), atol=1e-6)

    def test_rate_may_be_a_schedule(self):
        rates = [0.3, 0.01]
        schedule = keras.optimizers.schedules.PiecewiseConstantDecay([0], rates)
        optimizer = layca.Layca(SGD(), schedule)
        variable = small_runs.kernel(shape=(40, 30))
        for rate, gradient in zip(
            rates, small_runs.gradients(2, (40, 30)), strict=True
        ):
            start = array(variable).copy()
            optimizer.apply([gradient], [variable])
            found = oracle.angle(start, array(variable))
            np.testing.assert_allclose(found, math.atan(rate), rtol=1e-5)

    def test_callback_may_set_the_rate(self):
        model = small_runs.compiled(
            small_runs.network(), layca.Layca(SGD(), 0.5)
        )
        starts = small_runs.kernels_of(model)
        schedule = keras.callbacks.LearningRateScheduler(lambda epoch: 0.01)
        small_runs.fit(model, batch_size=32, callbacks=[schedule])
        for start, end in zip(
            starts, small_runs.kernels_of(model), strict=True
        ):
            found = oracle.angle(start, end)
            np.testing.assert_allclose(found, math.atan(0.01), rtol=1e-4)


if __name__ == "__main__":
    absltest.main()

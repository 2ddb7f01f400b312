"""The promises that every optimizer of the registry keeps.

Layca is tried around each optimizer that it takes; those that are built for a
network, on networks: `ec_opt_test`.
"""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.optimizers import options
from needle_tf.optimizers import registry
from tests.optimizers import small_runs

array = small_runs.array
SHAPES = ((6, 5), (5,), (3, 2, 2, 4))
NAMES = ("kernel", "bias", "other_kernel")
# What moves weights of itself is turned off.
QUIET = {"adamw": {"weight_decay": 0}}
QUIET["muon"] = {"weight_decay": 0, "adam_weight_decay": 0}
CASES = {
    name: (name, QUIET.get(name, {}))
    for name in registry.names()
    if name != "layca" and not registry.needs_model(name)
} | {
    f"layca_{inner}": (
        "layca",
        {"inner_optimizer": inner, "others": "inner", **QUIET.get(inner, {})},
    )
    for inner in options.INNER
}
NOT_IN_HALF_BECAUSE = dict.fromkeys(
    ("lamb", "layca_lamb", "layca_muon", "muon"),
    "Keras multiplies by numbers in float32 there",
)
NOT_AT_REST_BECAUSE = {"ftrl": "computes weights from slots that begin at 0"}


def cases(but=()):
    return [(name, *case) for name, case in CASES.items() if name not in but]


def variables():
    return [
        keras.Variable(small_runs.normal(i, shape), name=name)
        for i, (shape, name) in enumerate(zip(SHAPES, NAMES, strict=True))
    ]


def gradients(step):
    return [
        keras.ops.convert_to_tensor(small_runs.normal(10 * step + i, shape))
        for i, shape in enumerate(SHAPES)
    ]


class ContractTest(parameterized.TestCase):
    def test_every_optimizer_has_a_case(self):
        self.assertEqual(
            {name for name, _ in CASES.values()},
            {n for n in registry.names() if not registry.needs_model(n)},
        )

    @parameterized.named_parameters(cases())
    def test_config_round_trips(self, name, settings):
        optimizer = registry.build(name, learning_rate=0.25, **settings)
        config = keras.saving.serialize_keras_object(optimizer)
        again = keras.saving.deserialize_keras_object(config)
        self.assertIs(type(again), type(optimizer))
        self.assertEqual(again.get_config(), optimizer.get_config())

    @parameterized.named_parameters(cases(but=NOT_AT_REST_BECAUSE))
    def test_zero_gradient_leaves_the_weights(self, name, settings):
        trained = variables()
        starts = [array(v).copy() for v in trained]
        optimizer = registry.build(name, learning_rate=0.1, **settings)
        for _ in range(2):
            optimizer.apply([0 * g for g in gradients(0)], trained)
        for start, variable in zip(starts, trained, strict=True):
            np.testing.assert_allclose(array(variable), start, rtol=1e-6)

    @parameterized.named_parameters(cases())
    def test_nan_stays_in_its_own_variable(self, name, settings):
        trained = variables()
        optimizer = registry.build(name, learning_rate=0.1, **settings)
        bad = gradients(0)
        bad[0] = bad[0] * float("nan")
        optimizer.apply(bad, trained)
        self.assertTrue(np.isnan(array(trained[0])).all())
        for variable in trained[1:]:
            self.assertTrue(np.isfinite(array(variable)).all())

    @parameterized.named_parameters(cases())
    def test_variable_without_a_gradient_stays(self, name, settings):
        trained = variables()
        optimizer = registry.build(name, learning_rate=0.1, **settings)
        optimizer.build(trained)
        start = array(trained[0]).copy()
        with self.assertWarnsRegex(UserWarning, "Gradients do not exist"):
            optimizer.apply([None, *gradients(0)[1:]], trained)
        np.testing.assert_array_equal(array(trained[0]), start)

    @parameterized.named_parameters(cases())
    def test_graph_and_xla_step_as_eager(self, name, settings):
        ends = []
        wraps = [lambda step: step, tf.function(jit_compile=True)]
        if name != "layca":  # Whose graph is run in `layca_training_test`.
            wraps.append(tf.function)
        for wrap in wraps:
            trained = variables()
            optimizer = registry.build(name, learning_rate=0.1, **settings)
            optimizer.build(trained)
            apply = wrap(optimizer.apply)
            for step in range(3):
                apply(gradients(step))
            ends.append([array(v) for v in trained])
        for found in ends[1:]:
            for ours, expected in zip(found, ends[0], strict=True):
                np.testing.assert_allclose(ours, expected, 1e-5, 2e-5)

    @parameterized.named_parameters(cases(but=NOT_IN_HALF_BECAUSE))
    def test_dtype_of_the_weights_is_kept(self, name, settings):
        weights = small_runs.kernel(dtype="bfloat16")
        optimizer = registry.build(name, learning_rate=0.1, **settings)
        gradient = keras.ops.cast(small_runs.normal(1, (6, 5)), "bfloat16")
        optimizer.apply([gradient], [weights])
        self.assertEqual(weights.dtype, "bfloat16")


if __name__ == "__main__":
    absltest.main()

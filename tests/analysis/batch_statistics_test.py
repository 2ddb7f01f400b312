"""Tests of BatchNorm statistics measured anew."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.analysis import batch_statistics
from needle_tf.analysis import weight_state
from tests.analysis import small_networks

BatchStatistics = batch_statistics.BatchStatistics
LABELS = np.zeros(37)


def inputs(seed=0):
    rng = np.random.default_rng(seed)
    return (3 * rng.normal(size=(37, 4)) + 1).astype("float32")


def chain(*layers):
    source = features = keras.Input((4,))
    for layer in layers:
        features = layer(features)
    return keras.Model(source, features, name="chain")


def statistics_of(model, state, layer):
    by_id = dict(zip(map(id, model.variables), state, strict=True))
    return [
        keras.ops.convert_to_numpy(by_id[id(variable)])
        for variable in (layer.moving_mean, layer.moving_variance)
    ]


class MomentsTest(parameterized.TestCase):
    @parameterized.parameters(0.0, 0.5, 0.99)
    def test_statistics_are_the_moments_of_all_examples(self, momentum):
        norm = keras.layers.BatchNormalization(momentum=momentum)
        model = chain(norm)
        x = inputs()
        # Sorted: batches differ in mean, as shuffled ones do not.
        x = x[np.argsort(x[:, 0])]
        state = BatchStatistics(model).recompute((x, LABELS), batch_size=10)
        mean, variance = statistics_of(model, state, norm)
        np.testing.assert_allclose(mean, x.mean(axis=0), 1e-4, 1e-5)
        np.testing.assert_allclose(variance, x.var(axis=0), 1e-4)

    def test_later_layers_see_normalised_batches(self):
        first = keras.layers.BatchNormalization(epsilon=1e-6)
        second = keras.layers.BatchNormalization()
        model = chain(first, second)
        x = inputs()
        state = BatchStatistics(model).recompute((x, LABELS), batch_size=37)
        mean, variance = statistics_of(model, state, second)
        np.testing.assert_allclose(mean, np.zeros(4), 0, 1e-5)
        np.testing.assert_allclose(variance, np.ones(4), 1e-4)

    def test_shared_layer_gets_the_mean_over_its_calls(self):
        norm = keras.layers.BatchNormalization(momentum=0.5)
        model = chain(norm, keras.layers.Rescaling(2.0), norm)
        x = inputs()
        state = BatchStatistics(model).recompute((x, LABELS), batch_size=37)
        mean, variance = statistics_of(model, state, norm)
        # The later call weighs more: 1/3 and 2/3 at a momentum of 1/2. It sees
        # twice what is normalised: mean 0, variance 4.
        np.testing.assert_allclose(mean, x.mean(axis=0) / 3, 1e-3, 1e-5)
        expected = x.var(axis=0) / 3 + 4 * 2 / 3
        np.testing.assert_allclose(variance, expected, 1e-3)

    def test_weights_of_the_state_decide_not_those_of_the_model(self):
        dense = keras.layers.Dense(3)
        norm = keras.layers.BatchNormalization()
        model = chain(dense, norm)
        x = inputs()
        state = weight_state.values(model)
        state[0] = np.ones((4, 3), "float32")
        state = BatchStatistics(model).recompute((x, LABELS), state)
        mean, _ = statistics_of(model, state, norm)
        np.testing.assert_allclose(mean, [x.sum(axis=1).mean()] * 3, 1e-4)


class StateTest(parameterized.TestCase):
    def test_nothing_but_statistics_changes_and_the_model_stays(self):
        model = small_networks.cnn()
        before = small_networks.variables(model)
        measured = BatchStatistics(model)
        self.assertEqual(measured.layers, ("norm",))
        data = small_networks.data()
        state = measured.recompute(data, batch_size=25)
        for variable, old, new in zip(
            model.variables, before, state, strict=True
        ):
            is_same = np.array_equal(old, new)
            self.assertEqual(is_same, "moving_" not in variable.path)
        for old, new in zip(
            before, small_networks.variables(model), strict=True
        ):
            np.testing.assert_array_equal(old, new)
        again = measured.recompute(data, batch_size=25)
        for one, other in zip(state, again, strict=True):
            np.testing.assert_array_equal(one, other)
        self.assertEqual(measured.traces, 1)

    def test_layers_that_do_not_follow_the_batch_stay(self):
        frozen = keras.layers.BatchNormalization(name="frozen")
        still = keras.layers.BatchNormalization(momentum=1.0, name="still")
        moving = keras.layers.BatchNormalization(name="moving")
        model = chain(frozen, still, moving)
        frozen.trainable = False
        x = inputs()
        state = BatchStatistics(model).recompute((x, LABELS), batch_size=37)
        for layer in (frozen, still):
            mean, variance = statistics_of(model, state, layer)
            np.testing.assert_array_equal(mean, np.zeros(4))
            np.testing.assert_array_equal(variance, np.ones(4))
        mean, _ = statistics_of(model, state, moving)
        self.assertLess(np.abs(mean).max(), 1e-4)

    def test_network_without_statistics_is_not_run(self):
        model = small_networks.mlp()
        measured = BatchStatistics(model)
        state = measured.recompute(small_networks.data())
        self.assertEqual(measured.layers, ())
        self.assertEqual(measured.traces, 0)
        self.assertLen(state, len(model.variables))

    def test_renormalisation_is_refused_by_name(self):
        model = chain(keras.layers.BatchNormalization(renorm=True, name="re"))
        with self.assertRaisesRegex(
            ValueError, 'Layer "re" uses renorm=True.*statistics=False'
        ):
            BatchStatistics(model)


if __name__ == "__main__":
    absltest.main()

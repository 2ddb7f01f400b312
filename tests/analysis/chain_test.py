"""Tests of chains of networks: what moves, and what does not."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.analysis import chain
from needle_tf.analysis import elastic_band
from needle_tf.analysis import elastic_string
from needle_tf.analysis import in_one_space
from needle_tf.analysis import labelled_data
from needle_tf.analysis import trained_path
from needle_tf.analysis import weight_state
from needle_tf.embedding import convert
from tests.analysis import small_networks
from tests.oracles import elastic_string as oracle

ChainSettings = trained_path.ChainSettings
FORCES = {
    "string": (elastic_string.string_forces, oracle.string_force),
    "band": (elastic_band.band_forces, oracle.band_force),
}


def linear(weight, penalty=0.0):
    """A linear network of three inputs."""
    layer = keras.layers.Dense(
        1,
        use_bias=False,
        kernel_regularizer=keras.regularizers.L2(penalty),
    )
    model = keras.Sequential([keras.Input((3,)), layer])
    layer.kernel.assign(np.reshape(weight, (3, 1)))
    model.compile("sgd", "mse")
    return model


def dropping(seed):
    """A linear network behind dropout."""
    images = keras.Input((8, 8, 1))
    features = keras.layers.Flatten()(keras.layers.Dropout(0.5)(images))
    model = keras.Model(images, keras.layers.Dense(10)(features))
    return small_networks.compiled(model, seed)


def chain_of(first, second, **settings):
    space = in_one_space.in_one_space(first, second)
    return chain.Chain(space, first.loss, ChainSettings(**settings))


def points_of(trained):
    return np.stack(
        [oracle.flat(trained.weights_of(state)) for state in trained.states()]
    )


class TrainingTest(parameterized.TestCase):
    @parameterized.parameters(("string", 0.3), ("band", 0.0))
    def test_points_move_as_those_of_the_oracle(self, kind, penalty):
        rng = np.random.default_rng(0)
        x = rng.normal(size=(20, 3)).astype("float32")
        y = rng.normal(size=(20, 1)).astype("float32")
        a, b = rng.normal(size=(2, 3)).astype("float32")
        ours, theirs = FORCES[kind]
        trained = chain_of(
            linear(a, penalty),
            linear(b, penalty),
            points=5,
            stiffness=1.5,
            learning_rate=0.1,
            epochs=6,
            batch_size=20,
        )
        trained.train(ours, (x, y))

        def gradient(w):
            slope = 2 * x.T @ (x @ w - y[:, 0]) / len(x)
            return slope + 2 * penalty * w

        expected = oracle.trained(
            np.linspace(a, b, 5), theirs, gradient, 1.5, 0.1, 6
        )
        np.testing.assert_allclose(points_of(trained), expected, 1e-4, 1e-5)

    def test_step_is_traced_once_for_all_points_and_batches(self):
        models = small_networks.mlp(0), small_networks.mlp(1)
        trained = chain_of(*models, points=5, epochs=2, batch_size=25)
        small_networks.Counted.calls = 0
        trained.train(elastic_string.string_forces, small_networks.data())
        self.assertEqual(trained.traces, 1)
        self.assertEqual(small_networks.Counted.calls, 1)

    def test_equal_seeds_give_equal_points_dropout_and_all(self):
        def run(seed):
            trained = chain_of(
                dropping(0),
                dropping(1),
                points=3,
                epochs=2,
                # One batch of all: only the dropped units tell seeds apart.
                batch_size=small_networks.COUNT,
                seed=seed,
            )
            trained.train(elastic_string.string_forces, small_networks.data())
            return points_of(trained)

        first = run(1)
        np.testing.assert_array_equal(run(1), first)
        self.assertGreater(np.abs(run(2) - first).max(), 1e-6)

    def test_ends_and_models_stay(self):
        models = small_networks.cnn(0), small_networks.cnn(1)
        before = list(map(small_networks.variables, models))
        trained = chain_of(*models, points=3, epochs=1)
        start = points_of(trained)
        seen = []
        trained.train(
            elastic_string.string_forces,
            small_networks.data(),
            lambda *counts: seen.append(counts),
        )
        after = points_of(trained)
        np.testing.assert_array_equal(after[[0, -1]], start[[0, -1]])
        self.assertGreater(np.abs(after[1] - start[1]).max(), 1e-4)
        for old, model in zip(before, models, strict=True):
            now = small_networks.variables(model)
            for a, b in zip(old, now, strict=True):
                np.testing.assert_array_equal(a, b)
        self.assertEqual(seen, [(1, 1)])
        self.assertLen(trained.epochs, 1)
        self.assertGreaterEqual(
            trained.epochs[0].highest_loss, trained.epochs[0].loss
        )

    def test_frozen_weights_stay_on_the_line(self):
        models = small_networks.mlp(0), small_networks.mlp(1)
        for model in models:
            model.get_layer("hidden").trainable = False
        trained = chain_of(*models, points=3, epochs=1)
        trained.train(elastic_string.string_forces, small_networks.data())
        middle = list(trained.states())[1]
        line = [
            (a + b) / 2
            for a, b in zip(*(m.get_weights() for m in models), strict=True)
        ]
        for index, (value, expected) in enumerate(
            zip(middle, line, strict=True)
        ):
            is_close = np.allclose(value, expected, atol=1e-7)
            self.assertEqual(is_close, index < 2, index)

    def test_entries_that_a_band_fixes_stay_at_0(self):
        models = [
            convert.embed(small_networks.cnn(seed), "band", radius=0)
            for seed in (0, 1)
        ]
        for model in models:
            model.compile("sgd", small_networks.LOSS)
        trained = chain_of(*models, points=3, epochs=2)
        trained.train(elastic_string.string_forces, small_networks.data())
        kernel = trained.points[0][0]
        layer = models[0].get_layer("first")
        self.assertEqual(
            np.count_nonzero(kernel), np.count_nonzero(layer.mask(kernel))
        )
        self.assertGreater(np.count_nonzero(kernel), 0)

    def test_loss_without_a_number_names_the_point_and_the_rate(self):
        trained = chain_of(
            linear([1.0, 0, 0]), linear([0, 1.0, 0]), points=4, epochs=1
        )
        data = (np.full((4, 3), np.nan, "float32"), np.zeros((4, 1), "float32"))
        with self.assertRaisesRegex(
            ValueError, "point 1 has none in epoch 0. Lower learning_rate=0.05"
        ):
            trained.train(elastic_string.string_forces, data)


class PathTest(parameterized.TestCase):
    def measured(self, **changes):
        models = small_networks.mlp(0), small_networks.mlp(1)
        return chain.train_path(
            "string",
            elastic_string.string_forces,
            *models,
            ChainSettings(points=4, epochs=2, batch_size=30),
            train=small_networks.data(),
            **changes,
        )

    def test_positions_are_lengths_along_the_path(self):
        found = self.measured(between=1)
        self.assertLen(found.points, 7)
        positions = [point.position for point in found.points]
        self.assertEqual((positions[0], positions[-1]), (0.0, 1.0))
        self.assertEqual(positions, sorted(positions))
        # A point in the middle of two others is as far from either.
        steps = np.diff(positions)
        np.testing.assert_allclose(steps[::2], steps[1::2], 1e-5)
        self.assertGreater(found.length, found.distance)

    def test_chain_that_is_not_trained_is_the_line(self):
        found = chain.train_path(
            "string",
            elastic_string.string_forces,
            small_networks.mlp(0),
            small_networks.mlp(1),
            ChainSettings(points=4, epochs=0),
            train=small_networks.data(),
        )
        np.testing.assert_allclose(
            [point.position for point in found.points],
            np.linspace(0, 1, 4),
            atol=1e-6,
        )
        self.assertAlmostEqual(found.length, found.distance, 5)
        self.assertEqual(found.epochs, ())

    def test_cnn_is_embedded_and_a_point_with_itself_has_length_0(self):
        model = small_networks.cnn(0)
        found = chain.train_path(
            "string",
            elastic_string.string_forces,
            model,
            convert.embed(model),
            ChainSettings(points=3, epochs=0),
            train=small_networks.data(),
        )
        self.assertEqual(found.length, 0)
        self.assertEqual([p.position for p in found.points], [0, 0.5, 1])

    def test_labelled_data_may_be_shared(self):
        data = labelled_data.LabelledData(small_networks.data(), 30)
        found = self.measured(test=data)
        for point in found.points:
            self.assertAlmostEqual(point.train.loss, point.test.loss, places=6)
            self.assertEqual(point.train.accuracy, point.test.accuracy)
            self.assertEqual(point.train.count, point.test.count)

    def test_negative_number_of_points_between_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`between` must be.*=-1"):
            self.measured(between=-1)

    def test_states_are_those_of_all_variables(self):
        models = small_networks.cnn(0), small_networks.cnn(1)
        trained = chain_of(*models, points=3, epochs=0)
        for state in trained.states():
            for variable, value in zip(models[0].variables, state, strict=True):
                self.assertEqual(variable.shape, value.shape)
        self.assertGreater(
            weight_state.distance(*(trained.points[0], trained._ends[0])), 0
        )


if __name__ == "__main__":
    absltest.main()

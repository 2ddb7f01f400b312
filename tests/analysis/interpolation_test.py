"""Tests of paths between two networks that are not trained."""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from needle_tf.analysis import evaluation
from needle_tf.analysis import in_one_space
from needle_tf.analysis import interpolation
from needle_tf.embedding import convert
from tests.analysis import small_networks
from tests.oracles import elastic_string as oracle

KINDS = interpolation.KINDS


def dense(first, second, **settings):
    """One weight per network, so that every point can be seen."""
    models = []
    for weight in (first, second):
        layer = keras.layers.Dense(1, use_bias=False, name="only", **settings)
        model = keras.Sequential([keras.Input((len(weight),)), layer])
        layer.kernel.assign(np.reshape(weight, (-1, 1)))
        models.append(model)
    return in_one_space.in_one_space(*models)


class PointsTest(parameterized.TestCase):
    @settings(max_examples=6)
    @given(st.integers(1, 5), st.floats(0.01, 0.99), st.integers(0, 99))
    def test_points_are_those_of_the_oracle(self, size, share, seed):
        a, b = np.random.default_rng(seed).normal(size=(2, size)) + 0.5
        ends = interpolation.Ends(dense(a, b))
        (line,) = ends.between(share)
        np.testing.assert_allclose(
            np.ravel(line), a + share * (b - a), 1e-5, 1e-6
        )
        expected = oracle.curvilinear(a, b, share)
        if np.linalg.norm(a + share * (b - a)) > 0.05:
            (curve,) = ends.between(share, keeps_norm=True)
            np.testing.assert_allclose(np.ravel(curve), expected, 1e-4, 1e-5)

    def test_ends_are_the_networks_to_the_last_bit(self):
        space = in_one_space.in_one_space(
            small_networks.cnn(0), small_networks.cnn(1)
        )
        ends = interpolation.Ends(space)
        for keeps_norm in (False, True):
            for position, model in ((0, space.first), (1, space.second)):
                state = ends.between(position, keeps_norm=keeps_norm)
                for variable, own, value in zip(
                    model.variables,
                    small_networks.variables(model),
                    state,
                    strict=True,
                ):
                    if "seed" not in variable.path:
                        np.testing.assert_array_equal(own, value)

    def test_statistics_stay_on_the_line_when_norms_are_kept(self):
        space = in_one_space.in_one_space(
            small_networks.cnn(0), small_networks.cnn(1)
        )
        ends = interpolation.Ends(space)
        line = ends.between(0.25)
        curve = ends.between(0.25, keeps_norm=True)
        on_line = [
            variable.path.rpartition("/")[2]
            for variable, one, other in zip(
                space.first.variables, line, curve, strict=True
            )
            if np.array_equal(one, other)
        ]
        self.assertEqual(
            on_line, ["moving_mean", "moving_variance", "seed_generator_state"]
        )

    def test_weight_of_zeros_at_both_ends_stays_so(self):
        ends = interpolation.Ends(dense([0.0, 0.0], [0.0, 0.0]))
        (curve,) = ends.between(0.5, keeps_norm=True)
        np.testing.assert_array_equal(np.ravel(curve), [0, 0])

    def test_curve_through_zero_is_refused_by_name(self):
        ends = interpolation.Ends(dense([1.0, 2.0], [-1.0, -2.0]))
        with self.assertRaisesRegex(ValueError, r'only/kernel" leads through'):
            ends.between(0.5, keeps_norm=True)


class PathTest(parameterized.TestCase):
    @parameterized.parameters(*KINDS)
    def test_path_begins_and_ends_at_the_networks(self, kind):
        first, second = small_networks.mlp(0), small_networks.mlp(1)
        data = small_networks.data()
        found = interpolation.interpolate(
            first, second, kind, train=data, test=data, points=3
        )
        self.assertEqual(found.kind, kind)
        self.assertEqual([p.position for p in found.points], [0, 0.5, 1])
        for model, point in ((first, 0), (second, -1)):
            own = evaluation.Evaluator(model).evaluate(data)
            for figures in (
                found.points[point].train,
                found.points[point].test,
            ):
                self.assertAlmostEqual(figures.loss, own.loss, places=6)
                self.assertEqual(figures.accuracy, own.accuracy)
        a, b = (oracle.flat(m.get_weights()) for m in (first, second))
        self.assertAlmostEqual(found.distance, np.linalg.norm(a - b), 5)

    def test_middle_of_the_line_is_the_mean_of_the_weights(self):
        models = [small_networks.mlp(seed) for seed in range(3)]
        data = small_networks.data()
        found = interpolation.interpolate(*models[:2], test=data, points=3)
        weights = [model.get_weights() for model in models[:2]]
        models[2].set_weights(
            [(a + b) / 2 for a, b in zip(*weights, strict=True)]
        )
        own = evaluation.Evaluator(models[2]).evaluate(data)
        self.assertAlmostEqual(found.points[1].test.loss, own.loss, places=6)
        self.assertEqual(found.length, found.distance)

    def test_line_between_two_that_are_one_function_has_a_barrier(self):
        found = interpolation.interpolate(
            *small_networks.trained(), train=small_networks.data(), points=3
        )
        ends = [found.points[0].train, found.points[-1].train]
        self.assertGreater(ends[0].accuracy, 0.8)
        self.assertAlmostEqual(ends[0].loss, ends[1].loss, 5)
        # In the middle all that is left is the bias of the logits.
        self.assertGreater(found.barrier("train").above_line, 1.2)
        self.assertLess(found.points[1].train.accuracy, 0.4)

    def test_outputs_are_averaged_before_the_loss(self):
        first, second = small_networks.mlp(0), small_networks.mlp(1)
        x, y = small_networks.data()
        found = interpolation.interpolate(
            first, second, "outputs", test=(x, y), points=5, batch_size=25
        )
        scores = [np.asarray(model(x), "float64") for model in (first, second)]
        for point in found.points:
            share = point.position
            mixed = scores[0] * (1 - share) + scores[1] * share
            loss = np.log(np.exp(mixed).sum(1)) - mixed[np.arange(len(y)), y]
            self.assertAlmostEqual(point.test.loss, loss.mean(), places=5)
            right = np.mean(mixed.argmax(axis=1) == y)
            self.assertAlmostEqual(point.test.accuracy, right, places=12)

    def test_cnn_and_its_embedded_self_lie_at_one_point(self):
        model, data = small_networks.cnn(), small_networks.data()
        found = interpolation.interpolate(
            model, convert.embed(model), train=data, points=3
        )
        self.assertEqual(found.distance, 0)
        losses = [point.train.loss for point in found.points]
        np.testing.assert_allclose(losses, losses[0], 1e-5)

    @parameterized.parameters(*KINDS)
    def test_more_points_cost_no_more_traces(self, kind):
        data = small_networks.data()
        counts = []
        for points in (2, 6):
            models = small_networks.mlp(0), small_networks.mlp(1)
            small_networks.Counted.calls = 0
            interpolation.interpolate(
                *models, kind, train=data, test=data, points=points
            )
            counts.append(small_networks.Counted.calls)
        self.assertEqual(counts[0], counts[1])

    @parameterized.parameters(("linear", 5), ("outputs", 2))
    def test_each_point_is_one_pass_over_the_data(self, kind, passes):
        # The average of outputs reads once for training and test data each.
        reads = []

        def read():
            reads.append(0)
            yield small_networks.data()

        dataset = tf.data.Dataset.from_generator(
            read,
            output_signature=(
                tf.TensorSpec((None, 8, 8, 1), "float32"),
                tf.TensorSpec((None,), "int32"),
            ),
        )
        parts = {"test": dataset}
        if kind == "outputs":
            parts["train"] = dataset
        interpolation.interpolate(
            small_networks.mlp(0),
            small_networks.mlp(1),
            kind,
            points=5,
            **parts,
        )
        self.assertLen(reads, passes)

    @parameterized.parameters("linear", "outputs")
    def test_models_are_left_as_they_are(self, kind):
        models = small_networks.cnn(0), small_networks.cnn(1)
        before = list(map(small_networks.variables, models))
        data, seen = small_networks.data(), []
        interpolation.interpolate(
            *models,
            kind,
            train=data,
            points=3,
            progress=lambda *counts: seen.append(counts),
        )
        for old, model in zip(before, models, strict=True):
            now = small_networks.variables(model)
            for a, b in zip(old, now, strict=True):
                np.testing.assert_array_equal(a, b)
        self.assertEqual(seen[-1], (3, 3))

    def test_loss_is_the_one_given_or_that_of_the_first_that_has_one(self):
        compiled = small_networks.mlp(0)
        bare = convert.embed(small_networks.cnn(0))
        found = interpolation.first_loss(bare, compiled, None)
        self.assertIs(found, small_networks.LOSS)
        self.assertEqual(interpolation.first_loss(compiled, bare, "mse"), "mse")
        with self.assertRaisesRegex(ValueError, "needs one loss"):
            interpolation.interpolate(bare, bare, train=small_networks.data())

    @parameterized.parameters(
        ({"kind": "cubic"}, r"`kind` must be one of \('linear'.*kind='cubic'"),
        ({"points": 1}, r"`points` must be an integer of at least 2.*points=1"),
    )
    def test_arguments_out_of_range_are_refused(self, arguments, message):
        model = small_networks.mlp()
        with self.assertRaisesRegex(ValueError, message):
            interpolation.interpolate(
                model, model, test=small_networks.data(), **arguments
            )


if __name__ == "__main__":
    absltest.main()

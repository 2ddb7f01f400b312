"""Tests of basis path values and of the comparison up to rescaling."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import given
from keras import layers

from needle_tf.scales import equivalence
from needle_tf.scales import rescaling
from needle_tf.scales import scale_groups
from needle_tf.scales import skeletons
from tests.oracles import scale_graph as oracle
from tests.scales import drawn_scale_graphs

NETWORKS = drawn_scale_graphs.networks()
SEEDS = drawn_scale_graphs.SEEDS


def mlp(seed=0, widths=(4, 5, 3), activation="relu"):
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((3,)),
            *(
                layers.Dense(
                    width,
                    activation,
                    bias_initializer="normal",
                    dtype="float64",
                )
                for width in widths[:-1]
            ),
            layers.Dense(widths[-1], bias_initializer="normal"),
        ]
    )


def convolutional(seed=0):
    """A residual stream, a normalisation, and a dense layer after flatten."""
    keras.utils.set_random_seed(seed)
    images = keras.Input((6, 6, 2))
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(images)
    y = layers.Conv2D(3, 3, padding="same", activation="relu")(x)
    y = layers.Conv2D(4, 1)(y)
    x = layers.ReLU()(layers.Add()([x, y]))
    x = layers.BatchNormalization()(layers.Conv2D(5, 3)(x))
    x = layers.MaxPooling2D()(layers.LeakyReLU()(x))
    x = layers.Dense(4, activation="relu")(layers.Flatten()(x))
    return keras.Model(images, layers.Dense(2)(x))


MODELS = (("mlp", mlp), ("convolutional", convolutional))


def copy_of(model):
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy


def drawn_scales(model, seed=0):
    count = scale_groups.scale_graph(model).num_groups
    return 10 ** np.random.default_rng(seed).uniform(-1, 1, count)


def change(variable, entry, value):
    array = np.array(keras.ops.convert_to_numpy(variable))
    array[entry] = value(array[entry])
    variable.assign(array)


class BasisPathValuesTest(parameterized.TestCase):
    @given(NETWORKS, SEEDS)
    def test_values_are_products_along_the_paths(self, network, seed):
        weights = drawn_scale_graphs.drawn_weights(network, seed)
        drawn = oracle.drawn_skeleton(network, np.random.default_rng(seed))
        found = equivalence.basis_path_values(
            drawn_scale_graphs.model_of(network, weights),
            drawn_scale_graphs.graph_of(network),
            drawn_scale_graphs.skeleton_of(drawn),
        )
        paths = [drawn.basis_path(edge) for edge in range(network.num_edges)]
        expected = oracle.path_values(paths, weights)
        for place, (kind, numbers) in enumerate(network.variables):
            np.testing.assert_allclose(
                found.weights[f"layer{place}/{kind}"],
                expected[numbers],
                rtol=1e-13,
            )
        np.testing.assert_allclose(
            found.groups, expected[drawn.into[1:]], rtol=1e-13
        )

    @parameterized.named_parameters(*MODELS)
    def test_rescaling_changes_no_value(self, build):
        model = build()
        before = equivalence.basis_path_values(model)
        rescaling.rescale(model, drawn_scales(model))
        after = equivalence.basis_path_values(model)
        self.assertEqual(before.weights.keys(), after.weights.keys())
        # float32 weights in chains of a few.
        np.testing.assert_allclose(after.groups, before.groups, rtol=2e-6)
        for path, values in before.weights.items():
            np.testing.assert_allclose(after.weights[path], values, rtol=2e-6)

    def test_weights_and_skeleton_by_hand(self):
        model = mlp(widths=(1, 1))
        values = iter([[[2.0], [3.0], [4.0]], [5.0], [[7.0]], [11.0]])
        for variable in model.trainable_variables:
            variable.assign(next(values))
        found = equivalence.basis_path_values(model)
        np.testing.assert_array_equal(found.groups, [14])
        kernel, bias, last = found.weights.values()
        np.testing.assert_array_equal(kernel, [[14], [21], [28]])
        np.testing.assert_array_equal(bias, [35])
        np.testing.assert_array_equal(last, [[14]])

    def test_another_skeleton_gives_other_values(self):
        model = mlp()
        graph = scale_groups.scale_graph(model)
        skeleton = skeletons.choose(
            graph,
            "max_product",
            skeletons.weights_of(graph, model.trainable_variables),
        )
        largest = equivalence.basis_path_values(model, graph, skeleton)
        by_place = equivalence.basis_path_values(model)
        excess = np.abs(largest.groups) - np.abs(by_place.groups)
        self.assertGreaterEqual(excess.min(), 0)
        self.assertGreater(excess.max(), 0)


class EquivalenceTest(parameterized.TestCase):
    @parameterized.named_parameters(*MODELS)
    def test_rescaled_twin_is_equivalent_by_those_scales(self, build):
        model = build()
        twin = copy_of(model)
        scales = drawn_scales(model)
        rescaling.rescale(twin, scales)
        found = equivalence.equivalence(model, twin)
        self.assertTrue(found.is_equivalent)
        self.assertLess(found.largest_difference, 1e-5)
        np.testing.assert_allclose(found.scales, scales, rtol=1e-5)
        rescaling.rescale(model, found.scales)
        for weight, other in zip(
            model.get_weights(), twin.get_weights(), strict=True
        ):
            np.testing.assert_allclose(weight, other, rtol=1e-5)

    @parameterized.named_parameters(*MODELS)
    def test_model_is_equivalent_to_itself(self, build):
        model = build()
        is_equivalent, scales, largest = equivalence.equivalence(model, model)
        self.assertTrue(is_equivalent)
        self.assertEqual(largest, 0)
        np.testing.assert_array_equal(scales, 1)

    @parameterized.named_parameters(*MODELS)
    def test_balanced_and_fresh_models_are_told_apart(self, build):
        model = build()
        balanced = copy_of(model)
        rescaling.balance(balanced)
        self.assertTrue(equivalence.equivalence(model, balanced).is_equivalent)
        found = equivalence.equivalence(model, build(seed=1))
        self.assertFalse(found.is_equivalent)
        self.assertIsNone(found.scales)
        self.assertGreater(found.largest_difference, 0.1)

    @parameterized.parameters(range(4))
    def test_every_variable_counts_by_its_largest_weight(self, place):
        model = mlp(widths=(4, 3))
        twin = copy_of(model)
        rescaling.rescale(twin, drawn_scales(model))
        # In the gauge of the comparison, one entry of the largest unit.
        variable = twin.trainable_variables[place]
        change(variable, (0,) * len(variable.shape), lambda w: w * 1.5)
        found = equivalence.equivalence(model, twin)
        self.assertFalse(found.is_equivalent)
        self.assertBetween(found.largest_difference, 1e-4, 1)
        loose = equivalence.equivalence(model, twin, tolerance=1)
        self.assertTrue(loose.is_equivalent)
        self.assertLen(loose.scales, 4)

    def test_difference_is_relative_to_the_largest_weight(self):
        model = mlp(widths=(2, 2))
        for variable in model.trainable_variables:
            variable.assign(np.ones(variable.shape))
        twin = copy_of(model)
        change(twin.trainable_variables[0], (2, 1), lambda w: 1.25)
        self.assertEqual(
            equivalence.equivalence(model, twin).largest_difference, 0.2
        )

    def test_flipped_unit_has_the_same_path_values_but_not_the_function(self):
        model = mlp()
        twin = copy_of(model)
        kernel, bias, after = twin.trainable_variables[:3]
        change(kernel, (slice(None), 1), lambda w: -w)
        change(bias, 1, lambda w: -w)
        change(after, 1, lambda w: -w)
        values, others = (
            equivalence.basis_path_values(each) for each in (model, twin)
        )
        for weight, other in zip(
            values.weights.values(), others.weights.values(), strict=True
        ):
            np.testing.assert_allclose(weight, other, rtol=1e-12)
        found = equivalence.equivalence(model, twin)
        self.assertFalse(found.is_equivalent)

    def test_zeros_off_the_skeleton_are_compared(self):
        model = mlp()
        change(model.trainable_variables[1], slice(None), lambda w: 0 * w)
        change(model.trainable_variables[2], (slice(None), 0), np.zeros_like)
        change(model.trainable_variables[2], (0, 0), lambda w: 1.0)
        twin = copy_of(model)
        rescaling.rescale(twin, drawn_scales(model))
        self.assertTrue(equivalence.equivalence(model, twin).is_equivalent)
        change(twin.trainable_variables[2], (1, 0), lambda w: 0.1)
        self.assertFalse(equivalence.equivalence(model, twin).is_equivalent)

    def test_zeros_on_the_skeleton_of_one_model_only_tell_them_apart(self):
        model = mlp()
        twin = copy_of(model)
        change(twin.trainable_variables[0], (slice(None), 2), np.zeros_like)
        change(twin.trainable_variables[1], 2, np.zeros_like)
        found = equivalence.equivalence(model, twin)
        self.assertEqual(found, (False, None, float("inf")))
        with self.assertRaisesRegex(ValueError, "Skeleton weights must not"):
            equivalence.equivalence(twin, model)

    def test_output_biases_and_moving_averages_count(self):
        model = convolutional()
        (normalisation,) = (
            layer
            for layer in model.layers
            if isinstance(layer, layers.BatchNormalization)
        )
        for variable in (
            model.trainable_variables[-1],
            normalisation.moving_mean,
            normalisation.moving_variance,
        ):
            twin = copy_of(model)
            change(variable, 0, lambda w: w + 0.5)
            found = equivalence.equivalence(model, twin)
            self.assertFalse(found.is_equivalent, variable.path)
            change(variable, 0, lambda w: w - 0.5)

    def test_nan_is_not_hidden(self):
        for place in (1, 5):
            model, twin = mlp(), mlp()
            change(twin.trainable_variables[place], 0, lambda w: np.nan)
            found = equivalence.equivalence(model, twin)
            self.assertFalse(found.is_equivalent)
            self.assertTrue(np.isnan(found.largest_difference))

    @parameterized.named_parameters(
        ("widths", lambda: mlp(widths=(4, 6, 3)), "in 9 groups.*in 10"),
        ("depth", lambda: mlp(widths=(4, 5, 3, 3)), "in 9 groups.*in 12"),
        ("units", lambda: mlp(activation="tanh"), "in 9 groups.*in 0"),
        ("kind", convolutional, "Received.*6 weights in 9 groups"),
    )
    def test_models_of_different_structure_are_refused(self, build, message):
        with self.assertRaisesRegex(
            ValueError, f"same structure.*{message}.*compare their outputs"
        ):
            equivalence.equivalence(mlp(), build())

    def test_models_wired_differently_are_refused_whatever_their_shapes(self):
        def build(source):
            numbers = keras.Input((3,))
            first = layers.Dense(3, activation="relu")(numbers)
            second = layers.Dense(3, activation="relu")(first)
            x = layers.Concatenate()([[first, second][i] for i in source])
            return keras.Model(numbers, layers.Dense(2)(x))

        with self.assertRaisesRegex(ValueError, "same structure"):
            equivalence.equivalence(build((0, 1)), build((1, 0)))

    def test_units_added_in_another_order_are_another_structure(self):
        def build(first):
            numbers = keras.Input((3,))
            one, two = (
                layers.Dense(3, activation="relu")(numbers) for _ in range(2)
            )
            turned = [two[:, first:], two[:, :first]] if first else [two]
            two = layers.Concatenate()([*turned, two])[:, :3]
            return keras.Model(numbers, layers.Dense(2)(one + two))

        with self.assertRaisesRegex(ValueError, "same structure"):
            equivalence.equivalence(build(0), build(1))

    @parameterized.parameters(-1e-9, np.nan)
    def test_tolerance_out_of_range_is_refused(self, tolerance):
        with self.assertRaisesRegex(
            ValueError,
            "`tolerance` must be.*at least 0. Received: (-1e-09|nan)",
        ):
            equivalence.equivalence(mlp(), mlp(), tolerance=tolerance)


if __name__ == "__main__":
    absltest.main()

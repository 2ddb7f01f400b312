"""Tests of calling a network under weights that are not its own."""

import keras
import numpy as np
from absl.testing import absltest
from hypothesis import given
from hypothesis import strategies as st

from needle_tf.analysis import weight_state
from tests.analysis import small_networks


class CallTest(absltest.TestCase):
    def test_one_model_computes_as_another_and_stays_as_it_is(self):
        first, second = small_networks.cnn(0), small_networks.cnn(1)
        before = small_networks.variables(first)
        x, _ = small_networks.data()
        theirs = weight_state.values(second)
        outputs, after, _ = weight_state.call(first, theirs, x[:4])
        np.testing.assert_allclose(outputs, second(x[:4]), atol=1e-6)
        for old, new in zip(theirs, after, strict=True):
            np.testing.assert_array_equal(old, new)
        for old, new in zip(
            before, small_networks.variables(first), strict=True
        ):
            np.testing.assert_array_equal(old, new)

    def test_training_moves_statistics_and_seeds_of_the_state_only(self):
        model = small_networks.cnn()
        before = small_networks.variables(model)
        x, _ = small_networks.data()
        state = weight_state.values(model)
        _, after, _ = weight_state.call(model, state, x[:4], training=True)
        moved = {
            variable.path.rpartition("/")[2]
            for variable, old, new in zip(
                model.variables, state, after, strict=True
            )
            if not np.array_equal(old, new)
        }
        self.assertEqual(
            moved, {"moving_mean", "moving_variance", "seed_generator_state"}
        )
        for old, new in zip(
            before, small_networks.variables(model), strict=True
        ):
            np.testing.assert_array_equal(old, new)

    def test_penalties_are_those_of_the_state(self):
        model = keras.Sequential(
            [
                keras.Input((2,)),
                keras.layers.Dense(
                    1,
                    use_bias=False,
                    kernel_regularizer=keras.regularizers.L2(3.0),
                ),
            ]
        )
        kernel = np.array([[1.0], [2.0]], "float32")
        _, _, penalties = weight_state.call(model, [kernel], np.ones((1, 2)))
        self.assertAlmostEqual(float(sum(penalties)), 15.0, places=5)

    def test_model_without_weights_is_refused(self):
        model = keras.Sequential([keras.layers.Dense(1)], name="early")
        with self.assertRaisesRegex(ValueError, '"early" has no weights yet'):
            weight_state.values(model)


class PartsTest(absltest.TestCase):
    def test_state_is_split_and_joined_again(self):
        model = small_networks.cnn()
        model.get_layer("first").trainable = False
        state = list(range(len(model.variables)))
        trainable, others = weight_state.split(model, state)
        self.assertLen(trainable, len(model.trainable_variables))
        self.assertEqual(weight_state.join(model, trainable, others), state)
        self.assertNotEqual(trainable + others, state)

    def test_seeds_are_no_weights_and_statistics_are(self):
        model = small_networks.cnn()
        names = [
            variable.path.rpartition("/")[2] for variable in model.variables
        ]
        flags = weight_state.is_weight(model)
        for name, flag in zip(names, flags, strict=True):
            self.assertEqual(flag, name != "seed_generator_state", name)
        statistics = weight_state.statistics(model)
        norm = model.get_layer("norm")
        self.assertEqual(
            statistics, {id(norm.moving_mean), id(norm.moving_variance)}
        )


class GeometryTest(absltest.TestCase):
    @given(
        st.lists(
            st.lists(st.integers(1, 3), max_size=3).map(tuple),
            min_size=1,
            max_size=3,
        ),
        st.integers(0, 99),
    )
    def test_products_and_distances_are_those_of_flat_vectors(
        self, shapes, seed
    ):
        rng = np.random.default_rng(seed)
        first, second = (
            [rng.normal(size=shape).astype("float32") for shape in shapes]
            for _ in range(2)
        )
        a, b = (
            np.concatenate([w.ravel().astype("float64") for w in each])
            for each in (first, second)
        )
        self.assertAlmostEqual(weight_state.dot(first, second), a @ b, 12)
        self.assertAlmostEqual(
            weight_state.distance(first, second), np.linalg.norm(a - b), 5
        )

    def test_large_weights_are_summed_in_pieces_without_loss(self):
        count = (1 << 20) + 3
        ones = np.full(count, 1 + 2**-12, "float32")
        expected = count * (1 + 2**-12) ** 2
        self.assertEqual(weight_state.dot([ones], [ones]), expected)


if __name__ == "__main__":
    absltest.main()

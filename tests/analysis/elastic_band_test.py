"""Tests of the forces on a nudged band, and of one that was trained."""

from unittest import mock

import numpy as np
from absl.testing import absltest
from hypothesis import given
from hypothesis import strategies as st

from needle_tf.analysis import chain
from needle_tf.analysis import elastic_band
from tests.analysis import small_networks
from tests.oracles import elastic_string as oracle

SHAPES = st.lists(
    st.lists(st.integers(1, 3), max_size=2).map(tuple), min_size=1, max_size=3
)


class ForcesTest(absltest.TestCase):
    @given(SHAPES, st.floats(0, 3), st.integers(0, 99))
    def test_forces_are_those_of_the_oracle(self, shapes, stiffness, seed):
        rng = np.random.default_rng(seed)
        points = [
            [rng.normal(size=shape).astype("float32") for shape in shapes]
            for _ in range(4)
        ]
        found = oracle.flat(elastic_band.band_forces(*points, stiffness))
        expected = oracle.band_force(*map(oracle.flat, points), stiffness)
        np.testing.assert_allclose(found, expected, 1e-3, 1e-4)

    def test_loss_acts_across_and_springs_along_the_band(self):
        before, here, after = map(np.array, ([0.0, 0], [1.0, 0], [4.0, 0]))
        (force,) = elastic_band.band_forces(
            [before], [here], [after], [np.array([5.0, 7.0])], 2.0
        )
        # The spring ahead is longer by 2 than the one behind.
        np.testing.assert_allclose(force, [2.0 * 2, -7.0])

    def test_point_whose_neighbours_coincide_feels_the_loss_alone(self):
        end, gradient = np.array([1.0, 2.0]), np.array([0.5, -1.0])
        (force,) = elastic_band.band_forces(
            [end], [end + 1], [end], [gradient], 2.0
        )
        np.testing.assert_array_equal(force, -gradient)


class TrainedTest(absltest.TestCase):
    def test_trained_band_passes_below_the_barrier_of_the_line(self):
        found = elastic_band.train_band(
            *small_networks.trained(),
            elastic_band.ChainSettings(
                points=5,
                learning_rate=0.2,
                stiffness=0.1,
                epochs=25,
                batch_size=20,
            ),
            train=small_networks.data(),
        )
        self.assertEqual(found.kind, "band")
        self.assertGreater(found.length, found.distance)
        # Of the line: above 1.2, see the test of interpolation.
        self.assertLess(found.barrier("train").above_line, 1.0)
        self.assertLess(found.epochs[-1].loss, found.epochs[0].loss)

    def test_settings_may_be_left_out(self):
        model, data = small_networks.mlp(0), small_networks.data()
        with mock.patch.object(chain, "train_path") as measured:
            elastic_band.train_band(model, model, train=data, between=2)
        self.assertEqual(
            measured.call_args.args,
            (
                "band",
                elastic_band.band_forces,
                model,
                model,
                elastic_band.ChainSettings(),
            ),
        )
        self.assertEqual(measured.call_args.kwargs["between"], 2)


if __name__ == "__main__":
    absltest.main()

"""Tests of the forces on a string, and of one that was trained."""

from unittest import mock

import numpy as np
from absl.testing import absltest
from hypothesis import given
from hypothesis import strategies as st

from needle_tf.analysis import chain
from needle_tf.analysis import elastic_string
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
        found = oracle.flat(elastic_string.string_forces(*points, stiffness))
        expected = oracle.string_force(*map(oracle.flat, points), stiffness)
        np.testing.assert_allclose(found, expected, 1e-3, 1e-4)

    def test_point_in_the_middle_feels_the_loss_alone(self):
        before, after = np.array([0.0, 2.0]), np.array([2.0, 6.0])
        gradient = np.array([0.5, -1.0])
        (force,) = elastic_string.string_forces(
            [before], [(before + after) / 2], [after], [gradient], 3.0
        )
        np.testing.assert_allclose(force, -gradient)


class TrainedTest(absltest.TestCase):
    def test_trained_string_passes_below_the_barrier_of_the_line(self):
        found = elastic_string.train_string(
            *small_networks.trained(),
            elastic_string.ChainSettings(
                points=5,
                learning_rate=0.2,
                stiffness=0.1,
                epochs=25,
                batch_size=20,
            ),
            train=small_networks.data(),
        )
        self.assertEqual(found.kind, "string")
        self.assertGreater(found.length, found.distance)
        # Of the line: above 1.2, see the test of interpolation.
        self.assertLess(found.barrier("train").above_line, 1.0)
        self.assertLess(found.epochs[-1].loss, found.epochs[0].loss)

    def test_settings_may_be_left_out(self):
        model, data = small_networks.mlp(0), small_networks.data()
        with mock.patch.object(chain, "train_path") as measured:
            elastic_string.train_string(model, model, train=data, between=2)
        self.assertEqual(
            measured.call_args.args,
            (
                "string",
                elastic_string.string_forces,
                model,
                model,
                elastic_string.ChainSettings(),
            ),
        )
        self.assertEqual(measured.call_args.kwargs["between"], 2)


if __name__ == "__main__":
    absltest.main()

"""Tests of paths as results, and of their barriers."""

import json
import math

from absl.testing import absltest
from hypothesis import given
from hypothesis import strategies as st

from needle_tf.analysis import evaluation
from needle_tf.analysis import paths


def path(losses, accuracies=None, positions=None, part="test"):
    count = len(losses)
    accuracies = accuracies or [0.5] * count
    positions = positions or [n / (count - 1) for n in range(count)]
    points = []
    for position, loss, accuracy in zip(
        positions, losses, accuracies, strict=True
    ):
        figures = {"train": None, "test": None}
        figures[part] = evaluation.Figures(loss, accuracy, 8)
        points.append(paths.PathPoint(position, **figures))
    return paths.Path("linear", tuple(points), 2.0, None)


class BarrierTest(absltest.TestCase):
    def test_barrier_is_measured_from_the_line_and_from_the_ends(self):
        found = path([1.0, 4.0, 2.0, 3.0], [0.9, 0.1, 0.5, 0.3]).barrier()
        self.assertAlmostEqual(found.above_line, 4 - (1 + 2 / 3))
        self.assertAlmostEqual(found.above_ends, 1.0)
        self.assertAlmostEqual(found.position, 1 / 3)
        self.assertAlmostEqual(found.accuracy_below_line, 0.7 - 0.1)

    def test_position_along_the_path_counts_not_the_number(self):
        found = path([0.0, 1.0, 1.0], positions=[0, 0.9, 1]).barrier()
        self.assertAlmostEqual(found.above_line, 0.1)

    def test_path_below_its_ends_has_no_barrier(self):
        found = path([1.0, 0.5, 2.0], [0.5, 0.9, 0.5]).barrier()
        self.assertEqual(found, paths.Barrier(0.0, 0.0, 0.0, 0.0))

    @given(st.lists(st.floats(0, 1e6), min_size=2, max_size=6))
    def test_barriers_are_at_least_0_and_the_same_from_either_end(self, losses):
        there = path(losses).barrier()
        back = path(losses[::-1]).barrier()
        self.assertGreaterEqual(there.above_line, 0)
        self.assertGreaterEqual(there.above_ends, 0)
        self.assertLessEqual(there.above_ends, there.above_line + 1e-6)
        self.assertAlmostEqual(there.above_line, back.above_line, 5)
        self.assertEqual(there.above_ends, back.above_ends)

    def test_loss_without_a_number_leaves_the_barrier_without_one(self):
        found = path([1.0, math.nan, 1.0])
        self.assertTrue(math.isnan(found.barrier().above_line))
        barriers = json.loads(found.to_json())["barriers"]
        self.assertIsNone(barriers["test"]["above_ends"])

    def test_part_that_was_not_measured_is_refused(self):
        found = path([1.0, 2.0], part="train")
        self.assertEqual(found.parts(), ("train",))
        with self.assertRaisesRegex(ValueError, r"\('train',\).*part='test'"):
            found.barrier("test")


class JsonTest(absltest.TestCase):
    def test_json_holds_points_and_barriers(self):
        found = json.loads(path([1.0, 4.0, 2.0]).to_json())
        self.assertEqual(found["kind"], "linear")
        self.assertEqual(found["distance"], 2.0)
        self.assertLen(found["points"], 3)
        self.assertEqual(
            found["points"][1],
            {
                "position": 0.5,
                "train": None,
                "test": {"loss": 4.0, "accuracy": 0.5, "count": 8},
            },
        )
        self.assertEqual(list(found["barriers"]), ["test"])
        self.assertEqual(found["barriers"]["test"]["above_line"], 2.5)


if __name__ == "__main__":
    absltest.main()

"""Tests of measuring points one after the other."""

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.analysis import path_meter
from needle_tf.analysis import weight_state
from tests.analysis import small_networks

PathMeter = path_meter.PathMeter


class PointTest(parameterized.TestCase):
    def test_point_has_figures_of_the_parts_that_there_are(self):
        model = small_networks.mlp()
        x, y = small_networks.data()
        state = weight_state.values(model)
        both = PathMeter(model, train=(x, y), test=(x[:9], y[:9]))
        point = both.point(0.25, state)
        self.assertEqual(point.position, 0.25)
        self.assertEqual((point.train.count, point.test.count), (60, 9))
        alone = PathMeter(model, test=(x[:9], y[:9])).point(0.5, state)
        self.assertIsNone(alone.train)
        self.assertEqual(alone.test, point.test)

    def test_statistics_are_those_of_the_training_data(self):
        model = small_networks.cnn()
        x, y = small_networks.data()
        state = weight_state.values(model)
        parts = {"train": (x, y), "test": (x[:9], y[:9])}
        anew = PathMeter(model, **parts)
        kept = PathMeter(model, **parts, recompute_batch_statistics=False)
        self.assertIs(kept.settled(state), state)
        settled = anew.settled(state)
        changed = [
            variable.path.rpartition("/")[2]
            for variable, old, new in zip(
                model.variables, state, settled, strict=True
            )
            if not np.array_equal(old, new)
        ]
        self.assertEqual(changed, ["moving_mean", "moving_variance"])
        self.assertEqual(anew.point(0, state), kept.point(0, settled))
        self.assertNotEqual(anew.point(0, state), kept.point(0, state))


class RefusalsTest(parameterized.TestCase):
    def test_path_without_data_is_refused(self):
        with self.assertRaisesRegex(ValueError, "train=None and test=None"):
            PathMeter(small_networks.mlp())

    def test_statistics_without_training_data_are_refused(self):
        data = small_networks.data()
        with self.assertRaisesRegex(
            ValueError, r"BatchNorm layers \(norm\).*Give `train`"
        ):
            PathMeter(small_networks.cnn(), test=data)


if __name__ == "__main__":
    absltest.main()

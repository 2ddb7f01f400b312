"""Tests of taking seeds together: nothing is averaged away."""

import hypothesis
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import strategies as st

from needle_tf.reports import groups
from needle_tf.reports import trials
from tests.reports import synthetic_sweeps


def curve(values, is_over=True, first=0):
    epochs = np.arange(first, first + len(values), dtype=float)
    return epochs, np.array(values, float), is_over


class MeanCurveTest(parameterized.TestCase):
    @parameterized.parameters(
        ([], []),
        ([curve([1, 2, 3])], [1, 2, 3]),
        ([curve([1, 2, 3]), curve([3, 4, 5])], [2, 3, 4]),
        # One that stopped early keeps its last value.
        ([curve([1, 2, 3]), curve([3])], [2, 2.5, 3]),
        # One that is not over ends the mean.
        ([curve([1, 2, 3]), curve([3, 4], is_over=False)], [2, 3]),
        ([curve([1, np.nan, 3]), curve([3, 4, 5])], [2, 4, 4]),
        ([curve([np.nan, 2])], [np.nan, 2]),
        ([curve([]), curve([1, 2])], [1, 2]),
    )
    def test_the_mean_of_curves_of_different_lengths(self, curves, expected):
        epochs, means = groups.mean_curve(curves)
        np.testing.assert_array_equal(means, expected)
        self.assertLen(epochs, len(expected))

    @hypothesis.given(
        st.lists(st.lists(st.floats(-9, 9), min_size=1, max_size=6), max_size=4)
    )
    def test_the_mean_lies_between_the_curves(self, values):
        epochs, means = groups.mean_curve([curve(own) for own in values])
        if values:
            self.assertLen(epochs, max(map(len, values)))
            self.assertLessEqual(means.max(), max(map(max, values)) + 1e-9)
            self.assertGreaterEqual(means.min(), min(map(min, values)) - 1e-9)


class GroupTest(absltest.TestCase):
    def group(self, *entries, axes=None):
        folder = self.create_tempdir().full_path
        synthetic_sweeps.write_sweep(folder, axes or {"rate": [0.1]}, entries)
        return groups.group(trials.read_sweep(folder))

    def trials(self, *changes):
        return [
            synthetic_sweeps.trial(
                {"rate": 0.1}, seed=seed, **{"reached": 2, "planned": 2, **own}
            )
            for seed, own in enumerate(changes)
        ]

    def test_seeds_of_one_label_are_together_in_the_order_of_the_sweep(self):
        rates = (1 / 27, 1 / 9)
        entries = [
            synthetic_sweeps.trial({"rate": r}, seed=s, reached=1, planned=1)
            for s in (0, 1)
            for r in rates
        ]
        found = self.group(*entries, axes={"rate": rates, "seed": (0, 1)})
        self.assertEqual([g.text for g in found], ["rate=3⁻³", "rate=3⁻²"])
        self.assertEqual([t.seed for t in found[0].trials], [0, 1])

    def test_only_trials_that_ended_are_in_the_mean(self):
        (group,) = self.group(
            *self.trials({}, {"reached": 1, "diverged_step": 4}, {"reached": 1})
        )
        self.assertEqual(group.troubles(), "1 of 3 diverged, 1 of 3 running")
        self.assertLen(group.results("test_accuracy"), 1)
        self.assertEqual([t.seed for t in group.drawn()], [0])
        self.assertRegex(
            group.outcome(), r"^\d+\.\d %, 1 of 3 diverged, 1 of 3 running$"
        )

    def test_the_spread_is_that_of_the_sample(self):
        (group,) = self.group(*self.trials({}, {}, {}))
        values = 100 * np.array(group.results("test_accuracy"))
        deviation = np.sqrt(np.sum((values - values.mean()) ** 2) / 2)
        self.assertEqual(
            group.outcome(), f"{values.mean():.1f} ± {deviation:.1f} %"
        )
        self.assertEqual(group.troubles(), "")

    def test_where_none_ended_the_others_are_drawn(self):
        lost = {"reached": 1, "diverged_step": 4}
        (group,) = self.group(*self.trials(lost, lost))
        self.assertEqual(group.outcome(), "all 2 diverged")
        self.assertLen(group.drawn(), 2)
        epochs, layers = group.rotations()
        np.testing.assert_array_equal(epochs, [0, 1])
        self.assertLen(layers, 25)
        (group,) = self.group(*self.trials(lost, {"reached": 1}))
        self.assertEqual([t.status for t in group.drawn()], ["running"])

    def test_one_trial_alone_tells_its_status_only(self):
        (group,) = self.group(*self.trials({"reached": 1}))
        self.assertEqual(group.outcome(), "running")

    def test_a_group_that_waits_has_no_curves(self):
        entry = synthetic_sweeps.trial({"rate": 0.1}, status="waiting")
        (group,) = self.group(entry)
        self.assertEqual(group.outcome(), "waiting")
        self.assertEqual(group.curve("loss")[0].size, 0)
        self.assertEqual(group.rotations()[1], {})

    def test_rotations_are_means_over_seeds(self):
        (group,) = self.group(
            *self.trials({"rate": 0.1}, {"rate": 0.2, "reached": 2})
        )
        _, layers = group.rotations()
        by_hand = [trial.rotations()["dense"] for trial in group.trials]
        np.testing.assert_allclose(layers["dense"], np.mean(by_hand, axis=0))

    def test_varied_settings_leave_out_the_seed(self):
        sweep = trials.Sweep({"a": (1, 2), "b": (1,), "seed": (0, 1)}, (), ())
        self.assertEqual(groups.varied(sweep), ["a"])


if __name__ == "__main__":
    absltest.main()

"""Tests of taking seeds of relax runs together: nothing is averaged away."""

import pathlib
import statistics

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.reports import relax_groups
from needle_tf.reports import relax_trials
from tests.reports import synthetic_relax_sweeps
from tests.reports import synthetic_runs

LOST = {"reached": 9, "diverged_step": 611}


class SweepTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)

    def write(self, *trials):
        synthetic_relax_sweeps.write(self.folder, {"seed": [0]}, trials)
        return relax_trials.read(self.folder)

    def groups_of(self, *trials):
        groups = relax_groups.group(self.write(*trials))
        return {(one.text, one.stage): one for one in groups}

    def seeds(self, *relaxed):
        """Returns trials of one label, each with these relaxed networks."""
        return [
            (
                synthetic_relax_sweeps.entry({}, seed),
                [synthetic_runs.cnn(end=0.8 + 0.01 * seed), *own],
            )
            for seed, own in enumerate(relaxed)
        ]


class SpreadTest(parameterized.TestCase):
    @parameterized.parameters(
        ((), None, None, False),
        ((0.5,), 0.5, None, False),
        ((1, 3), 2, 2**0.5, True),
        ((-1, -3), -2, 2**0.5, True),
        ((-1, 1), 0, 2**0.5, False),
        ((0, 0), 0, 0, False),
        ((0, 2), 1, 2**0.5, False),
    )
    def test_mean_deviation_and_sign(self, values, mean, deviation, sign):
        spread = relax_groups.Spread(values)
        self.assertEqual(spread.mean, mean)
        self.assertEqual(spread.has_one_sign, sign)
        if deviation is None:
            self.assertIsNone(spread.deviation)
        else:
            self.assertAlmostEqual(spread.deviation, deviation)
            self.assertAlmostEqual(
                spread.deviation, statistics.stdev(map(float, values))
            )


class GroupTest(SweepTest):
    def test_only_networks_that_ended_are_in_the_mean(self):
        trials = self.seeds(
            [synthetic_runs.relaxed(5, end=0.7)],
            [synthetic_runs.relaxed(5, **LOST)],
            [synthetic_runs.relaxed(5, reached=12)],
            [],
            [synthetic_runs.relaxed(5, end=0.9)],
        )
        trials.append((synthetic_relax_sweeps.entry({}, 9, "waiting"), None))
        groups = self.groups_of(*trials)
        one = groups["sgd", "efcn_relax5"]
        self.assertEqual(
            one.counts(),
            {"finished": 2, "diverged": 1, "running": 1, "waiting": 2},
        )
        by_hand = [
            trials[k][1][1]["epochs"][-1]["test_accuracy"] for k in (0, 4)
        ]
        self.assertEqual(one.finals("test_accuracy").values, tuple(by_hand))
        self.assertEqual([m.trial.seed for m in one.drawn()], [0, 4])
        self.assertLen(groups["sgd", "cnn"].finals("delta").values, 5)

    def test_differences_are_those_to_the_cnn_of_the_same_seed(self):
        trials = self.seeds(
            [synthetic_runs.relaxed(5, end=0.79)],
            [synthetic_runs.relaxed(5, end=0.82)],
            [synthetic_runs.relaxed(5, **LOST)],
        )
        # What has no CNN with a result has no difference either.
        alone = [synthetic_runs.cnn(reached=8), synthetic_runs.relaxed(5)]
        trials.append((synthetic_relax_sweeps.entry({}, 3), alone))
        groups = self.groups_of(*trials)
        ends = [
            [own["epochs"][-1]["test_accuracy"] for own in histories]
            for _, histories in trials[:2]
        ]
        one = groups["sgd", "efcn_relax5"]
        self.assertEqual(
            one.differences().values, tuple(net - cnn for cnn, net in ends)
        )
        self.assertLen(one.finals("test_accuracy").values, 3)
        self.assertFalse(one.differences().has_one_sign)
        self.assertEmpty(groups["sgd", "cnn"].differences().values)

    def test_the_best_is_that_of_any_epoch(self):
        trials = self.seeds([synthetic_runs.relaxed(5)])
        rows = trials[0][1][1]["epochs"]
        rows[3]["test_accuracy"] = 0.99
        rows[4]["test_accuracy"] = None
        one = self.groups_of(*trials)["sgd", "efcn_relax5"]
        self.assertEqual(one.bests().values, (0.99,))

    def test_networks_come_in_the_order_of_comparison(self):
        own = synthetic_relax_sweeps.stages((0, 20), kinds=("elcn", "efcn"))
        groups = self.groups_of((synthetic_relax_sweeps.entry({}), own))
        self.assertEqual(
            [stage for _, stage in groups],
            "cnn efcn_relax0 efcn_relax20 lcn elcn_relax0 elcn_relax20 "
            "fcn".split(),
        )

    @parameterized.parameters(
        ([{}, {}], [0, 1], "finished"),
        ([{}, LOST], [0], "finished"),
        ([LOST, {"reached": 12}], [1], "running"),
        ([LOST, LOST], [0, 1], "diverged"),
    )
    def test_curves_are_of_what_has_come_furthest(self, changes, seeds, status):
        trials = self.seeds(
            *([synthetic_runs.relaxed(5, **own)] for own in changes)
        )
        one = self.groups_of(*trials)["sgd", "efcn_relax5"]
        self.assertEqual([m.trial.seed for m in one.drawn()], seeds)
        self.assertEqual({m.status for m in one.drawn()}, {status})
        epochs, table = one.curves("delta")
        self.assertEqual(table.shape, (len(seeds), len(epochs)))
        for row, seed in zip(table, seeds, strict=True):
            rows = trials[seed][1][1]["epochs"]
            np.testing.assert_array_equal(row, [r["delta"] for r in rows])
            np.testing.assert_array_equal(epochs, [r["epoch"] for r in rows])

    def test_epochs_in_which_nothing_was_measured_are_left_out(self):
        one = self.groups_of(*self.seeds([synthetic_runs.relaxed(5)]))
        epochs, table = one["sgd", "efcn_relax5"].curves("loss")
        self.assertEqual(epochs[0], 6)
        self.assertFalse(np.isnan(table).any())
        self.assertEqual(one["sgd", "cnn"].curves("nothing")[0].size, 0)


class SharedTest(SweepTest):
    def test_networks_that_all_labels_share_are_there_once(self):
        synthetic_relax_sweeps.rate_sweep(
            self.folder, (0.03, 0.1), (0, 1), (5, 20)
        )
        groups = relax_groups.group(relax_trials.read(self.folder))
        self.assertEqual(
            [(one.text, one.stage, len(one.members)) for one in groups],
            [
                ("all", "cnn", 2),
                ("all", "lcn", 2),
                ("all", "fcn", 2),
                ("relaxed_learning_rate=0.03", "efcn_relax5", 2),
                ("relaxed_learning_rate=0.03", "efcn_relax20", 2),
                ("relaxed_learning_rate=0.1", "efcn_relax5", 2),
                ("relaxed_learning_rate=0.1", "efcn_relax20", 2),
            ],
        )
        self.assertEqual(groups[0].settings, {})
        self.assertLen(groups[0].labels, 2)
        self.assertEqual(groups[3].settings, {"relaxed_learning_rate": 0.03})

    def test_a_shared_network_counts_where_it_has_come_furthest(self):
        one, cnn = synthetic_relax_sweeps.entry, synthetic_runs.cnn()
        groups = self.groups_of(
            (one({"rate": 1}, 0), [cnn]),
            (one({"rate": 1}, 1, "waiting"), None),
            (one({"rate": 2}, 0), [cnn]),
            (one({"rate": 2}, 1), [synthetic_runs.cnn(end=0.7)]),
            (one({"rate": 3}, 0, "waiting"), None),
        )
        self.assertEqual(list(groups), [("all", "cnn")])
        self.assertEqual(groups["all", "cnn"].counts(), {"finished": 2})

    def test_networks_that_still_run_are_not_taken_for_one(self):
        one = synthetic_relax_sweeps.entry
        begun = [synthetic_runs.cnn(reached=0)]
        groups = self.groups_of(
            (one({"rate": 1}), begun), (one({"rate": 2}), begun)
        )
        self.assertEqual(list(groups), [("rate=1", "cnn"), ("rate=2", "cnn")])

    def test_a_part_of_the_labels_is_called_by_what_it_has_in_common(self):
        trials = []
        for width in (1, 2):
            for rate in (0.1, 0.3):
                cnn = synthetic_runs.cnn(end=0.8 + 0.01 * width)
                end = 0.7 + rate / 10 + 0.01 * width
                net = synthetic_runs.relaxed(5, end=end)
                settings = {"width": width, "rate": rate}
                entry = synthetic_relax_sweeps.entry(settings)
                trials.append((entry, [cnn, net]))
        groups = self.groups_of(*trials)
        self.assertEqual(
            list(groups),
            [
                ("width=1", "cnn"),
                ("width=1, rate=0.1", "efcn_relax5"),
                ("width=1, rate=0.3", "efcn_relax5"),
                ("width=2", "cnn"),
                ("width=2, rate=0.1", "efcn_relax5"),
                ("width=2, rate=0.3", "efcn_relax5"),
            ],
        )
        self.assertEqual(groups["width=1", "cnn"].settings, {"width": 1})
        facets = relax_groups.facets(relax_trials.read(self.folder))
        self.assertEqual([f.text for f in facets], ["width=1", "width=2"])
        self.assertEqual(
            [one.text for one in facets[1].groups],
            ["width=2", "width=2, rate=0.1", "width=2, rate=0.3"],
        )

    def test_a_network_of_some_labels_by_design_is_not_that_of_all(self):
        own = synthetic_runs.cnn(), synthetic_runs.relaxed(5, "elcn")
        one = synthetic_relax_sweeps.entry
        groups = self.groups_of(
            (one({"space": "fcn", "rate": 1}), own),
            (one({"space": "fcn", "rate": 2}), own),
            (one({"space": "lcn", "rate": 1}), own[:1]),
        )
        self.assertIn(("all", "cnn"), groups)
        self.assertIn(("space=fcn", "elcn_relax5"), groups)


class FacetsTest(SweepTest):
    def test_settings_of_relaxed_networks_are_one_facet(self):
        synthetic_relax_sweeps.rate_sweep(self.folder, (0.03, 0.1), (0,), (5,))
        sweep = relax_trials.read(self.folder)
        (facet,) = relax_groups.facets(sweep)
        self.assertEqual(facet.text, "")
        self.assertEqual(
            [(one.text, one.stage) for one in facet.groups],
            [(one.text, one.stage) for one in relax_groups.group(sweep)],
        )

    def test_a_missing_baseline_makes_no_facet(self):
        one = synthetic_relax_sweeps.entry
        own = synthetic_relax_sweeps.stages((5,))
        sweep = self.write(
            (one({"rate": 1}), own),
            (one({"rate": 2}), own[:2]),
            (one({"rate": 3}, status="waiting"), None),
        )
        self.assertLen(relax_groups.facets(sweep), 1)

    def test_nothing_begun_has_no_facets(self):
        sweep = self.write(
            (synthetic_relax_sweeps.entry({}, status="waiting"), None)
        )
        self.assertEmpty(relax_groups.facets(sweep))
        self.assertEmpty(relax_groups.group(sweep))


if __name__ == "__main__":
    absltest.main()

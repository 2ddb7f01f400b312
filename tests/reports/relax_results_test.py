"""Tests of the result files of relax sweeps: read back, compared by hand."""

import csv
import json
import pathlib
import statistics

from absl.testing import absltest

from needle_tf.reports import relax_results
from needle_tf.reports import results
from tests.reports import synthetic_relax_sweeps
from tests.reports import synthetic_runs


class WriteResultsTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)

    def written(self):
        rows = relax_results.write_results(self.folder)
        content = json.loads((self.folder / "results.json").read_text())
        self.assertEqual(content["rows"], rows)
        return content

    def test_each_network_of_each_trial_is_a_row_with_its_settings(self):
        synthetic_relax_sweeps.rate_sweep(
            self.folder, (0.03, 0.1), (0, 1), (5, 20)
        )
        rows = self.written()["rows"]
        self.assertLen(rows, 4 * 5)
        for row in rows:
            (figures,) = [
                result
                for result in results.rows(self.folder / row["name"])
                if result.stage == row["stage"]
            ]
            for name in ("test_accuracy", "delta", "best_epoch", "status"):
                self.assertEqual(row[name], getattr(figures, name))
        first = rows[1]
        self.assertEqual(first["stage"], "efcn_relax5")
        self.assertEqual(
            first["difference_to_cnn"],
            first["test_accuracy"] - rows[0]["test_accuracy"],
        )
        self.assertIsNone(rows[0]["difference_to_cnn"])
        with open(self.folder / "results.csv", newline="") as file:
            table = list(csv.DictReader(file))
        self.assertLen(table, 20)
        self.assertEqual(table[1]["relaxed_learning_rate"], "0.03")
        self.assertEqual(table[1]["seed"], "0")
        self.assertEqual(float(table[1]["delta"]), first["delta"])

    def test_groups_have_mean_and_spread_over_seeds(self):
        synthetic_relax_sweeps.seed_sweep(self.folder, (0, 1, 2), (5,))
        content = self.written()
        groups = {one["network"]: one for one in content["groups"]}
        self.assertEqual(list(groups), ["CNN", "eFCN@5", "LCN", "FCN"])
        values = [
            row["delta"]
            for row in content["rows"]
            if row["stage"] == "efcn_relax5"
        ]
        one = groups["eFCN@5"]
        self.assertEqual(one["delta"]["values"], values)
        self.assertAlmostEqual(one["delta"]["mean"], sum(values) / 3)
        self.assertAlmostEqual(
            one["delta"]["deviation"], statistics.stdev(values)
        )
        self.assertEqual(one["seeds"], [0, 1, 2])
        self.assertEqual(one["statuses"], {"finished": 3})
        self.assertTrue(one["difference_to_cnn"]["has_one_sign"])
        self.assertIsNone(groups["CNN"]["difference_to_cnn"]["mean"])

    def test_what_has_no_networks_is_a_row_all_the_same(self):
        one = synthetic_relax_sweeps.entry
        lost = synthetic_runs.relaxed(5, reached=9, diverged_step=611)
        synthetic_relax_sweeps.write(
            self.folder,
            {"seed": [0, 1, 2]},
            [
                (
                    one({}, 0, "failed", "diverged"),
                    [synthetic_runs.cnn(), lost],
                ),
                (one({}, 1, "failed", "no memory"), None),
                (one({}, 2, "waiting"), None),
            ],
        )
        content = self.written()
        self.assertEqual(
            [(r["seed"], r["stage"], r["status"]) for r in content["rows"]],
            [
                (0, "cnn", "finished"),
                (0, "efcn_relax5", "diverged"),
                (1, None, "failed"),
                (2, None, "waiting"),
            ],
        )
        self.assertEqual(content["rows"][2]["error"], "no memory")
        (_, group) = content["groups"]
        self.assertEqual(
            group["statuses"], {"diverged": 1, "failed": 1, "waiting": 1}
        )
        self.assertEqual(group["test_accuracy"]["values"], [])

    def test_the_folder_of_one_run_keeps_its_own_results(self):
        synthetic_runs.write(self.folder, synthetic_runs.cnn())
        with self.assertRaisesRegex(ValueError, "of one run, a sweep was"):
            relax_results.write_results(self.folder)
        self.assertEqual([p.name for p in self.folder.iterdir()], ["cnn"])


if __name__ == "__main__":
    absltest.main()

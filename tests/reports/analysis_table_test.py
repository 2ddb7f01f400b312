"""Tests of the results of analyses as text."""

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.reports import analysis_table
from tests.reports import analysis_results

KINDS = {
    "interpolation": analysis_results.path,
    "string": analysis_results.path,
    "band": analysis_results.path,
    "ablation": analysis_results.ablation,
    "threshold": analysis_results.threshold,
    "locality": analysis_results.locality,
    "curvature": analysis_results.curvature,
    "off_local": analysis_results.off_local,
}


def rows_of(table):
    """The lines between the rule and the legend, as words."""
    lines = table.splitlines()
    rule = next(k for k, line in enumerate(lines) if line.startswith("---"))
    return lines[rule + 1 :]


class AnalysisTableTest(parameterized.TestCase):
    @parameterized.named_parameters(
        (f"{kind}_{count}", kind, count) for kind in KINDS for count in (1, 3)
    )
    def test_lines_are_short_and_name_the_label_once(self, kind, count):
        groups = {
            name: [KINDS[kind](seed) for seed in range(count)]
            for name in ("relax_epochs=10, space=fcn", "x" * 60)
        }
        table = analysis_table.format_table(kind, groups)
        for line in table.splitlines():
            self.assertLessEqual(len(line), 100, line)
            self.assertEqual(line, line.rstrip())
        self.assertRegex(
            table,
            r"(?m)^relax_epochs=10, space=fcn"
            + (r" \(n = 3\)$" if count > 1 else "$"),
        )
        self.assertEqual("±" in table, count > 1)

    def test_path_has_its_ends_and_its_barrier(self):
        results = [analysis_results.path(seed) for seed in range(3)]
        table = analysis_table.format_table("interpolation", {"a": results})
        label, test, train = rows_of(table)[:3]
        self.assertEqual(label, "a (n = 3)")
        heights = [each["barriers"]["test"]["above_line"] for each in results]
        spread = np.std(heights, ddof=1)
        self.assertIn(f"{np.mean(heights):.3f} ± {spread:.3f}", test)
        self.assertRegex(test, r"^ +test +0\.350 ± 0\.000")
        self.assertRegex(train, r"^ +train +0\.0500 ± 0\.0000")
        lowest = [
            100 * min(p["test"]["accuracy"] for p in each["points"])
            for each in results
        ]
        self.assertTrue(
            test.endswith(
                f"{np.mean(lowest):.2f} ± {np.std(lowest, ddof=1):.2f}"
            )
        )

    def test_ablation_is_compared_seed_by_seed(self):
        results = [analysis_results.ablation(seed) for seed in range(3)]
        table = analysis_table.format_table("ablation", {"a": results})
        falls = [
            100 * (row["figures"]["accuracy"] - each["intact"]["accuracy"])
            for each in results
            for row in each["rows"]
            if (row["variant"], row["layer"]) == ("local_only", None)
        ]
        spread = f"{np.mean(falls):.2f} ± {np.std(falls, ddof=1):.2f}"
        self.assertRegex(table, rf"local only .* {spread}")
        self.assertRegex(table, r"(?m)^  all +intact")
        self.assertRegex(table, r"(?m)^  conv_1 +sharing restored")

    def test_gains_have_a_sign(self):
        result = analysis_results.ablation()
        for row in result["rows"]:
            row["figures"]["accuracy"] = result["intact"]["accuracy"] + 0.01
        table = analysis_table.format_table("ablation", {"a": [result]})
        self.assertIn("+1.00", table)

    def test_threshold_has_its_level(self):
        results = [analysis_results.threshold(seed) for seed in range(3)]
        table = analysis_table.format_table("threshold", {"a": results})
        self.assertRegex(table, r"level: fcn@40 .* 0\.510 ± 0\.010")
        self.assertRegex(table, r"its own, 0\.130 ± 0\.010")
        results[1]["threshold"] = None
        table = analysis_table.format_table("threshold", {"a": results})
        self.assertRegex(table, r"0\.510 ± 0\.014 \(2 of 3 seeds\)")
        results = [analysis_results.threshold(level=None)]
        table = analysis_table.format_table("threshold", {"a": results})
        self.assertNotIn("level:", table)

    def test_locality_ends_with_all_layers(self):
        results = [analysis_results.locality(seed) for seed in range(2)]
        table = analysis_table.format_table("locality", {"a": results})
        self.assertRegex(table, r"(?m)^  conv_1 .* ± .* 2$")
        self.assertRegex(table, r"(?m)^  all +88.00 ± 0.00 +10.00 ± 0.00 +2.00")

    def test_curvature_has_spaces_and_layers(self):
        results = [
            analysis_results.curvature(seed, layers=("conv_1",))
            for seed in range(2)
        ]
        results[0]["spaces"]["cnn"]["is_converged"] = False
        table = analysis_table.format_table("curvature", {"a": results})
        self.assertRegex(table, r"(?m) cnn .* 0.60 ± 0.00 +1 of 2$")
        self.assertRegex(table, r"(?m) conv_1 +0.200 ± 0.000")

    def test_off_local_has_the_norms(self):
        table = analysis_table.format_table(
            "off_local", {"a": [analysis_results.off_local()]}
        )
        self.assertRegex(table, r"(?m)^  conv_1 +2 +1.50 +1.00$")

    def test_nothing_measured_is_said(self):
        for groups in ({}, {"a": []}):
            self.assertEqual(
                analysis_table.format_table("band", groups),
                "Nothing was measured yet.",
            )

    def test_unknown_analysis_is_refused(self):
        with self.assertRaisesRegex(
            ValueError, "one of interpolation, .*threshold. Received: kind='x'"
        ):
            analysis_table.format_table("x", {})


if __name__ == "__main__":
    absltest.main()

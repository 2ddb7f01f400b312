"""Tests of the sections of training runs."""

import pathlib

from absl.testing import absltest

from needle_tf.pages import training_sections
from tests.pages import page_checks
from tests.pages import page_folders
from tests.reports import synthetic_analyses
from tests.reports import synthetic_sweeps

SHORT = {"reached": 3, "planned": 3, "kernels": synthetic_sweeps.MLP}


class TrainingSectionsTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)
        self.enter_context(page_folders.quick_pictures())

    def sections(self):
        found = training_sections.sections(self.folder)
        for section in found:
            page = page_checks.Page(section.as_html())
            self.assertEqual(page.problems, [])
        return {section.anchor: section for section in found}

    def test_sweep_has_a_row_per_setting_and_one_per_run(self):
        synthetic_sweeps.rate_sweep(self.folder, (-3, -2), (0, 1, 2), **SHORT)
        sections = self.sections()
        self.assertEqual(
            list(sections),
            [
                "findings",
                "accuracy",
                "rotations",
                "speed",
                "features",
                "second-moments",
                "runs",
            ],
        )
        page = page_checks.Page(sections["findings"].as_html())
        self.assertLen(page.all_of("tr"), 3)
        results = [
            synthetic_sweeps.history(rate=round(3.0**-3, 8), seed=k, **SHORT)
            for k in (0, 1, 2)
        ]
        values = [100 * r["epochs"][-1]["test_accuracy"] for r in results]
        mean = sum(values) / 3
        deviation = (sum((v - mean) ** 2 for v in values) / 2) ** 0.5
        self.assertIn(f"{mean:.2f} ± {deviation:.2f}", page.words())
        page = page_checks.Page(sections["runs"].as_html())
        self.assertLen(page.all_of("tr"), 7)
        self.assertTrue(sections["features"].is_empty)

    def test_one_run_has_its_curves(self):
        synthetic_sweeps.write_run(
            self.folder, synthetic_sweeps.history(**SHORT), seed=0
        )
        sections = self.sections()
        self.assertEqual(
            list(sections),
            ["findings", "curves", "features", "second-moments", "runs"],
        )
        self.assertLen(sections["curves"].pictures, 1)

    def test_analyses_are_shown_where_they_were_made(self):
        synthetic_sweeps.rate_sweep(self.folder, (-3, -2), (0, 1), **SHORT)
        for path in self.folder.glob("*_seed*"):
            synthetic_analyses.write(path, "curvature", first="train@3")
        sections = self.sections()
        self.assertIn("curvature", sections)
        self.assertNotIn("ablation", sections)
        html = sections["curvature"].as_html()
        self.assertIn("network, learning_rate=", html)
        self.assertIn("mean and range over 2 seeds", html)

    def test_what_went_wrong_is_remarked(self):
        trials = [
            synthetic_sweeps.trial({"a": 1}, seed=0, **SHORT),
            synthetic_sweeps.trial(
                {"a": 1}, seed=1, **(SHORT | {"reached": 2, "diverged_step": 9})
            ),
        ]
        synthetic_sweeps.write_sweep(self.folder, {"a": [1]}, trials)
        words = page_checks.Page(self.sections()["findings"].as_html()).words()
        self.assertIn(" 1 of 2 ", words)
        self.assertIn("1 of 2 diverged", words)


if __name__ == "__main__":
    absltest.main()

"""Tests of the findings: the table, and what is said of them."""

import pathlib

from absl.testing import absltest

from needle_tf.pages import relax_findings
from needle_tf.reports import relax_trials
from tests.pages import page_checks
from tests.pages import page_folders
from tests.reports import synthetic_runs


class RelaxFindingsCase(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)

    def sweep(self):
        return relax_trials.read(self.folder)

    def final(self, name, number, stage="efcn_relax20"):
        """Returns the last figure of a stage, as the file has it."""
        stages = page_folders.finished(number)
        (own,) = [each for each in stages if each["stage"] == stage]
        return own["epochs"][-1][name]


class SentencesTest(RelaxFindingsCase):
    def test_each_of_three_findings_has_its_numbers(self):
        page_folders.relax_sweep(self.folder)
        distance, fcn, cnn = relax_findings.sentences(self.sweep())
        low = self.final("delta", 0)
        high = self.final("delta", 0, "efcn_relax5")
        self.assertIn(f"at delta {low:.3f} to {high:.3f}, eFCN@5", distance)
        self.assertIn("2 of 2 relaxed networks end above it", fcn)
        self.assertIn("the lowest is eFCN@5 with", fcn)
        level = 100 * self.final("test_accuracy", 0, "fcn")
        self.assertEndsWith(fcn, f"the FCN has {level:.2f}\N{NO-BREAK SPACE}%.")
        gains = [
            100 * self.final("test_accuracy", seed)
            - 100 * self.final("test_accuracy", seed, "cnn")
            for seed in (0, 1)
        ]
        mean = sum(gains) / 2
        deviation = abs(gains[1] - gains[0]) / 2**0.5
        self.assertIn(f"{mean:+.2f} ± {deviation:.2f} points", cnn)
        self.assertIn("1 of 2 relaxed networks end above it", cnn)
        self.assertEndsWith(cnn, "and the seeds agree in the sign.")

    def test_one_seed_has_no_spread_and_no_agreement(self):
        page_folders.relax_run(self.folder)
        found = relax_findings.sentences(self.sweep())
        self.assertLen(found, 3)
        self.assertNotIn("±", "".join(found))
        self.assertNotIn("agree", "".join(found))

    def test_nothing_is_said_of_what_is_not_finished(self):
        page_folders.relax_run(
            self.folder,
            synthetic_runs.cnn(reached=20),
            synthetic_runs.relaxed(5, reached=9),
        )
        self.assertEmpty(relax_findings.sentences(self.sweep()))

    def test_networks_of_several_settings_are_told_apart(self):
        page_folders.relax_sweep(self.folder, seeds=(0,), rates=(0.1, 1.0))
        (trial,) = self.folder.glob("relaxed_learning_rate1.0*")
        synthetic_runs.write(trial, synthetic_runs.relaxed(20, end=0.95))
        *_, found = relax_findings.sentences(self.sweep())
        self.assertIn("the best is eFCN@20 (relaxed_learning_rate=1) ", found)


class TableTest(RelaxFindingsCase):
    def page(self):
        section = relax_findings.section(self.sweep())
        page = page_checks.Page(section.as_html())
        self.assertEqual(page.problems, [])
        return page

    def test_every_network_has_a_row_with_mean_and_spread(self):
        page_folders.relax_sweep(self.folder)
        page = self.page()
        heads = [text for tag, text in page.texts if tag == "th"]
        self.assertEqual(heads[-4:], ["CNN", "eFCN@5", "eFCN@20", "FCN"])
        cells = [text for tag, text in page.texts if tag == "td"]
        accuracies = [100 * self.final("test_accuracy", k) for k in (0, 1)]
        mean = sum(accuracies) / 2
        deviation = abs(accuracies[1] - accuracies[0]) / 2**0.5
        self.assertIn(f"{mean:.2f} ± {deviation:.2f}", cells)
        self.assertNotIn("Remarks", heads)
        self.assertNotIn("Setting", heads)

    def test_what_is_not_finished_is_remarked_and_not_averaged(self):
        page_folders.relax_sweep(self.folder, begun=1)
        page = self.page()
        cells = [text for tag, text in page.texts if tag == "td"]
        self.assertIn("1 of 2", cells)
        self.assertIn("1 waiting", cells)
        only = 100 * self.final("test_accuracy", 0)
        self.assertIn(f"{only:.2f}", cells)


if __name__ == "__main__":
    absltest.main()

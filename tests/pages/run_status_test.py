"""Tests of the status: what is trained, what is not, and why."""

import pathlib

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.pages import run_facts
from needle_tf.pages import run_status
from tests.pages import page_folders
from tests.reports import synthetic_runs
from tests.reports import synthetic_sweeps


class StatusTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)

    def status(self):
        return run_status.status(run_facts.read(self.folder))

    def test_finished_run(self):
        page_folders.relax_run(self.folder)
        status = self.status()
        self.assertEqual(status.state, run_status.OVER)
        self.assertEqual(
            status.summary, "Finished: 4 of 4 networks are trained."
        )
        self.assertEmpty(status.notes)

    def test_run_that_goes_on_says_how_far_it_is(self):
        page_folders.relax_run(
            self.folder,
            synthetic_runs.cnn(),
            synthetic_runs.relaxed(5, reached=9),
        )
        status = self.status()
        self.assertEqual(status.state, run_status.OPEN)
        self.assertStartsWith(
            status.summary,
            "Not finished, or interrupted: 1 of 4 networks is trained. The "
            "page shows how far it has come",
        )
        self.assertEqual(status.notes, ["eFCN@5 is at epoch 9 of 40"])

    def test_run_that_has_ended_without_all_results(self):
        page_folders.relax_run(
            self.folder,
            synthetic_runs.cnn(),
            synthetic_runs.relaxed(5),
            synthetic_runs.relaxed(20),
            synthetic_runs.fcn(reached=12, diverged_step=722),
        )
        status = self.status()
        self.assertEqual(status.state, run_status.WRONG)
        self.assertEqual(
            status.summary,
            "Ended, but not all of it has a result: 3 of 4 networks are "
            "trained, 1 came to no result.",
        )
        self.assertEqual(status.notes, ["FCN diverged at epoch 12, step 722"])

    def test_run_that_has_not_begun(self):
        page_folders.write_json(
            self.folder / "config.json", page_folders.CONFIG
        )
        status = self.status()
        self.assertEqual(status.state, run_status.OPEN)
        self.assertIn("1 of 1 run has not begun.", status.summary)

    def test_sweep_counts_runs_and_networks(self):
        page_folders.relax_sweep(self.folder, seeds=(0, 1, 2), begun=2)
        status = self.status()
        self.assertEqual(status.state, run_status.OPEN)
        self.assertIn(
            "1 of 3 runs has not begun, 8 of 8 networks are trained.",
            status.summary,
        )

    def test_failed_trial_says_why_and_is_not_waited_for(self):
        entry, history = synthetic_sweeps.trial({"a": 1}, reached=3, planned=3)
        other, _ = synthetic_sweeps.trial(
            {"a": 2}, status="failed", error="no <memory>"
        )
        synthetic_sweeps.write_sweep(
            self.folder, {"a": [1, 2]}, [(entry, history), (other, None)]
        )
        status = self.status()
        self.assertEqual(status.state, run_status.WRONG)
        self.assertEqual(
            status.summary,
            "Ended, but not all of it has a result: 1 of 1 network of 2 runs "
            "is trained, 1 of 2 runs failed.",
        )
        self.assertEqual(status.notes, ["a2_seed0: failed: no <memory>"])

    def test_network_that_a_criterion_stopped_is_trained(self):
        synthetic_sweeps.write_run(
            self.folder,
            synthetic_sweeps.history(
                reached=5, stopped={"epoch": 5, "reason": "low loss"}
            ),
            seed=0,
        )
        status = self.status()
        self.assertEqual(status.state, run_status.OVER)
        self.assertEqual(status.notes, ["network stopped at epoch 5: low loss"])

    def test_of_many_remarks_the_first_are_shown(self):
        trials = [
            synthetic_sweeps.trial({"a": k}, status="failed", error="x")
            for k in range(30)
        ]
        synthetic_sweeps.write_sweep(
            self.folder, {"a": list(range(30))}, trials
        )
        notes = self.status().notes
        self.assertLen(notes, 21)
        self.assertEqual(notes[-1], "and 10 more")


if __name__ == "__main__":
    absltest.main()

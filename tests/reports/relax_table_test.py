"""Tests of the table of relax sweeps: exact text, widths, what is missing."""

import pathlib

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.reports import relax_results
from needle_tf.reports import relax_table
from needle_tf.reports import relax_trials
from tests.reports import synthetic_relax_sweeps
from tests.reports import synthetic_runs

EXPECTED = """\
label     network  n        test %          vs CNN  best %          delta          share
----------------------------------------------------------------------------------------
all       CNN      2  87.50 ± 0.71              -    87.50              0              0
          FCN      2  50.00 ± 0.00  -37.50 ± 0.71*   50.00  0.930 ± 0.000  0.200 ± 0.000
rate=0.1  eFCN@20  2  88.50 ± 0.00   +1.00 ± 0.71*   88.50  0.055 ± 0.007  0.010 ± 0.000
rate=0.3  eFCN@20  2  88.50 ± 1.41   +1.00 ± 2.12    88.50  0.055 ± 0.007  0.030 ± 0.000
Mean ± standard deviation over the n seeds that came to their end. vs CNN: points of test accuracy
above the CNN of the same seed; * marks that all seeds agree in the sign. Of the weights' norm:
delta is the off-local part, share what breaks weight sharing."""  # noqa: E501 - the table is wider

LOST = {"reached": 9, "diverged_step": 611}


def constant(content, accuracy, **figures):
    """Makes a history end in these figures."""
    for row in content["epochs"]:
        row.update(test_accuracy=accuracy, **figures)
    return content


class FormatTableTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)

    def table(self, *trials):
        if trials:
            synthetic_relax_sweeps.write(self.folder, {}, trials)
        text = relax_table.format_table(relax_trials.read(self.folder))
        for line in text.splitlines():
            self.assertLessEqual(len(line), 100)
            self.assertEqual(line, line.rstrip())
        return text

    def trials(self, *settings, seeds=(0, 1), **changes):
        return [
            (
                synthetic_relax_sweeps.entry(own, seed),
                synthetic_relax_sweeps.stages(
                    (5,), seed, gain=0.01 * k, **changes
                ),
            )
            for k, own in enumerate(settings)
            for seed in seeds
        ]

    def test_the_findings_are_readable_at_a_glance(self):
        trials = []
        for rate in (0.1, 0.3):
            for seed in (0, 1):
                cnn = constant(synthetic_runs.cnn(), 0.87 + 0.01 * seed)
                fcn = constant(
                    synthetic_runs.fcn(), 0.5, delta=0.93, delta_share=0.2
                )
                net = constant(
                    synthetic_runs.relaxed(20),
                    0.88 + 0.01 * seed + rate / 20 * (-1) ** seed,
                    delta=0.05 + 0.01 * seed,
                    delta_share=rate / 10,
                )
                entry = synthetic_relax_sweeps.entry({"rate": rate}, seed)
                trials.append((entry, [cnn, net, fcn]))
        self.assertEqual(self.table(*trials), EXPECTED)

    def test_one_setting_needs_no_labels(self):
        header, _, cnn, *_ = self.table(*self.trials({})).splitlines()
        self.assertStartsWith(header, "network  n ")
        self.assertRegex(cnn, r"^CNN      2  86\.\d\d ± \d\.\d\d +- ")

    def test_one_seed_has_no_spread(self):
        text = self.table(*self.trials({}, seeds=(0,)))
        table, _, _ = text.partition("Mean")
        self.assertNotIn("±", table)
        self.assertNotIn("*", table)
        self.assertRegex(table, r"eFCN@5 +1 +\d\d\.\d\d +-\d+\.\d\d +\d")

    def test_one_run_is_a_table_too(self):
        own = synthetic_relax_sweeps.stages((5, 20))
        synthetic_runs.write(self.folder, *own)
        names = [line.split()[0] for line in self.table().splitlines()[2:7]]
        self.assertEqual(names, ["CNN", "eFCN@5", "eFCN@20", "LCN", "FCN"])

    def test_networks_without_a_result_are_counted_and_named(self):
        one, cnn = synthetic_relax_sweeps.entry, synthetic_runs.cnn()
        relaxed = synthetic_runs.relaxed
        text = self.table(
            (one({}, 0), [cnn, relaxed(5)]),
            (one({}, 1, "failed", "it diverged"), [cnn, relaxed(5, **LOST)]),
            (
                one({}, 2, "failed", "x"),
                [cnn, relaxed(5, reached=11, diverged_step=1)],
            ),
            (one({}, 3, "waiting"), [cnn, relaxed(5, reached=12)]),
            (one({}, 4, "waiting"), [cnn]),
            (one({}, 5, "waiting"), None),
            (one({}, 6, "failed", "no memory."), None),
        )
        self.assertIn("eFCN@5   1/7", text)
        self.assertIn("CNN      5/7", text)
        self.assertEndsWith(
            text,
            "eFCN@5: seeds 1, 2 diverged at epochs 9, 11.\n"
            "eFCN@5: seed 3 not finished, at epoch 12 of 40.\n"
            "seed 4 not begun: eFCN@5.\n"
            "seed 5 not begun.\n"
            "seed 6 failed: no memory.",
        )

    def test_notes_name_the_setting(self):
        trials = self.trials({"rate": 1}, {"rate": 2}, seeds=(0,), **LOST)
        trials.append((synthetic_relax_sweeps.entry({"rate": 3}), None))
        lines = self.table(*trials).splitlines()
        self.assertEqual(
            lines[-3:],
            [
                "rate=1, eFCN@5: diverged at epoch 9.",
                "rate=2, eFCN@5: diverged at epoch 9.",
                "rate=3: not begun.",
            ],
        )
        self.assertRegex("\n".join(lines), r"rate=2 +eFCN@5 +0/1 +- ")

    def test_long_labels_take_more_lines_and_then_columns(self):
        settings = [
            {"relaxed_learning_rate": rate, "optimizer_slots": slots}
            for rate in (0.1, 0.03)
            for slots in ("reset", "embed")
        ]
        text = self.table(*self.trials(*settings))
        self.assertNotIn("best %", text)
        self.assertIn("relaxed_learning_rate=", text)
        self.assertIn("optimizer_slots=embed", text)
        for heading in ("label", "network", "n ", "vs CNN", "delta", "share"):
            self.assertIn(heading, text.splitlines()[0])

    def test_a_sweep_in_which_nothing_has_begun_says_so(self):
        entry = synthetic_relax_sweeps.entry({}, status="waiting")
        self.assertEndsWith(self.table((entry, None)), "\nnot begun.")

    def test_results_are_written_by_the_room_of_results(self):
        self.assertIs(relax_table.write_results, relax_results.write_results)


if __name__ == "__main__":
    absltest.main()

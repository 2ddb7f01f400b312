"""Tests of the table of a sweep: exact text, widths, nothing averaged away."""

import hypothesis
from absl.testing import absltest
from hypothesis import strategies as st

from needle_tf.reports import training_results
from needle_tf.reports import training_table


def row(label="sgd", **changes):
    fields = {
        "name": f"{label}_seed0",
        "variant": None,
        "settings": {},
        "seed": 0,
        "parameters": 3_490_000,
        "epochs_reached": 100,
        "planned_epochs": 100,
        "train_loss": 0.01,
        "train_accuracy": 0.999,
        "val_loss": None,
        "val_accuracy": None,
        "test_loss": 0.5,
        "test_accuracy": 0.88,
        "test_at_best_val": None,
        "best_val_epoch": None,
        "best_test_accuracy": 0.885,
        "best_test_epoch": 90,
        "rotation_mean": 0.97,
        "rotation_min": 0.7,
        "rotation_first": 0.825,
        "rotation_last": 0.69,
        "rotation_shortcuts": None,
        "seconds": 1_350.0,
        "images_per_second": 3_300.0,
        "status": "finished",
        "stop_epoch": None,
        "stop_reason": None,
    }
    return training_results.Result(label=label, **(fields | changes))


def trial(variant, rate, seed, **changes):
    return row(
        f"{variant}, {rate}",
        variant=variant,
        settings={"learning_rate": rate},
        seed=seed,
        **changes,
    )


NOTHING = {
    name: None
    for name in (
        "train_accuracy",
        "test_accuracy",
        "best_test_accuracy",
        "rotation_mean",
        "rotation_min",
        "rotation_first",
        "rotation_last",
        "seconds",
        "images_per_second",
        "parameters",
    )
}
SWEEP = [
    *(
        trial("layca", 1 / 27, seed, test_accuracy=accuracy)
        for seed, accuracy in enumerate((0.87, 0.88, 0.89))
    ),
    trial("sgd", 1 / 27, 0, test_accuracy=0.80),
    trial(
        "sgd",
        1 / 27,
        1,
        test_accuracy=0.81,
        epochs_reached=84,
        status="stopped",
        stop_epoch=84,
        stop_reason="the loss was at most 0.0001.",
    ),
    trial("sgd", 1 / 9, 0, test_accuracy=0.79),
    trial("sgd", 1 / 9, 1, test_accuracy=0.1, status="diverged", stop_epoch=3),
    trial("sgd", 1 / 9, 2, test_accuracy=0.1, status="diverged", stop_epoch=5),
    trial("sgd", 1 / 9, 3, epochs_reached=40, status="running"),
    trial(
        "sgd",
        1 / 3,
        0,
        **NOTHING,
        epochs_reached=0,
        status="failed",
        stop_reason="out of memory",
    ),
]


class FormatTableTest(absltest.TestCase):
    def lines(self, rows):
        lines = training_table.format_table(rows).splitlines()
        for line in lines:
            self.assertLessEqual(len(line), 100, line)
        return lines

    def test_means_are_over_seeds_that_came_to_their_end(self):
        lines = self.lines(SWEEP)
        self.assertRegex(lines[0], "^variant  learning_rate    n .*test %")
        self.assertRegex(lines[2], r"^layca +3⁻³ +3 .* 88.00 ± 1.00 .*0.970")
        self.assertRegex(lines[3], r"^sgd +3⁻³ +2 .*80.50 ± 0.71.*1 stopped$")
        self.assertRegex(
            lines[4], r"^sgd +3⁻² +1/4 .* 79.00 .*2 diverged, 1 running$"
        )
        self.assertRegex(lines[5], r"^sgd +3⁻¹ +0/1 .* failed$")

    def test_what_did_not_come_to_its_end_is_told_below(self):
        text = training_table.format_table(SWEEP)
        self.assertEndsWith(
            text,
            "\n".join(
                [
                    "sgd, learning_rate=3⁻³: seed 1 stopped at epoch 84 (the "
                    "loss was at most 0.0001).",
                    "sgd, learning_rate=3⁻²: seed 3 running at epoch 40 of "
                    "100.",
                    "sgd, learning_rate=3⁻²: seeds 1, 2 diverged at epochs "
                    "3, 5.",
                    "sgd, learning_rate=3⁻¹: failed: out of memory.",
                ]
            ),
        )

    def test_one_run_alone_is_a_table_of_one_line(self):
        lines = self.lines(
            [row("my_run", test_at_best_val=0.87, rotation_shortcuts=0.4)]
        )
        self.assertRegex(lines[0], "^label .*@val %.*shortcut")
        self.assertRegex(lines[2], "^my_run +1 .* 88.00 +87.00 .* 0.400")
        self.assertNotIn("status", lines[0])
        self.assertIn("@val", lines[-1])

    def test_what_only_runs_shows_how_far_it_is(self):
        lines = self.lines([row(status="running", epochs_reached=40)])
        self.assertRegex(lines[2], r"^sgd +0/1 +40 .* 88.00 .* running$")
        self.assertEqual(lines[-1], "sgd: running at epoch 40 of 100.")

    def test_what_waits_has_dashes(self):
        waits = {"epochs_reached": 0, "status": "waiting", **NOTHING}
        lines = self.lines([row(**waits), row(seed=1, **waits)])
        self.assertRegex(lines[2], "^sgd +0/2 +0 +- .* waiting$")
        self.assertEqual(lines[-1], "sgd: seeds 0, 1 waiting.")

    def test_long_labels_take_more_lines_and_lose_nothing(self):
        label = "a very long label/" * 8
        lines = self.lines([row(label), row("short")])
        labels = "".join(line.strip().split("  ")[0] for line in lines[2:])
        self.assertIn(label.replace(" ", ""), labels.replace(" ", ""))

    def test_a_setting_called_like_a_figure_does_not_take_its_column(self):
        rows = [
            row(str(n), settings={"epochs": n}, epochs_reached=n)
            for n in (10, 20)
        ]
        lines = self.lines(rows)
        self.assertRegex(lines[0], "^label .*epochs")

    def test_one_divergence_is_told_with_its_step(self):
        lines = self.lines(
            [row(status="diverged", stop_epoch=3, stop_reason="at step 7")]
        )
        self.assertEqual(lines[-1], "sgd: diverged at epoch 3 (at step 7).")

    def test_forty_trials_are_forty_lines(self):
        rows = [
            row(f"{a} {b}", settings={"alpha": a, "weight_decay": b})
            for a in range(8)
            for b in range(5)
        ]
        lines = self.lines(rows)
        self.assertRegex(lines[0], "^alpha  weight_decay ")
        self.assertLen([line for line in lines if "88.00" in line], 40)

    @hypothesis.given(
        st.lists(
            st.builds(
                row,
                label=st.text("abc /_=", min_size=1, max_size=60),
                seed=st.none() | st.integers(0, 99),
                settings=st.dictionaries(
                    st.sampled_from(["rate", "optimizer", "n", "test %"]),
                    st.floats(0, 1) | st.text("xyz ", max_size=30),
                ),
                epochs_reached=st.integers(0, 9_999),
                parameters=st.none() | st.integers(0, 10**11),
                test_accuracy=st.none() | st.floats(0, 1),
                test_at_best_val=st.none() | st.floats(0, 1),
                rotation_mean=st.none() | st.floats(0, 2),
                rotation_shortcuts=st.none() | st.floats(0, 2),
                seconds=st.none() | st.floats(0, 1e7),
                images_per_second=st.none() | st.floats(0, 1e6),
                status=st.sampled_from(
                    ["finished", "running", "diverged", "stopped", "failed"]
                ),
                stop_epoch=st.integers(0, 9_999),
                stop_reason=st.none() | st.text("abc ", max_size=200),
            ),
            min_size=1,
            max_size=6,
        )
    )
    def test_no_line_is_longer_than_a_hundred_columns(self, rows):
        lines = self.lines(rows)
        # The findings are never given up.
        for heading in ("n", "test %", "rot mean", "min"):
            self.assertIn(heading, lines[0])


if __name__ == "__main__":
    absltest.main()

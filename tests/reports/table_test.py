"""Tests of the table: exact text, widths, and what is missing."""

import hypothesis
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import strategies as st

from needle_tf.reports import results
from needle_tf.reports import table
from tests.reports import synthetic_runs

EXPECTED = """\
stage        epochs  weights  train %  test %    vs CNN  best % @ep   delta   share  time  img/s
------------------------------------------------------------------------------------------------
cnn            0-40    23.4k    98.12   87.00         -   87.50 @38  0.0000  0.0000  2.5m  13.3k
efcn_relax5    5-40    2.17M    98.12   88.25     +1.25   87.50 @38  0.0812  0.0400  2.5m  13.3k
lcn            0-27    23.4k    98.12   87.00   running   87.50 @38  0.0000       -  2.5m  13.3k
fcn             0-3    23.4k        -   10.00  diverged           -  0.0000  0.0000     -      -
vs CNN: points of test accuracy. Of the weights' norm: delta is the off-local part,
share what breaks weight sharing.
lcn: not finished, at epoch 27 of 40.
fcn: diverged at epoch 3, step 180."""  # noqa: E501 - the table is wider


def row(stage="cnn", kind="cnn", **changes):
    fields = {
        "relax_epoch": None,
        "first_epoch": 0,
        "last_epoch": 40,
        "planned_last_epoch": 40,
        "parameters": 23_434,
        "train_loss": 0.01,
        "train_accuracy": 0.98123,
        "test_loss": 0.5,
        "test_accuracy": 0.87,
        "best_test_accuracy": 0.875,
        "best_epoch": 38,
        "delta": 0.0,
        "delta_share": 0.0,
        "delta_cnn": 0.0,
        "seconds": 150.0,
        "images_per_second": 13_312.0,
        "status": "finished",
        "diverged_epoch": None,
        "diverged_step": None,
    }
    return results.Result(stage=stage, kind=kind, **(fields | changes))


def efcn(**changes):
    fields = {
        "relax_epoch": 5,
        "first_epoch": 5,
        "parameters": 2_170_000,
        "test_accuracy": 0.8825,
        "delta": 0.0812,
        "delta_share": 0.04,
    }
    return row("efcn_relax5", "efcn", **(fields | changes))


class FormatTableTest(parameterized.TestCase):
    def test_the_findings_are_readable_at_a_glance(self):
        text = table.format_table(
            [
                row(),
                efcn(),
                row(
                    "lcn",
                    "lcn",
                    last_epoch=27,
                    status="running",
                    delta_share=None,
                ),
                row(
                    "fcn",
                    "fcn",
                    last_epoch=3,
                    train_accuracy=None,
                    test_accuracy=0.1,
                    best_test_accuracy=None,
                    best_epoch=None,
                    seconds=None,
                    images_per_second=None,
                    status="diverged",
                    diverged_epoch=3,
                    diverged_step=180,
                ),
            ]
        )
        self.assertEqual(text, EXPECTED)

    def test_a_real_folder_fits_the_screen(self):
        run_dir = synthetic_runs.write(
            self.create_tempdir().full_path,
            synthetic_runs.cnn(),
            *(synthetic_runs.relaxed(e) for e in (0, 5, 10, 20, 30)),
            synthetic_runs.relaxed(20, "elcn"),
            synthetic_runs.lcn(),
            synthetic_runs.fcn(reached=12, diverged_step=722),
        )
        text = table.format_table(results.rows(run_dir))
        for line in text.splitlines():
            self.assertLessEqual(len(line), 100)
        # Nothing was given up for that.
        self.assertIn("img/s", text.splitlines()[0])

    def test_a_lost_comparison_is_negative(self):
        text = table.format_table([row(), efcn(test_accuracy=0.6125)])
        self.assertIn("-25.75", text)

    @parameterized.parameters(
        ([efcn()],),
        ([row(status="running"), efcn()],),
        ([row(test_accuracy=None), efcn()],),
        ([row(), efcn(test_accuracy=None)],),
    )
    def test_nothing_is_compared_with_a_cnn_that_has_no_result(self, rows):
        text = table.format_table(rows)
        self.assertNotIn("+", text)
        self.assertNotRegex(text, r"-\d+\.\d")

    def test_a_divergence_without_its_step_is_named(self):
        text = table.format_table([row(status="diverged", diverged_epoch=0)])
        self.assertIn("diverged", text.splitlines()[2])
        self.assertEndsWith(text, "cnn: diverged at epoch 0.")

    @parameterized.parameters(
        (0, "0"),
        (950, "950"),
        (999, "999"),
        (999.6, "1.00k"),
        (1_234, "1.23k"),
        (12_349, "12.3k"),
        (99_960, "100k"),
        (999_499, "999k"),
        (999_999, "1.00M"),
        (126_987_000, "127M"),
        (2.5e9, "2.50G"),
    )
    def test_large_counts_have_three_digits_and_a_unit(self, count, expected):
        text = table.format_table([row(parameters=count)])
        self.assertEqual(text.splitlines()[2].split()[2], expected)

    @parameterized.parameters(
        (0.04, "0.0s"),
        (9.94, "9.9s"),
        (9.96, "10s"),
        (99.4, "99s"),
        (100, "1.7m"),
        (5_400, "90.0m"),
        (7_200, "2.0h"),
        (3.6e6, "1000.0h"),
    )
    def test_times_have_their_unit(self, seconds, expected):
        text = table.format_table([row(seconds=seconds)])
        self.assertEqual(text.splitlines()[2].split()[-2], expected)

    @hypothesis.given(
        st.lists(
            st.builds(
                row,
                stage=st.from_regex(
                    r"[a-z]{3,10}_relax[0-9]{1,5}", fullmatch=True
                ),
                kind=st.sampled_from(["cnn", "efcn", "fcn"]),
                first_epoch=st.integers(0, 9_999),
                last_epoch=st.integers(0, 9_999),
                parameters=st.integers(0, 10**11),
                train_accuracy=st.none() | st.floats(0, 1),
                test_accuracy=st.none() | st.floats(0, 1),
                best_epoch=st.integers(0, 9_999),
                delta=st.none() | st.floats(0, 1),
                seconds=st.none() | st.floats(0, 1e7),
                images_per_second=st.none() | st.floats(0, 1e6),
                status=st.sampled_from(["finished", "running", "diverged"]),
                diverged_epoch=st.integers(0, 9_999),
            ),
            min_size=1,
            max_size=5,
        )
    )
    def test_no_line_is_longer_than_a_hundred_columns(self, rows):
        lines = table.format_table(rows).splitlines()
        for line in lines:
            self.assertLessEqual(len(line), 100)
        # The findings are never given up.
        for heading in ("stage", "epochs", "test %", "vs CNN", "delta"):
            self.assertIn(heading, lines[0])
        # Cells end where their headings do, but for what is stripped.
        self.assertLen({len(line) for line in lines[: 2 + len(rows)]}, 1)


if __name__ == "__main__":
    absltest.main()

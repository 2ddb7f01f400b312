"""Tests of the binary that measures trained networks."""

import json
import pathlib
import shutil
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.analysis import evaluation
from needle_tf.comparisons import measures as measures_lib
from needle_tf.protocol import checkpoints
from tests import compare_case
from tests import trained_runs
from tests.reports import analysis_results


class HelpTest(compare_case.CompareCase):
    def test_help_comes_at_once_and_lists_only_own_flags(self):
        out = self.helped()
        for name in ("mode", "first", "stiffness", "per_layer", "run_dir"):
            self.assertRegex(out, rf"--(\[no\])?{name}:")
        for name in ("relax_epoch", "momentum", "model", "sweep"):
            self.assertNotRegex(out, rf"--(\[no\])?{name}:")
        self.assertRegex(out, r"points:.*\n?.*interpolation\s+\(default\s+11\)")


class RepeatedTest(compare_case.CompareCase):
    def test_results_lie_in_the_run_and_are_not_measured_again(self):
        run_dir = trained_runs.copied(self.folder)
        arguments = (
            "--mode=interpolation",
            compare_case.EFCN,
            "--second=cnn",
            f"--run_dir={run_dir}",
        )
        finding = measures_lib.Finding(analysis_results.path())
        with mock.patch.object(
            measures_lib, "measure", return_value=finding
        ) as measure:
            first = self.command.called(*arguments, "--path=linear,outputs")
            again = self.command.called(*arguments, "--path=outputs,linear")
        self.assertEqual((first.code, first.err), (0, ""))
        self.assertRegex(first.out, r"interpolation outputs efcn_relax1@2 to")
        self.assertEqual(measure.call_count, 2)
        files = sorted((run_dir / "analysis").iterdir())
        self.assertLen(files, 4)
        for file in files:
            self.assertStartsWith(
                file.name, "interpolation_efcn_relax1_2_cnn_2-"
            )
        self.assertEqual(again.out.count("done before"), 2)
        for outcome in (first, again):
            self.assertRegex(outcome.out, r"(?m)^linear\n +test .*\n +train .*")

    def test_damaged_result_is_not_overwritten(self):
        arguments = (
            "--mode=locality",
            compare_case.EFCN,
            f"--run_dir={self.run_dir}",
        )
        self.assertEqual(self.called(*arguments).code, 0)
        (file,) = self.out_dir.glob("*.json")
        file.write_text("{}")
        self.assert_refused(
            self.called(*arguments),
            f"{file} is no result of this analysis .*Move it away",
        )
        self.assertEqual(file.read_text(), "{}")


class SweepTest(compare_case.CompareCase):
    def test_seeds_become_a_mean_and_what_is_missing_is_named(self):
        sweep_dir = trained_runs.sweep(self.folder)
        arguments = (
            "--mode=ablation",
            compare_case.EFCN,
            "--variants=local_only",
            "--noper_layer",
            "--progress=none",
            f"--run_dir={sweep_dir}",
        )
        outcome = self.command.called(*arguments)
        self.assertEqual((outcome.code, outcome.err), (0, ""))
        self.assertRegex(
            outcome.out, r"\[3/3\] seed2: left out: there is no folder .*seed2"
        )
        contents = [
            json.loads(file.read_text())
            for file in sorted(sweep_dir.glob("seed*/analysis/*.json"))
        ]
        self.assertEqual([each["seed"] for each in contents], [0, 1])
        # Other seeds have other images.
        self.assertNotEqual(*[each["result"]["intact"] for each in contents])
        (table,) = sweep_dir.glob("analysis/*.txt")
        (picture,) = sweep_dir.glob("analysis/*.png")
        self.assertEqual(table.stem, picture.stem)
        self.assertLen(
            list(sweep_dir.glob(f"seed*/analysis/{table.stem}.json")), 2
        )
        self.assertRegex(
            table.read_text(), r"efcn_relax1@2 \(n = 2\)\n +all +intact .* ± "
        )
        self.assertIn(str(picture), outcome.out)

    def test_failed_trial_does_not_stop_the_others(self):
        sweep_dir = trained_runs.sweep(self.folder)
        for file in sweep_dir.glob("seed0/efcn_relax1/checkpoints/*"):
            file.write_bytes(b"")
        outcome = self.command.called(
            "--mode=locality", compare_case.EFCN, f"--run_dir={sweep_dir}"
        )
        self.assert_refused(outcome, "seed0: .*is corrupt")
        self.assertRegex(outcome.out, r"(?m)^efcn_relax1@2\n +conv_1")
        self.assertLen(list(sweep_dir.glob("seed1/analysis/*.json")), 1)

    def test_stage_of_no_trial_is_refused(self):
        sweep_dir = trained_runs.sweep(self.folder)
        outcome = self.command.called(
            "--mode=locality", "--first=efcn_relax7", f"--run_dir={sweep_dir}"
        )
        self.assert_refused(
            outcome, "No trial of .*sweep has efcn_relax7: .*seed0 has no stage"
        )


class FilesTest(compare_case.CompareCase):
    def setUp(self):
        super().setUp()
        self.file = self.folder / "mine.keras"
        source = checkpoints.file_of(self.run_dir / "efcn_relax1", 2)
        shutil.copy(source, self.file)
        self.arguments = (
            f"--out_dir={self.out_dir}",
            "--progress=none",
            "--dataset=digits",
            "--train_size=60",
            "--test_size=40",
        )

    def test_files_are_measured_on_the_data_of_the_flags(self):
        arguments = (
            "--mode=ablation",
            f"--first={self.file}",
            "--variants=local_only",
            "--noper_layer",
            compare_case.IMAGES,
            *self.arguments,
        )
        outcome = self.command.called(*arguments)
        self.assertEqual((outcome.code, outcome.err), (0, ""))
        (file,) = self.out_dir.glob("ablation_mine-*.json")
        content = json.loads(file.read_text())
        self.assertEqual(content["first"], str(self.file))
        self.assertIsNone(content["seed"])
        self.assertEqual(content["settings"]["data"]["train_size"], 60)
        figures = evaluation.Evaluator(
            compare_case.network("efcn_relax1")
        ).evaluate(compare_case.images("test"))
        self.assertAlmostEqual(
            content["result"]["intact"]["loss"], figures.loss, places=4
        )

    def test_another_network_in_a_file_is_another_analysis(self):
        arguments = ("--mode=locality", f"--first={self.file}")
        self.assertEqual(self.called(*arguments).code, 0)
        shutil.copy(checkpoints.file_of(self.run_dir / "fcn", 2), self.file)
        self.assertEqual(self.called(*arguments).code, 0)
        contents = [
            json.loads(file.read_text())
            for file in self.out_dir.glob("locality_mine-*.json")
        ]
        self.assertNotEqual(*[each["result"] for each in contents])
        self.assertEqual([each["dataset"] for each in contents], [None, None])

    def test_other_images_are_refused(self):
        outcome = self.command.called(
            "--mode=ablation",
            f"--first={self.file}",
            f"--out_dir={self.out_dir}",
            "--dataset=cluttered_digits",
            "--train_size=60",
            "--test_size=40",
        )
        self.assert_refused(
            outcome, r"mine.keras takes \[\(8, 8, 1\)\] and .*as --dataset"
        )
        self.assertFalse(self.out_dir.exists())


class MistakesTest(compare_case.CompareCase):
    def test_mistakes_are_answered_at_once(self):
        self.run_dir = self.folder / "none"
        for arguments, message in (
            (["--mode=x"], "--mode=x: value should be one of"),
            (["--mode=locality", compare_case.EFCN], "there is no folder"),
        ):
            self.assert_refused_at_once(arguments, message)

    @parameterized.named_parameters(
        (
            "no_mode",
            [compare_case.EFCN],
            "--mode says what is measured: one of interpol",
        ),
        ("no_first", ["--mode=locality"], "--first says which network"),
        (
            "no_second",
            ["--mode=string", compare_case.EFCN],
            "--mode=string leads from one network to another.*--second",
        ),
        (
            "unread_second",
            ["--mode=locality", compare_case.EFCN, "--second=cnn"],
            "would ignore --second=cnn",
        ),
        (
            "unread_flag",
            ["--mode=locality", compare_case.EFCN, "--points=3"],
            "--mode=locality would ignore --points. Leave it away",
        ),
        (
            "flag_of_another_binary",
            [
                "--mode=ablation",
                compare_case.EFCN,
                "--model=alexnet",
                "--momentum=0.9",
            ],
            "--mode=ablation would ignore --model, --momentum",
        ),
        (
            "data_flag",
            ["--mode=ablation", compare_case.EFCN, "--dataset=digits"],
            "--dataset would be ignored: the data are those of",
        ),
        (
            "bounds",
            ["--mode=string", compare_case.EFCN, "--second=cnn", "--points=2"],
            "`points` must be an integer >= 3. Received: points=2",
        ),
        (
            "list",
            ["--mode=threshold", compare_case.EFCN, "--distances=0,1"],
            r"`distances` must be numbers in \[0, 1\).*--distances=0,1",
        ),
    )
    def test_mistake_is_refused_before_anything_is_read(
        self, arguments, message
    ):
        outcome = self.command.called(*arguments, f"--run_dir={self.folder}/no")
        self.assert_refused(outcome, message)

    @parameterized.named_parameters(
        ("stage", ["--first=efcn_relax2"], "has no stage 'efcn_relax2'. Its"),
        ("epoch", ["--first=cnn@7"], "keeps no checkpoint of cnn at epoch 7"),
        ("cnn", ["--first=cnn"], "relaxed.*cnn@2 is none.*efcn_relax1, fcn"),
        ("file", ["--first=no.keras"], "there is no file no.keras"),
        (
            "data_dir",
            [compare_case.EFCN, "--data_dir=/x"],
            "would ignore --data_dir",
        ),
    )
    def test_what_the_run_has_not_is_refused(self, arguments, message):
        self.assert_refused(
            self.command.called(
                "--mode=ablation", *arguments, f"--run_dir={self.run_dir}"
            ),
            message,
        )
        self.assertFalse((self.run_dir / "analysis").exists())

    def test_stage_without_a_run_is_refused(self):
        self.assert_refused(
            self.command.called("--mode=locality", compare_case.EFCN),
            "efcn_relax1 must be of a run: .*--run_dir",
        )
        self.assertFalse(pathlib.Path("analysis").exists())

    def test_library_says_what_does_not_fit(self):
        self.assert_refused(
            self.command.called(
                "--mode=off_local",
                compare_case.EFCN,
                "--units=99:0:0",
                f"--run_dir={self.run_dir}",
                f"--out_dir={self.out_dir}",
            ),
            "`units` must be a sequence of .*99",
        )
        self.assertFalse(self.out_dir.exists())


if __name__ == "__main__":
    absltest.main()

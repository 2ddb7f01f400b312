"""Tests of the binary: what a user types, and what comes back."""

import subprocess
import sys
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf import report
from needle_tf.pages import page
from tests import commands
from tests import source_tree
from tests.pages import page_checks
from tests.pages import page_folders
from tests.reports import synthetic_runs


class ReportCase(commands.CommandCase):
    command = commands.Command(report)

    def made(self, name="run"):
        """Returns the folder of a run that has just begun."""
        return page_folders.relax_run(
            self.folder / name, synthetic_runs.cnn(reached=2)
        )


class ReportTest(ReportCase):
    def test_page_is_written_without_tensorflow(self):
        run_dir = self.made()
        listed = [sys.executable, "-X", "importtime", "-m", "needle_tf.report"]
        done = subprocess.run(
            [*listed, str(run_dir)],
            capture_output=True,
            text=True,
            cwd=source_tree.ROOT,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(
            done.stdout,
            rf"^{run_dir}/report.html \(0\.\d MB, 1 picture beside it\)\n$",
        )
        modules = {
            line.rpartition("|")[2].strip() for line in done.stderr.splitlines()
        }
        self.assertIn("matplotlib", modules)
        self.assertNoCommonElements(
            modules, {"tensorflow", "keras", "jax", "matplotlib.pyplot"}
        )
        page_checks.assert_sound(self, run_dir / page.NAME)

    def test_several_folders_may_be_named_in_any_way(self):
        one, other = self.made("one"), self.made("other")
        outcome = self.command.called(str(one), f"{other}/", str(one))
        self.assertEqual(outcome.code, 0, outcome.err)
        self.assertEqual(outcome.out.count("report.html"), 2)
        (one / page.NAME).unlink()
        outcome = self.command.called(f"--run_dir={one}")
        self.assertEqual(outcome.code, 0, outcome.err)
        self.assertTrue((one / page.NAME).is_file())

    def test_folder_that_is_refused_does_not_stop_the_others(self):
        one, other = self.made("one"), self.made("other")
        (one / "cnn/history.json").write_text("{")
        outcome = self.command.called(str(one), str(other))
        self.assert_refused(outcome, "one/cnn/history.json is no whole")
        self.assertFalse((one / page.NAME).exists())
        self.assertTrue((other / page.NAME).is_file())

    def test_mistake_of_ours_keeps_its_traceback(self):
        with mock.patch.object(page, "write", side_effect=TypeError("oops")):
            with self.assertRaisesRegex(TypeError, "oops"):
                self.command.called(str(self.made()))

    def test_library_logs_show_every_traceback(self):
        with self.assertRaisesRegex(ValueError, "there is no folder"):
            self.command.called(str(self.run_dir), "--library_logs")


class RefusedTest(ReportCase):
    @parameterized.named_parameters(
        ("nothing", [], "folder of a run or of a sweep is needed. Received no"),
        ("unknown_flag", ["--run_dri=x"], "Unknown.*mean: run_dir"),
        ("both", ["x", "--run_dir=y"], "Received: x and --run_dir=y."),
        (
            "flags_of_others",
            ["x", "--epochs=3", "--nodownload"],
            "the report would ignore --download, --epochs",
        ),
        ("no_folder", ["/no/where"], "there is no folder '/no/where'"),
        ("no_run", ["."], "'.' holds neither a run"),
    )
    def test_mistake_is_one_message(self, arguments, message):
        if message.startswith("Unknown"):
            # Flags are parsed before the binary is called.
            outcome = self.command.answer(*arguments)
            self.assertLess(outcome.seconds, 3)
        else:
            outcome = self.command.called(*arguments)
        self.assert_refused(outcome, message)

    def test_folder_that_cannot_be_written_to_is_named(self):
        run_dir = self.made()
        error = PermissionError(13, "Permission denied", f"{run_dir}/x.png")
        with mock.patch.object(page, "write", side_effect=error):
            outcome = self.command.called(str(run_dir))
        self.assert_refused(outcome, "cannot be written to: .*x.png")


class HelpTest(ReportCase):
    def test_help_comes_at_once_and_lists_no_flags_of_others(self):
        out = self.helped()
        self.assertIn("needle_tf.report RUN_OR_SWEEP_FOLDER", out)
        self.assertRegex(out, r"--\[no\]library_logs:")
        self.assertNotRegex(out, "--epochs|--optimizer")


if __name__ == "__main__":
    absltest.main()

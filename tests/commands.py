"""What a user types, and what comes back: for the tests of the binaries."""

import contextlib
import dataclasses
import io
import os
import pathlib
import subprocess
import sys
import time
import types
from unittest import mock

from absl import flags
from absl.testing import flagsaver
from absl.testing import parameterized

from tests import source_tree


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Exit code of a command, what it wrote, and the CPU time it took."""

    code: int
    out: str
    err: str
    seconds: float = 0.0


@dataclasses.dataclass(frozen=True)
class Command:
    """One of our binaries, by its module."""

    module: types.ModuleType

    def typed(self, *arguments: str) -> subprocess.Popen:
        """Starts `python -m needle_tf.<binary>` in the repository's root."""
        environment = os.environ.copy()
        environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
        environment.pop("TFDS_DATA_DIR", None)
        return subprocess.Popen(
            [sys.executable, "-m", self.module.__name__, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=source_tree.ROOT,
            env=environment,
        )

    def answer(self, *arguments: str) -> Outcome:
        """Returns what comes of a command in a process of its own."""
        before = os.times()
        with self.typed(*arguments) as process:
            out, err = process.communicate()
        after = os.times()
        seconds = after.children_user - before.children_user
        seconds += after.children_system - before.children_system
        return Outcome(process.returncode, out, err, seconds)

    def called(self, *arguments: str) -> Outcome:
        """Does the same in this process, where TensorFlow runs already."""
        out, err = io.StringIO(), io.StringIO()
        name = self.module.__name__.rpartition(".")[2]
        with (
            flagsaver.flagsaver(),
            mock.patch.dict(os.environ),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            os.environ.pop("TFDS_DATA_DIR", None)
            code = self.module.main(flags.FLAGS([name, *arguments]))
        return Outcome(code, out.getvalue(), err.getvalue())


class CommandCase(parameterized.TestCase):
    """Tests of one binary, each with a run folder that is not there yet."""

    command: Command

    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)
        self.run_dir = self.folder / "run"

    def assert_refused(self, outcome, message):
        """One message, exit code 2, no traceback."""
        self.assertEqual(outcome.code, 2, outcome.err)
        self.assertRegex(outcome.err, f"^needle_tf: .*{message}")
        self.assertNotIn("Traceback", outcome.out + outcome.err)
        self.assertEqual(outcome.err.count("needle_tf: "), 1, outcome.err)
        self.assertEqual(outcome.err.count("\n"), 1, outcome.err)

    def assert_refused_at_once(self, arguments, message):
        """And before TensorFlow is there, or anything is written."""
        outcome = self.command.answer(*arguments, f"--run_dir={self.run_dir}")
        # TensorFlow alone would take longer. Others may use the CPU as well.
        self.assertLess(outcome.seconds, 3)
        self.assert_refused(outcome, message)
        self.assertFalse(self.run_dir.exists())

    def helped(self):
        """Returns what --help prints, which comes at once."""
        outcome = self.command.answer("--help")
        self.assertLess(outcome.seconds, 2)
        self.assertEqual(outcome.code, 0)
        return outcome.out

    def wait_for(self, file):
        deadline = time.monotonic() + 120
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertTrue(file.exists())

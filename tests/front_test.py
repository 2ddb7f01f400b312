"""Tests of the door of all binaries: messages and exit codes."""

import contextlib
import errno
import io
from unittest import mock

from absl import flags
from absl.testing import absltest
from absl.testing import flagsaver
from absl.testing import parameterized

from needle_tf import front


def answered(work, *more):
    """Returns the exit code of some work, and what it wrote to stderr."""
    err = io.StringIO()
    with flagsaver.flagsaver(), contextlib.redirect_stderr(err):
        flags.FLAGS(["train"])
        with mock.patch.object(front.sys, "argv", ["train", "--seed=1"]):
            code = front.guarded(["train", *more], "train", work)
    return code, err.getvalue()


def raising(error):
    def work():
        raise error

    return work


class GuardedTest(parameterized.TestCase):
    def test_code_of_the_work_is_returned(self):
        self.assertEqual(answered(lambda: 2), (2, ""))

    def test_mistake_becomes_one_line(self):
        code, err = answered(raising(ValueError("Set --seed.")))
        self.assertEqual((code, err), (2, "needle_tf: Set --seed.\n"))

    def test_what_is_no_flag_is_refused(self):
        code, err = answered(lambda: 0, "epochs=3")
        self.assertEqual(code, 2)
        self.assertIn("there are flags only. Received: epochs=3.", err)

    def test_names_are_for_the_work_that_takes_them(self):
        code = front.guarded(
            ["report", "a"], "report", lambda: 7, takes_names=True
        )
        self.assertEqual(code, 7)

    def test_interruption_says_what_the_same_command_does(self):
        err = io.StringIO()
        with contextlib.redirect_stderr(err):
            code = front.guarded(
                ["report"],
                "report",
                raising(KeyboardInterrupt()),
                again="draws it anew",
            )
        self.assertEqual(code, 130)
        self.assertIn("the same command draws it anew: ", err.getvalue())

    def test_interruption_says_how_to_go_on(self):
        code, err = answered(raising(KeyboardInterrupt()))
        self.assertEqual(code, 130)
        self.assertIn("python -m needle_tf.train --seed=1\n", err)

    def test_mistake_of_ours_keeps_its_traceback(self):
        with self.assertRaisesRegex(TypeError, "oops"):
            answered(raising(TypeError("oops")))

    def test_library_logs_show_every_traceback(self):
        with flagsaver.flagsaver(library_logs=True):
            with self.assertRaisesRegex(ValueError, "so"):
                front.guarded(["train"], "train", raising(ValueError("so")))


class MessageTest(parameterized.TestCase):
    def test_full_disk_is_recognised_whoever_notices_it(self):
        for error in (
            OSError(errno.ENOSPC, "No space left on device", "x"),
            OSError(
                "file write failed: error message = 'No space left on device'"
            ),
            RuntimeError("Unable to flush: No space left on device"),
        ):
            self.assertRegex(front.message_of(error), "^the disk is full: ")

    def test_other_errors_are_told_apart(self):
        told = front.message_of(PermissionError(errno.EACCES, "denied", "/x"))
        self.assertRegex(told, "cannot be written to: .*'/x'")
        told = front.message_of(FileNotFoundError(errno.ENOENT, "None", "/x"))
        self.assertEqual(told, "cannot use /x: None.")
        self.assertRegex(front.message_of(MemoryError("")), "^memory ran out")
        self.assertEqual(front.message_of(ValueError("so")), "so")
        # A mistake of ours keeps its traceback.
        self.assertIsNone(front.message_of(TypeError("oops")))


if __name__ == "__main__":
    absltest.main()

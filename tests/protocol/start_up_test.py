"""Tests of the quiet start, in processes of their own."""

import os

from absl.testing import absltest

from tests.protocol import light_process

CODE = """
import gc, os, sys
from needle_tf.protocol import start_up
with start_up.quiet({quiet}, with_keras={with_keras}):
    os.write(2, b"chatter\\n")
    {body}
os.write(2, b"afterwards\\n")
# The libraries, once they are there, and nothing else is frozen.
assert (gc.get_freeze_count() > 0) == ("tensorflow" in sys.modules)
"""

# Imported without what it does not need, which can still be had afterwards.
KERAS = (
    "assert 'keras' in sys.modules and gc.isenabled()"
    "; assert not {'matplotlib', 'sklearn'} & sys.modules.keys()"
    "; import matplotlib.style, sklearn"
)


class QuietTest(absltest.TestCase):
    def stderr(self, quiet, body="pass", with_keras=False):
        """Returns what a process wrote to stderr, C++ included."""
        environment = os.environ.copy()
        environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
        code = CODE.format(quiet=quiet, body=body, with_keras=with_keras)
        return light_process.errors(code, env=environment)

    def test_chatter_is_kept_back_and_later_words_are_not(self):
        self.assertEqual(self.stderr(True), "afterwards\n")

    def test_chatter_is_shown_if_asked_for(self):
        self.assertEqual(self.stderr(False), "chatter\nafterwards\n")

    def test_after_an_error_everything_is_shown(self):
        shown = self.stderr(True, "raise ImportError('broken')")
        self.assertStartsWith(shown, "chatter\nTraceback")
        self.assertIn("broken", shown)

    def test_tensorflow_starts_without_a_word(self):
        body = "import tensorflow as tf; tf.constant(1) + 1"
        said = self.stderr(True, f"{KERAS}; {body}", with_keras=True)
        self.assertEqual(said, "afterwards\n")

    def test_onednn_is_used_unless_the_user_says_otherwise(self):
        body = "assert os.environ['TF_ENABLE_ONEDNN_OPTS'] == {!r}"
        for given in (None, "0"):
            environment = os.environ.copy()
            environment.pop("TF_ENABLE_ONEDNN_OPTS", None)
            if given is not None:
                environment["TF_ENABLE_ONEDNN_OPTS"] = given
            for quiet in (True, False):
                code = CODE.format(
                    quiet=quiet,
                    body=body.format(given or "1"),
                    with_keras=False,
                )
                shown = light_process.errors(code, env=environment)
                self.assertEndsWith(shown, "afterwards\n")
                self.assertNotIn("Traceback", shown)


if __name__ == "__main__":
    absltest.main()

"""Python code in a process of its own that begins as our binaries do.

Importing `needle_tf` then waits with Keras and TensorFlow until they are used.
"""

import subprocess
import sys

_PROLOGUE = """
import sys
sys.argv[0] = "-m"
sys.orig_argv = ["python", "-m", "needle_tf.main"]
"""


def start(code: str, *arguments: str, **settings) -> subprocess.Popen:
    """Starts a process that runs the code; its streams are pipes of text."""
    return subprocess.Popen(
        [sys.executable, "-c", _PROLOGUE + code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **settings,
    )


def errors(code: str, *arguments: str, **settings) -> str:
    """Returns what the code wrote to stderr."""
    with start(code, *arguments, **settings) as process:
        return process.communicate()[1]

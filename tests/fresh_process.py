"""Code in processes of their own that know Keras, and nothing of this package.

    fresh_process.run(CODE, folder, "an argument")

Importing Keras takes longer than most of what is tried in such processes. So
one process per backend imports it, before the backend starts any threads, and
each call is a fork of that: what the code imports or sets up, as devices or
flags of TensorFlow, the next one does not see.
"""

import atexit
import functools
import gc
import importlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import traceback

_ROOT = pathlib.Path(__file__).resolve().parent.parent
# Keras imports them where they are: almost as long as all the rest takes.
_UNUSED = ("matplotlib", "sklearn")
_SECONDS = 500


def run(code, folder, *arguments, backend="tensorflow"):
    """Runs code and returns what it printed.

    Args:
        code: Python, as after `python -c`.
        folder: Where it runs.
        *arguments: Its `sys.argv[1:]`.
        backend: Of Keras. With "jax" there is no TensorFlow.

    Raises:
        AssertionError: With the end of its stderr, if it fails.
    """
    server = _server(backend)
    asked = {
        "code": code,
        "folder": str(folder),
        "arguments": [str(argument) for argument in arguments],
    }
    server.stdin.write(json.dumps(asked) + "\n")
    server.stdin.flush()
    answer = server.stdout.readline()
    if not answer:
        raise AssertionError(f"no process could be started for {backend}")
    answer = json.loads(answer)
    if answer["code"]:
        raise AssertionError(
            f"ended with code {answer['code']}: {answer['stderr'][-3000:]}"
        )
    return answer["stdout"]


@functools.cache
def _server(backend):
    """Returns the process that forks; it ends when its stdin is closed."""
    environment = {"KERAS_BACKEND": backend, "PYTHONPATH": str(_ROOT)}
    if backend == "jax":
        environment["JAX_PLATFORMS"] = "cpu"
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.fresh_process", backend],
        env={**os.environ, **environment},
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    @atexit.register
    def end():
        server.stdin.close()
        server.wait()
        server.stdout.close()

    return server


def _serve(backend):
    """Imports Keras, then answers each line of stdin with one of stdout."""
    # Ctrl-C is for the tests; without them stdin ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    gc.disable()
    sys.modules.update(dict.fromkeys(_UNUSED))
    if backend == "jax":
        sys.modules["tensorflow"] = None  # As if it were not installed.
    _import_keras(backend)
    for name in _UNUSED:
        del sys.modules[name]
    gc.freeze()
    gc.enable()
    for line in sys.stdin:
        answers.write(json.dumps(_forked(**json.loads(line))) + "\n")
        answers.flush()


def _import_keras(backend):
    """Imports Keras without the chatter of its backend."""
    stderr = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        importlib.import_module("keras")
        importlib.import_module(backend)
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def _forked(code, folder, arguments):
    """Runs code in a fork; returns its exit code and what it wrote."""
    with (
        tempfile.TemporaryFile("w+") as stdout,
        tempfile.TemporaryFile("w+") as stderr,
        open(os.devnull) as nothing,
    ):
        child = os.fork()
        if child == 0:
            for number, file in enumerate((nothing, stdout, stderr)):
                os.dup2(file.fileno(), number)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.alarm(_SECONDS)
            sys.argv = ["-c", *arguments]
            os._exit(_executed(code, folder))
        status = os.waitpid(child, 0)[1]
        found = {"code": os.waitstatus_to_exitcode(status)}
        for name, file in (("stdout", stdout), ("stderr", stderr)):
            file.seek(0)
            found[name] = file.read()
        return found


def _executed(code, folder):
    """Executes code as a main program; returns the exit code."""
    try:
        os.chdir(folder)
        exec(compile(code, "<code>", "exec"), {"__name__": "__main__"})
        return 0
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


if __name__ == "__main__":
    _serve(sys.argv[1])

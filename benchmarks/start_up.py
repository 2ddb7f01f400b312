"""How long a user waits: for `--help`, the first step, and the default run.

    python -m benchmarks.start_up

Floors: Python's own start; the import of TensorFlow alone; and of the default
run, the training alone, which its histories hold. The first step is the first
call of the train function, on a disk that is warm.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

from absl import flags

from benchmarks import fresh
from benchmarks import front
from benchmarks import pairs
from benchmarks import tables

Row = tables.Row
_MAIN = (sys.executable, "-m", "needle_tf.main")
_FIRST_STEP = (sys.executable, "-m", "benchmarks.first_step", "main")
_HELP_SECONDS = 1.0
_FIRST_STEP_SECONDS = 6.0
_RUN_SECONDS = 120.0

_WHOLE_RUN = flags.DEFINE_boolean(
    "whole_run", True, "Whether the default run is timed, once: minutes."
)


def measure(settings: front.Settings) -> list[Row]:
    """Returns the rows of this benchmark."""
    shown, python = pairs.in_turn(
        settings.repeats,
        lambda: _ran(*_MAIN, "--help"),
        lambda: _ran(sys.executable, "-c", "pass"),
    )
    what = "python -m needle_tf.main --help"
    limit = [_HELP_SECONDS] * len(shown)
    rows = [
        Row(what, shown, "1 second", limit, 1.0),
        Row(what, shown, "python -c pass", python),
        *_first_step(settings),
    ]
    return rows + _whole_run() if _WHOLE_RUN.value else rows


def _first_step(settings):
    steps, libraries = pairs.in_turn(
        settings.processes,
        _to_first_step,
        lambda: _ran(sys.executable, "-c", "import tensorflow"),
    )
    what = "the first training step of the default run"
    limit = [_FIRST_STEP_SECONDS] * len(steps)
    return [
        Row(what, steps, "6 seconds", limit, 1.0),
        Row(what, steps, "python -c 'import tensorflow'", libraries),
    ]


def _to_first_step():
    with tempfile.TemporaryDirectory() as folder:
        _ran(*_FIRST_STEP, f"--run_dir={folder}/run")


def _whole_run():
    with tempfile.TemporaryDirectory() as folder:
        run = pairs.seconds(lambda: _ran(*_MAIN, f"--run_dir={folder}/run"))
        epochs = sum(
            epoch["seconds"] or 0
            for path in pathlib.Path(folder).rglob("history.json")
            for epoch in json.loads(path.read_text())["epochs"]
        )
    what = "the default run, all of it"
    return [
        Row(what, [run], "2 minutes", [_RUN_SECONDS], 1.0),
        Row(what, [run], "its epochs alone", [epochs]),
    ]


def _ran(*command):
    done = subprocess.run(
        command, cwd=fresh.ROOT, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(
            f"{' '.join(command)} ended with code {done.returncode}:\n"
            f"{done.stderr[-2000:]}"
        )


if __name__ == "__main__":
    front.run("Start-up and the default run", measure)

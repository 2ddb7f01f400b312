"""Runs one function in a fresh process: fresh memory, a peak of its own.

    fresh.call("benchmarks.embed", "embed_fresh", fresh_first=True)

is `benchmarks.embed.embed_fresh(fresh_first=True)` in another process. What
goes in and comes out is JSON. A child may not see a smaller peak than its
parent had, so the parents of these processes import nothing large.
"""

import importlib
import json
import mmap
import os
import pathlib
import resource
import subprocess
import sys
from typing import Any
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parent.parent
# `ru_maxrss` is in KiB on Linux and in bytes on macOS.
_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024
_CHUNK = bytes(1 << 24)
# As the binaries do: without a word, and with oneDNN on any CPU.
_LIKE_BINARIES = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "1",
    "PYTHONWARNINGS": "ignore",
}


class Outcome(NamedTuple):
    """What came of a call in a fresh process.

    Attributes:
        result: What the function returned.
        peak: Peak of the resident memory of its process, in bytes.
    """

    result: Any
    peak: int


def call(
    module: str,
    function: str,
    *,
    interpreter: str | None = None,
    **arguments: Any,
) -> Outcome:
    """Returns what a function returns in a process of its own.

    Args:
        module: Dotted name of a module, importable from the repository.
        function: Name of a function in it; its result must be JSON.
        interpreter: Python to run; the running one by default.
        **arguments: Of the function; JSON.

    Raises:
        RuntimeError: With the end of its stderr, if the process fails.
    """
    worker = [interpreter or sys.executable, "-m", "benchmarks.fresh"]
    done = subprocess.run(
        [*worker, module, function, json.dumps(arguments)],
        cwd=ROOT,
        env={**_LIKE_BINARIES, **os.environ},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(
            f"{module}.{function}({arguments}) ended with code "
            f"{done.returncode} in {worker[0]}:\n{done.stderr[-2000:]}"
        )
    answer = json.loads(done.stdout.splitlines()[-1])
    return Outcome(answer["result"], answer["peak"])


def peak() -> int:
    """Returns the peak of this process' resident memory so far, in bytes."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_maxrss * _PEAK_UNIT


def put_pages_at_hand(size: int) -> None:
    """Makes the machine have `size` bytes of free pages at hand.

    A virtual machine hands freed pages back to its host after some seconds,
    and writing to them again then takes several times longer. What is written
    right after this call meets pages that are new to the process alone.
    """
    with mmap.mmap(-1, size) as memory:
        while memory.tell() < size:
            memory.write(_CHUNK[: size - memory.tell()])


def _work(module: str, function: str, arguments: str) -> None:
    work = getattr(importlib.import_module(module), function)
    result = work(**json.loads(arguments))
    print(json.dumps({"result": result, "peak": peak()}))


if __name__ == "__main__":
    _work(*sys.argv[1:])

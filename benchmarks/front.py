"""The flags that all benchmarks share, and how one is run alone."""

import dataclasses
import functools
import os
import shutil
import sys
from collections.abc import Callable
from collections.abc import Sequence

from absl import app
from absl import flags

from benchmarks import machine
from benchmarks import tables

_REPEATS = flags.DEFINE_integer(
    "repeats", 7, "Timed rounds within one process.", lower_bound=1
)
_PROCESSES = flags.DEFINE_integer(
    "processes",
    4,
    "Rounds of fresh processes, for fresh memory and peaks.",
    lower_bound=1,
)
_TORCH_PYTHON = flags.DEFINE_string(
    "torch_python",
    sys.executable,
    "Python with PyTorch (pip install torch==2.13.0), the peer.",
)
flags.register_validator(
    "torch_python",
    lambda path: shutil.which(path) is not None,
    message="must be a Python that can be run, such as venv/bin/python",
)


@dataclasses.dataclass(frozen=True)
class Settings:
    """How often to measure, and with which PyTorch.

    Attributes:
        repeats: Timed rounds within one process.
        processes: Rounds of fresh processes.
        torch_python: The Python to ask for PyTorch.
    """

    repeats: int
    processes: int
    torch_python: str

    @functools.cached_property
    def has_torch(self) -> bool:
        return machine.torch_version(self.torch_python) is not None


def settings() -> Settings:
    """Returns the settings that the flags give."""
    # Children run in the root of the repository, wherever this was typed.
    python = os.path.abspath(shutil.which(_TORCH_PYTHON.value))
    return Settings(_REPEATS.value, _PROCESSES.value, python)


def without_torch(what: str, against: str) -> tables.Row:
    """Returns the row of a comparison that needs PyTorch, if there is none."""
    return tables.Row(
        what,
        against=against,
        not_measured="not measured: pip install torch==2.13.0",
    )


def run(title: str, measure: Callable[[Settings], list[tables.Row]]) -> None:
    """Parses the flags, measures, prints the table, and ends the process."""

    def main(argv: Sequence[str]) -> None:
        if len(argv) > 1:
            raise app.UsageError(f"Flags only. Received: {argv[1:]}.")
        chosen = settings()
        facts = machine.facts(chosen.torch_python).values()
        print("\n".join((title, *facts, "")), flush=True)
        print(tables.as_markdown(measure(chosen)))

    app.run(main)

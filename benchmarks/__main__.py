"""Runs all benchmarks and writes benchmarks/results.md.

    python -m benchmarks --torch_python=/path/to/python

On a quiet machine: whatever else runs shows in every number.
"""

import datetime
import pathlib
from collections.abc import Sequence

from absl import app
from absl import flags

from benchmarks import distances
from benchmarks import ec_opt
from benchmarks import efcn_step
from benchmarks import embed
from benchmarks import front
from benchmarks import layca
from benchmarks import lcn
from benchmarks import machine
from benchmarks import start_up
from benchmarks import tables

_ALL = (embed, efcn_step, distances, lcn, layca, ec_opt, start_up)
_RESULTS = flags.DEFINE_string(
    "results",
    str(pathlib.Path(__file__).parent / "results.md"),
    "File to write the tables to.",
)
_HEAD = """# Benchmarks

Written by `python -m benchmarks` on {date}. Every row is held against a floor
(the least that could do the job), a peer or a limit that was measured in turn
with it; ratios are medians over rounds, goals are the largest ratio allowed.

{machine}
"""


def main(argv: Sequence[str]) -> None:
    """Measures everything, prints the tables as they come, and writes them."""
    if len(argv) > 1:
        raise app.UsageError(f"Flags only. Received: {argv[1:]}.")
    settings = front.settings()
    described = "\n".join(
        f"* {line}"
        for line in machine.describe(settings.torch_python).splitlines()
    )
    today = datetime.date.today().isoformat()
    parts = [_HEAD.format(date=today, machine=described)]
    print(parts[0], flush=True)
    for benchmark in _ALL:
        purpose = benchmark.__doc__.strip()
        table = tables.as_markdown(benchmark.measure(settings))
        heading = f"## {purpose.splitlines()[0].rstrip('.')}"
        floors = purpose.rpartition("\n\n")[2]
        parts.append(f"{heading}\n\n{floors}\n\n{table}\n")
        print(parts[-1], flush=True)
    pathlib.Path(_RESULTS.value).write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    app.run(main)

"""Runs all benchmarks and writes benchmarks/results.md and results.json.

    python -m benchmarks --torch_python=/path/to/python
    python -m benchmarks --only=embed,lcn

Some of them alone are printed, and written only where --results says. On a
quiet machine: whatever else runs shows in every number.
"""

import datetime
import json
import pathlib
from collections.abc import Sequence
from typing import Any

from absl import app
from absl import flags

from benchmarks import cnn_stage
from benchmarks import distances
from benchmarks import ec_opt
from benchmarks import efcn_step
from benchmarks import embed
from benchmarks import evaluation
from benchmarks import front
from benchmarks import growth
from benchmarks import input_pipeline
from benchmarks import layca
from benchmarks import lcn
from benchmarks import machine
from benchmarks import pairs
from benchmarks import spared_work
from benchmarks import start_up
from benchmarks import steps
from benchmarks import tables

_ALL = {
    module.__name__.rpartition(".")[2]: module
    for module in (
        embed,
        efcn_step,
        steps,
        spared_work,
        growth,
        cnn_stage,
        evaluation,
        input_pipeline,
        distances,
        lcn,
        layca,
        ec_opt,
        start_up,
    )
}
_ONLY = flags.DEFINE_list(
    "only", None, f"Benchmarks to run; all if not given: {', '.join(_ALL)}."
)
_RESULTS = flags.DEFINE_string(
    "results",
    None,
    "File to write the tables to, Markdown; all numbers go beside it as JSON. "
    "benchmarks/results.md if not given, but nothing is written with --only.",
)
_DEFAULT_RESULTS = pathlib.Path(__file__).parent / "results.md"
_HEAD = """# Benchmarks

Written by `python -m benchmarks` on {date}. Every row is held against a floor
(the least that could do the job), a peer or a limit that was measured in turn
with it; ratios are medians over rounds, time over time where rates are shown;
goals are the largest ratio allowed.

{machine}
"""


@flags.validator("results", "must end in .md; the JSON is written beside it")
def _is_markdown(path: str | None) -> bool:
    return path is None or path.endswith(".md")


@flags.validator("only")
def _are_known(names: list[str] | None) -> bool:
    unknown = sorted(set(names or ()) - set(_ALL))
    if names == [] or unknown:
        raise flags.ValidationError(
            f"expected some of {', '.join(_ALL)}. Received: "
            f"{', '.join(unknown) or 'none'}."
        )
    return True


def main(argv: Sequence[str]) -> None:
    """Measures, prints the tables as they come, and writes them."""
    if len(argv) > 1:
        raise app.UsageError(f"Flags only. Received: {argv[1:]}.")
    settings = front.settings()
    facts = machine.facts(settings.torch_python)
    today = datetime.date.today().isoformat()
    listed = "\n".join(f"* {fact}" for fact in facts.values())
    parts = [_HEAD.format(date=today, machine=listed)]
    print(parts[0], flush=True)
    sections, rows = [], []
    for name in _ONLY.value or _ALL:
        part, section, records = _measured(name, settings)
        parts.append(part)
        sections.append(section)
        rows += records
        print(part, flush=True)
    summary = _summary(sections, rows)
    print(summary)
    path = _written_to()
    if path is not None:
        path.write_text("\n".join([*parts, summary]), encoding="utf-8")
        found = {
            "date": today,
            **facts,
            "repeats": settings.repeats,
            "processes": settings.processes,
            "sections": sections,
            "rows": rows,
        }
        text = json.dumps(found, indent=1)
        path.with_suffix(".json").write_text(f"{text}\n", encoding="utf-8")


def _measured(
    name: str, settings: front.Settings
) -> tuple[str, dict[str, Any], list[dict[str, Any]]]:
    """Returns a benchmark as Markdown, as a section, and its rows."""
    purpose = _ALL[name].__doc__.strip()
    title = purpose.splitlines()[0].rstrip(".")
    floors = purpose.rpartition("\n\n")[2]
    rows = []
    seconds = pairs.seconds(lambda: rows.extend(_ALL[name].measure(settings)))
    section = {
        "name": name,
        "title": title,
        "floors": " ".join(floors.split()),
        "seconds": seconds,
    }
    part = f"## {title}\n\n{floors}\n\n{tables.as_markdown(rows)}\n"
    return part, section, [tables.as_record(name, row) for row in rows]


def _summary(sections: list[dict[str, Any]], rows: list[dict[str, Any]]) -> str:
    """Returns how many goals are met, and how long it all took."""
    goals = [row["met"] for row in rows if row["met"] is not None]
    lasted = ", ".join(
        f"{section['name']} {section['seconds']:.0f} s" for section in sections
    )
    minutes = sum(section["seconds"] for section in sections) / 60
    return (
        f"## The run\n\n{sum(goals)} of {len(goals)} goals are met. It took "
        f"{minutes:.1f} minutes: {lasted}.\n"
    )


def _written_to() -> pathlib.Path | None:
    if _RESULTS.value:
        return pathlib.Path(_RESULTS.value)
    return None if _ONLY.value else _DEFAULT_RESULTS


if __name__ == "__main__":
    app.run(main)

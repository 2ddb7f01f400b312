"""How far a run or a sweep has come, in words."""

import dataclasses
from collections.abc import Sequence

from needle_tf.pages import run_facts
from needle_tf.reports import histories
from needle_tf.reports import network_names

OVER, OPEN, WRONG = "over", "open", "wrong"
# Of more remarks, the first are shown.
_MOST_NOTES = 20


@dataclasses.dataclass(frozen=True)
class Status:
    """How far it has come.

    Attributes:
        state: `OVER` if all networks are trained, `OPEN` if some are not,
            `WRONG` if all has ended but some have no result.
        summary: The same in one or two sentences.
        notes: One line for each network or run that there is something to
            say of.
    """

    state: str
    summary: str
    notes: Sequence[str]


def status(facts: run_facts.Facts) -> Status:
    """Returns the status of what a folder holds."""
    counts = {"done": 0, "lost": 0, "open": 0, "waiting": 0, "failed": 0}
    notes = []
    for run in facts.runs:
        head = f"{run.name}: " if run.name else ""
        if run.error and not any(stage.diverged for stage in run.stages):
            notes.append(f"{head}failed: {run.error}")
            counts["failed"] += 1
        if not run.stages and not run.error:
            counts["waiting"] += 1
            continue
        for stage in run.stages:
            note = _note(stage)
            notes += [head + note] if note else []
        _count(run, counts)
    return Status(
        state=_state(counts),
        summary=_summary(counts, facts),
        notes=_first(notes),
    )


def _count(run: run_facts.Run, counts: dict[str, int]) -> None:
    """Adds the networks of one run."""
    lost = sum(stage.diverged is not None for stage in run.stages)
    done = sum(map(_is_done, run.stages))
    names = {stage.stage for stage in run.stages}
    unfinished = len(names.union(run.planned())) - done - lost
    counts["done"] += done
    counts["lost"] += lost
    # Nothing more comes of a run that has failed.
    counts["lost" if run.error else "open"] += unfinished


def _is_done(stage: histories.History) -> bool:
    is_over = stage.finished or stage.stopped is not None
    return is_over and stage.diverged is None


def _state(counts: dict[str, int]) -> str:
    if counts["open"] or counts["waiting"]:
        return OPEN
    return WRONG if counts["lost"] or counts["failed"] else OVER


def _summary(counts: dict[str, int], facts: run_facts.Facts) -> str:
    total = counts["done"] + counts["lost"] + counts["open"]
    runs = len(facts.runs)
    where = f" of {runs} runs" if runs > 1 else ""
    parts = []
    if counts["waiting"]:
        parts.append(
            f"{counts['waiting']} of {_many(runs, 'run')} "
            f"{_has(counts['waiting'])} not begun"
        )
        where = ""
    if total:
        parts.append(
            f"{counts['done']} of {_many(total, 'network')}{where} "
            f"{'is' if counts['done'] == 1 else 'are'} trained"
        )
    if counts["lost"]:
        parts.append(f"{counts['lost']} came to no result")
    if counts["failed"]:
        parts.append(f"{counts['failed']} of {_many(runs, 'run')} failed")
    head = {
        OVER: "Finished",
        OPEN: "Not finished, or interrupted",
        WRONG: "Ended, but not all of it has a result",
    }[_state(counts)]
    text = f"{head}: {', '.join(parts)}."
    if _state(counts) == OPEN:
        text += (
            " The page shows how far it has come; the same command makes a "
            "newer one."
        )
    return text


def _note(stage: histories.History) -> str:
    """Returns what is to be said of a network that is not done."""
    name = network_names.name_of(stage)
    if stage.diverged is not None:
        step = stage.diverged.get("step")
        at = "" if step is None else f", step {step}"
        return f"{name} diverged at epoch {stage.diverged['epoch']}{at}"
    if stage.stopped is not None:
        reason = stage.stopped.get("reason") or "a criterion was met"
        return f"{name} stopped at epoch {stage.stopped['epoch']}: {reason}"
    if not stage.finished:
        reached = stage.epochs[-1]["epoch"] if stage.epochs else 0
        return f"{name} is at epoch {reached} of {stage.last_epoch}"
    return ""


def _first(notes: list[str]) -> list[str]:
    if len(notes) <= _MOST_NOTES:
        return notes
    more = len(notes) - _MOST_NOTES
    return [*notes[:_MOST_NOTES], f"and {more} more"]


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


def _has(count: int) -> str:
    return "has" if count == 1 else "have"

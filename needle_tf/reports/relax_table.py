"""Networks of relax runs as plain text: one line each, means over seeds.

label     network  n        test %         vs CNN  best %          delta ...
all       CNN      3  87.00 ± 0.21              -   87.50  0.000 ± 0.000
          FCN      3  49.80 ± 0.62  -37.20 ± 0.55*  50.11  0.930 ± 0.000
rate=0.1  eFCN@20  3  87.35 ± 0.30   +0.35 ± 0.12*  87.61  0.081 ± 0.003

Only networks that came to their end are averaged. `1/3` tells that two of
three did not, and a line under the table which ones and why.
"""

import collections
import itertools
from collections.abc import Sequence
from typing import Any

from needle_tf.reports import cells
from needle_tf.reports import network_names
from needle_tf.reports import relax_groups
from needle_tf.reports import relax_names
from needle_tf.reports import relax_results
from needle_tf.reports import relax_trials

write_results = relax_results.write_results

# Given up in this order if the lines would be too long.
_EXPENDABLE = ("best %", "share")
# A label needs so many characters; longer ones take more lines.
_LABEL = 24
_LEFT = ("label", "network")
_LEGEND = (
    "Mean \N{PLUS-MINUS SIGN} standard deviation over the n seeds that came "
    "to their end. vs CNN: points of test accuracy above the CNN of the same "
    "seed; * marks that all seeds agree in the sign. Of the weights' norm: "
    "delta is the off-local part, share what breaks weight sharing."
)
Groups = Sequence[relax_groups.StageGroup]


def format_table(sweep: relax_trials.RelaxSweep) -> str:
    """Returns a table of at most 100 columns, without a line end.

    Accuracies are in percent, `-` is not measured.

    Args:
        sweep: What `relax_trials.read` returned, finished or not.
    """
    groups = relax_groups.group(sweep)
    names = relax_names.Names(sweep)
    lines = _lines(groups, has_labels=len(names.labels) > 1)
    lines.insert(1, "-" * len(lines[0]))
    below = cells.wrapped(_LEGEND, indent="")
    for note in [*_notes_of_networks(groups, names), *_notes_of_trials(names)]:
        below += cells.wrapped(note)
    return "\n".join([*(line.rstrip() for line in lines), *below])


def _lines(groups: Groups, has_labels: bool) -> list[str]:
    """Returns the table, made to fit by columns and by parts of labels."""
    columns = _columns(groups)
    if not has_labels:
        return cells.aligned(columns, left=_LEFT)
    texts = [one.text for one in groups]
    needed = max((min(len(text), _LABEL) for text in texts), default=0)
    for name in _EXPENDABLE:
        if _room(columns) < needed:
            del columns[name]
    room = max(_room(columns), len("label"))
    return cells.aligned(_with_labels(texts, columns, room), left=_LEFT)


def _with_labels(
    texts: Sequence[str], columns: dict[str, list[str]], room: int
) -> dict[str, list[str]]:
    """Returns the columns with each label once, in as many lines as it needs.

    Args:
        texts: The label of each row.
        columns: The cells.
        room: Characters of a line of a label.
    """
    tall = {"label": [], **{name: [] for name in columns}}
    first = 0
    for text, own in itertools.groupby(texts):
        count = len(list(own))
        label = cells.wrapped(text, room, indent="")
        height = max(count, len(label))
        tall["label"] += label + [""] * (height - len(label))
        for name, column in columns.items():
            part = column[first : first + count]
            tall[name] += part + [""] * (height - count)
        first += count
    return tall


def _room(columns: dict[str, list[str]]) -> int:
    """Returns how many characters the columns leave to labels."""
    count = max(map(len, columns.values()))
    return cells.WIDTH - len(cells.aligned({"": [""] * count, **columns})[0])


def _columns(groups: Groups) -> dict[str, list[str]]:
    accuracies = [one.finals(relax_groups.ACCURACY) for one in groups]
    return {
        "network": [network_names.name_of(one) for one in groups],
        "n": [_count(one) for one in groups],
        "test %": [_percent(spread) for spread in accuracies],
        "vs CNN": _differences([one.differences() for one in groups]),
        "best %": [cells.percent(one.bests().mean) for one in groups],
        "delta": [_share(one.finals("delta")) for one in groups],
        "share": [_share(one.finals("delta_share")) for one in groups],
    }


def _count(one: relax_groups.StageGroup) -> str:
    finished, total = one.counts().get("finished", 0), len(one.members)
    return str(finished) if finished == total else f"{finished}/{total}"


def _percent(spread: relax_groups.Spread) -> str:
    return cells.spread([100 * value for value in spread.values], ".2f")


def _differences(spreads: Sequence[relax_groups.Spread]) -> list[str]:
    # Numbers stay under each other with and without a mark.
    space = " " if any(spread.has_one_sign for spread in spreads) else ""
    return [
        cells.spread([100 * value for value in spread.values], "+.2f")
        + ("*" if spread.has_one_sign else space)
        for spread in spreads
    ]


def _share(spread: relax_groups.Spread) -> str:
    if not any(spread.values):
        return "0" if spread.values else "-"
    # Without a spread there is room for another digit.
    is_alone = spread.deviation is None
    return cells.spread(spread.values, ".4f" if is_alone else ".3f")


def _notes_of_networks(groups: Groups, names: relax_names.Names) -> list[str]:
    """Returns one line per network that diverged or is not finished."""
    notes = []
    for one in groups:
        name = network_names.name_of(one)
        if len(names.labels) > 1 and one.text != relax_groups.ALL:
            name = f"{one.text}, {name}"
        for status in ("diverged", "running"):
            own = [m for m in one.members if m.status == status]
            if own:
                who = _who([m.trial for m in own], len(one.members))
                where = _where(status, [member.history for member in own])
                notes.append(f"{name}: {who}{where}.")
    return notes


def _where(status: str, own: Sequence[Any]) -> str:
    if status == "diverged":
        epochs = [history.diverged["epoch"] for history in own]
        return f"diverged at {_epochs(epochs)}"
    reached = [
        history.epochs[-1]["epoch"] if history.epochs else history.first_epoch
        for history in own
    ]
    return f"not finished, at {_epochs(reached)} of {own[0].last_epoch}"


def _epochs(epochs: Sequence[int]) -> str:
    """Returns `epoch 3`, or `epochs 3, 5` if they differ."""
    found = list(epochs) if len(set(epochs)) > 1 else list(epochs[:1])
    return f"epoch{'s' * (len(found) > 1)} {', '.join(map(str, found))}"


def _notes_of_trials(names: relax_names.Names) -> list[str]:
    """Returns one line per label and reason why trials lack networks."""
    notes = []
    for label in names.labels:
        trials = names.trials_of([label])
        head = f"{names.text_of([label])}: " if len(names.labels) > 1 else ""
        reasons = collections.defaultdict(list)
        for trial in trials:
            reason = _reason(trial, trials)
            if reason:
                reasons[reason].append(trial)
        for reason, own in reasons.items():
            notes.append(f"{head}{_who(own, len(trials))}{reason}.")
    return notes


def _reason(
    trial: relax_trials.RelaxTrial, trials: Sequence[relax_trials.RelaxTrial]
) -> str:
    """Returns what a trial still lacks, or why it never will have it."""
    stages = {s: h for other in trials for s, h in other.stages.items()}
    lacking = [
        network_names.name_of(history)
        for stage, history in stages.items()
        if stage not in trial.stages
    ]
    has_diverged = any(h.diverged is not None for h in trial.stages.values())
    if trial.has_failed and not has_diverged:
        why = (trial.error or "no reason was noted").rstrip(".")
        return f"failed: {why}"
    if not trial.stages:
        return "not begun"
    return f"not begun: {', '.join(lacking)}" if lacking else ""


def _who(own: Sequence[relax_trials.RelaxTrial], total: int) -> str:
    seeds = [str(trial.seed) for trial in own if trial.seed is not None]
    if total == 1 or not seeds:
        return ""
    return f"seed{'s' * (len(seeds) > 1)} {', '.join(seeds)} "

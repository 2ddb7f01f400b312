"""The rows of a sweep as plain text: one line per label, means over seeds.

variant  learning_rate    n  epochs  train %        test %  rot mean    min ...
layca              3⁻³    3     100   100.00  88.45 ± 0.31     0.970  0.700
sgd                 3⁰  1/3      84    99.98         79.39     0.412  0.056
sgd, learning_rate=3⁰: seeds 1, 2 diverged at epochs 3, 5.

Only trials that came to their end are averaged. `1/3` tells that two of three
did not, and a line under the table which ones and why.
"""

import collections
import math
from collections.abc import Collection
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from needle_tf.reports import cells
from needle_tf.reports import setting_text

if TYPE_CHECKING:
    from needle_tf.reports import training_results

_ENDED = ("finished", "stopped")
_LEFT = ("label", "variant", "status")
# Given up in this order if the lines would be too long.
_EXPENDABLE = (
    "img/s",
    "weights",
    "best %",
    "epochs",
    "time",
    "last",
    "first",
    "shortcut",
    "train %",
)
# A label needs so many characters; longer ones take more lines.
_LABEL = 24
# Variant and settings have columns of their own up to this width together.
_HEADS = 44
_LEGEND = (
    "Rotation: cosine distance of a kernel from its initialisation; its mean "
    "and min over all kernels, and of the first, the last and the shortcut "
    "kernels. n: seeds that came to their end."
)
_AT_VAL = "@val: test accuracy after the epoch that the held-out images chose."

Rows = Sequence["training_results.Result"]


def format_table(rows: Rows) -> str:
    """Returns the rows in at most 100 columns, without a line end.

    Accuracies are in percent, as mean and standard deviation over the seeds
    that came to their end; `-` is not measured. A label none of whose seeds
    came to its end shows the figures reached so far, and its status.
    """
    by_label = collections.defaultdict(list)
    for row in rows:
        by_label[row.label].append(row)
    groups = list(by_label.values())
    names = setting_text.texts([_identity(members) for members in groups])
    columns = _columns(groups)
    lines = _fitted(_heads(groups, columns) | columns)
    lines.insert(1, "-" * len(lines[0]))
    legend = [_LEGEND, _AT_VAL] if "@val %" in columns else [_LEGEND]
    below = [line for text in legend for line in cells.wrapped(text, indent="")]
    for name, members in zip(names, groups, strict=True):
        for note in _notes(name, members):
            below += cells.wrapped(note)
    return "\n".join([*(line.rstrip() for line in lines), *below])


def _identity(members: Rows) -> setting_text.Identity:
    row = members[0]
    return setting_text.Identity(row.label, row.variant, row.settings)


def _heads(
    groups: Sequence[Rows], figures: Collection[str]
) -> dict[str, list[str]]:
    """Returns the columns that tell which line is which."""
    identities = [_identity(members) for members in groups]
    columns = setting_text.columns(identities)
    widths = [max(map(len, (name, *cells))) for name, cells in columns.items()]
    if not columns or sum(widths) > _HEADS or figures & columns.keys():
        return {"label": [identity.label for identity in identities]}
    return columns


def _columns(groups: Sequence[Rows]) -> dict[str, list[str]]:
    """Returns the figures, columns that are empty left out."""
    shown = [_shown(members) for members in groups]
    columns = {
        "n": [_count(members) for members in groups],
        "epochs": [_range(_values(m, "epochs_reached")) for m in shown],
        "weights": [
            cells.shortened(_mean(_values(m, "parameters"))) for m in shown
        ],
        "train %": [_percent(_values(m, "train_accuracy")) for m in shown],
        "test %": [_spread(_values(m, "test_accuracy")) for m in shown],
        "@val %": [_percent(_values(m, "test_at_best_val")) for m in shown],
        "best %": [_percent(_values(m, "best_test_accuracy")) for m in shown],
        "rot mean": [_rotation(m, "rotation_mean") for m in shown],
        "min": [_rotation(m, "rotation_min") for m in shown],
        "first": [_rotation(m, "rotation_first") for m in shown],
        "last": [_rotation(m, "rotation_last") for m in shown],
        "shortcut": [_rotation(m, "rotation_shortcuts") for m in shown],
        "time": [cells.duration(_mean(_values(m, "seconds"))) for m in shown],
        "img/s": [
            cells.shortened(_mean(_values(m, "images_per_second")))
            for m in shown
        ],
        "status": [_status(members) for members in groups],
    }
    for name in ("@val %", "shortcut", "status"):
        if not set(columns[name]) - {"-", ""}:
            del columns[name]
    return columns


def _fitted(columns: dict[str, list[str]]) -> list[str]:
    """Returns the lines, made to fit by columns and by parts of labels."""
    for name in _EXPENDABLE:
        if _width(columns, _LABEL) > cells.WIDTH:
            columns = {k: v for k, v in columns.items() if k != name}
    if "label" not in columns:
        return cells.aligned(columns, left=_LEFT)
    room = max(cells.WIDTH - _width(columns, 0), _LABEL)
    labels = [cells.wrapped(label, room) for label in columns["label"]]
    tall = {
        name: [
            cell
            for own, parts in zip(column, labels, strict=True)
            for cell in [own, *[""] * (len(parts) - 1)]
        ]
        for name, column in columns.items()
    }
    tall["label"] = [part for parts in labels for part in parts]
    return cells.aligned(tall, left=_LEFT)


def _width(columns: dict[str, list[str]], label: int) -> int:
    """Returns the length of the lines, labels cut to so many characters."""
    if "label" not in columns:
        return len(cells.aligned(columns)[0])
    cut = [cell[:label] for cell in columns["label"]]
    header, *_ = cells.aligned({**columns, "label": cut})
    return len(header) - (len("label") if label == 0 else 0)


def _shown(members: Rows) -> Rows:
    """Returns the rows whose figures are averaged."""
    ended = [row for row in members if row.status in _ENDED]
    running = [row for row in members if row.status == "running"]
    return ended or running or members


def _status(members: Rows) -> str:
    """Returns what became of the trials, empty if all are finished."""
    counts = collections.Counter(row.status for row in members)
    if len(counts) == 1:
        (status,) = counts
        return "" if status == "finished" else status
    del counts["finished"]
    return ", ".join(f"{n} {status}" for status, n in counts.items())


def _notes(name: str, members: Rows) -> list[str]:
    """Returns one line per status that asks for one."""
    notes = []
    for status in ("stopped", "running", "diverged", "failed", "waiting"):
        own = [row for row in members if row.status == status]
        if own:
            who = _who(own, members)
            notes.append(f"{name}: {who}{status}{_where(status, own)}.")
    return notes


def _who(own: Rows, members: Rows) -> str:
    seeds = [str(row.seed) for row in own if row.seed is not None]
    if len(members) == 1 or not seeds:
        return ""
    return f"seed{'s' * (len(seeds) > 1)} {', '.join(seeds)} "


def _where(status: str, own: Rows) -> str:
    """Returns at which epochs, and why."""
    if status == "waiting":
        return ""
    reasons = [row.stop_reason for row in own if row.stop_reason]
    why = "; ".join(dict.fromkeys(reason.rstrip(".") for reason in reasons))
    if status == "failed":
        return f": {why}"
    if status == "running":
        reached = _epochs([row.epochs_reached for row in own])
        return f"{reached} of {own[0].planned_epochs}"
    place = _epochs([row.stop_epoch for row in own])
    # Every divergence is at a step of its own, which says little here.
    if not why or (status == "diverged" and len(own) > 1):
        return place
    return f"{place} ({why})"


def _epochs(epochs: Sequence[int | None]) -> str:
    """Returns ` at epoch 3`, or ` at epochs 3, 5` if they differ."""
    found = list(epochs) if len(set(epochs)) > 1 else list(epochs[:1])
    return f" at epoch{'s' * (len(found) > 1)} {', '.join(map(str, found))}"


def _count(members: Rows) -> str:
    ended = sum(row.status in _ENDED for row in members)
    if ended == len(members):
        return str(ended)
    return f"{ended}/{len(members)}"


def _values(members: Rows, name: str) -> list[float]:
    found = (getattr(row, name) for row in members)
    return [value for value in found if value is not None]


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _percent(values: Sequence[float]) -> str:
    return cells.percent(_mean(values))


def _spread(values: Sequence[float]) -> str:
    """Returns mean and standard deviation in percent."""
    return cells.spread([100 * value for value in values], ".2f")


def _rotation(members: Rows, name: str) -> str:
    mean = _mean(_values(members, name))
    return "-" if mean is None or math.isnan(mean) else f"{mean:.3f}"


def _range(counts: Sequence[float]) -> str:
    """Returns one number, or the smallest and the largest: 84-100."""
    low, high = min(counts), max(counts)
    return f"{low}" if low == high else f"{low}-{high}"

"""The rows of a run as plain text, the findings at a glance.

stage           epochs  test %  vs CNN   delta ...
cnn               0-40   87.10       -  0.0000
efcn_relax20     20-40   87.35   +0.25  0.0812
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from needle_tf.reports import results

_WIDTH = 100
_GAP = "  "
# Given up in this order if long stage names would make the lines too long.
_EXPENDABLE = ("img/s", "time", "weights", "train %", "best % @ep")
_LEGEND = (
    "vs CNN: points of test accuracy. Of the weights' norm: delta is the "
    "off-local part,\nshare what breaks weight sharing."
)


def format_table(rows: Sequence["results.Result"]) -> str:
    """Returns the rows aligned in at most 100 columns, without a line end.

    Accuracies are in percent, `-` is not measured. A stage that is not
    finished shows so in place of the comparison and in a line of its own.
    """
    cnn = next((row for row in rows if row.kind == "cnn"), None)
    columns = {
        "stage": [row.stage for row in rows],
        "epochs": [_epochs(row) for row in rows],
        "weights": [_shortened(row.parameters) for row in rows],
        "train %": [_percent(row.train_accuracy) for row in rows],
        "test %": [_percent(row.test_accuracy) for row in rows],
        "vs CNN": [_comparison(row, cnn) for row in rows],
        "best % @ep": [_best(row) for row in rows],
        "delta": [_share(row.delta) for row in rows],
        "share": [_share(row.delta_share) for row in rows],
        "time": [_duration(row.seconds) for row in rows],
        "img/s": [_shortened(row.images_per_second) for row in rows],
    }
    lines = _aligned(columns)
    for name in _EXPENDABLE:
        if len(lines[0]) > _WIDTH:
            del columns[name]
            lines = _aligned(columns)
    lines.insert(1, "-" * len(lines[0]))
    notes = [note for row in rows if (note := _note(row))]
    return "\n".join([*(line.rstrip() for line in lines), _LEGEND, *notes])


def _aligned(columns: dict[str, list[str]]) -> list[str]:
    """Returns the header and one line per row, all equally long."""
    padded = []
    for name, cells in columns.items():
        width = max(len(cell) for cell in (name, *cells))
        # Names read from the left, numbers compare from the right.
        align = str.ljust if name == "stage" else str.rjust
        padded.append([align(cell, width) for cell in (name, *cells)])
    return [_GAP.join(cells) for cells in zip(*padded, strict=True)]


def _note(row: "results.Result") -> str:
    """Returns what is to be said of a stage that is not finished."""
    if row.status == "diverged":
        step = (
            "" if row.diverged_step is None else f", step {row.diverged_step}"
        )
        return f"{row.stage}: diverged at epoch {row.diverged_epoch}{step}."
    if row.status == "running":
        return (
            f"{row.stage}: not finished, at epoch {row.last_epoch} of "
            f"{row.planned_last_epoch}."
        )
    return ""


def _comparison(row: "results.Result", cnn: "results.Result | None") -> str:
    if row.status != "finished":
        return row.status
    if row is cnn or cnn is None or cnn.status != "finished":
        return "-"
    if row.test_accuracy is None or cnn.test_accuracy is None:
        return "-"
    return f"{100 * (row.test_accuracy - cnn.test_accuracy):+.2f}"


def _epochs(row: "results.Result") -> str:
    return f"{row.first_epoch}-{row.last_epoch}"


def _best(row: "results.Result") -> str:
    if row.best_test_accuracy is None:
        return "-"
    return f"{_percent(row.best_test_accuracy)} @{row.best_epoch}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.2f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _shortened(count: float | None) -> str:
    """Returns three digits and a unit: 950, 12.3k, 2.17M."""
    if count is None:
        return "-"
    for scale, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        # Half a digit early, so that 999,999 is 1.00M rather than 1000k.
        if count >= 0.9995 * scale:
            value = count / scale
            digits = 2 - (value >= 9.995) - (value >= 99.95)
            return f"{value:.{digits}f}{unit}"
    return f"{count:.0f}"


def _duration(seconds: float | None) -> str:
    """Returns a time with its unit: 4.2s, 90s, 12.5m, 3.1h."""
    if seconds is None:
        return "-"
    if seconds < 100:
        return f"{seconds:.1f}s" if seconds < 9.95 else f"{seconds:.0f}s"
    minutes = seconds / 60
    return f"{minutes:.1f}m" if minutes < 100 else f"{minutes / 60:.1f}h"

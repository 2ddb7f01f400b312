"""The rows of a run as plain text, the findings at a glance.

stage           epochs  test %  vs CNN   delta ...
cnn               0-40   87.10       -  0.0000
efcn_relax20     20-40   87.35   +0.25  0.0812
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from needle_tf.reports import cells

if TYPE_CHECKING:
    from needle_tf.reports import results

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
        "weights": [cells.shortened(row.parameters) for row in rows],
        "train %": [cells.percent(row.train_accuracy) for row in rows],
        "test %": [cells.percent(row.test_accuracy) for row in rows],
        "vs CNN": [_comparison(row, cnn) for row in rows],
        "best % @ep": [_best(row) for row in rows],
        "delta": [_share(row.delta) for row in rows],
        "share": [_share(row.delta_share) for row in rows],
        "time": [cells.duration(row.seconds) for row in rows],
        "img/s": [cells.shortened(row.images_per_second) for row in rows],
    }
    lines = cells.aligned(columns, left=("stage",))
    for name in _EXPENDABLE:
        if len(lines[0]) > cells.WIDTH:
            del columns[name]
            lines = cells.aligned(columns, left=("stage",))
    lines.insert(1, "-" * len(lines[0]))
    notes = [note for row in rows if (note := _note(row))]
    return "\n".join([*(line.rstrip() for line in lines), _LEGEND, *notes])


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
    return f"{cells.percent(row.best_test_accuracy)} @{row.best_epoch}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"

"""One row per network of a run, as a table, as JSON and as CSV.

    history.json of every stage  ->  rows  ->  results.json, results.csv

A row describes the state after the last epoch reached, so the table of a run
that still goes on is a table of how far it has come.
"""

import dataclasses
import os
import pathlib
from collections.abc import Callable
from collections.abc import Sequence

import numpy as np

from needle_tf.reports import histories
from needle_tf.reports import result_files
from needle_tf.reports import table

read_histories = histories.read_histories


@dataclasses.dataclass(frozen=True)
class Result:
    """What became of one network. None where nothing was measured.

    Attributes:
        stage: Name of the stage and of its folder, as `efcn_relax20`.
        kind: One of cnn, efcn, band, elcn (relaxed networks), lcn, fcn.
        relax_epoch: Epochs that the CNN had been trained for when this
            network took over; None if it started from scratch.
        first_epoch: Epochs of training, in total, before the stage.
        last_epoch: Epochs of training, in total, reached so far.
        planned_last_epoch: Epochs of training, in total, asked for.
        parameters: Number of trainable weights.
        train_loss: Training loss in the last epoch.
        train_accuracy: Training accuracy in the last epoch, in [0, 1].
        test_loss: Test loss after the last epoch.
        test_accuracy: Test accuracy after the last epoch, in [0, 1].
        best_test_accuracy: Highest test accuracy after any epoch, in [0, 1].
        best_epoch: Epochs after which it was first reached.
        delta: Off-local part of the weights' norm, in [0, 1].
        delta_share: Part of the norm that breaks weight sharing, in [0, 1].
        delta_cnn: Distance from the CNN subspace over the norm, in [0, 1].
        seconds: Time of all epochs of the stage.
        images_per_second: Training speed, median over the epochs.
        status: `finished`, `running` (not finished: interrupted ones too) or
            `diverged`.
        diverged_epoch: Epoch in which the loss stopped being a number.
        diverged_step: Optimizer step at which it did.
    """

    stage: str
    kind: str
    relax_epoch: int | None
    first_epoch: int
    last_epoch: int
    planned_last_epoch: int
    parameters: int
    train_loss: float | None
    train_accuracy: float | None
    test_loss: float | None
    test_accuracy: float | None
    best_test_accuracy: float | None
    best_epoch: int | None
    delta: float | None
    delta_share: float | None
    delta_cnn: float | None
    seconds: float | None
    images_per_second: float | None
    status: str
    diverged_epoch: int | None
    diverged_step: int | None


def rows(run_dir: str | os.PathLike) -> list[Result]:
    """Returns one row per stage: CNN, relaxed by relax epoch, LCN, FCN.

    Args:
        run_dir: The folder of a run, finished or not.

    Raises:
        ValueError: If there is no such folder, no stage in it, or a history
            that is not whole; the message names the file.
    """
    return [result_of(history) for history in read_histories(run_dir)]


def write_results(run_dir: str | os.PathLike) -> list[Result]:
    """Writes `results.json` and `results.csv` into the run folder.

    The JSON file is a list of objects with the fields of `Result`; the CSV
    file has them as columns, an empty cell for None.

    Args:
        run_dir: The folder of a run, finished or not.

    Returns:
        The rows written.

    Raises:
        ValueError: As `rows`.
        OSError: If the folder cannot be written to.
    """
    run_dir = pathlib.Path(run_dir)
    results = rows(run_dir)
    records = [dataclasses.asdict(result) for result in results]
    names = [field.name for field in dataclasses.fields(Result)]
    result_files.write(run_dir, records, records, names)
    return results


def format_table(rows: Sequence[Result]) -> str:
    """Returns a table of at most 100 columns, accuracies in percent.

    Args:
        rows: What `rows` or `write_results` returned.
    """
    return table.format_table(rows)


def result_of(history: histories.History) -> Result:
    """Returns the row of one stage."""
    last = history.epochs[-1] if history.epochs else {}
    best, best_epoch = _best(history)
    diverged = history.diverged or {}
    return Result(
        stage=history.stage,
        kind=history.kind,
        relax_epoch=history.relax_epoch,
        first_epoch=history.first_epoch,
        last_epoch=last.get("epoch", history.first_epoch),
        planned_last_epoch=history.last_epoch,
        parameters=history.parameters,
        train_loss=last.get("loss"),
        train_accuracy=last.get("accuracy"),
        test_loss=last.get("test_loss"),
        test_accuracy=last.get("test_accuracy"),
        best_test_accuracy=best,
        best_epoch=best_epoch,
        delta=last.get("delta"),
        delta_share=last.get("delta_share"),
        delta_cnn=last.get("delta_cnn"),
        seconds=_over_epochs(np.sum, history, "seconds"),
        images_per_second=_over_epochs(np.median, history, "images_per_second"),
        status=_status(history),
        diverged_epoch=diverged.get("epoch"),
        diverged_step=diverged.get("step"),
    )


def _status(history: histories.History) -> str:
    if history.diverged is not None:
        return "diverged"
    return "finished" if history.finished else "running"


def _best(history: histories.History) -> tuple[float | None, int | None]:
    """Returns the highest test accuracy and when it was first reached."""
    accuracies = history.column("test_accuracy")
    if np.isnan(accuracies).all():
        return None, None
    row = history.epochs[np.nanargmax(accuracies)]
    return row["test_accuracy"], row["epoch"]


def _over_epochs(
    reduce: Callable[[np.ndarray], np.floating],
    history: histories.History,
    name: str,
) -> float | None:
    """Returns `reduce` of the numbers that were measured."""
    values = history.column(name)
    values = values[~np.isnan(values)]
    return float(reduce(values)) if values.size else None

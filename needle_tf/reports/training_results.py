"""One row per training run, of one folder or of a sweep, as JSON and as CSV.

    train/history.json of every trial  ->  rows  ->  results.json, results.csv

A row describes the state after the last epoch reached, so the table of a sweep
that still goes on is a table of how far it has come.
"""

import dataclasses
import os
import pathlib
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import numpy as np

from needle_tf.reports import result_files
from needle_tf.reports import training_table
from needle_tf.reports import trials as trials_lib

# Convolutions beside the main path turn less than others, so their mean is a
# figure of its own.
_SHORTCUT = "shortcut"


@dataclasses.dataclass(frozen=True)
class Result:
    """What became of one training run. None where nothing was measured.

    Rotations are cosine distances from the initialisation, in [0, 2].

    Attributes:
        name: Name of the run's folder.
        label: What trials that differ only in their seed have in common.
        variant: Name of the group of settings it began with.
        settings: The swept settings by name, without the seed.
        seed: Its seed.
        parameters: Number of trainable weights.
        epochs_reached: Epochs of training so far.
        planned_epochs: Epochs of training asked for.
        train_loss: Training loss in the last epoch.
        train_accuracy: Training accuracy in the last epoch, in [0, 1].
        val_loss: Loss on the held-out images after the last epoch.
        val_accuracy: Accuracy on them, in [0, 1].
        test_loss: Test loss after the last epoch.
        test_accuracy: Test accuracy after the last epoch, in [0, 1]; with
            `test_at_best` that at the best accuracy on the held-out images.
        test_at_best_val: Test accuracy after the epoch with the highest
            accuracy on the held-out images, in [0, 1].
        best_val_epoch: Epochs after which that was first reached.
        best_test_accuracy: Highest test accuracy after any epoch, in [0, 1]:
            chosen by the test images themselves, thus too high.
        best_test_epoch: Epochs after which it was first reached.
        rotation_mean: Mean rotation of all kernels after the last epoch.
        rotation_min: Smallest rotation of any kernel.
        rotation_first: Rotation of the first kernel.
        rotation_last: Rotation of the last kernel.
        rotation_shortcuts: Mean rotation of kernels whose name contains
            `shortcut`; None if there are none.
        seconds: Time of all epochs.
        images_per_second: Training speed, median over the epochs.
        status: `finished`, `stopped` (early, by a criterion), `diverged`,
            `running` (not finished: interrupted ones too), `failed` or
            `waiting` (not begun).
        stop_epoch: Epochs after which it stopped, or in which it diverged.
        stop_reason: Why it ended early.
    """

    name: str
    label: str
    variant: str | None
    settings: Mapping[str, Any]
    seed: int | None
    parameters: int | None
    epochs_reached: int
    planned_epochs: int | None
    train_loss: float | None
    train_accuracy: float | None
    val_loss: float | None
    val_accuracy: float | None
    test_loss: float | None
    test_accuracy: float | None
    test_at_best_val: float | None
    best_val_epoch: int | None
    best_test_accuracy: float | None
    best_test_epoch: int | None
    rotation_mean: float | None
    rotation_min: float | None
    rotation_first: float | None
    rotation_last: float | None
    rotation_shortcuts: float | None
    seconds: float | None
    images_per_second: float | None
    status: str
    stop_epoch: int | None
    stop_reason: str | None


def rows(folder: str | os.PathLike) -> list[Result]:
    """Returns one row per trial, in the order of the sweep.

    Args:
        folder: The folder of a training run or of a sweep, finished or not.

    Raises:
        ValueError: If there is neither in the folder, or a file that is not
            whole; the message names the file.
    """
    return [_result(trial) for trial in trials_lib.read_trials(folder)]


def write_results(folder: str | os.PathLike) -> list[Result]:
    """Writes `results.json` and `results.csv` into the folder.

    The JSON file is a list of objects with the fields of `Result`. The CSV
    file has them as columns, and one column per swept setting in place of
    `settings`; an empty cell for None.

    Args:
        folder: The folder of a training run or of a sweep, finished or not.

    Returns:
        The rows written.

    Raises:
        ValueError: As `rows`.
        OSError: If the folder cannot be written to.
    """
    folder = pathlib.Path(folder)
    results = rows(folder)
    records = [dataclasses.asdict(result) for result in results]
    fields = [field.name for field in dataclasses.fields(Result)]
    result_files.write(folder, records, records, fields)
    return results


def format_table(rows: Sequence[Result]) -> str:
    """Returns a table of at most 100 columns, accuracies in percent.

    Args:
        rows: What `rows` or `write_results` returned.
    """
    return training_table.format_table(rows)


def _result(trial: trials_lib.Trial) -> Result:
    """Returns the row of one trial."""
    history = trial.history
    best_test, best_test_epoch = _best(trial, "test_accuracy")
    _, best_val_epoch = _best(trial, "val_accuracy")
    stop_epoch, stop_reason = _stop(trial)
    return Result(
        name=trial.name,
        label=trial.label,
        variant=trial.variant,
        settings=dict(trial.settings),
        seed=trial.seed,
        parameters=history and history.parameters,
        epochs_reached=trial.last("epoch") or 0,
        planned_epochs=history and history.last_epoch,
        train_loss=trial.last("loss"),
        train_accuracy=trial.last("accuracy"),
        val_loss=trial.last("val_loss"),
        val_accuracy=trial.last("val_accuracy"),
        test_loss=trial.last("test_loss"),
        test_accuracy=trial.result("test_accuracy"),
        test_at_best_val=_at(trial, "test_accuracy", best_val_epoch),
        best_val_epoch=best_val_epoch,
        best_test_accuracy=best_test,
        best_test_epoch=best_test_epoch,
        rotation_mean=trial.last("rotation_mean"),
        rotation_min=trial.last("rotation_min"),
        **_rotations(trial),
        seconds=_over_epochs(np.sum, trial, "seconds"),
        images_per_second=_over_epochs(np.median, trial, "images_per_second"),
        status=trial.status,
        stop_epoch=stop_epoch,
        stop_reason=stop_reason,
    )


def _best(
    trial: trials_lib.Trial, name: str
) -> tuple[float | None, int | None]:
    """Returns the highest value and the epochs after which it came first."""
    epochs, values = trial.curve(name)
    if not values.size:
        return None, None
    place = int(np.argmax(values))
    return float(values[place]), int(epochs[place])


def _at(trial: trials_lib.Trial, name: str, epoch: int | None) -> float | None:
    if epoch is None:
        return None
    found = [r for r in trial.history.epochs if r["epoch"] == epoch]
    return found[0].get(name)


def _rotations(trial: trials_lib.Trial) -> dict[str, float | None]:
    last = {
        name: float(values[-1])
        for name, values in trial.rotations().items()
        if values.size and np.isfinite(values[-1])
    }
    names = list(trial.rotations())
    shortcuts = [value for name, value in last.items() if _SHORTCUT in name]
    return {
        "rotation_first": last.get(names[0]) if names else None,
        "rotation_last": last.get(names[-1]) if names else None,
        "rotation_shortcuts": float(np.mean(shortcuts)) if shortcuts else None,
    }


def _stop(trial: trials_lib.Trial) -> tuple[int | None, str | None]:
    """Returns when and why the trial ended before its time."""
    if trial.status == "failed":
        return None, trial.error or "no reason was noted"
    if trial.status == "diverged":
        place = trial.history.diverged
        step = place.get("step")
        at = "" if step is None else f" at step {step}"
        return place["epoch"], f"the loss was no number{at}"
    if trial.status == "stopped":
        stopped = trial.history.stopped
        return stopped["epoch"], str(stopped.get("reason") or "")
    return None, None


def _over_epochs(
    reduce: Callable[[np.ndarray], np.floating],
    trial: trials_lib.Trial,
    name: str,
) -> float | None:
    """Returns `reduce` of the numbers that were measured."""
    _, values = trial.curve(name)
    return float(reduce(values)) if values.size else None

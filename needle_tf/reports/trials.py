"""Reads training runs, alone or as the trials of a sweep.

    run_dir/train/history.json        one run
    sweep_dir/sweep.json              what was asked for
    sweep_dir/<trial>/train/...       its runs, as far as they have come

A trial that has not begun has no history yet, and is a row of every table all
the same.
"""

import dataclasses
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from needle_tf.reports import histories
from needle_tf.reports import sweep_file

STAGE = "train"
SWEEP_FILE = sweep_file.NAME
CONFIG_FILE = "config.json"
# Statuses of trials whose last figures are their result.
WITH_RESULT = ("finished", "stopped")


@dataclasses.dataclass(frozen=True, eq=False)
class Trial:
    """One training run.

    Attributes:
        name: Name of the run's folder.
        label: What trials that differ only in their seed have in common.
        variant: Name of the group of settings it began with, or None.
        settings: The swept settings by name, without the seed.
        seed: Its seed; None if nothing says.
        status: `finished`, `stopped` (early, by a criterion), `diverged`,
            `running` (not finished: interrupted ones too), `failed` (with an
            error) or `waiting`.
        error: What a failed trial ended with, or None.
        path: Its run folder, which need not exist yet.
        history: What it wrote down, or None.
        is_at_best: Whether its result is the network of the best validation
            accuracy rather than the last one.
    """

    name: str
    label: str
    variant: str | None
    settings: Mapping[str, Any]
    seed: int | None
    status: str
    error: str | None
    path: pathlib.Path
    history: histories.History | None
    is_at_best: bool = False

    def last(self, name: str) -> float | None:
        """Returns the figure in the last row, None if it was not measured."""
        if self.history is None or not self.history.epochs:
            return None
        return self.history.epochs[-1].get(name)

    def result(self, name: str) -> float | None:
        """Returns the figure of the network that the run ends in.

        That is the last row, or the one after the epoch with the highest
        accuracy on the held-out images if it was configured so.
        """
        epochs, accuracies = self.curve("val_accuracy")
        if not self.is_at_best or not accuracies.size:
            return self.last(name)
        best = epochs[np.argmax(accuracies)]
        row = next(r for r in self.history.epochs if r["epoch"] == best)
        return row.get(name)

    def curve(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Returns the epochs in which `name` was measured, and its values."""
        if self.history is None:
            return np.empty(0), np.empty(0)
        epochs = self.history.column("epoch")
        values = self.history.column(name)
        known = ~np.isnan(values)
        return epochs[known], values[known]

    def rotations(self) -> dict[str, np.ndarray]:
        """Returns per kernel, in model order, one cosine distance per row.

        NaN where none was measured. The first row, before any training, is 0
        where the file leaves it out: nothing has turned yet.
        """
        if self.history is None:
            return {}
        found = {}
        for name, measures in self.history.layers.items():
            # A list may be ahead of the rows by what is being written.
            numbers = list(measures.get("rotation", ()))
            values = np.full(len(self.history.epochs), np.nan)
            for row, value in zip(range(len(values)), numbers, strict=False):
                values[row] = np.nan if value is None else value
            is_start = self.history.first_epoch == 0 and values.size
            if is_start and self.history.epochs[0]["epoch"] == 0:
                values[0] = np.nan_to_num(values[0], nan=0.0)
            found[name] = values
        return found


@dataclasses.dataclass(frozen=True, eq=False)
class Sweep:
    """The trials of a sweep, in the order in which they were asked for.

    Attributes:
        axes: The values of every swept setting by name, the seed among them.
        variants: Names of the groups of settings; empty if there are none.
        trials: The runs, those that have not begun included.
    """

    axes: Mapping[str, tuple]
    variants: tuple[str, ...]
    trials: tuple[Trial, ...]


def is_sweep(folder: str | os.PathLike) -> bool:
    """Whether the folder holds a sweep rather than one run."""
    return sweep_file.is_there(folder)


def is_run(folder: str | os.PathLike) -> bool:
    """Whether the folder holds a training run that has begun."""
    return pathlib.Path(folder, STAGE, "history.json").is_file()


def read_trials(folder: str | os.PathLike) -> tuple[Trial, ...]:
    """Returns the run of a run folder, or all trials of a sweep's folder.

    Raises:
        ValueError: As `read_run` and `read_sweep`.
    """
    if is_sweep(folder):
        return read_sweep(folder).trials
    return (read_run(folder),)


def read_run(run_dir: str | os.PathLike) -> Trial:
    """Returns one training run; its label is the name of its folder.

    Raises:
        ValueError: If there is no such folder, no training run in it, or a
            file that is not whole; the message names the file.
    """
    run_dir = pathlib.Path(run_dir)
    if not run_dir.is_dir():
        raise ValueError(
            "The folder of a training run or of a sweep was expected, but "
            f"there is no folder {str(run_dir)!r}. Give --run_dir another one."
        )
    if not is_run(run_dir):
        raise ValueError(
            f"{str(run_dir)!r} holds no training run (no {STAGE}/history.json) "
            f"and no sweep (no {SWEEP_FILE}). Start one with `python -m "
            f"needle_tf.train --run_dir={run_dir}`, or give --run_dir the "
            "folder of another one."
        )
    name = run_dir.resolve().name
    entry = {
        "name": name,
        "label": name,
        "seed": read_config(run_dir).get("seed"),
    }
    return _trial(run_dir, entry)


def read_sweep(sweep_dir: str | os.PathLike) -> Sweep:
    """Returns the sweep that a folder holds.

    Raises:
        ValueError: If there is none, one of other runs, or a file that is not
            whole; the message names the file.
    """
    found = sweep_file.read(sweep_dir, sweep_file.TRAINING)
    return Sweep(
        axes=found.axes,
        variants=found.variants,
        trials=tuple(
            _trial(pathlib.Path(sweep_dir, entry["name"]), entry)
            for entry in found.entries
        ),
    )


def read_config(run_dir: str | os.PathLike) -> dict[str, Any]:
    """Returns the configuration of a run, empty if there is none.

    Raises:
        ValueError: If it is not whole; the message names the file.
    """
    path = pathlib.Path(run_dir, CONFIG_FILE)
    if not path.exists():
        return {}
    try:
        return histories.read_object(path)
    except ValueError as error:
        raise ValueError(
            f"{path} is no whole configuration: {error} Put a good copy of it "
            "back."
        ) from error


def _trial(path: pathlib.Path, entry: Mapping[str, Any]) -> Trial:
    history = None
    if is_run(path):
        history = histories.read_history(path / STAGE / "history.json")
    return Trial(
        name=entry["name"],
        label=entry["label"],
        variant=entry.get("variant"),
        settings=entry.get("settings", {}),
        seed=entry.get("seed"),
        status=_status(entry.get("status"), history),
        error=entry.get("error"),
        path=path,
        history=history,
        is_at_best=bool(read_config(path).get("test_at_best")),
    )


def _status(noted: str | None, history: histories.History | None) -> str:
    # Whoever keeps the list of trials may count a divergence as a failure.
    if history is not None and history.diverged is not None:
        return "diverged"
    if noted == "failed":
        return "failed"
    if history is None:
        return "waiting"
    if history.stopped is not None:
        return "stopped"
    return "finished" if history.finished else "running"

"""Reads what the stages of a run wrote down: one history.json per stage.

A history is replaced whole after every epoch, so a folder in which training
still goes on can be read at any moment:

    run_dir/cnn/history.json
    run_dir/efcn_relax20/history.json
"""

import dataclasses
import json
import math
import numbers
import os
import pathlib
from collections.abc import Mapping
from typing import Any
from typing import Protocol

import numpy as np

RELAXED_KINDS = ("efcn", "band", "elcn")
# The order in which networks are compared; within a kind by relax epoch.
_RANKS = {
    "cnn": 0,
    "efcn": 1,
    "band": 1,
    "lcn": 2,
    "elcn": 3,
    "fcn": 4,
    "train": 5,
}


class Network(Protocol):
    """What name, colour and place depend on.

    A history has it, and so have several of one network.

    Attributes:
        stage: Name of its stage.
        kind: As of `History`.
        relax_epoch: Likewise.
        is_relaxed: Whether it goes on from a CNN.
    """

    stage: str
    kind: str
    relax_epoch: int | None
    is_relaxed: bool


@dataclasses.dataclass(frozen=True, eq=False)
class History:
    """What one stage wrote down.

    Attributes:
        stage: Name of the stage and of its folder, as `efcn_relax20`.
        kind: One of cnn, efcn, band, elcn (relaxed networks), lcn, fcn; or
            train, a network that is no part of the relax protocol.
        relax_epoch: Epochs that the CNN had been trained for when the stage
            took over; None if the stage started from scratch.
        first_epoch: Epochs of training, in total, before the stage.
        last_epoch: Epochs of training, in total, that it shall reach.
        parameters: Number of trainable weights.
        finished: Whether the stage has come to its end.
        diverged: None, or where the loss stopped being a number:
            `{"epoch": 23, "step": 1391}`.
        epochs: One row per epoch reached, `epoch` rising; the first row is
            the state before any training of this stage.
        layers: Per layer and distance, one number per row of `epochs`.
        stopped: None, or when and why a criterion ended the stage early:
            `{"epoch": 84, "reason": "..."}`.
    """

    stage: str
    kind: str
    relax_epoch: int | None
    first_epoch: int
    last_epoch: int
    parameters: int
    finished: bool
    diverged: Mapping[str, int | None] | None
    epochs: tuple[Mapping[str, float | None], ...]
    layers: Mapping[str, Mapping[str, list[float | None]]]
    stopped: Mapping[str, Any] | None = None

    @property
    def is_relaxed(self) -> bool:
        """Whether the stage goes on from a CNN."""
        return self.kind in RELAXED_KINDS

    def column(self, name: str) -> np.ndarray:
        """Returns one number per epoch reached, NaN where there is none."""
        values = (row.get(name) for row in self.epochs)
        return np.array([np.nan if v is None else v for v in values], float)


def read_histories(run_dir: str | os.PathLike) -> list[History]:
    """Returns the histories of a run: CNN, relaxed, LCN, then FCN.

    Stages that have written nothing yet are left out.

    Args:
        run_dir: The folder that `--run_dir` named.

    Raises:
        ValueError: If there is no such folder, no stage in it, or a history
            that is not whole; the message names the file.
    """
    run_dir = pathlib.Path(run_dir)
    if not run_dir.is_dir():
        raise ValueError(
            "A run folder was expected, but there is no folder "
            f"{str(run_dir)!r}. Give --run_dir the folder of a run."
        )
    paths = stage_files(run_dir)
    if not paths:
        raise ValueError(_no_stages(run_dir))
    histories = [read_history(path) for path in paths]
    return sorted(histories, key=order)


def stage_files(run_dir: pathlib.Path) -> list[pathlib.Path]:
    """Returns the histories that lie in the folder of a run, if any."""
    return [
        path
        for path in sorted(run_dir.glob("*/history.json"))
        # A stage that is being copied is none yet.
        if not path.parent.name.startswith(".")
    ]


def read_object(path: pathlib.Path) -> dict[str, Any]:
    """Returns the JSON object that a file holds.

    Raises:
        ValueError: If it holds none, or only a part of one. The caller knows
            what the file is for, and names it.
    """
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ValueError(f"it cannot be read as JSON ({error}).") from error
    if not isinstance(content, dict):
        raise ValueError(
            f"it must hold a JSON object. Received: {type(content).__name__}."
        )
    return content


def _no_stages(run_dir: pathlib.Path) -> str:
    if (run_dir / "history.json").is_file():
        return (
            f"{str(run_dir)!r} is the folder of one stage; the folder of the "
            f"whole run was expected. Type --run_dir={run_dir.parent} instead."
        )
    return (
        f"{str(run_dir)!r} holds no stage of a run (no */history.json). Start "
        f"one with `python -m needle_tf.main --run_dir={run_dir}`, or give "
        "--run_dir the folder of another run."
    )


def order(network: Network) -> tuple[int, int, str]:
    """Returns what networks are sorted by: CNN, relaxed, LCN, then FCN."""
    return _RANKS[network.kind], network.relax_epoch or 0, network.stage


def read_history(path: pathlib.Path) -> History:
    """Returns the history that a file holds, checked.

    Raises:
        ValueError: If it is not whole; the message names the file.
    """
    try:
        content = read_object(path)
        fields = {
            field.name: _take(content, field)
            for field in dataclasses.fields(History)
        }
        _check(fields)
        fields["epochs"] = tuple(_row(row) for row in fields["epochs"])
        _check_epochs_rise(fields["epochs"])
    except ValueError as error:
        raise ValueError(
            f"{path} is no whole history: {error} Restore the file, or delete "
            f"the folder {path.parent} and repeat the command of the run, "
            "which trains this stage again."
        ) from error
    return History(**fields)


def _take(content: dict[str, Any], field: dataclasses.Field) -> Any:
    if field.name in content:
        return content[field.name]
    if field.default is dataclasses.MISSING:
        raise ValueError(f"{field.name!r} is missing.")
    return field.default


def _check(fields: dict[str, Any]) -> None:
    """Raises ValueError if a field is not of its type."""
    _require("stage", fields["stage"], isinstance(fields["stage"], str), "text")
    for name in ("first_epoch", "last_epoch", "parameters"):
        _require(name, fields[name], _is_count(fields[name]), "a count")
    finished = fields["finished"]
    _require("finished", finished, isinstance(finished, bool), "true or false")
    kind = fields["kind"]
    known = isinstance(kind, str) and kind in _RANKS
    _require("kind", kind, known, f"one of {', '.join(_RANKS)}")
    relax_epoch = fields["relax_epoch"]
    if kind in RELAXED_KINDS:
        _require("relax_epoch", relax_epoch, _is_count(relax_epoch), "a count")
    for name in ("diverged", "stopped"):
        place = fields[name]
        is_place = isinstance(place, dict) and _is_count(place.get("epoch"))
        _require(
            name,
            place,
            place is None or is_place,
            "null or an object with an epoch",
        )
    epochs, layers = fields["epochs"], fields["layers"]
    _require("epochs", epochs, isinstance(epochs, list), "a list of rows")
    _require("layers", layers, isinstance(layers, dict), "an object")


def _row(row: Any) -> dict[str, float | None]:
    """Returns a row of numbers; what is not finite counts as not measured."""
    has_epoch = isinstance(row, dict) and _is_count(row.get("epoch"))
    _require("epochs", row, has_epoch, "rows with a count `epoch`")
    for name, value in row.items():
        _require(name, value, value is None or _is_real(value), "a number")
    return {
        name: value if value is None or math.isfinite(value) else None
        for name, value in row.items()
    }


def _check_epochs_rise(rows: tuple[Mapping[str, float | None], ...]) -> None:
    counts = [row["epoch"] for row in rows]
    rises = all(a < b for a, b in zip(counts, counts[1:], strict=False))
    _require("epochs", counts, rises, "rows whose `epoch` rises")


def _require(name: str, value: Any, holds: bool, expected: str) -> None:
    if not holds:
        raise ValueError(
            f"{name!r} must be {expected}. Received: {str(value)[:60]!r}."
        )


def _is_real(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and _is_real(value) and value >= 0

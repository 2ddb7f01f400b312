"""Reads `sweep.json`: which runs a sweep has, and what became of them.

The runs themselves lie beside it, each in the folder of its name.
"""

import dataclasses
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from needle_tf.reports import histories

NAME = "sweep.json"
TRAINING, RELAX = "training", "relax"
_KINDS = (TRAINING, RELAX)


@dataclasses.dataclass(frozen=True, eq=False)
class SweepFile:
    """What a sweep wrote down of itself.

    Attributes:
        runs: What its trials are: `training` or `relax`.
        axes: The values of every swept setting by name, the seed among them.
        variants: Names of the groups of settings; empty if there are none.
        entries: One object per trial, with `name` and `label` as text.
    """

    runs: str
    axes: Mapping[str, tuple]
    variants: tuple[str, ...]
    entries: tuple[Mapping[str, Any], ...]


def is_there(folder: str | os.PathLike) -> bool:
    """Whether the folder holds a sweep rather than one run."""
    return pathlib.Path(folder, NAME).is_file()


def read(sweep_dir: str | os.PathLike, runs: str | None = None) -> SweepFile:
    """Returns what the file of a sweep says, checked.

    Args:
        sweep_dir: The folder of the sweep.
        runs: What its trials must be, `training` or `relax`; None for either.

    Raises:
        ValueError: If there is none, it is not whole, or its runs are others;
            the message names the file.
    """
    path = pathlib.Path(sweep_dir, NAME)
    if not path.is_file():
        raise ValueError(
            f"{str(sweep_dir)!r} holds no sweep (no {NAME}). Give --run_dir "
            "the folder of a sweep."
        )
    try:
        found = _checked(histories.read_object(path))
    except ValueError as error:
        raise ValueError(
            f"{path} is no whole sweep: {error} Restore the file, or repeat "
            "the command of the sweep."
        ) from error
    if runs is not None and found.runs != runs:
        raise ValueError(
            f"{path} is a sweep of {found.runs} runs; one of {runs} runs was "
            "expected. Give --run_dir the folder of another sweep."
        )
    return found


def _checked(content: Mapping[str, Any]) -> SweepFile:
    axes = _required(content, "axes", dict, "an object")
    variants = _required(content, "variants", list, "a list")
    entries = _required(content, "trials", list, "a list")
    for entry in entries:
        _check("trials", entry, isinstance(entry, dict), "a list of objects")
        for name in ("name", "label"):
            _required(entry, name, str, "text")
        _required({"settings": {}, **entry}, "settings", dict, "an object")
    for name, values in axes.items():
        _check(name, values, isinstance(values, list), "a list of values")
    runs = content.get("runs", TRAINING)
    _check("runs", runs, runs in _KINDS, f"one of {', '.join(_KINDS)}")
    return SweepFile(
        runs=runs,
        axes={name: tuple(values) for name, values in axes.items()},
        variants=tuple(variants),
        entries=tuple(entries),
    )


def _required(
    content: Mapping[str, Any], name: str, kind: type, expected: str
) -> Any:
    if name not in content:
        raise ValueError(f"{name!r} is missing.")
    _check(name, content[name], isinstance(content[name], kind), expected)
    return content[name]


def _check(name: str, value: Any, holds: bool, expected: str) -> None:
    if not holds:
        raise ValueError(
            f"{name!r} must be {expected}. Received: {str(value)[:60]!r}."
        )

"""What was run: settings, seeds, flags, versions, and how far it has come.

config.json     of the run, or of every trial of a sweep
sweep.json      what was asked for, trials that have not begun included
flags.txt       the flags that it really used
versions.json   of the libraries that it ran with
"""

import collections
import dataclasses
import os
import pathlib
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from needle_tf.reports import histories
from needle_tf.reports import setting_text
from needle_tf.reports import sweep_file
from needle_tf.reports import trials as trials_lib

FLAGS_FILE = "flags.txt"
VERSIONS_FILE = "versions.json"
# Those that are told even where they were not recorded.
LIBRARIES = ("python", "tensorflow", "keras", "numpy", "needle_tf")
NOT_RECORDED = "not recorded"
# What is relaxed into each space.
_RELAXED_KINDS = {"fcn": "efcn", "band": "band", "lcn": "elcn"}


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """One run, alone or as a trial of a sweep.

    Attributes:
        name: Name of its folder within the sweep; "" for one that is alone.
        path: Its folder, which need not exist yet.
        config: Its configuration, empty if it has not begun.
        stages: What its networks have written down so far.
        error: What a failed trial ended with, or None.
    """

    name: str
    path: pathlib.Path
    config: Mapping[str, Any]
    stages: Sequence[histories.History]
    error: str | None = None

    def planned(self) -> list[str]:
        """Returns the names of all networks that it shall train."""
        if not self.config:
            return []
        if self.config.get("kind") == sweep_file.TRAINING:
            return [trials_lib.STAGE]
        baselines = self.config.get("baselines") or []
        relaxed = [_RELAXED_KINDS[self.config.get("space", "fcn")]]
        relaxed += [name for name in baselines if name == "elcn"]
        epochs = self.config.get("relax_epochs") or []
        names = [f"{kind}_relax{epoch}" for epoch in epochs for kind in relaxed]
        return ["cnn", *names, *(n for n in baselines if n != "elcn")]


@dataclasses.dataclass(frozen=True, eq=False)
class Facts:
    """What a folder is about.

    Attributes:
        kind: `relax` or `training`.
        is_sweep: Whether it holds a sweep rather than one run.
        axes: The values of every swept setting by name, the seed among them.
        runs: The run, or all trials.
        flags: The text of its flag file, or None.
        versions: Version by library, `NOT_RECORDED` where nothing says.
    """

    kind: str
    is_sweep: bool
    axes: Mapping[str, Sequence[Any]]
    runs: Sequence[Run]
    flags: str | None
    versions: Mapping[str, str]

    def values(self, name: str) -> list[Any]:
        """Returns the different values of a setting, in order of appearance.

        Of trials that have not begun only what is swept is known.
        """
        found = [
            run.config[name]
            for run in self.runs
            if run.config.get(name) is not None
        ]
        found += self.axes.get(name, ())
        return [
            value for k, value in enumerate(found) if value not in found[:k]
        ]

    def text(self, name: str) -> str:
        """Returns the values of a setting as text, "" if there is none."""
        values = self.values(name)
        base = setting_text.base_of(values)
        texts = [_text_of(value, base) for value in values]
        has_lists = any(isinstance(value, list) for value in values)
        by = "; " if has_lists else ", "
        return by.join(dict.fromkeys(text for text in texts if text))


def read(folder: str | os.PathLike) -> Facts:
    """Returns what the folder of a run or of a sweep says of itself.

    Raises:
        ValueError: If it holds neither, or a file that is not whole; the
            message names the file.
    """
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        raise ValueError(
            "The folder of a run or of a sweep was expected, but there is no "
            f"folder {str(folder)!r}. Name another one."
        )
    is_sweep = sweep_file.is_there(folder)
    if is_sweep:
        found = sweep_file.read(folder)
        kind, axes = found.runs, found.axes
        runs = [
            _run(folder / entry["name"], entry["name"], entry.get("error"))
            for entry in found.entries
        ]
    else:
        runs, axes = [_run(folder)], {}
        kind = _kind(folder, runs[0])
    return Facts(
        kind=kind,
        is_sweep=is_sweep,
        axes=axes,
        runs=runs,
        flags=_text(folder / FLAGS_FILE),
        versions=_versions([folder, *(run.path for run in runs)]),
    )


def _run(path: pathlib.Path, name: str = "", error: str | None = None) -> Run:
    stages = []
    if histories.stage_files(path):
        stages = histories.read_histories(path)
    return Run(name, path, trials_lib.read_config(path), stages, error)


def _kind(folder: pathlib.Path, run: Run) -> str:
    if trials_lib.is_run(folder):
        return sweep_file.TRAINING
    if run.stages or run.config:
        return run.config.get("kind", sweep_file.RELAX)
    if (folder / "history.json").is_file():
        raise ValueError(
            f"{str(folder)!r} is the folder of one network; the folder of the "
            f"whole run was expected. Name {str(folder.parent)!r} instead."
        )
    raise ValueError(
        f"{str(folder)!r} holds neither a run (no config.json, no "
        f"*/history.json) nor a sweep (no {sweep_file.NAME}). Name the "
        "folder that --run_dir named when it was run."
    )


def _text_of(value: Any, base: int | None) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={own}" for name, own in value.items())
    parts = value if isinstance(value, list) else [value]
    return ", ".join(setting_text.text(part, base) for part in parts)


def _text(path: pathlib.Path) -> str | None:
    if not path.is_file():
        return None
    return path.read_text(encoding="utf-8", errors="replace")


def _versions(folders: Sequence[pathlib.Path]) -> dict[str, str]:
    """Returns all versions that were noted; trials may differ in theirs."""
    found = collections.defaultdict(dict)
    for content in _noted(folders):
        for name, version in content.items():
            found[name][str(version)] = None
    texts = {name: ", ".join(versions) for name, versions in found.items()}
    return {name: NOT_RECORDED for name in LIBRARIES} | texts


def _noted(folders: Sequence[pathlib.Path]) -> Iterator[dict[str, Any]]:
    for path in dict.fromkeys(folder / VERSIONS_FILE for folder in folders):
        if not path.is_file():
            continue
        try:
            yield histories.read_object(path)
        except ValueError as error:
            raise ValueError(
                f"{path} holds no versions: {error} Delete it, or put a good "
                "copy back."
            ) from error

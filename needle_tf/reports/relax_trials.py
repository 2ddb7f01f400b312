"""Reads runs of the relax protocol, alone or as the trials of a sweep.

    run_dir/<stage>/history.json                one run
    sweep_dir/sweep.json                        what was asked for
    sweep_dir/<trial>/<stage>/history.json      its runs, as far as they are

A trial that has not begun has no stages yet, and is a trial all the same.
"""

import dataclasses
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from needle_tf.reports import histories
from needle_tf.reports import network_names
from needle_tf.reports import sweep_file
from needle_tf.reports import trials as trials_lib

_FAILED = "failed"


@dataclasses.dataclass(frozen=True, eq=False)
class RelaxTrial:
    """One run of the relax protocol.

    Attributes:
        name: Name of the run's folder.
        label: What trials that differ only in their seed have in common.
        variant: Name of the group of settings it began with, or None.
        settings: The swept settings by name, without the seed.
        seed: Its seed; None if nothing says.
        has_failed: Whether it ended with an error or a divergence.
        error: What it ended with then, or None.
        path: Its run folder, which need not exist yet.
        stages: What its networks wrote down, by the name of their stage: CNN,
            relaxed, LCN, then FCN.
    """

    name: str
    label: str
    variant: str | None
    settings: Mapping[str, Any]
    seed: int | None
    has_failed: bool
    error: str | None
    path: pathlib.Path
    stages: Mapping[str, histories.History]

    @property
    def cnn(self) -> histories.History | None:
        """The CNN that the relaxed networks stem from."""
        cnns = (s for s in self.stages.values() if s.kind == "cnn")
        return next(cnns, None)

    def status_of(self, stage: str) -> str:
        """Returns what became of a network.

        That is `finished`, `diverged`, `running` (not finished: interrupted
        ones too), `failed` (the trial ended before the network did) or
        `waiting` (not begun).
        """
        history = self.stages.get(stage)
        if history is not None and history.diverged is not None:
            return "diverged"
        if history is not None and history.finished:
            return "finished"
        if self.has_failed:
            return _FAILED
        return "waiting" if history is None else "running"


@dataclasses.dataclass(frozen=True, eq=False)
class RelaxSweep:
    """Runs of the relax protocol, in the order in which they were asked for.

    Attributes:
        folder: Where they lie.
        is_sweep: Whether it is the folder of a sweep, not of one run.
        title: Which network on which data, as far as the runs say so.
        axes: The values of every swept setting by name, the seed among them.
        variants: Names of the groups of settings; empty if there are none.
        trials: The runs, those that have not begun included.
    """

    folder: pathlib.Path
    is_sweep: bool
    title: str
    axes: Mapping[str, tuple]
    variants: tuple[str, ...]
    trials: tuple[RelaxTrial, ...]

    @property
    def has_begun(self) -> bool:
        """Whether any network wrote something down."""
        return any(trial.stages for trial in self.trials)


def read(folder: str | os.PathLike) -> RelaxSweep:
    """Returns the sweep that a folder holds, or its run as a sweep of one.

    Args:
        folder: The folder of a relax run or of a sweep of them, finished or
            not.

    Raises:
        ValueError: If there is neither in the folder, or a file that is not
            whole; the message names the file.
    """
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        raise ValueError(
            "The folder of a relax run or of a sweep was expected, but there "
            f"is no folder {str(folder)!r}. Give --run_dir another one."
        )
    if not sweep_file.is_there(folder):
        return _read_run(folder)
    found = sweep_file.read(folder, sweep_file.RELAX)
    trials = tuple(
        _trial(folder / entry["name"], entry) for entry in found.entries
    )
    return RelaxSweep(
        folder=folder,
        is_sweep=True,
        title=_title(trials),
        axes=found.axes,
        variants=found.variants,
        trials=trials,
    )


def _read_run(run_dir: pathlib.Path) -> RelaxSweep:
    histories_of_run = histories.read_histories(run_dir)
    if any(history.kind == trials_lib.STAGE for history in histories_of_run):
        raise ValueError(
            f"{str(run_dir)!r} is a training run; one of the relax protocol "
            "was expected. Give --run_dir the folder of a run of "
            "`python -m needle_tf.main`."
        )
    name = run_dir.resolve().name
    seed = trials_lib.read_config(run_dir).get("seed")
    trial = _trial(run_dir, {"name": name, "label": name, "seed": seed})
    return RelaxSweep(
        folder=run_dir,
        is_sweep=False,
        title=_title((trial,)),
        axes={},
        variants=(),
        trials=(trial,),
    )


def _trial(path: pathlib.Path, entry: Mapping[str, Any]) -> RelaxTrial:
    found = []
    if histories.stage_files(path):
        found = histories.read_histories(path)
    return RelaxTrial(
        name=entry["name"],
        label=entry["label"],
        variant=entry.get("variant"),
        settings=entry.get("settings", {}),
        seed=entry.get("seed"),
        has_failed=entry.get("status") == _FAILED,
        error=entry.get("error"),
        path=path,
        stages={history.stage: history for history in found},
    )


def _title(trials: tuple[RelaxTrial, ...]) -> str:
    """Returns network and data of all trials, and their seeds."""
    configs = [trials_lib.read_config(trial.path) for trial in trials]
    names = {network_names.title_of(config) for config in configs if config}
    if len(names) != 1 or names == {""}:
        return ""
    seeds = {trial.seed for trial in trials} - {None}
    if len(seeds) > 1:
        return f"{names.pop()}, {len(seeds)} seeds"
    return ", ".join([names.pop(), *(f"seed {seed}" for seed in seeds)])

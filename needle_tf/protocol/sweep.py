"""Runs a sweep: its trials one after the other, each gone on with.

    sweep_dir/sweep.json               what is run, and what became of it
    sweep_dir/<trial>/                 a run
    sweep_dir/tensorboard/<trial>/     its event files, with HParams

Trials are all training runs or all runs of the relax protocol; those have the
stages in common that are the same. A trial that fails does not stop the others;
the same command tries it again.
"""

import functools
import json
import os
import pathlib
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

from needle_tf.protocol import relax
from needle_tf.protocol import run_config
from needle_tf.protocol import run_folder
from needle_tf.protocol import start_up
from needle_tf.protocol import sweep_plan
from needle_tf.protocol import training

FILE = "sweep.json"
WAITING, DONE, FAILED = "waiting", "done", "failed"
# What runs the trials: each has `load`, `check` and `run`.
_RUNS = {"training": training, "relax": relax}
# What does not tell whether two networks fit their data alike.
_NOT_OF_THE_FIT = (
    "seed",
    "init_seed",
    "learning_rate",
    "l2",
    "epochs",
    "relaxed_learning_rate",
    "baseline_learning_rate",
    "relaxed_epochs",
)


def run(
    sweep: sweep_plan.Sweep,
    sweep_dir: str | os.PathLike,
    *,
    data_dir: str | None = None,
    download: bool = False,
    progress: str = "auto",
    library_logs: bool = False,
    notes: Mapping[str, str] | None = None,
    report: Callable[[str], None] | None = None,
    told: Callable[[Exception], str | None] = str,
) -> list[str]:
    """Runs the trials of a sweep that are not done.

    Args:
        sweep: The trials.
        sweep_dir: Its folder; one of the same sweep is gone on with.
        data_dir: Where the data lie, for `data.loading`.
        download: Whether TFDS may download them.
        progress: How epochs are shown, one of `progress.CHOICES`.
        library_logs: Whether libraries may print what they do as they start.
        notes: Text files to put into the folder, by name.
        report: Takes lines for the screen; None prints them.
        told: Returns what to say of an error that ended a trial; for None the
            error is raised.

    Returns:
        What went wrong, trial by trial, in words.

    Raises:
        ValueError: If the folder is another's, or a trial cannot be run.
        OSError: If the folder cannot be written to.
    """
    path = pathlib.Path(sweep_dir).expanduser()
    report = report or functools.partial(print, flush=True)
    _check_folder(path, sweep)
    data = _Data(data_dir, download)
    shown = {"progress": progress, "library_logs": library_logs}
    with start_up.quiet(not library_logs):
        _check_trials(sweep, path, data, report)
    path.mkdir(parents=True, exist_ok=True)
    with run_folder.locked(path):
        _check_folder(path, sweep)
        record = _Record(path, sweep)
        for name, text in (notes or {}).items():
            run_folder.write_text(path / name, text)
        for number, trial in enumerate(sweep.trials, start=1):
            head = f"[{number}/{len(sweep.trials)}] {trial.name}"
            if record.status(trial) == DONE:
                report(f"{head}: done before")
                continue
            report(f"{head}: {trial.label}, seed {trial.config.seed}")
            others = [path / t.name for t in sweep.trials if t is not trial]
            own = {"data": data.of(trial.config), "report": report, **shown}
            record.end(trial, _problem_of(trial, path, told, others, own))
        return record.problems()


def _problem_of(trial, path, told, others, arguments):
    """Runs a trial; returns what went wrong, or None."""
    runs = _RUNS[trial.config.KIND]
    arguments["event_dir"] = path / "tensorboard" / trial.name
    if trial.config.KIND == "relax":
        arguments["others"] = others
    try:
        outcome = runs.run(trial.config, path / trial.name, **arguments)
    except Exception as error:
        message = told(error)
        if message is None:
            raise
        return message
    return " ".join(outcome.problems) or None


class _Data:
    """Loads images; keeps the newest, for the next trial mostly has them."""

    def __init__(self, data_dir, download):
        self._where = data_dir, download
        self._key = None
        self._newest = None

    def of(self, config):
        fields = config.to_json()
        names = ("dataset", "seed", "statistics", "validation_fraction")
        names += run_config.DATA_ARGUMENTS
        key = [fields.get(name) for name in names]
        if key != self._key:
            self._newest = None  # Not two of them in memory.
            self._newest = _RUNS[config.KIND].load(config, *self._where)
            self._key = key
        return self._newest


def _check_folder(path: pathlib.Path, sweep: sweep_plan.Sweep) -> None:
    """Refuses a folder that is not one of this sweep."""
    if not path.exists():
        return
    if not path.is_dir():
        raise ValueError(
            f"--run_dir={path} is a file. Name a folder, new or of this sweep."
        )
    if not (path / FILE).exists():
        others = run_folder.others_in(path)
        if others:
            raise ValueError(
                f"--run_dir={path} is neither empty nor the folder of a sweep: "
                f"it has no {FILE}, but {', '.join(others[:3])}. Name another "
                "folder."
            )
        return
    content = run_folder.read_json(path / FILE)
    try:
        trials = {trial["name"]: trial for trial in content["trials"]}
        before = {name: trial["run"] for name, trial in trials.items()}
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{path / FILE} is no record of a sweep ({error!r} is missing). "
            "Name another --run_dir."
        ) from error
    now = {trial.name: trial.config.run_name() for trial in sweep.trials}
    if before != now:
        changed = [
            name
            for name in dict.fromkeys([*before, *now])
            if before.get(name) != now.get(name)
        ]
        raise ValueError(
            f"--run_dir={path} holds another sweep. Different: "
            f"{', '.join(changed[:3])}"
            f"{' and others' if len(changed) > 3 else ''}. Take the flags of "
            f"{path / 'flags.txt'} to go on with it, or another --run_dir."
        )


def _check_trials(sweep, path, data, report):
    """Refuses trials that cannot be run, before the first one is.

    Says of the relax protocol how much goes to the disk.
    """
    from needle_tf.protocol import inputs
    from needle_tf.protocol import snapshots

    checked, kept = {}, 0
    for trial in sweep.trials:
        config = trial.config
        run_folder.check(path / trial.name, config)
        if getattr(config, "replay", None) is not None:
            # Its angles are yet to be recorded, by another trial mostly.
            continue
        fields = config.to_json()
        for name in _NOT_OF_THE_FIT:
            fields.pop(name, None)
        key = json.dumps(fields, sort_keys=True)
        if key not in checked:
            runs = _RUNS[config.KIND]
            try:
                with inputs.precision(config.precision):
                    checked[key] = runs.check(config, data.of(config))
            except ValueError as error:
                raise ValueError(
                    f"the run {trial.name} is not possible: {error}"
                ) from error
        if config.KIND == "relax" and not (path / trial.name).exists():
            kept += snapshots.of_run(config, checked[key]).kept
    if kept:
        report(
            f"snapshots of all runs: {snapshots.in_words(kept)}, less what "
            "they have in common"
        )


class _Record:
    """`sweep.json`, written anew whenever a trial ends."""

    def __init__(self, path: pathlib.Path, sweep: sweep_plan.Sweep):
        self._path = path
        self._sweep = sweep
        if (path / FILE).exists():
            self._content = run_folder.read_json(path / FILE)
            return
        self._content = {
            "kind": "sweep",
            "runs": sweep.trials[0].config.KIND,
            "axes": run_config.as_json(sweep.axes),
            "variants": list(sweep.variants),
            "trials": [_entry(trial) for trial in sweep.trials],
        }
        self._write()
        from needle_tf.protocol import event_layout
        from needle_tf.protocol import trial_parameters

        event_layout.write(path / "tensorboard")
        trial_parameters.declare(sweep, path / "tensorboard")

    def status(self, trial: sweep_plan.Trial) -> str:
        """Returns what became of a trial."""
        return self._of(trial)["status"]

    def end(self, trial: sweep_plan.Trial, problem: str | None) -> None:
        """Notes how a trial ended."""
        from needle_tf.protocol import trial_parameters

        event_dir = self._path / "tensorboard" / trial.name
        trial_parameters.write(self._sweep, trial, event_dir)
        entry = self._of(trial)
        entry["status"] = DONE if problem is None else FAILED
        entry["error"] = problem
        self._write()

    def problems(self) -> list[str]:
        """Returns what went wrong, trial by trial."""
        return [
            f"{trial['name']}: {trial['error']}"
            for trial in self._content["trials"]
            if trial["error"]
        ]

    def _of(self, trial: sweep_plan.Trial) -> dict[str, Any]:
        trials = self._content["trials"]
        return next(each for each in trials if each["name"] == trial.name)

    def _write(self) -> None:
        run_folder.write_json(self._path / FILE, self._content)


def _entry(trial: sweep_plan.Trial) -> dict[str, Any]:
    return {
        "name": trial.name,
        "label": trial.label,
        "variant": trial.variant,
        "settings": run_config.as_json(trial.settings),
        "seed": trial.config.seed,
        "run": trial.config.run_name(),
        "status": WAITING,
        "error": None,
    }

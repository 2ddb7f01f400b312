"""Folders that the report's page is made of, complete or just begun."""

import contextlib
import json
import pathlib
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from unittest import mock

from needle_tf.figures import pictures
from tests.reports import synthetic_relax_sweeps
from tests.reports import synthetic_runs

# The head of a picture is what a page looks at.
_PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)
CONFIG = {
    "dataset": "digits",
    "train_size": 1200,
    "model": "small_cnn",
    "width": 1.0,
    "optimizer": "sgd",
    "optimizer_options": {"momentum": 0.9},
    "learning_rate": 0.1,
    "relaxed_learning_rate": 0.1,
    "batch_size": 100,
    "epochs": 40,
    "relax_epochs": [5, 20],
    "space": "fcn",
    "baselines": ["fcn"],
    "precision": "float32",
}
VERSIONS = {
    "python": "3.11.9",
    "tensorflow": "2.21.0",
    "keras": "3.15.1",
    "numpy": "2.3.1",
    "needle_tf": "0.1.0",
}


def relax_run(
    run_dir: str | pathlib.Path,
    *stages: Mapping[str, Any],
    seed: int = 0,
    **changes: Any,
) -> pathlib.Path:
    """Writes a run of the relax protocol and returns its path.

    Args:
        run_dir: Its folder.
        *stages: Histories; those of a finished run if there are none.
        seed: Its seed, which shifts the accuracies a little.
        **changes: Fields of its configuration.
    """
    run_dir = pathlib.Path(run_dir)
    run_dir.mkdir(parents=True, exist_ok=True)
    write_json(run_dir / "config.json", {**CONFIG, "seed": seed, **changes})
    synthetic_runs.write(run_dir, *(stages or finished(seed)))
    return run_dir


def finished(seed: int = 0) -> list[dict[str, Any]]:
    """Returns the histories of all networks of a finished run."""
    return [
        synthetic_runs.cnn(end=0.87 + 0.01 * seed),
        synthetic_runs.relaxed(5, end=0.75 + 0.01 * seed),
        synthetic_runs.relaxed(20, end=0.89 + 0.01 * seed),
        synthetic_runs.fcn(),
    ]


def relax_sweep(
    sweep_dir: str | pathlib.Path,
    seeds: Sequence[int] = (0, 1),
    rates: Sequence[float] = (0.1,),
    begun: int | None = None,
) -> pathlib.Path:
    """Writes a sweep of relax runs and returns its path.

    Args:
        sweep_dir: Its folder.
        seeds: Of the runs.
        rates: Step sizes of the relaxed networks.
        begun: How many runs are there already; None for all.
    """
    sweep_dir = pathlib.Path(sweep_dir)
    trials = []
    for rate in rates:
        for seed in seeds:
            has_begun = begun is None or len(trials) < begun
            entry = synthetic_relax_sweeps.entry(
                {"relaxed_learning_rate": rate},
                seed,
                status="done" if has_begun else "waiting",
            )
            trials.append(entry)
            if has_begun:
                relax_run(
                    sweep_dir / entry["name"],
                    seed=seed,
                    relaxed_learning_rate=rate,
                )
    sweep_dir.mkdir(parents=True, exist_ok=True)
    axes = {"relaxed_learning_rate": list(rates), "seed": list(seeds)}
    content = {
        "kind": "sweep",
        "runs": "relax",
        "axes": axes,
        "variants": [],
        "trials": trials,
    }
    write_json(sweep_dir / "sweep.json", content)
    return sweep_dir


def write_json(path: pathlib.Path, content: Any) -> None:
    """Writes a file of a folder."""
    path.write_text(json.dumps(content))


@contextlib.contextmanager
def quick_pictures() -> Iterator[None]:
    """Builds pictures, but spares their layout and drawing, which take long."""

    def save(figure, path):
        del figure
        path.write_bytes(_PNG)
        return path

    with (
        mock.patch.object(pictures, "save", save),
        mock.patch.object(pictures, "lay_out"),
    ):
        yield

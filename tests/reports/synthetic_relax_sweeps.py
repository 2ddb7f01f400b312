"""Sweeps of relax runs as they would lie on disk, made up but likely.

Every value is a closed form of the epoch, the settings and the seed, so that
two folders of one description are equal.
"""

import json
import math
import pathlib
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from tests.reports import synthetic_runs


def stages(
    relax_epochs: Sequence[int] = (0, 5, 10, 20, 30),
    seed: int = 0,
    kinds: Sequence[str] = ("efcn",),
    gain: float = 0.0,
    spread: float = 0.015,
    has_baselines: bool = True,
    **changes: Any,
) -> list[dict[str, Any]]:
    """Returns the histories of one run: CNN, relaxed, LCN and FCN.

    Args:
        relax_epochs: Of the relaxed networks.
        seed: Shifts all accuracies of the run, and each a little more.
        kinds: Kinds of the relaxed networks.
        gain: What relaxed networks end higher, and how much farther.
        spread: How much seeds differ in accuracy.
        has_baselines: Whether an LCN and an FCN are trained from scratch.
        **changes: Of the relaxed networks, as for `synthetic_runs.history`.
    """
    luck = spread * math.sin(5 * seed)
    found = [synthetic_runs.cnn(end=0.87 + luck)]
    for kind in kinds:
        for epoch in relax_epochs:
            lateness = 1 - math.exp(-epoch / 8)
            own = 0.25 * spread * math.cos(7 * seed + epoch)
            end = 0.61 + 0.275 * lateness + luck + own + gain
            offset = (0.32 - 0.28 * lateness) * (1 + 0.02 * math.sin(3 * seed))
            is_elcn = kind == "elcn"
            found.append(
                synthetic_runs.relaxed(
                    epoch,
                    kind,
                    **{
                        "end": end - 0.02 * is_elcn,
                        "offset": offset * (1 + 8 * gain),
                        **changes,
                    },
                )
            )
    if has_baselines:
        found.append(synthetic_runs.history("lcn", end=0.715 + luck, offset=0))
        found.append(synthetic_runs.history("fcn", end=0.5 + luck, offset=0.93))
    return found


def entry(
    settings: Mapping[str, Any],
    seed: int = 0,
    status: str = "done",
    error: str | None = None,
) -> dict[str, Any]:
    """Returns an entry of sweep.json."""
    parts = [f"{name}={value}" for name, value in settings.items()]
    label = ", ".join(parts) or "sgd"
    name = f"{label.replace(', ', '_').replace('=', '')}_seed{seed}"
    return {
        "name": name,
        "label": label,
        "variant": None,
        "settings": dict(settings),
        "seed": seed,
        "run": name,
        "status": status,
        "error": error,
    }


def write(
    sweep_dir: str | pathlib.Path,
    axes: Mapping[str, Sequence[Any]],
    trials: Sequence[tuple[dict[str, Any], list[dict[str, Any]] | None]],
    **config: Any,
) -> pathlib.Path:
    """Writes the folder of a sweep and returns its path.

    Args:
        sweep_dir: The folder.
        axes: Of the sweep.
        trials: What `entry` returned, with histories; None for a trial that
            has not begun.
        **config: What is in the configuration of each run.
    """
    sweep_dir = pathlib.Path(sweep_dir)
    sweep_dir.mkdir(parents=True, exist_ok=True)
    content = {
        "kind": "sweep",
        "runs": "relax",
        "axes": {name: list(values) for name, values in axes.items()},
        "variants": [],
        "trials": [each for each, _ in trials],
    }
    (sweep_dir / "sweep.json").write_text(json.dumps(content))
    for each, histories in trials:
        if histories is not None:
            run_dir = sweep_dir / each["name"]
            synthetic_runs.write(run_dir, *histories)
            if config:
                own = config | {"seed": each["seed"]}
                (run_dir / "config.json").write_text(json.dumps(own))
    return sweep_dir


def rate_sweep(
    sweep_dir: str | pathlib.Path,
    rates: Sequence[float] = (0.01, 0.03, 0.1, 0.3),
    seeds: Sequence[int] = (0, 1, 2),
    relax_epochs: Sequence[int] = (0, 5, 10, 20, 30),
    **changes: Any,
) -> pathlib.Path:
    """Writes a sweep of the relaxed nets' step size: one CNN for all rates."""
    trials = []
    for rate in rates:
        gain = 0.01 * math.log10(rate / 0.03)
        for seed in seeds:
            own = stages(relax_epochs, seed, gain=gain, **changes)
            trials.append((entry({"relaxed_learning_rate": rate}, seed), own))
    axes = {"relaxed_learning_rate": rates, "seed": seeds}
    return write(sweep_dir, axes, trials, model="skinny", dataset="cifar10")


def seed_sweep(
    sweep_dir: str | pathlib.Path,
    seeds: Sequence[int] = (0, 1, 2),
    relax_epochs: Sequence[int] = (0, 5, 10, 20, 30),
    **changes: Any,
) -> pathlib.Path:
    """Writes a sweep of seeds alone."""
    trials = [
        (entry({}, seed), stages(relax_epochs, seed, **changes))
        for seed in seeds
    ]
    return write(
        sweep_dir, {"seed": seeds}, trials, model="skinny", dataset="cifar10"
    )

"""Training runs and sweeps as they would lie on disk, made up but likely.

Every value is a closed form of the epoch and the settings, so that two folders
of one description are equal.
"""

import json
import math
import pathlib
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import numpy as np

KERNELS = tuple(f"stage_{k // 6 + 1}_conv_{k % 6 + 1}" for k in range(24))
RESNET = (
    "conv",
    *(f"block_{k + 1}_conv" for k in range(15)),
    "block_6_shortcut",
    "block_11_shortcut",
    "dense",
)
MLP = ("hidden", "classes")


def history(
    *,
    rate: float = 3**-3,
    seed: int = 0,
    reached: int = 100,
    planned: int = 100,
    kernels: Sequence[str] = (*KERNELS, "dense"),
    has_validation: bool = True,
    diverged_step: int | None = None,
    stopped: Mapping[str, Any] | None = None,
    steps: int = 352,
) -> dict[str, Any]:
    """Returns the history of a training run.

    Args:
        rate: Rate of turning, which decides rotations and accuracy: the best
            is 3^-3.
        seed: Shifts the accuracies a little.
        reached: Last epoch in the file; below `planned` it still runs.
        planned: Epochs asked for.
        kernels: Names of the kernels.
        has_validation: Whether images were held out.
        diverged_step: Makes it a run that diverged after `reached`.
        stopped: Makes it a run that a criterion stopped after `reached`.
        steps: Training steps per epoch.
    """
    epochs = range(reached + 1)
    layers = {
        name: {
            "rotation": [
                _rotation(rate, steps * epoch, k, len(kernels), name)
                for epoch in epochs
            ]
        }
        for k, name in enumerate(kernels)
    }
    rows = [
        _row(epoch, rate, seed, has_validation, planned)
        | _summary(layers, epoch)
        for epoch in epochs
    ]
    is_over = reached == planned or stopped is not None
    return {
        "stage": "train",
        "kind": "train",
        "relax_epoch": None,
        "first_epoch": 0,
        "last_epoch": planned,
        "parameters": 3_493_728,
        "finished": is_over and diverged_step is None,
        "diverged": None
        if diverged_step is None
        else {"epoch": reached, "step": diverged_step},
        "stopped": stopped,
        "epochs": rows,
        "layers": layers,
    }


def write_run(
    run_dir: str | pathlib.Path,
    content: Mapping[str, Any] | None = None,
    **config: Any,
) -> pathlib.Path:
    """Writes a run folder and returns its path."""
    run_dir = pathlib.Path(run_dir)
    (run_dir / "train").mkdir(parents=True, exist_ok=True)
    (run_dir / "train" / "history.json").write_text(
        json.dumps(history() if content is None else content)
    )
    if config:
        (run_dir / "config.json").write_text(
            json.dumps({"kind": "training", **config})
        )
    return run_dir


def trial(
    settings: Mapping[str, Any],
    *,
    seed: int = 0,
    variant: str | None = None,
    status: str = "done",
    error: str | None = None,
    **changes: Any,
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Returns an entry of sweep.json, and the history or None if it waits."""
    parts = [f"{name}={value}" for name, value in settings.items()]
    label = ", ".join([*([variant] if variant else []), *parts])
    entry = {
        "name": f"{label.replace(', ', '_').replace('=', '')}_seed{seed}",
        "label": label,
        "variant": variant,
        "settings": dict(settings),
        "seed": seed,
        "status": status,
        "error": error,
    }
    has_history = status == "done" or (
        status == "failed" and "reached" in changes
    )
    return entry, history(seed=seed, **changes) if has_history else None


def write_sweep(
    sweep_dir: str | pathlib.Path,
    axes: Mapping[str, Sequence[Any]],
    trials: Sequence[tuple[dict[str, Any], dict[str, Any] | None]],
) -> pathlib.Path:
    """Writes the folder of a sweep and returns its path."""
    sweep_dir = pathlib.Path(sweep_dir)
    sweep_dir.mkdir(parents=True, exist_ok=True)
    variants = dict.fromkeys(entry["variant"] for entry, _ in trials)
    content = {
        "kind": "sweep",
        "axes": {name: list(values) for name, values in axes.items()},
        "variants": [name for name in variants if name is not None],
        "trials": [entry for entry, _ in trials],
    }
    (sweep_dir / "sweep.json").write_text(json.dumps(content))
    for entry, content in trials:
        if content is not None:
            write_run(sweep_dir / entry["name"], content)
    return sweep_dir


def rate_sweep(
    sweep_dir: str | pathlib.Path,
    exponents: Sequence[float] = (-6, -5, -4, -3, -2),
    seeds: Sequence[int] = (0, 1, 2),
    **changes: Any,
) -> pathlib.Path:
    """Writes a sweep of one rate, a grid of powers of three, and seeds."""
    rates = [round(3.0**exponent, 8) for exponent in exponents]
    trials = [
        trial({"learning_rate": rate}, seed=seed, rate=rate, **changes)
        for rate in rates
        for seed in seeds
    ]
    return write_sweep(
        sweep_dir, {"learning_rate": rates, "seed": list(seeds)}, trials
    )


def write_features(
    run_dir: pathlib.Path,
    *,
    amount: float = 0.5,
    shape: Sequence[int] = (784, 64),
    image_shape: Sequence[int] = (28, 28, 1),
) -> None:
    """Writes a first kernel, before and after training.

    Args:
        run_dir: The run's folder.
        amount: How much of the end is a smooth stroke, in [0, 1].
        shape: Of the kernel: `(inputs, units)` or four numbers.
        image_shape: Of the images.
    """
    rng = np.random.default_rng(0)
    start = rng.uniform(-0.06, 0.06, shape)
    rows, columns = np.mgrid[: shape[0] if len(shape) == 4 else 28, :28] / 27
    if len(shape) == 2:
        strokes = [
            np.exp(
                -20
                * ((rows - 0.5) * math.sin(k) + (columns - 0.5) * math.cos(k))
                ** 2
            )
            * np.exp(-6 * ((rows - 0.5) ** 2 + (columns - 0.5) ** 2))
            for k in range(shape[1])
        ]
        stroke = np.stack([s.ravel() - s.mean() for s in strokes], axis=1)
        stroke = np.resize(stroke, shape)
    else:
        stroke = np.cumsum(rng.normal(size=shape), axis=0)
    end = (1 - amount) * start + amount * 0.06 * stroke / np.abs(stroke).max()
    np.savez(
        run_dir / "train" / "features.npz",
        start=start.astype("float32"),
        end=end.astype("float32"),
        image_shape=np.array(image_shape),
    )


def write_second_moments(
    run_dir: pathlib.Path, kernels: Sequence[str] = KERNELS, epochs: int = 100
) -> None:
    """Writes percentiles that fall with depth and over training."""
    reached = list(range(0, epochs + 1))
    layers = {}
    for k, name in enumerate(kernels):
        depth = k / max(len(kernels) - 1, 1)
        layers[name] = [
            [
                spread * 10 ** (-2.5 - 5 * depth - 5 * epoch / (epochs + 1))
                for spread in (0.3, 1, 3)
            ]
            for epoch in reached
        ]
    content = {"percentiles": [10, 50, 90], "epochs": reached, "layers": layers}
    (run_dir / "train" / "second_moments.json").write_text(json.dumps(content))


def _rotation(
    rate: float, step: int, place: int, count: int, name: str
) -> float:
    """Returns the rotation of a random walk, slower at both ends."""
    share = {0: 0.25, count - 1: 0.12}.get(place, 1 - 0.5 * place / count)
    share *= 0.3 if "shortcut" in name else 1
    return 1 - (1 + share * rate**2) ** (-step / 2)


def _summary(layers: Mapping[str, Any], epoch: int) -> dict[str, float]:
    values = [layer["rotation"][epoch] for layer in layers.values()]
    return {
        "rotation_mean": float(np.mean(values)) if values else None,
        "rotation_min": float(np.min(values)) if values else None,
    }


def _row(
    epoch: int, rate: float, seed: int, has_validation: bool, planned: int
) -> dict[str, float | None]:
    """Returns one row without its rotations."""
    distance = math.log(rate, 3) + 3
    best = 0.885 - 0.035 * distance**2 * (1.6 if distance > 0 else 0.9)
    best = max(best, 0.1) + 0.003 * math.sin(5 * seed + 40 * rate)
    progress = 1 - math.exp(-epoch / planned * 14)
    jump = 0.06 * (epoch > 0.8 * planned)
    jitter = 0.008 * math.sin(7.3 * epoch + seed) * progress
    test = 0.1 + (best - 0.1) * (0.94 * progress + jump)
    # The larger the steps, the longer the plateau before the rate drops.
    height = min(0.99, 0.87 - 0.045 * distance + 1.6 * jump)
    fitted = height * (1 - math.exp(-epoch * (14 - 3 * distance) / planned))
    train = 0.1 + 0.9 * fitted if epoch else None
    row = {
        "epoch": epoch,
        "loss": 2.3 * (1.002 - fitted) if epoch else None,
        "accuracy": train,
        "test_loss": 2.3 * (1 - test),
        "test_accuracy": test + jitter * (1 - jump * 15),
        "learning_rate": rate,
        "seconds": 13.5 if epoch else None,
        "images_per_second": 3_300.0 + epoch if epoch else None,
    }
    if has_validation:
        row |= {
            "val_loss": 2.3 * (1 - test),
            "val_accuracy": test - 1.3 * jitter * (1 - jump * 15),
        }
    return row

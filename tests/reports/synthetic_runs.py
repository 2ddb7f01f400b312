"""Run folders as a run would leave them, with made-up but likely numbers.

Curves saturate like those of the default run; every value is a closed form of
the epoch, so that two folders of one description are equal.
"""

import json
import math
import pathlib
from typing import Any

from needle_tf.reports import histories

PARAMETERS = {
    "cnn": 23_434,
    "efcn": 2_172_938,
    "band": 800_000,
    "elcn": 120_330,
    "lcn": 120_330,
    "fcn": 2_172_938,
}


def history(
    kind: str,
    *,
    relax_epoch: int | None = None,
    start: float = 0.1,
    end: float = 0.87,
    first_epoch: int = 0,
    reached: int = 40,
    last_epoch: int = 40,
    diverged_step: int | None = None,
    offset: float = 0.05,
) -> dict[str, Any]:
    """Returns a history whose test accuracy rises from `start` to `end`.

    Args:
        kind: Kind of the network.
        relax_epoch: Makes it a relaxed network, starting at this epoch.
        start: Test accuracy before the stage, in [0, 1].
        end: Test accuracy that it tends to.
        first_epoch: Of a network from scratch.
        reached: Last epoch in the file; below `last_epoch` it still runs.
        last_epoch: Last epoch asked for.
        diverged_step: Makes it a stage that stopped after `reached`.
        offset: Off-local share that delta tends to.
    """
    stage = kind
    if relax_epoch is not None:
        stage, first_epoch = f"{kind}_relax{relax_epoch}", relax_epoch
    rows = [
        _row(kind, epoch, epoch - first_epoch, start, end, offset)
        for epoch in range(first_epoch, reached + 1)
    ]
    diverged = None
    if diverged_step is not None:
        diverged = {"epoch": reached, "step": diverged_step}
    return {
        "stage": stage,
        "kind": kind,
        "relax_epoch": relax_epoch,
        "first_epoch": first_epoch,
        "last_epoch": last_epoch,
        "parameters": PARAMETERS[kind],
        "finished": reached == last_epoch,
        "diverged": diverged,
        "epochs": rows,
        "layers": {}
        if kind == "cnn"
        else {
            "conv_1": {
                name: [row[name] for row in rows]
                for name in ("delta", "delta_share", "delta_cnn")
            }
        },
    }


def write(run_dir: str | pathlib.Path, *contents: dict[str, Any]) -> str:
    """Writes the histories into a run folder and returns its path."""
    for content in contents:
        stage_dir = pathlib.Path(run_dir, content["stage"])
        stage_dir.mkdir(parents=True, exist_ok=True)
        (stage_dir / "history.json").write_text(json.dumps(content))
    return str(run_dir)


def as_histories(*contents: dict[str, Any]) -> list[histories.History]:
    """Returns what is read of such files, without files."""
    return [
        histories.History(**content | {"epochs": tuple(content["epochs"])})
        for content in contents
    ]


def cnn(**changes: Any) -> dict[str, Any]:
    """Returns the history of a CNN that ends at 87 %."""
    return history("cnn", **changes)


def relaxed(
    relax_epoch: int, kind: str = "efcn", **changes: Any
) -> dict[str, Any]:
    """Returns the history of a net that took over from `cnn()`."""
    start = cnn()["epochs"][relax_epoch]["test_accuracy"]
    # Later relaxation: higher accuracy, smaller distance.
    lateness = 1 - math.exp(-relax_epoch / 8)
    return history(
        kind,
        relax_epoch=relax_epoch,
        start=start,
        **{
            "end": 0.61 + 0.275 * lateness,
            "offset": 0.32 - 0.24 * lateness,
            **changes,
        },
    )


def lcn(**changes: Any) -> dict[str, Any]:
    """Returns the history of a locally connected net from scratch."""
    return history("lcn", end=0.715, **{"offset": 0.0, **changes})


def fcn(**changes: Any) -> dict[str, Any]:
    """Returns the history of a fully connected net from scratch."""
    return history("fcn", end=0.5, offset=0.93, **changes)


def _row(
    kind: str, epoch: int, age: int, start: float, end: float, offset: float
) -> dict[str, float | None]:
    """Returns one row; `age` is the epochs of training in the stage."""
    progress = 1 - math.exp(-age / 6)
    # Test accuracies of this size jump by about half a percent per epoch.
    jitter = 0.005 * math.sin(7.3 * epoch) * progress
    accuracy = start + (end - start) * progress + jitter
    # From scratch, a wide net starts where random weights lie.
    is_scratch = kind in ("fcn", "lcn")
    delta = offset if is_scratch else offset * (1 - math.exp(-age / 10))
    share = 0.9 if kind == "lcn" else 0.6 * offset * progress
    share += 0.1 * progress if kind == "elcn" else 0
    if kind == "cnn":
        delta = share = 0.0
    if kind in ("lcn", "elcn"):
        delta = 0.0
    return {
        "epoch": epoch,
        "loss": None if age == 0 else 2.3 * (1 - 0.98 * progress),
        "accuracy": None if age == 0 else 0.1 + 0.9 * progress,
        "test_loss": 2.3 * (1 - accuracy),
        "test_accuracy": accuracy,
        "delta": delta,
        "delta_share": share,
        "delta_cnn": math.hypot(delta, share),
        "gradient_norm": 1.0 / (1 + age),
        "seconds": None if age == 0 else 0.45 + (2.0 if age == 1 else 0),
        "images_per_second": None if age == 0 else 13_300.0 + age,
    }

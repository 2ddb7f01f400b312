"""What networks and runs are called, the same in every table and picture."""

import pathlib
from collections.abc import Mapping
from typing import Any

from needle_tf.reports import histories

_NAMES = {
    "train": "network",
    "cnn": "CNN",
    "efcn": "eFCN",
    "band": "band",
    "elcn": "eLCN",
    "lcn": "LCN",
    "fcn": "FCN",
}


def name_of(stage: histories.Network) -> str:
    """Returns a short name: `CNN`, or `eFCN@20` if relaxed at epoch 20."""
    name = _NAMES[stage.kind]
    return f"{name}@{stage.relax_epoch}" if stage.is_relaxed else name


def name_of_kind(kind: str) -> str:
    """Returns what networks of a kind are called: `eFCN`."""
    return _NAMES[kind]


def title_of(config: Mapping[str, Any]) -> str:
    """Returns which network on which data a run trains, as far as it says.

    Args:
        config: What `config.json` of the run holds.
    """
    model = config.get("model_file") or config.get("model") or ""
    parts = [pathlib.PurePath(str(model)).name, config.get("dataset")]
    return " on ".join(str(part) for part in parts if part)

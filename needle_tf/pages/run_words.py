"""What was run, in words: the head of the report's page."""

import pathlib
from collections.abc import Sequence
from typing import Any

from needle_tf.pages import run_facts
from needle_tf.reports import setting_text
from needle_tf.reports import sweep_file

# Settings that are always told, by their heading.
_SHOWN = {
    "dataset": "Data",
    "train_size": "Training images",
    "test_size": "Test images",
    "width": "Width",
    "optimizer": "Optimizer",
    "optimizer_options": "Its options",
    "learning_rate": "Learning rate",
    "relaxed_learning_rate": "Rate when relaxed",
    "baseline_learning_rate": "Rate from scratch",
    "batch_size": "Batch size",
    "epochs": "Epochs",
    "relaxed_epochs": "Epochs when relaxed",
    "relax_epochs": "Relaxed at epochs",
    "space": "Relaxed into",
    "radius": "Radius",
    "relaxed_layers": "Relaxed layers",
    "baselines": "Baselines",
    "task": "Task",
    "recipe": "Recipe",
    "precision": "Precision",
}
# Not said where all runs have it: this is what goes without saying.
_USUAL = {"precision": "float32", "width": "1", "radius": "", "space": "fcn"}
# Sampled seeds are counted rather than listed.
_MOST_SEEDS = 8


def title(facts: run_facts.Facts) -> str:
    """Returns which network on which data, as far as the runs say so."""
    networks = [
        pathlib.PurePath(str(value)).stem
        for value in facts.values("task")
        or [*facts.values("model"), *facts.values("model_file")]
    ]
    parts = [", ".join(networks), facts.text("dataset")]
    return " on ".join(part for part in parts if part) or "A run of needle_tf"


def kind(facts: run_facts.Facts) -> str:
    """Returns which kind of run it is, and how many."""
    name = "relax protocol" if _is_relax(facts) else "training"
    if not facts.is_sweep:
        return f"{name}, one run"
    return f"{name}, a sweep of {len(facts.runs)} runs"


def lead(facts: run_facts.Facts) -> str:
    """Returns in a sentence or two what was done."""
    if not _is_relax(facts):
        optimizer = facts.text("optimizer")
        return (
            f"A network is trained{f' with {optimizer}' if optimizer else ''}, "
            "and how far its layers turn from their initial weights is "
            "measured."
        )
    text = (
        "A CNN is trained. At the relax epoch it is embedded in the fully "
        "connected network that computes the same, weight sharing and locality "
        "are dropped, and training goes on in the larger space."
    )
    names = {"fcn": "FCN", "lcn": "LCN"}
    scratch = [
        names[name]
        for name in dict.fromkeys(
            name for value in facts.values("baselines") for name in value
        )
        if name in names
    ]
    if scratch:
        text += f" Compared with: {' and '.join(scratch)} from scratch."
    return text


def settings(facts: run_facts.Facts) -> dict[str, str]:
    """Returns the settings of the runs by heading; several where they vary."""
    found = {}
    for name, heading in _SHOWN.items():
        text = facts.text(name)
        if text and text != _USUAL.get(name):
            found[heading] = text
    rate = facts.text("learning_rate")
    for heading in ("Rate when relaxed", "Rate from scratch"):
        if found.get(heading) == rate:
            del found[heading]
    for name, values in facts.axes.items():
        if name not in (*_SHOWN, "seed", "relax_epoch") and len(values) > 1:
            found[name] = facts.text(name)
    found |= _seeds(facts.values("seed"))
    return found


def _seeds(values: Sequence[Any]) -> dict[str, str]:
    if not values:
        return {}
    if len(values) > _MOST_SEEDS:
        return {"Seeds": f"{len(values)} seeds"}
    heading = "Seed" if len(values) == 1 else "Seeds"
    return {heading: ", ".join(setting_text.text(seed) for seed in values)}


def _is_relax(facts: run_facts.Facts) -> bool:
    return facts.kind == sweep_file.RELAX

"""Stages that several runs have in common are trained once.

Runs of a sweep that differ in the step size of their relaxed nets have the same
CNN, FCN and LCN. A stage that is over is taken over by hard links: each run
folder is complete in itself, and the disk holds the files once. Files are
replaced whole and never changed, so no run can spoil those of another.
"""

import dataclasses
import os
import pathlib
import shutil
from collections.abc import Callable
from collections.abc import Iterable

from needle_tf.protocol import config as config_lib
from needle_tf.protocol import history as history_lib
from needle_tf.protocol import plan as plan_lib
from needle_tf.protocol import run_folder

_OF_THE_RELAXATION = (
    "relaxed_epochs",
    "relaxed_learning_rate",
    "space",
    "radius",
    "optimizer_slots",
)
_OF_THE_BASELINES = ("baselines", "baseline_learning_rate")
# Settings that a stage of a kind does not read. Relaxed nets read all but the
# last ones; an LCN is one in whichever space the others are.
_UNREAD = {
    "cnn": (
        *_OF_THE_RELAXATION,
        *_OF_THE_BASELINES,
        "relaxed_layers",
        "update_in_backward",
    ),
    "fcn": (*_OF_THE_RELAXATION, "baselines"),
    "lcn": (*_OF_THE_RELAXATION, "baselines", "update_in_backward"),
    "efcn": _OF_THE_BASELINES,
    "band": _OF_THE_BASELINES,
    "elcn": (*_OF_THE_BASELINES, "space", "radius"),
}


def take_over(
    plans: Iterable[plan_lib.StagePlan],
    config: config_lib.ProtocolConfig,
    folder: run_folder.RunFolder,
    others: Iterable[pathlib.Path],
    report: Callable[[str], None],
) -> None:
    """Puts stages of other runs that are over into a run that lacks them.

    Args:
        plans: The stages of the run.
        config: Its configuration.
        folder: Its folder.
        others: Folders of relax runs, which need not exist; those of other
            data or settings give nothing.
        report: Takes lines for the screen.
    """
    lacking = [p for p in plans if not folder.stage(p.name).exists()]
    inputs = folder.path / "inputs.json"
    for other in others:
        if not lacking:
            return
        if not _is_like(other, inputs):
            continue
        before = config_lib.ProtocolConfig.from_json(
            run_folder.read_json(other / "config.json")
        )
        for plan in lacking[:]:
            if not is_shared(plan.kind, config, before):
                continue
            history = history_lib.History.read(other / plan.name)
            if history is None or not history.is_over:
                continue
            _link(other / plan.name, folder.stage(plan.name))
            lacking.remove(plan)
            report(f"{plan.name}: the same as in {other.name}, taken from it")


def is_shared(
    kind: str,
    config: config_lib.ProtocolConfig,
    other: config_lib.ProtocolConfig,
) -> bool:
    """Whether a stage of a kind is the same in two runs on the same data.

    Its epochs must be the same, too: the relax epochs of both runs are, and
    thereby the checkpoints that the CNN keeps.
    """
    unread = _UNREAD[kind]
    fields = (field.name for field in dataclasses.fields(config))
    return all(
        getattr(config, name) == getattr(other, name)
        for name in fields
        if name not in unread
    )


def _is_like(other: pathlib.Path, inputs: pathlib.Path) -> bool:
    """Whether a folder holds a run of the same data and model file."""
    theirs = other / "inputs.json"
    if not theirs.exists() or not (other / "config.json").exists():
        return False
    return run_folder.read_json(theirs) == run_folder.read_json(inputs)


def _link(source: pathlib.Path, target: pathlib.Path) -> None:
    """Makes a folder of the same files, whole or not at all."""
    unfinished = target.with_name(run_folder.UNFINISHED + target.name)
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(source, unfinished, copy_function=_link_file)
    os.replace(unfinished, target)


def _link_file(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # Not all file systems have hard links.
        shutil.copy2(source, target)

"""The settings of a sweep's trials for the HParams tab of TensorBoard.

TensorBoard hides runs whose value of a key has another type than those of the
others: each key has one type over all trials, and what a trial does not set is
-1 or "".
"""

import pathlib
from typing import Any

import tensorflow as tf
from tensorboard.plugins.hparams import api

from needle_tf.callbacks import tags
from needle_tf.protocol import plan as plan_lib
from needle_tf.protocol import sweep_plan

METRICS = {
    "training": {
        tags.TEST_ACCURACY: "test accuracy",
        tags.LAYER_ROTATION_MEAN: "layer rotation, mean",
    },
    "relax": {
        tags.TEST_ACCURACY: "test accuracy",
        tags.SUBSPACE_DELTA: "delta: off-local share",
        tags.SUBSPACE_DELTA_CNN: "delta_cnn: distance from the CNN subspace",
    },
}


def declare(sweep: sweep_plan.Sweep, log_dir: pathlib.Path) -> None:
    """Writes which settings and figures there are, once for a sweep."""
    kind = sweep.trials[0].config.KIND
    values = {}
    for trial, shared in zip(sweep.trials, parameters(sweep), strict=True):
        for found in _of_stages(trial).values() or [{}]:
            for name, value in (shared | found).items():
                values.setdefault(name, set()).add(value)
    with tf.summary.create_file_writer(str(log_dir)).as_default():
        api.hparams_config(
            # The values say the type, and are what one filters by.
            hparams=[
                api.HParam(name, api.Discrete(sorted(found)))
                for name, found in values.items()
            ],
            metrics=[
                api.Metric(tag, display_name=name)
                for tag, name in METRICS[kind].items()
            ],
        )


def write(
    sweep: sweep_plan.Sweep, trial: sweep_plan.Trial, log_dir: pathlib.Path
) -> None:
    """Writes the settings of a trial into the folder of its event files.

    Each stage of the relax protocol has event files of its own, and is a row
    of its own; one that was taken over from another trial has none here.
    """
    found = parameters(sweep)[list(sweep.trials).index(trial)]
    stages = _of_stages(trial)
    for name, of_stage in stages.items():
        if (log_dir / name).exists():
            place = f"{trial.name}/{name}"
            _write(found | of_stage, place, log_dir / name)
    if not stages:
        _write(found, trial.name, log_dir)


def _of_stages(trial):
    """Returns what tells the stages of a run of the relax protocol apart."""
    if trial.config.KIND != "relax":
        return {}
    return {
        plan.name: {
            "network": plan.kind,
            "relax_epoch": float(
                -1 if plan.relax_epoch is None else plan.relax_epoch
            ),
        }
        for plan in plan_lib.stages(trial.config)
    }


def _write(found, name, log_dir):
    with tf.summary.create_file_writer(str(log_dir)).as_default():
        api.hparams(found, trial_id=name)


def parameters(sweep: sweep_plan.Sweep) -> list[dict[str, Any]]:
    """Returns the settings of each trial, under the same keys, of one type."""
    shown = [
        {"variant": trial.variant, **sweep_plan.fields_of(trial)}
        for trial in sweep.trials
    ]
    keys = dict.fromkeys(key for fields in shown for key in fields)
    columns = {
        key: _of_one_type([fields.get(key) for fields in shown]) for key in keys
    }
    return [
        {key: values[number] for key, values in columns.items()}
        for number in range(len(shown))
    ]


def _of_one_type(values):
    known = [value for value in values if value is not None]
    if len(known) == len(values) and all(isinstance(v, bool) for v in known):
        return values
    if known and all(
        isinstance(v, int | float) and not isinstance(v, bool) for v in known
    ):
        return [-1.0 if v is None else float(v) for v in values]
    return ["" if value is None else _text(value) for value in values]


def _text(value):
    return "+".join(map(str, value)) if isinstance(value, list) else str(value)

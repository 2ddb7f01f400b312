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
from needle_tf.protocol import sweep_plan

METRICS = {
    tags.TEST_ACCURACY: "test accuracy",
    tags.LAYER_ROTATION_MEAN: "layer rotation, mean",
}


def declare(sweep: sweep_plan.Sweep, log_dir: pathlib.Path) -> None:
    """Writes which settings and figures there are, once for a sweep."""
    with tf.summary.create_file_writer(str(log_dir)).as_default():
        api.hparams_config(
            hparams=[api.HParam(key) for key in parameters(sweep)[0]],
            metrics=[
                api.Metric(tag, display_name=name)
                for tag, name in METRICS.items()
            ],
        )


def write(
    sweep: sweep_plan.Sweep, trial: sweep_plan.Trial, log_dir: pathlib.Path
) -> None:
    """Writes the settings of a trial into the folder of its event files."""
    found = parameters(sweep)[list(sweep.trials).index(trial)]
    with tf.summary.create_file_writer(str(log_dir)).as_default():
        api.hparams(found, trial_id=trial.name)


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

"""What became of the networks of a sweep of relax runs, as JSON and as CSV.

    history.json of all trials  ->  rows, groups  ->  results.json, results.csv

A row is one network of one trial after the last epoch reached, a group the
same network of several seeds.
"""

import dataclasses
import os
import pathlib
from typing import Any

from needle_tf.reports import network_names
from needle_tf.reports import relax_groups
from needle_tf.reports import relax_trials
from needle_tf.reports import result_files
from needle_tf.reports import results

# What a row has besides the figures of its network.
_OF_THE_TRIAL = ("name", "label", "variant", "settings", "seed")
_BESIDE = ("error", "difference_to_cnn")


def write_results(folder: str | os.PathLike) -> list[dict[str, Any]]:
    """Writes `results.json` and `results.csv` into the folder of a sweep.

    The JSON file is an object: `rows` has one object per network of each
    trial, with the trial's settings and the fields of `results.Result`;
    `groups` has one per network and setting, over the seeds. The CSV file has
    the rows, one column per setting.

    Args:
        folder: The folder of a sweep of relax runs, finished or not.

    Returns:
        The rows written.

    Raises:
        ValueError: As `relax_trials.read`; and if it is the folder of one run,
            which has results of its own.
        OSError: If the folder cannot be written to.
    """
    sweep = relax_trials.read(folder)
    if not sweep.is_sweep:
        raise ValueError(
            f"{str(folder)!r} is the folder of one run, a sweep was expected. "
            "Write the results of a run with `results.write_results`."
        )
    rows = [row for trial in sweep.trials for row in _rows(trial)]
    groups = [_record(one) for one in relax_groups.group(sweep)]
    fields = [field.name for field in dataclasses.fields(results.Result)]
    result_files.write(
        pathlib.Path(folder),
        {"rows": rows, "groups": groups},
        rows,
        [*_OF_THE_TRIAL, *fields, *_BESIDE],
    )
    return rows


def _rows(trial: relax_trials.RelaxTrial) -> list[dict[str, Any]]:
    """Returns one row per network; one without figures if there are none."""
    own = {name: getattr(trial, name) for name in _OF_THE_TRIAL}
    own |= {"settings": dict(trial.settings), "error": trial.error}
    rows = []
    for stage, history in trial.stages.items():
        status = trial.status_of(stage)
        member = relax_groups.Member(trial, history, status)
        figures = dataclasses.asdict(results.result_of(history))
        figures |= {
            "status": status,
            "difference_to_cnn": member.difference(),
        }
        rows.append(own | figures)
    if not rows:
        names = [field.name for field in dataclasses.fields(results.Result)]
        empty = dict.fromkeys([*names, "difference_to_cnn"])
        status = "failed" if trial.has_failed else "waiting"
        rows.append(own | empty | {"status": status})
    return rows


def _record(one: relax_groups.StageGroup) -> dict[str, Any]:
    """Returns a network and setting, over the seeds."""
    spreads = {
        name: one.finals(name)
        for name in ("test_accuracy", "test_loss", "delta", "delta_share")
    }
    spreads["best_test_accuracy"] = one.bests()
    spreads["difference_to_cnn"] = one.differences()
    figures = {
        name: {
            "mean": spread.mean,
            "deviation": spread.deviation,
            "values": list(spread.values),
        }
        for name, spread in spreads.items()
    }
    has_one_sign = one.differences().has_one_sign
    figures["difference_to_cnn"]["has_one_sign"] = has_one_sign
    return {
        "network": network_names.name_of(one),
        "stage": one.stage,
        "kind": one.kind,
        "relax_epoch": one.relax_epoch,
        "text": one.text,
        "labels": list(one.labels),
        "settings": dict(one.settings),
        "seeds": [member.trial.seed for member in one.members],
        "statuses": one.counts(),
        **figures,
    }

"""The trials of a sweep: one run for each choice of settings.

    trials = variants x values of each axis

An axis is a setting and its values, `learning_rate=3^-4,3^-3`; a variant is a
label and some settings, `slow:optimizer=sgd,learning_rate=0.01`. All trials are
made, and thereby checked, before the first one is run.
"""

import dataclasses
import hashlib
import itertools
import json
import pathlib
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from needle_tf.protocol import run_config
from needle_tf.protocol import sweep_values
from needle_tf.protocol import training_config

# How long names of settings are shortened in names of folders.
_SHORT = {"learning_rate": "lr", "optimizer": "", "recipe": "", "task": ""}
_REPLAYS = "@"


@dataclasses.dataclass(frozen=True)
class Trial:
    """One run of a sweep.

    Attributes:
        name: Its folder's name.
        label: What it is in words; trials of one label differ in the seed.
        variant: Label of its variant, or None.
        settings: What the axes and its variant set, without the seed.
        config: What is run.
    """

    name: str
    label: str
    variant: str | None
    settings: Mapping[str, Any]
    config: run_config.RunConfig


@dataclasses.dataclass(frozen=True)
class Sweep:
    """All trials, in the order in which they are run.

    Attributes:
        axes: The values of each axis.
        variants: The labels of the variants.
        trials: The trials.
    """

    axes: Mapping[str, Sequence[Any]]
    variants: Sequence[str]
    trials: Sequence[Trial]


@dataclasses.dataclass(frozen=True)
class _Variant:
    label: str | None
    settings: Mapping[str, Any]


def name_of(
    given: Mapping[str, Any],
    axes: Sequence[str],
    variants: Sequence[str],
    kind: sweep_values.Kind = training_config.TrainingConfig,
) -> str:
    """Returns a name for the folder of a sweep, another for another."""
    what = given.get("task") or given.get("dataset") or "cluttered_digits"
    text = json.dumps([given, list(axes), list(variants)], sort_keys=True)
    digest = hashlib.blake2b(text.encode(), digest_size=4).hexdigest()
    words = "".join(c if c.isalnum() else "_" for c in what)
    if kind.KIND != training_config.TrainingConfig.KIND:
        words += f"_{kind.KIND}"
    return f"{words}_sweep-{digest}"


def expand(
    given: Mapping[str, Any],
    axes: Sequence[str],
    variants: Sequence[str],
    sweep_dir: pathlib.Path,
    kind: sweep_values.Kind = training_config.TrainingConfig,
) -> Sweep:
    """Returns the trials of a sweep.

    Args:
        given: Fields of the configuration that all trials share, as far as
            they are given.
        axes: Axes as they are typed.
        variants: Variants as they are typed.
        sweep_dir: Its folder; replayed runs are found there.
        kind: Of the runs.

    Raises:
        ValueError: If an axis or variant is mistyped or set twice, or a trial
            is not possible; the message names the trial.
    """
    read_axes = sweep_values.axes(axes, kind)
    read_variants = [_variant(text, kind) for text in variants] or [
        _Variant(None, {})
    ]
    _refuse_twice(given, read_axes, read_variants)
    trials: dict[str, Trial] = {}
    for variant in read_variants:
        for point in itertools.product(*read_axes.values()):
            chosen = dict(zip(read_axes, point, strict=True))
            trial = _trial(kind, given, variant, chosen, sweep_dir, trials)
            trials[trial.name] = trial
    return Sweep(
        {name: [v.value for v in axis] for name, axis in read_axes.items()},
        [v.label for v in read_variants if v.label is not None],
        list(trials.values()),
    )


def _variant(text: str, kind: sweep_values.Kind) -> _Variant:
    label, colon, rest = text.partition(":")
    if not colon or not label.strip() or not rest.strip():
        raise ValueError(
            "--variant must be LABEL:setting=value,setting=value. Received: "
            f"--variant={text}."
        )
    found = {}
    for part in rest.split(","):
        name, values = sweep_values.axis(part, "--variant", kind)
        if name in found:
            raise ValueError(
                f"--variant={text} sets {name} twice. Leave one away."
            )
        found[name] = values[0].value
    return _Variant(label.strip(), found)


def _refuse_twice(given, axes, variants):
    """Refuses settings of which one would be ignored."""
    options = given.get("optimizer_options", {})
    for name in axes:
        if given.get(name, options.get(name)) is not None:
            raise ValueError(
                f"--{name} would be ignored: --sweep={name}=... sets it in "
                "each run. Leave one of them away."
            )
        for variant in variants:
            if name in variant.settings:
                raise ValueError(
                    f"--sweep={name}=... and --variant={variant.label} both "
                    f"set {name}. Leave one of them away."
                )
    labels = [variant.label for variant in variants]
    for label in labels:
        if labels.count(label) > 1:
            raise ValueError(
                f"--variant={label} is given twice. Give each variant a label "
                "of its own."
            )


def _trial(kind, given, variant, chosen, sweep_dir, before):
    """Returns the trial at one point of the grid."""
    others = {n: v for n, v in chosen.items() if n != "seed"}
    words = [] if variant.label is None else [variant.label]
    words += [f"{name}={value.text}" for name, value in others.items()]
    parts = [] if variant.label is None else [variant.label]
    parts += [_SHORT.get(name, name) + v.text for name, v in chosen.items()]
    name = "_".join(map(_as_file_name, parts))
    if name.startswith(".") or name == "tensorboard":
        raise ValueError(
            f"no run of a sweep can be called {name}: its folder would not be "
            "its own. Change the label of the --variant."
        )
    if name in before:
        raise ValueError(
            f"two runs of the sweep are both called {name}. Write each value "
            "once."
        )
    settings = dict(variant.settings)
    settings |= {name: value.value for name, value in chosen.items()}
    replay = settings.get("replay", "")
    if replay.startswith(_REPLAYS):
        label = replay.removeprefix(_REPLAYS)
        source = _replayed(label, variant, parts, before)
        settings["replay"] = str(sweep_dir / source)
    try:
        config = kind(**_merged(kind, given, settings))
    except ValueError as error:
        raise ValueError(f"the run {name} is not possible: {error}") from error
    settings.pop("seed", None)
    recipe = getattr(config, "recipe", None)
    label = ", ".join(words) or recipe or config.optimizer
    return Trial(name, label, variant.label, settings, config)


def _merged(kind, given, settings):
    """Returns the fields of a configuration; options of optimizers inside."""
    fields, options = sweep_values.split(settings, kind)
    options = {**given.get("optimizer_options", {}), **options}
    return {**given, **fields, "optimizer_options": options}


def _replayed(label, variant, parts, before):
    """Returns the folder of the trial that another one replays."""
    source = "_".join(map(_as_file_name, [label, *parts[1:]]))
    if source not in before:
        known = {trial.variant for trial in before.values()} - {variant.label}
        raise ValueError(
            f"--variant={variant.label} replays @{label}, which is no variant "
            f"before it. Known there: {', '.join(sorted(known)) or 'none'}."
        )
    if not before[source].config.record_angles:
        raise ValueError(
            f"--variant={variant.label} replays @{label}, which records no "
            "angles. Add record_angles=true to that variant."
        )
    return source


def _as_file_name(text: str) -> str:
    return "".join(c if c.isalnum() or c in ".+-^" else "_" for c in text)


def fields_of(trial: Trial) -> dict[str, Any]:
    """Returns what a trial sets, its seed and its optimizer, by name."""
    config = trial.config
    shown = {
        "optimizer": config.optimizer,
        "learning_rate": config.learning_rate,
        "seed": config.seed,
    }
    return run_config.as_json({**shown, **trial.settings})

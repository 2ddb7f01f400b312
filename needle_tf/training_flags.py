"""The flags of training runs alone, and what is run, from flags."""

from typing import Any

from absl import flags

from needle_tf import flag_groups
from needle_tf import sweep_flags
from needle_tf.protocol import settings
from needle_tf.protocol import sweep_plan
from needle_tf.protocol import tasks
from needle_tf.protocol import training_config

_DEFAULTS = {
    "drop_factor": 0.2,
    "init_seed": "--seed",
    "unit_scale_spread": 1,
}

# One holder per field of the config that only training runs have.
_TRAINING = {
    "task": flags.DEFINE_enum(
        "task",
        None,
        tasks.names(),
        "Task of the layer rotation study: data, network, length, schedule and "
        "stops. They take the place of the defaults of these flags; a flag "
        "that is given wins.",
    ),
    "recipe": flags.DEFINE_enum(
        "recipe",
        None,
        tasks.recipe_names(),
        "Optimizer and tuned settings of a --task. Default: the one of "
        "--optimizer, else the task's first.",
    ),
    "l2_skips": flags.DEFINE_list(
        "l2_skips",
        None,
        "Names or patterns (conv*) of kernels that --l2 leaves out.",
    ),
    "drop_epochs": flags.DEFINE_list(
        "drop_epochs",
        None,
        flag_groups.help_line(
            "Epochs, from 0, that begin with a step size --drop_factor times "
            "as large; separated by commas.",
            settings.DROP_EPOCH.expected() + " each",
        ),
    ),
    "warmup": flags.DEFINE_enum(
        "warmup",
        None,
        settings.WARMUPS,
        "How the step size rises within --warmup_epochs: step by step, or at "
        "their end. Default: linear.",
    ),
    "replay": flags.DEFINE_string(
        "replay",
        None,
        "Folder of a training run with --record_angles, or its angles.npz: "
        "each kernel turns by these angles, under --optimizer=layca.",
    ),
}
_TRAINING |= {
    name: flag_groups.define_setting(setting, _DEFAULTS.get(name), __name__)
    for name, setting in settings.TRAINING.items()
}


def config() -> training_config.TrainingConfig:
    """Returns the configuration that the flags ask for.

    Raises:
        ValueError: If they are out of bounds or contradict each other.
    """
    return training_config.TrainingConfig(**given())


def sweep() -> tuple[sweep_plan.Sweep, str]:
    """Returns the sweep that the flags ask for, and its folder.

    Raises:
        ValueError: If a trial of it is not possible.
    """
    return sweep_flags.planned(given(), training_config.TrainingConfig)


def check() -> None:
    """Raises ValueError if what the flags ask for is not possible."""
    if sweep_flags.is_sweep():
        sweep()
    else:
        config()


def given() -> dict[str, Any]:
    """Returns the fields of the configuration that flags were given for.

    Raises:
        ValueError: If a list of numbers holds something else.
    """
    found = flag_groups.given() | flag_groups.values_of(_TRAINING)
    if "drop_epochs" in found:
        found["drop_epochs"] = _epochs(found["drop_epochs"])
    return found


def _epochs(parts: list[str]) -> list[int]:
    try:
        return [int(part) for part in parts]
    except ValueError as error:
        raise ValueError(
            "`drop_epochs` must be integers, separated by commas. Received: "
            f"--drop_epochs={','.join(parts)}."
        ) from error

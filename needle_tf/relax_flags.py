"""The flags of the relax protocol alone, and its configuration from flags."""

import dataclasses
from typing import Any

from absl import flags

from needle_tf import flag_groups
from needle_tf import sweep_flags
from needle_tf.protocol import config as config_lib
from needle_tf.protocol import settings
from needle_tf.protocol import sweep_plan

_DEFAULTS = {
    field.name: field.default
    for field in dataclasses.fields(config_lib.ProtocolConfig)
    if field.default is not dataclasses.MISSING
}
# Defaults that the config works out; said in words.
_DEFAULTS |= {
    "relaxed_epochs": "up to --epochs in total",
    "relaxed_learning_rate": "--learning_rate",
    "baseline_learning_rate": "--learning_rate",
}


def _help(name: str, text: str) -> str:
    return flag_groups.help_line(text, default=_DEFAULTS[name])


# One holder per field of the config that only this protocol has.
_RELAX = {
    "relax_epochs": flags.DEFINE_multi_integer(
        "relax_epoch",
        None,
        "CNN epochs before the relaxed net takes over, in [0, epochs]; give it "
        "many times to relax one CNN at many epochs. Default: 20.",
    ),
    "optimizer_slots": flags.DEFINE_enum(
        "optimizer_slots",
        None,
        settings.OPTIMIZER_SLOTS,
        _help(
            "optimizer_slots",
            "What becomes of momentum and the like at the relaxation: emptied, "
            "or embedded like the weights.",
        ),
    ),
    "space": flags.DEFINE_enum(
        "space",
        None,
        settings.SPACES,
        _help(
            "space",
            "Weights that the relaxation frees: all, only their sharing (lcn), "
            "or those within --radius of the receptive field.",
        ),
    ),
    "snapshots": flags.DEFINE_enum(
        "snapshots",
        None,
        settings.SNAPSHOTS,
        _help(
            "snapshots",
            "Checkpoints of all nets but the CNN that stay when they are "
            "trained; all is one per --checkpoint_interval.",
        ),
    ),
    "relaxed_layers": flags.DEFINE_list(
        "relaxed_layers",
        None,
        "Names of the convolutions to relax. Default: all of them.",
    ),
    "baselines": flags.DEFINE_list(
        "baselines",
        None,
        _help(
            "baselines",
            "Nets to compare with: fcn and lcn from scratch, elcn the locally "
            "connected net relaxed at each --relax_epoch.",
        ),
    ),
}
_RELAX |= {
    name: flag_groups.define_setting(setting, _DEFAULTS[name], __name__)
    for name, setting in settings.RELAX.items()
    if name != "relax_epoch"
}


def protocol_config() -> config_lib.ProtocolConfig:
    """Returns the configuration that the flags ask for.

    Raises:
        ValueError: If they are out of bounds or contradict each other.
    """
    return config_lib.ProtocolConfig(**given())


def sweep() -> tuple[sweep_plan.Sweep, str]:
    """Returns the sweep that the flags ask for, and its folder.

    Raises:
        ValueError: If a run of it is not possible.
    """
    return sweep_flags.planned(given(), config_lib.ProtocolConfig)


def check() -> None:
    """Raises ValueError if what the flags ask for is not possible."""
    if sweep_flags.is_sweep():
        sweep()
    else:
        protocol_config()


def given() -> dict[str, Any]:
    """Returns the fields of the configuration that flags were given for."""
    return flag_groups.given() | flag_groups.values_of(_RELAX)

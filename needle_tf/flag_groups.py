"""The flags that binaries share, and the only bridge from flags to config.

Each setting of `ProtocolConfig` is a flag of the same name (`--relax_epoch` is
given once per epoch), with its bounds and its unit in the help. A flag that is
not given is None here and gets its default in the config, which thereby knows
what was asked for and what was not.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from absl import flags

from needle_tf.models import registry as model_registry
from needle_tf.optimizers import options
from needle_tf.optimizers import registry as optimizer_registry
from needle_tf.protocol import config as config_lib
from needle_tf.protocol import progress as progress_lib
from needle_tf.protocol import settings

_DEFAULTS = {
    field.name: field.default
    for field in dataclasses.fields(config_lib.ProtocolConfig)
    if field.default is not dataclasses.MISSING
}
# Defaults that the config works out; said in words.
_DEFAULTS_IN_WORDS = {
    "model": "small_cnn",
    "width": "1",
    "relaxed_epochs": "up to --epochs in total",
    "relaxed_learning_rate": "--learning_rate",
    "baseline_learning_rate": "--learning_rate",
    "jit_compile": "on a GPU only",
    "steps_per_execution": "a divisor of the steps of an epoch",
    **{
        name: str(value)
        for name, value in config_lib.cluttered_defaults().items()
        if name not in ("train_size", "test_size")
    },
}


def _help(name: str, text: str, expected: str = "") -> str:
    """Returns a flag's line of help: what, which values, which default."""
    default = _DEFAULTS_IN_WORDS.get(name, _DEFAULTS.get(name))
    if isinstance(default, tuple):
        default = ",".join(default)
    parts = [text]
    if expected:
        parts.append(f"{expected[0].upper()}{expected[1:]}.")
    if default not in (None, "", False):
        parts.append(f"Default: {default}.")
    return " ".join(parts)


def _define_setting(setting: settings.Setting) -> flags.FlagHolder:
    define = {
        bool: flags.DEFINE_boolean,
        int: flags.DEFINE_integer,
        float: flags.DEFINE_float,
        list: flags.DEFINE_list,
    }[setting.kind]
    # "True or False" goes without saying.
    expected = "" if setting.kind is bool else setting.expected()
    return define(
        setting.name, None, _help(setting.name, setting.help, expected)
    )


# What is run: one holder per field of the config, under the field's name.
_PROTOCOL = {
    "dataset": flags.DEFINE_string(
        "dataset",
        None,
        _help(
            "dataset",
            "Data set: cluttered_digits, digits, image_folder, or one that "
            "TFDS has prepared in --data_dir.",
        ),
    ),
    "image_size": flags.DEFINE_list(
        "image_size",
        None,
        "Pixels to which images are resized: one number, or height,width.",
    ),
    "model": flags.DEFINE_enum(
        "model",
        None,
        model_registry.names(),
        _help("model", "The CNN, by name."),
    ),
    "model_file": flags.DEFINE_string(
        "model_file",
        None,
        "A .keras file with a CNN of your own instead; its weights are the "
        "start.",
    ),
    "optimizer": flags.DEFINE_enum(
        "optimizer",
        None,
        optimizer_registry.names(),
        _help("optimizer", "Keras optimizer."),
    ),
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
            "Weights that the relaxation frees: all, or those within --radius "
            "of the receptive field.",
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
    "precision": flags.DEFINE_enum(
        "precision",
        None,
        settings.PRECISIONS,
        _help("precision", "What layers compute in."),
    ),
}
_PROTOCOL |= {
    name: _define_setting(setting)
    for name, setting in settings.SETTINGS.items()
    if name != "relax_epoch"
}


def _readers(option: str) -> str:
    """Returns which optimizers read an option, as a sentence."""
    readers = optimizer_registry.readers_of(option)
    others = sorted(set(optimizer_registry.names()) - set(readers))
    if len(others) < 2:
        return f"Read by all but {others[0]}." if others else "Read by all."
    return f"Read by {', '.join(readers)}."


# Options of optimizers; which one reads what is checked in the config.
_OPTIMIZER_OPTIONS = {
    name: _define_setting(
        dataclasses.replace(option, help=f"{option.help} {_readers(name)}")
    )
    for name, option in options.OPTIONS.items()
}

# Where the run lies and what it prints: not part of the config.
_RUN_DIR = flags.DEFINE_string(
    "run_dir",
    None,
    "Folder for everything of the run; an interrupted run goes on there. "
    "Default: a folder of its own for each configuration below runs/.",
)
_DATA_DIR = flags.DEFINE_string(
    "data_dir",
    None,
    "Folder that TFDS prepared, or of --dataset=image_folder. Default: "
    "$TFDS_DATA_DIR.",
)
_DOWNLOAD = flags.DEFINE_boolean(
    "download", False, "Whether TFDS may download a set that is not prepared."
)
_PROGRESS = flags.DEFINE_enum(
    "progress",
    "auto",
    progress_lib.CHOICES,
    "How epochs are shown: a bar, a line each, or not; auto is a bar on a "
    "terminal, else lines.",
)
_LIBRARY_LOGS = flags.DEFINE_boolean(
    "library_logs",
    False,
    "Whether messages of TensorFlow and tracebacks of errors are shown.",
)


def protocol_config() -> config_lib.ProtocolConfig:
    """Returns the configuration that the flags ask for.

    Raises:
        ValueError: If they are out of bounds or contradict each other.
    """
    given = {
        name: holder.value
        for name, holder in _PROTOCOL.items()
        if holder.value is not None
    }
    if "image_size" in given:
        given["image_size"] = _pixels(given["image_size"])
    return config_lib.ProtocolConfig(
        **given,
        optimizer_options={
            name: holder.value
            for name, holder in _OPTIMIZER_OPTIONS.items()
            if holder.value is not None
        },
    )


def run_dir(config: config_lib.ProtocolConfig) -> str:
    """Returns the folder of the run: as given, or one named by its config."""
    return _RUN_DIR.value or f"runs/{config.run_name()}"


def run_arguments() -> dict[str, Any]:
    """Returns the arguments of `relax.run` besides config and folder."""
    return {
        "data_dir": _DATA_DIR.value,
        "download": _DOWNLOAD.value,
        "progress": _PROGRESS.value,
    }


def wants_library_logs() -> bool:
    """Returns whether `--library_logs` is set."""
    return _LIBRARY_LOGS.value


def as_flag_file(config: config_lib.ProtocolConfig) -> str:
    """Returns the text of a flag file that asks for this configuration.

    Defaults are written out; `--data_dir` is added as it was given. Parsing
    the file gives an equal configuration.
    """
    fields = config.to_json()
    lines = _lines(fields.pop("optimizer_options"))
    lines = _lines(fields) + lines
    if _DATA_DIR.value:
        lines.append(f"--data_dir={_DATA_DIR.value}")
    header = "# The flags that this run really used; go on with it by\n"
    header += "#   python -m needle_tf.main --flagfile=<this file>"
    return "\n".join([header, *lines, ""])


def _lines(fields: Mapping[str, Any]) -> list[str]:
    """Returns one line per flag that is set; several for one given often."""
    lines = []
    for name, value in fields.items():
        flag = config_lib.flag_of(name)
        if name == "relax_epochs":
            lines += [f"{flag}={epoch}" for epoch in value]
        elif isinstance(value, bool):
            lines.append(f"{flag}={str(value).lower()}")
        elif value == [] and not _DEFAULTS[name]:
            continue
        elif isinstance(value, list):
            lines.append(f"{flag}={','.join(str(item) for item in value)}")
        elif value is not None:
            lines.append(f"{flag}={value}")
    return lines


def _pixels(parts: list[str]) -> int | tuple[int, ...]:
    """Returns `--image_size` as numbers."""
    try:
        sizes = tuple(int(part) for part in parts)
    except ValueError as error:
        raise ValueError(
            "`image_size` must be one integer or height,width in pixels. "
            f"Received: --image_size={','.join(parts)}."
        ) from error
    return sizes[0] if len(sizes) == 1 else sizes

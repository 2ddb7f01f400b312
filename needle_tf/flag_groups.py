"""The flags that binaries share, and how a setting becomes a flag.

Each setting of a configuration is a flag of the same name (`--relax_epoch` is
given once per epoch), with its bounds and its unit in the help. A flag that is
not given is None here and gets its default in the config, which thereby knows
what was asked for and what was not.

Flags of one binary alone are defined in a module of its own, so that the help
of each shows no others: `relax_flags`, `training_flags`.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from absl import flags

from needle_tf.models import registry as model_registry
from needle_tf.optimizers import options
from needle_tf.optimizers import registry as optimizer_registry
from needle_tf.protocol import progress as progress_lib
from needle_tf.protocol import run_config
from needle_tf.protocol import settings

_DEFAULTS = {
    field.name: field.default
    for field in dataclasses.fields(run_config.RunConfig)
    if field.default is not dataclasses.MISSING
}
# Defaults that the config works out; said in words.
_DEFAULTS_IN_WORDS = {
    "model": "small_cnn",
    "width": "1",
    "learning_rate": "0.1; needle_tf.train has none but those of its tasks",
    "jit_compile": "on a GPU only",
    "steps_per_execution": "a divisor of the steps of an epoch",
    **{
        name: str(value)
        for name, value in run_config.cluttered_defaults().items()
        if name not in ("train_size", "test_size")
    },
}


class _NumberParser(flags.ArgumentParser):
    """Takes numbers, also as powers."""

    syntactic_help = "a number, which may be written like 3^-2.5"

    def parse(self, argument: str | float) -> float:
        if isinstance(argument, str):
            return settings.number(argument)
        return float(argument)

    def flag_type(self) -> str:
        return "float"


def help_line(text: str, expected: str = "", default: Any = None) -> str:
    """Returns a flag's line of help: what, which values, which default."""
    if isinstance(default, tuple):
        default = ",".join(str(item) for item in default)
    parts = [text]
    if expected:
        parts.append(f"{expected[0].upper()}{expected[1:]}.")
    if default not in (None, "", False):
        parts.append(f"Default: {default}.")
    return " ".join(parts)


def define_setting(
    setting: settings.Setting, default: Any, module_name: str
) -> flags.FlagHolder:
    """Defines the flag of a setting, None unless it is given.

    Args:
        setting: The setting.
        default: What the help calls its default; None for nothing.
        module_name: The module in whose part of the help it appears.
    """
    define = {
        bool: flags.DEFINE_boolean,
        int: flags.DEFINE_integer,
        str: flags.DEFINE_enum,
        list: flags.DEFINE_list,
    }.get(setting.kind, _define_number)
    # "True or False" goes without saying.
    expected = "" if setting.kind is bool else setting.expected()
    text = help_line(setting.help, expected, default)
    more = {"module_name": module_name}
    if setting.kind is str:
        more["enum_values"] = setting.choices
    return define(setting.name, None, help=text, **more)


def _define_number(
    name: str, default: None, help: str, **more: Any
) -> flags.FlagHolder:
    return flags.DEFINE(
        _NumberParser(),
        name,
        default,
        help,
        serializer=flags.ArgumentSerializer(),
        **more,
    )


def _help(name: str, text: str) -> str:
    return help_line(text, "", _default(name))


def _default(name: str) -> Any:
    return _DEFAULTS_IN_WORDS.get(name, _DEFAULTS.get(name))


# What is run: one holder per field of the config, under the field's name.
_SHARED = {
    "dataset": flags.DEFINE_string(
        "dataset",
        None,
        _help(
            "dataset",
            "Data set: cluttered_digits, digits, image_folder, tiny_imagenet, "
            "or one that TFDS has prepared in --data_dir.",
        ),
    ),
    "image_size": flags.DEFINE_list(
        "image_size",
        None,
        "Pixels to which images are resized: one number, or height,width.",
    ),
    "crop_fill": flags.DEFINE_enum(
        "crop_fill",
        None,
        settings.CROP_FILLS,
        _help(
            "crop_fill",
            "What comes in at the border of a shifted image: the mean colour, "
            "or the image mirrored at its edge.",
        ),
    ),
    "statistics": flags.DEFINE_enum(
        "statistics",
        None,
        settings.STATISTICS,
        _help(
            "statistics",
            "Whether mean and deviation that standardise the images are those "
            "of each channel, or one of each for all.",
        ),
    ),
    "model": flags.DEFINE_enum(
        "model",
        None,
        model_registry.names(),
        _help("model", "The network, by name."),
    ),
    "model_file": flags.DEFINE_string(
        "model_file",
        None,
        "A .keras file with a network of your own instead; its weights are "
        "the start.",
    ),
    "optimizer": flags.DEFINE_enum(
        "optimizer",
        None,
        optimizer_registry.names(),
        _help("optimizer", "The optimizer, by name."),
    ),
    "precision": flags.DEFINE_enum(
        "precision",
        None,
        settings.PRECISIONS,
        _help("precision", "What layers compute in."),
    ),
}
_SHARED |= {
    name: define_setting(setting, _default(name), __name__)
    for name, setting in settings.SHARED.items()
}


def _readers(option: str) -> str:
    """Returns which optimizers read an option, as a sentence."""
    readers = optimizer_registry.readers_of(option)
    others = sorted(set(optimizer_registry.names()) - set(readers))
    if not others:
        return "Read by all."
    if len(others) < len(readers):
        return f"Read by all but {', '.join(others)}."
    # Some of them can step inside Layca, which then reads their options.
    is_inner = set(readers) & set(options.INNER) and "layca" not in readers
    around = ", and by layca around these" if is_inner else ""
    return f"Read by {', '.join(readers)}{around}."


# Options of optimizers; which one reads what is checked in the config.
_OPTIMIZER_OPTIONS = {
    name: define_setting(
        dataclasses.replace(option, help=f"{option.help} {_readers(name)}"),
        None,
        __name__,
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


def given() -> dict[str, Any]:
    """Returns the shared settings that were given, by name.

    Those of the optimizer are in `optimizer_options`.

    Raises:
        ValueError: If the size of the images is none.
    """
    found = values_of(_SHARED)
    if "image_size" in found:
        found["image_size"] = _pixels(found["image_size"])
    found["optimizer_options"] = values_of(_OPTIMIZER_OPTIONS)
    return found


def values_of(holders: Mapping[str, flags.FlagHolder]) -> dict[str, Any]:
    """Returns the values of those flags that were given, by name."""
    return {
        name: holder.value
        for name, holder in holders.items()
        if holder.value is not None
    }


def run_dir(name: str) -> str:
    """Returns the folder of the run: as given, or one of this name."""
    return _RUN_DIR.value or f"runs/{name}"


def run_arguments() -> dict[str, Any]:
    """Returns what to run with besides config and folder."""
    return {
        "data_dir": _DATA_DIR.value,
        "download": _DOWNLOAD.value,
        "progress": _PROGRESS.value,
    }


def wants_library_logs() -> bool:
    """Returns whether `--library_logs` is set."""
    return _LIBRARY_LOGS.value


def as_flag_file(config: run_config.RunConfig) -> str:
    """Returns the text of a flag file that asks for this configuration.

    Defaults are written out; `--data_dir` is added as it was given. Parsing
    the file gives an equal configuration.
    """
    fields = config.to_json()
    fields.pop("kind", None)
    options_given = fields.pop("optimizer_options")
    # Where nothing is the default it need not be said.
    unsaid = [
        field.name for field in dataclasses.fields(config) if not field.default
    ]
    lines = []
    for name, value in (fields | options_given).items():
        if value != [] or name not in unsaid or config.KIND == "training":
            lines += lines_of(name, value)
    return flag_file(lines, config.BINARY)


def flag_file(lines: list[str], binary: str) -> str:
    """Returns the text of a flag file, `--data_dir` added as it was given."""
    if _DATA_DIR.value:
        lines = [*lines, f"--data_dir={_DATA_DIR.value}"]
    header = "# The flags that this run really used; go on with it by\n"
    header += f"#   python -m needle_tf.{binary} --flagfile=<this file>"
    return "\n".join([header, *lines, ""])


def lines_of(name: str, value: Any) -> list[str]:
    """Returns the lines that set a field: none for None, or several."""
    flag = run_config.flag_of(name)
    if value is None:
        return []
    if name == "relax_epochs":
        return [f"{flag}={epoch}" for epoch in value]
    if isinstance(value, bool):
        return [f"{flag}={str(value).lower()}"]
    if isinstance(value, list | tuple):
        return [f"{flag}={','.join(str(item) for item in value)}"]
    return [f"{flag}={value}"]


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

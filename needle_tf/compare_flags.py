"""The flags of `needle_tf.compare`, and what is analysed, from flags.

A setting of an analysis is a flag of the same name. Some of them, and all that
say which data are read, are flags of the other binaries, too.
"""

import dataclasses
import pathlib
from collections.abc import Collection
from collections.abc import Mapping
from typing import Any

from absl import flags

from needle_tf import flag_groups
from needle_tf.comparisons import jobs as jobs_lib
from needle_tf.comparisons import modes as modes_lib
from needle_tf.comparisons import settings as settings_lib
from needle_tf.protocol import config as config_lib
from needle_tf.protocol import run_config

# Flags of other binaries that mean the same here.
_FOREIGN_SETTINGS = ("learning_rate", "epochs", "batch_size", "seed")
_DATA = ("dataset", *run_config.DATA_ARGUMENTS, "statistics", "seed")
for _name in (
    "run_dir",
    "data_dir",
    "download",
    "progress",
    "library_logs",
    *dict.fromkeys((*_FOREIGN_SETTINGS, *_DATA)),
):
    flags.declare_key_flag(_name)

_MODE = flags.DEFINE_enum(
    "mode",
    None,
    list(modes_lib.MODES),
    "What is measured: along a path between two networks (interpolation, a "
    "trained string or band), a relaxed network without parts of its weights "
    "(ablation), what units look at outside their fields (off_local), how "
    "local and shared layers are (locality), eigenvalues of the Hessian "
    "(curvature), or accuracy at set distances from the CNN (threshold).",
)
_FIRST = flags.DEFINE_string(
    "first",
    None,
    "The network: STAGE or STAGE@EPOCH of the run, as efcn_relax20 or cnn@20, "
    "or a .keras file. Without an epoch, the last one.",
)
_SECOND = flags.DEFINE_string(
    "second",
    None,
    "The other network, likewise: the other end of a path; off_local: what "
    "differences are taken from; threshold: the FCN whose accuracy is the "
    "level.",
)
_OUT_DIR = flags.DEFINE_string(
    "out_dir",
    None,
    "Folder for results. Default: analysis/ in --run_dir, or here.",
)


def _readers(name: str) -> str:
    """Returns which modes read a setting, with their defaults."""
    found = []
    for mode, entry in modes_lib.MODES.items():
        if name not in entry.settings:
            continue
        default = entry.settings[name]
        if isinstance(default, list):
            default = ",".join(f"{each}" for each in default)
        is_said = default not in (None, "")
        found.append(f"{mode} (default {default})" if is_said else mode)
    return f"Read by {', '.join(found)}."


def _define(name: str) -> flags.FlagHolder:
    setting = settings_lib.SETTINGS[name]
    if isinstance(setting, settings_lib.Listed):
        expected = f"{setting.expected[0].upper()}{setting.expected[1:]}"
        text = f"{setting.help} {expected}. {_readers(name)}"
        return flags.DEFINE_list(name, None, text)
    text = f"{setting.help} {_readers(name)}"
    if setting.kind is str and not setting.choices:
        return flags.DEFINE_string(name, None, text)
    setting = dataclasses.replace(setting, help=text)
    return flag_groups.define_setting(setting, None, __name__)


_SETTINGS = {
    name: _define(name)
    for name in settings_lib.SETTINGS
    if name not in _FOREIGN_SETTINGS
}


def asked() -> jobs_lib.Asked:
    """Returns what the flags ask for.

    Raises:
        ValueError: If something is missing, out of bounds, or would be
            ignored.
    """
    if _MODE.value is None:
        raise ValueError(
            f"--mode says what is measured: one of "
            f"{', '.join(modes_lib.MODES)}. Received none."
        )
    mode = modes_lib.MODES[_MODE.value]
    names = _names(_MODE.value, mode.second)
    run_dir = flags.FLAGS["run_dir"].value
    if run_dir is None:
        _refuse_stages(names)
    given = flag_groups.given() | flag_groups.values_of(_SETTINGS)
    given |= given.pop("optimizer_options")
    around = flag_groups.run_arguments()
    reads_data = bool(mode.data)
    if not reads_data:
        given |= {
            name: around[name]
            for name in ("data_dir", "download")
            if around[name]
        }
    own_data = _DATA if reads_data and run_dir is None else ()
    _refuse_ignored(given, {*mode.settings, *own_data}, run_dir)
    settings = modes_lib.checked(
        _MODE.value, {k: v for k, v in given.items() if k in mode.settings}
    )
    data = None
    if own_data:
        fields = {k: v for k, v in given.items() if k in own_data}
        data = config_lib.ProtocolConfig(**fields)
    return jobs_lib.Asked(
        mode=_MODE.value,
        names=names,
        settings=tuple(_one_by_one(settings)),
        run_dir=_path(run_dir),
        out_dir=_path(_OUT_DIR.value),
        data=data,
        data_dir=around["data_dir"],
        download=around["download"],
        progress=around["progress"],
    )


def _names(mode: str, role: str | None) -> tuple[str, ...]:
    first, second = _FIRST.value, _SECOND.value
    if not first:
        raise ValueError(
            "--first says which network is measured: STAGE or STAGE@EPOCH of "
            "--run_dir, as efcn_relax20, or a .keras file. Received none."
        )
    if role == modes_lib.NEEDED and not second:
        raise ValueError(
            f"--mode={mode} leads from one network to another: name the other "
            "one as --second. Received none."
        )
    if role is None and second:
        raise ValueError(
            f"--mode={mode} measures one network and would ignore "
            f"--second={second}. Leave it away."
        )
    return (first, second) if second else (first,)


def _refuse_stages(names: Collection[str]) -> None:
    stages = [name for name in names if not name.endswith(".keras")]
    if stages:
        raise ValueError(
            f"{' and '.join(stages)} must be of a run: give its folder, or "
            "that of a sweep, as --run_dir. Without one, networks are paths "
            "of .keras files."
        )


def _refuse_ignored(
    given: Collection[str], read: Collection[str], run_dir: str | None
) -> None:
    """Refuses flags that were given and would be ignored."""
    ignored = [name for name in given if name not in read]
    if not ignored:
        return
    of_data = [n for n in ignored if n in _DATA and n not in ("seed",)]
    if run_dir is not None and ignored == of_data:
        raise ValueError(
            f"{_listed(ignored)} would be ignored: the data are those of "
            f"{run_dir}, as its config.json says. Leave it away; --images and "
            "--measured_on choose among them."
        )
    known = [name for name in given if name in ignored]
    raise ValueError(
        f"--mode={_MODE.value} would ignore {_listed(known)}. Leave it away. "
        f"It reads: {_listed(sorted(read)) or 'no settings'}."
    )


def _path(text: str | None) -> pathlib.Path | None:
    return None if text is None else pathlib.Path(text).expanduser()


def _one_by_one(settings: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Returns the settings of each analysis: one for each kind of path."""
    if "path" not in settings:
        return [settings]
    return [{**settings, "path": path} for path in settings["path"]]


def _listed(names: Collection[str]) -> str:
    return ", ".join(f"--{name}" for name in names)

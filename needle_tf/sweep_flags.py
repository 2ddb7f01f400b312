"""The flags that make many runs of one, and the sweep that they ask for."""

import pathlib
from collections.abc import Mapping
from typing import Any

from absl import flags

from needle_tf import flag_groups
from needle_tf.protocol import run_config
from needle_tf.protocol import sweep_plan

_SWEEP = flags.DEFINE_multi_string(
    "sweep",
    None,
    "A setting and its values, as learning_rate=3^-4,3^-3: one run for each, "
    "one after the other in one --run_dir. Given many times, each value with "
    "each. In a list inside a value, plus signs stand for commas.",
)
_VARIANT = flags.DEFINE_multi_string(
    "variant",
    None,
    "One variant of the runs of a sweep, by its label and settings, as "
    "slow:optimizer=sgd,learning_rate=0.01; given many times. In training "
    "runs, replay=@LABEL replays the run of an earlier variant.",
)


def is_sweep() -> bool:
    """Returns whether the flags ask for a sweep and not for one run."""
    return bool(_SWEEP.value or _VARIANT.value)


def planned(
    given: Mapping[str, Any], kind: type[run_config.RunConfig]
) -> tuple[sweep_plan.Sweep, str]:
    """Returns the sweep that the flags ask for, and its folder.

    Args:
        given: Fields of the configuration that flags were given for.
        kind: Of the runs.

    Raises:
        ValueError: If a trial of it is not possible.
    """
    axes, variants = _SWEEP.value or (), _VARIANT.value or ()
    name = sweep_plan.name_of(given, axes, variants, kind)
    run_dir = flag_groups.run_dir(name)
    sweep = sweep_plan.expand(
        given, axes, variants, pathlib.Path(run_dir), kind
    )
    return sweep, run_dir


def flag_file(given: Mapping[str, Any], binary: str) -> str:
    """Returns the text of a flag file that asks for the same sweep."""
    fields = dict(given)
    fields |= fields.pop("optimizer_options")
    lines = []
    for name, value in fields.items():
        lines += flag_groups.lines_of(name, value)
    lines += [f"--sweep={text}" for text in _SWEEP.value or ()]
    lines += [f"--variant={text}" for text in _VARIANT.value or ()]
    return flag_groups.flag_file(lines, binary)

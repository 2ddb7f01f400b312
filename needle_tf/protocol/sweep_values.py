"""Settings and values of a sweep as they are typed: `name=value,value`.

A number may be written as a power, 3^-2.5; inside one value plus signs stand
for the commas of a list.
"""

import dataclasses
import difflib
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from needle_tf.optimizers import options
from needle_tf.protocol import run_config
from needle_tf.protocol import settings
from needle_tf.protocol import training_config

Kind = type[run_config.RunConfig]

_BOOLEANS = {"true": True, "false": False}
_NAMES = ("l2_skips", "relaxed_layers", "baselines")
# One CNN serves them all, so they are no runs of their own.
_GIVEN_OFTEN = ("relax_epoch", "relax_epochs")


@dataclasses.dataclass(frozen=True)
class Value:
    """A value, and the text that it was written as."""

    text: str
    value: Any


def axes(
    texts: Sequence[str], kind: Kind = training_config.TrainingConfig
) -> dict[str, list[Value]]:
    """Returns the values of each axis.

    Args:
        texts: As they are typed.
        kind: Of the runs.

    Raises:
        ValueError: If one is mistyped or given twice.
    """
    found: dict[str, list[Value]] = {}
    for text in texts:
        name, values = axis(text, "--sweep", kind)
        if name in found:
            raise ValueError(
                f"--sweep={name}=... is given twice. Put all values into one."
            )
        found[name] = values
    return found


def axis(
    text: str, flag: str, kind: Kind = training_config.TrainingConfig
) -> tuple[str, list[Value]]:
    """Returns a setting and its values.

    Args:
        text: `name=value,value`.
        flag: What it was given as, for messages.
        kind: Of the runs.

    Raises:
        ValueError: If it is no setting of such a run, or a value none of its
            values.
    """
    name, equals, rest = text.partition("=")
    name = name.strip()
    if not equals or not name:
        raise ValueError(
            f"{flag} must set something: setting=value. Received: {text!r}."
        )
    known = [*_fields(kind), *options.OPTIONS]
    if name in _GIVEN_OFTEN and _GIVEN_OFTEN[-1] in known:
        raise ValueError(
            f"{flag}={name}=... is not needed: one CNN serves many relax "
            "epochs. Give --relax_epoch many times instead."
        )
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(
            f"{flag} must set a setting of the runs, a flag of needle_tf."
            f"{kind.BINARY}. Received: {name!r}.{hint}"
        )
    parts = [part.strip() for part in rest.split(",")]
    return name, [Value(part, _parsed(name, part, flag)) for part in parts]


def split(
    given: Mapping[str, Any], kind: Kind = training_config.TrainingConfig
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the fields of the configuration, and options of the optimizer."""
    fields = {n: v for n, v in given.items() if n in _fields(kind)}
    return fields, {n: v for n, v in given.items() if n not in fields}


def _fields(kind: Kind) -> list[str]:
    fields = dataclasses.fields(kind)
    return [f.name for f in fields if f.name != "optimizer_options"]


def _parsed(name: str, text: str, flag: str) -> Any:
    known = settings.SETTINGS | options.OPTIONS
    kind = known[name].kind if name in known else str
    try:
        if kind is bool:
            return _BOOLEANS[text.lower()]
        if kind is int:
            return int(text)
        if kind is float:
            return settings.number(text)
        if name == "drop_epochs" or name == "image_size":
            numbers = [int(part) for part in _list(text)]
            is_one = name == "image_size" and len(numbers) == 1
            return numbers[0] if is_one else numbers
        return _list(text) if kind is list or name in _NAMES else text
    except (KeyError, ValueError) as error:
        expected = {bool: "true or false", float: "a number, as 0.1 or 3^-2"}
        raise ValueError(
            f"{flag}={name}=... must be "
            f"{expected.get(kind, 'whole numbers')}. Received: {text!r}."
        ) from error


def _list(text: str) -> list[str]:
    return text.split("+") if text else []

"""Results as JSON that any reader takes: plain numbers, no NaN."""

import dataclasses
import json
import math
from typing import Any


def dumps(result: Any) -> str:
    """Returns a result as JSON text, indented by two spaces.

    Fields keep their names and order. What is not finite (the loss of weights
    at which a network overflows) becomes `null`, since JSON has no NaN.

    Args:
        result: A dataclass, or a dictionary or sequence of such, of plain
            numbers, strings, truth values and None.

    Raises:
        TypeError: If something else is in it.
    """
    return json.dumps(_plain(result), indent=2, allow_nan=False)


def _plain(value):
    if dataclasses.is_dataclass(value):
        value = {
            field.name: getattr(value, field.name)
            for field in dataclasses.fields(value)
        }
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value

"""Sizes as users give them: counts, one integer for two, margins.

Only integers pass, those of NumPy included; a fraction is refused, not cut.
"""

import numbers
import operator
from collections.abc import Sequence


def read_integer(value: int, name: str) -> int:
    """Returns `value` as an integer of at least 1; ValueError otherwise."""
    if not isinstance(value, numbers.Integral) or value < 1:
        raise ValueError(
            f"`{name}` must be an integer of at least 1. "
            f"Received: {name}={value!r}."
        )
    return int(value)


def read_pair(value: int | Sequence[int], name: str) -> tuple[int, int]:
    """Returns one integer or two, of at least 1, as two.

    Raises:
        ValueError: If `value` is something else.
    """
    if isinstance(value, numbers.Integral):
        value = (value, value)
    return read_integers(value, name, 2, 1)


def read_margins(
    value: Sequence[Sequence[int]], name: str
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Returns `((top, bottom), (left, right))` of integers of at least 0.

    Raises:
        ValueError: If `value` is something else.
    """
    try:
        rows, columns = value
    except (TypeError, ValueError):
        raise ValueError(
            f"`{name}` must be ((top, bottom), (left, right)). "
            f"Received: {name}={value!r}."
        ) from None
    return (read_integers(rows, name, 2, 0), read_integers(columns, name, 2, 0))


def read_integers(
    value: Sequence[int], name: str, length: int, least: int
) -> tuple[int, ...]:
    """Returns `length` integers of at least `least`.

    Raises:
        ValueError: If `value` is something else.
    """
    try:
        sizes = tuple(operator.index(size) for size in value)
    except TypeError:  # Not a sequence, or a fraction in it.
        sizes = ()
    if len(sizes) != length or min(sizes) < least:
        raise ValueError(
            f"`{name}` must be {length} integers of at least {least}. "
            f"Received: {name}={value!r}."
        )
    return sizes

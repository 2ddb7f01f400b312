"""Checks of arguments that several files of this room take.

A count is an integer with a lower bound; a size of images is one such count,
or two. What is returned is plain Python, whatever integer type came in.
"""

import numbers
from typing import Any

# TensorFlow's stateless random numbers take seeds of 64 bits.
LARGEST_SEED = 2**63 - 1


def require_integer(
    name: str, value: Any, minimum: int, maximum: int | None = None
) -> int:
    """Returns `value` as an `int` within bounds.

    Args:
        name: What the message calls it: the flag's spelling without dashes.
        value: Any integer, NumPy's included; a truth value is no integer.
        minimum: The lowest value allowed.
        maximum: The highest value allowed, if there is one.

    Raises:
        ValueError: If `value` is no integer or out of bounds.
    """
    is_integer = isinstance(value, numbers.Integral)
    if (
        not is_integer
        or isinstance(value, bool)
        or value < minimum
        or (maximum is not None and value > maximum)
    ):
        bounds = (
            f"of at least {minimum}"
            if maximum is None
            else f"from {minimum} to {maximum}"
        )
        raise ValueError(
            f"`{name}` must be an integer {bounds}. Received: {name}={value!r}."
        )
    return int(value)


def require_seed(value: Any) -> int:
    """Returns a seed as an `int`: what `numpy` and TensorFlow both take.

    Raises:
        ValueError: If `value` is no integer in [0, 2**63).
    """
    return require_integer("seed", value, 0, LARGEST_SEED)


def require_image_size(value: Any) -> tuple[int, int] | None:
    """Returns an image size as `(height, width)` in pixels, or None.

    Args:
        value: None (images keep their size), an integer (square images), or a
            pair `(height, width)`.

    Raises:
        ValueError: If `value` is none of these or a side is below 1.
    """
    if value is None:
        return None
    sides = tuple(value) if isinstance(value, list | tuple) else (value,) * 2
    if len(sides) != 2:
        raise ValueError(
            "`image_size` must be one integer (square images) or two (height, "
            f"width). Received: image_size={value!r}."
        )
    height, width = (require_integer("image_size", side, 1) for side in sides)
    return height, width

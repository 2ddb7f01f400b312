"""Checks of the arguments that every network takes: image, classes, width."""

import math
import numbers
from collections.abc import Sequence

import keras


def require_network(
    name: str,
    input_shape: Sequence[int],
    num_classes: int,
    width: float,
    smallest_size: int = 1,
) -> None:
    """Refuses what no network called `name` can be built from.

    Args:
        name: What the messages call the network.
        input_shape: (height, width, channels), without the batch; channels
            first if Keras is set to it.
        num_classes: Number of logits, at least 2.
        width: Factor of the channels, finite and above 0.
        smallest_size: Shortest side that the network can take, in pixels.

    Raises:
        ValueError: If the images are too small or an argument is out of range.
    """
    sizes = tuple(input_shape)
    if len(sizes) != 3 or not all(_is_count(size) for size in sizes):
        raise ValueError(
            f"`input_shape` of {name} must be three positive integers, "
            f"{_axes()}, without the batch: dense layers, and the dense twins "
            "of convolutions, need a fixed image size. Received: "
            f"input_shape={sizes}. Give grey images a channel axis of 1."
        )
    if min(_sides(sizes)) < smallest_size:
        raise ValueError(
            f"{name} needs images of at least {smallest_size}x{smallest_size} "
            "pixels: smaller ones vanish in its strides and pools. Received: "
            f"input_shape={sizes}, read as {_axes()}. Enlarge the images, or "
            "take a network with fewer strides and pools."
        )
    if not _is_count(num_classes) or num_classes < 2:
        raise ValueError(
            f"`num_classes` of {name} must be an integer of at least 2, one "
            f"logit per class. Received: num_classes={num_classes}."
        )
    if not _is_real(width) or not 0 < width < math.inf:
        raise ValueError(
            f"`width` of {name} must be a finite number above 0: it multiplies "
            f"the channels. Received: width={width}. 1.0 is the published "
            "network."
        )


def _sides(input_shape: tuple[int, ...]) -> tuple[int, ...]:
    if keras.config.image_data_format() == "channels_first":
        return input_shape[1:]
    return input_shape[:2]


def _axes() -> str:
    if keras.config.image_data_format() == "channels_first":
        return "(channels, height, width)"
    return "(height, width, channels)"


def _is_count(value: object) -> bool:
    return (
        isinstance(value, numbers.Integral)
        and not isinstance(value, bool)
        and value > 0
    )


def _is_real(value: object) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)

"""Holds a part of the training images out, to choose by: a validation set.

    permutation of the training rows, the first round(fraction * count) of
    them held out

The rows are a function of the seed and of the number of rows alone. Both parts
stay standardised by the statistics of the whole training set, as published:
they are taken before the split.

Reference: Carbonnelle & De Vleeschouwer, arXiv:1806.01603, who hold out a
tenth of the training images, without regard to their classes.
"""

import dataclasses
import numbers
from typing import Any

import numpy as np

from needle_tf.data import arguments
from needle_tf.data import images
from needle_tf.data import memory
from needle_tf.data import sampling


def hold_out(
    data: images.ImageData,
    fraction: float,
    seed: int,
    *,
    stratified: bool = False,
) -> tuple[images.ImageData, images.ImageData]:
    """Returns a set without some of its training images, and one of them.

    The pixels of the training images are copied once. Let go of `data` where
    it is no longer needed, and no image lies in memory twice; the test images
    are those of `data`, not copies.

    Args:
        data: The set; it stays as it is.
        fraction: Share of the training images to hold out, in (0, 1), rounded
            to whole images, at least one on each side.
        seed: Decides which.
        stratified: Takes the share from each class; as published, False takes
            it from all images alike.

    Returns:
        `data` without the held-out training images; and a set of the same
        training images whose test images are the held-out ones. In both the
        images keep their order.

    Raises:
        ValueError: If an argument is out of range, there are fewer than two
            training images, or the copy would not fit into memory.
    """
    _require_fraction(fraction)
    seed = arguments.require_seed(seed)
    count = len(data.train_labels)
    if count < 2:
        raise ValueError(
            "holding out validation images needs at least 2 training images, "
            f"one for each side. Received: {count} in {data.name}. Raise "
            "--train_size."
        )
    kept, held = _split(data, fraction, seed, stratified)
    memory.require_room(
        f"{data.name} with a validation part",
        data.train_images.nbytes,
        "Give a smaller --image_size or --train_size, or hold nothing out.",
    )
    remark = f"{len(held)} of {count} training images held out"
    without = dataclasses.replace(
        data,
        train_images=data.train_images[kept],
        train_labels=data.train_labels[kept],
        source=", ".join(filter(None, (data.source, remark))),
        statistics=data.moments,
    )
    validation = dataclasses.replace(
        without,
        test_images=data.train_images[held],
        test_labels=data.train_labels[held],
    )
    return without, validation


def _split(
    data: images.ImageData, fraction: float, seed: int, stratified: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the rows that are kept and those held out, ascending."""
    rng = np.random.default_rng([seed, sampling.VALIDATION])
    if stratified:
        return sampling.stratified_split(
            data.train_labels, fraction, rng, data.class_names
        )
    count = len(data.train_labels)
    size = int(np.clip(np.rint(fraction * count), 1, count - 1))
    rows = rng.permutation(count)
    return np.sort(rows[size:]), np.sort(rows[:size])


def _require_fraction(fraction: Any) -> None:
    is_real = isinstance(fraction, numbers.Real)
    if not is_real or isinstance(fraction, bool) or not 0 < fraction < 1:
        raise ValueError(
            "`fraction` must be a number in (0, 1), ends excluded: the share "
            "of the training images that is held out. Received: "
            f"fraction={fraction!r}."
        )

"""Images with their labels in batches, from arrays or `tf.data`."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from needle_tf.data import arguments

Batch = tuple[Any, Any]


class LabelledData:
    """What a network is measured on, read again for every measurement.

    Args:
        source: `(x, y)`: arrays with one row per example (`x` may be a
            dictionary or tuple of them), or a finite `tf.data.Dataset` of
            batches `(x, y)`. A dataset that shuffles or augments gives other
            figures each time that it is read.
        batch_size: Examples per batch of arrays, at least 1; the last batch
            may be smaller. A dataset has its own.

    Raises:
        ValueError: If `source` is neither.
    """

    def __init__(self, source: Any, batch_size: int = 500):
        self._batch_size = arguments.require_integer(
            "batch_size", batch_size, 1
        )
        self._source = source
        self._is_dataset = hasattr(source, "element_spec")
        if self._is_dataset:
            _check_dataset(source)
        else:
            self._source = _checked_arrays(source)

    @classmethod
    def of(cls, source: Any, batch_size: int = 500) -> "LabelledData":
        """Returns `source` itself if it is labelled data already."""
        if isinstance(source, cls):
            return source
        return cls(source, batch_size)

    def batches(self) -> Iterator[Batch]:
        """Yields all examples once, in their order."""
        if self._is_dataset:
            yield from self._source
        else:
            yield from self._slices(None)

    def shuffled(self, seed: int, epoch: int) -> Iterator[Batch]:
        """Yields all examples once, arrays in an order of this epoch.

        The order is a function of `(seed, epoch)` alone. A dataset comes as it
        comes: it shuffles by itself or not.
        """
        if self._is_dataset:
            yield from self._source
        else:
            order = np.random.default_rng([seed, epoch])
            yield from self._slices(order.permutation(len(self._source[1])))

    def _slices(self, order):
        x, y = self._source
        for start in range(0, len(y), self._batch_size):
            rows = slice(start, start + self._batch_size)
            rows = rows if order is None else order[rows]
            yield keras.tree.map_structure(lambda a, r=rows: a[r], x), y[rows]


def _check_dataset(dataset):
    spec = dataset.element_spec
    if not isinstance(spec, tuple) or len(spec) != 2:
        raise ValueError(
            "A data set must give pairs (x, y). Received elements of "
            f"{_shapes(spec)}. Map it to pairs first, for example "
            "`dataset.map(lambda e: (e['image'], e['label']))`."
        )
    if any(each.shape.rank == 0 for each in keras.tree.flatten(spec)):
        raise ValueError(
            "A data set must give batches. Received single examples, of "
            f"{_shapes(spec)}. Use `dataset.batch(500)`."
        )
    if int(dataset.cardinality()) == -1:
        raise ValueError(
            "A data set must come to an end. Received one that repeats for "
            "ever. Use `dataset.take(steps)`."
        )


def _checked_arrays(source):
    if not isinstance(source, tuple | list) or len(source) != 2:
        raise ValueError(
            "Data must be a pair of arrays (x, y) or a tf.data.Dataset of "
            f"batches (x, y). Received: {type(source).__name__}"
            + (
                f" of {len(source)}."
                if isinstance(source, tuple | list)
                else "."
            )
        )
    x, y = source
    x, y = keras.tree.map_structure(np.asarray, x), np.asarray(y)
    arrays = [*keras.tree.flatten(x), y]
    counts = [len(array) if array.ndim else 0 for array in arrays]
    if len(set(counts)) != 1 or not counts[0]:
        raise ValueError(
            "x and y must be arrays of one length, at least 1. Received "
            f"shapes {[array.shape for array in arrays]}."
        )
    return x, y


def _shapes(spec):
    return keras.tree.map_structure(lambda each: tuple(each.shape), spec)

"""Arrays and lists of words as short text, for configs in JSON."""

import base64
import itertools
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np


def pack(array: np.ndarray) -> dict[str, Any]:
    """Returns dtype, shape and compressed values of an array of integers."""
    # Neighbours mostly differ by the same step, which compresses well.
    steps = np.diff(array.reshape(-1), prepend=array.dtype.type(0))
    raw = steps.astype(array.dtype.newbyteorder("<")).tobytes()
    return {
        "dtype": array.dtype.name,
        "shape": list(array.shape),
        "values": base64.b64encode(zlib.compress(raw)).decode("ascii"),
    }


def unpack(packed: dict[str, Any]) -> np.ndarray:
    """Returns the array that `pack` was given."""
    dtype = np.dtype(packed["dtype"])
    raw = zlib.decompress(base64.b64decode(packed["values"]))
    steps = np.frombuffer(raw, dtype.newbyteorder("<"))
    return np.cumsum(steps, dtype=dtype).reshape(packed["shape"])


def pack_words(words: Sequence[str]) -> list[list[Any]]:
    """Returns words as `[word, how often in a row]`."""
    return [[word, len(list(run))] for word, run in itertools.groupby(words)]


def unpack_words(runs: Sequence[Sequence[Any]]) -> tuple[str, ...]:
    """Returns the words that `pack_words` was given."""
    return tuple(word for word, count in runs for _ in range(count))

"""Angles by which layers turned, step by step, as plain JSON and as tensors."""

import base64
import math
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from keras import ops


class RecordedAngles:
    """A table of angles in radians: a row for each step, a column per kernel.

    Args:
        table: Numbers within [0, pi], of shape `(steps, kernels)`, kept as
            float32; or what `to_config` returned.

    Raises:
        ValueError: If it is something else.
    """

    def __init__(self, table: np.ndarray | Mapping[str, Any]) -> None:
        if isinstance(table, Mapping):
            packed = zlib.decompress(base64.b64decode(table["float32"]))
            flat = np.frombuffer(packed, "<f4").astype("float32")
            table = flat.reshape(table["shape"])
        table = np.asarray(table, "float32")
        if table.ndim != 2 or not table.size:
            raise ValueError(
                "`angles` must be a table of shape (steps, kernels). Received: "
                f"shape={table.shape}."
            )
        # In float32 pi itself is rounded up.
        if not np.all((table >= 0) & (table <= np.float32(math.pi))):
            raise ValueError(
                "`angles` must lie within [0, pi] radians. Received: from "
                f"{table.min()} to {table.max()}."
            )
        self._table = table

    @property
    def kernels(self) -> int:
        """Number of columns."""
        return self._table.shape[1]

    def of_kernel(self, column: int, step: Any) -> Any:
        """Returns the angle of a kernel in a step; 0 beyond the last.

        Args:
            column: Place of the kernel.
            step: Number of the step, from 0; a tensor or a number.
        """
        return self._row(self._table[:, column], step)

    def mean(self, step: Any) -> Any:
        """Returns the mean of all kernels in a step; 0 beyond the last."""
        return self._row(self._table.mean(axis=1), step)

    def to_config(self) -> dict[str, Any]:
        """Returns the table as plain JSON, to the last bit."""
        packed = zlib.compress(self._table.astype("<f4").tobytes())
        return {
            "shape": list(self._table.shape),
            "float32": base64.b64encode(packed).decode("ascii"),
        }

    def _row(self, angles, step):
        step = ops.cast(step, "int32")
        last = len(angles) - 1
        found = ops.take(
            ops.convert_to_tensor(angles), ops.minimum(step, last), axis=0
        )
        return ops.where(step > last, 0.0, found)

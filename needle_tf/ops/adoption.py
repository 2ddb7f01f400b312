"""Big host arrays become tensors without a second copy."""

import math
import sys
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

# What the kernels of TensorFlow demand of any tensor; they abort without it.
ALIGNMENT = 64


def aligned_zeros(shape: Sequence[int], dtype: np.dtype | str) -> np.ndarray:
    """Returns zeros that `adopt` can take over.

    Pages that are never written are never mapped, so the zeros of a sparse
    matrix cost nothing until training touches them.
    """
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    raw = np.zeros(size + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + size].view(dtype).reshape(shape)


def adopt(array: np.ndarray, dtype: str | None = None) -> Any:
    """Returns a tensor that takes over the memory of `array`.

    The caller gives the array away: training changes it in place. Where memory
    cannot be taken over (another dtype, a read-only array, a backend without a
    way to, memory that `aligned_zeros` did not make), the values are copied.

    Args:
        array: C-contiguous values of any shape.
        dtype: Of the tensor; that of the array by default.
    """
    fits = (
        keras.backend.backend() == "tensorflow"
        and dtype in (None, array.dtype.name)
        and array.dtype.isbuiltin == 1  # bfloat16 does not pass DLPack.
        and array.flags.writeable
        and array.flags.c_contiguous
        and array.ctypes.data % ALIGNMENT == 0
    )
    if not fits:
        return ops.convert_to_tensor(array, dtype=dtype)
    # Imported by Keras already. `tf.convert_to_tensor` copies (and for a
    # while holds) the whole array, which doubles the memory of an embedding.
    dlpack = sys.modules["tensorflow"].experimental.dlpack
    return dlpack.from_dlpack(array.__dlpack__())

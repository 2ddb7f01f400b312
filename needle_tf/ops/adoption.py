"""Big host arrays become tensors without a second copy."""

import math
import mmap
import sys
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

# What the kernels of TensorFlow demand of any tensor; they abort without it.
ALIGNMENT = 64
# Not every system can map pages ahead of their use.
_FRESH_PAGES = (
    mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_POPULATE", 0)
)


def aligned_zeros(shape: Sequence[int], dtype: np.dtype | str) -> np.ndarray:
    """Returns zeros that `adopt` can take over.

    The pages are mapped in one go: a kernel's taps touch them in no order, and
    mapped one by one as they come they would take five times as long. NumPy's
    own big arrays ask for huge pages, which can take longer still.
    """
    dtype = np.dtype(dtype)
    count = math.prod(shape)
    # Begins with a page, and so at a multiple of `ALIGNMENT`.
    pages = mmap.mmap(-1, max(count * dtype.itemsize, 1), flags=_FRESH_PAGES)
    return (
        np.frombuffer(pages, np.uint8)[: count * dtype.itemsize]
        .view(dtype)
        .reshape(shape)
    )


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


def settle(variable: keras.Variable) -> None:
    """Gives a variable memory of its own, if it was adopted.

    TensorFlow never writes into memory that it did not allocate: the first
    update of such a variable copies it. That may as well happen before there
    are gradients. On other backends, and inside a traced function, nothing is
    done.
    """
    if keras.backend.backend() != "tensorflow" or not variable.shape:
        return
    tf = sys.modules["tensorflow"]
    if tf.executing_eagerly() and isinstance(variable.value, tf.Variable):
        with tf.device(variable.value.device):
            copied = tf.raw_ops.DeepCopy(x=variable.value.read_value())
        variable.value.assign(copied)

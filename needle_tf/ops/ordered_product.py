"""A matrix product made for the large kernels of embedded networks.

Three things set it apart from `ops.matmul`, on TensorFlow alone:

* The backward pass lets the optimizer work in place. TensorFlow updates a
  variable in place only when nobody else still reads it. As the backward pass
  of `x @ kernel` reads the kernel for the gradient of `x`, an update that is
  ready earlier copies the whole kernel first. Here the gradient of the kernel,
  and with it the update, waits for the gradient of `x`; an optimizer may even
  update before the pass goes on (`backward_updates`).
* On a processor, kernels whose rows clash in its caches are multiplied some
  columns at a time (`column_cuts`); such rows of gradients are moved apart.
* There, units that nothing reads need not be computed.
"""

import sys
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from needle_tf.ops import backward_updates
from needle_tf.ops import column_cuts
from needle_tf.ops import placement

Tensor = Any
Cut = column_cuts.Cut

# Share of unread columns from which copies of the others pay in the backward
# pass too: products of copies take about a tenth longer.
_WORTH_SKIPPING = 1 / 8
# Up to so many inputs, the gradient of a kernel suffers from clashing rows as
# well, those of the gradient that comes in: 256 x 4096 weights and a batch of
# 250 at 59 GFLOP/s, and at 102 with rows moved apart. From 384 inputs on the
# product rearranges its operands by itself.
_FEW_INPUTS = 320


def ordered_product(
    x: Tensor,
    kernel: Any,
    *,
    reads_data: bool = False,
    read: Sequence[Cut] | None = None,
    device: str | None = None,
) -> Tensor:
    """Returns `x @ kernel`; values and gradients are those of `ops.matmul`.

    On other backends than TensorFlow it is `ops.matmul`.

    Args:
        x: `(batch, inputs)`.
        kernel: `(inputs, outputs)`, a variable or a tensor.
        reads_data: Whether the gradient of `x` is not needed as a rule: then
            nothing waits for it.
        read: Ranges `(start, stop)` of the outputs that somebody reads, in
            order; None for all. Others may come out as 0, and must have the
            gradient 0.
        device: Where gradients are computed; None leaves it to TensorFlow.
    """
    if keras.backend.backend() != "tensorflow":
        return ops.matmul(x, kernel)
    tf = sys.modules["tensorflow"]  # Imported by Keras already.
    variable, kernel = kernel, tf.convert_to_tensor(kernel)
    on_processor = kernel.shape.rank == 2 and not _has_gpu(tf)
    ranges = _worth(kernel, read) if on_processor else None
    may_clash = on_processor and kernel.shape[0] <= _FEW_INPUTS

    @tf.custom_gradient
    def product(x, kernel):
        def gradients(upstream):
            of_x = _of_x(tf, upstream, kernel, ranges)
            with tf.control_dependencies([] if reads_data else [of_x]):
                of_kernel = _of_kernel(tf, x, upstream, may_clash)
            if not backward_updates.offer(variable, of_kernel):
                return of_x, of_kernel
            # The pass goes on once the variable can be read anew.
            with tf.control_dependencies([tf.convert_to_tensor(variable)]):
                return tf.identity(of_x), None

        result = _forward(tf, x, kernel, ranges)
        return result, placement.bound(device, gradients)

    return product(tf.cast(x, kernel.dtype), kernel)


def _worth(kernel, read):
    """The ranges of columns to compute by themselves; None for all at once."""
    width = kernel.shape[1]
    if read is not None:
        unread = 1 - sum(stop - start for start, stop in read) / width
        if unread >= _WORTH_SKIPPING:
            return list(read)
    if column_cuts.clashes(width, kernel.dtype.size):
        return [(0, width)]
    return None


def _forward(tf, x, kernel, ranges):
    """The product; no more than two copies of columns are there at a time."""
    if ranges is None:
        return tf.matmul(x, kernel)
    itemsize, width = kernel.dtype.size, kernel.shape[1]
    parts, position = [], 0
    for start, stop in column_cuts.cut(ranges, itemsize):
        if start > position:
            parts.append(_zeros(tf, x, start - position))
        with tf.control_dependencies(parts[-2:-1]):
            own = kernel[:, start:stop]
        parts.append(_apart(tf, x, own))
        position = stop
    if position < width:
        parts.append(_zeros(tf, x, width - position))
    return tf.concat(parts, axis=1)


def _apart(tf, left, right, transpose_a=False):
    """A product, the rows of its right side moved apart if they clash."""
    width = right.shape[1]
    if not column_cuts.clashes(width, right.dtype.size):
        return tf.matmul(left, right, transpose_a=transpose_a)
    right = tf.pad(right, ((0, 0), (0, column_cuts.STEP)))
    return tf.matmul(left, right, transpose_a=transpose_a)[:, :width]


def _of_kernel(tf, x, upstream, may_clash):
    if may_clash:
        return _apart(tf, x, upstream, transpose_a=True)
    return tf.matmul(x, upstream, transpose_a=True)


def _of_x(tf, upstream, kernel, ranges):
    if ranges is None or ranges == [(0, kernel.shape[1])]:
        return tf.matmul(upstream, kernel, transpose_b=True)
    parts = []
    for start, stop in ranges:
        with tf.control_dependencies(parts[-2:-1]):
            own = kernel[:, start:stop]
        parts.append(tf.matmul(upstream[:, start:stop], own, transpose_b=True))
    return tf.add_n(parts)


def _has_gpu(tf):
    return bool(tf.config.list_physical_devices("GPU"))


def _zeros(tf, x, width):
    return tf.zeros((tf.shape(x)[0], width), x.dtype)

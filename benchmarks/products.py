"""The floors of a training step: its matrix products, and what they move.

For each layer with a kernel a step needs the product with the kernel, the
gradient of the kernel, and, but for the first layer, the gradient of its
input. The operands lie ready; shapes and precision are those of the step.
"""

from collections.abc import Callable

import keras
import tensorflow as tf

from benchmarks import networks

_SIDE = 2048  # Of the square product that shows what the processor can do.
_STREAM = 1 << 26  # Weights of the update that shows what the memory can do.


def of_model(model: keras.Model, batch_size: int) -> Callable[[], object]:
    """Returns a function that computes the products of one step."""
    operands = [
        _operands(layer, batch_size)
        for layer in model.layers
        if hasattr(layer, "kernel")
    ]

    @tf.function
    def compute():
        # One number of each result, so that none is left out as unused.
        seen = [_corner(tf.matmul(x, kernel)) for x, kernel, _ in operands]
        for number, (x, kernel, upstream) in reversed([*enumerate(operands)]):
            if number:
                of_input = tf.matmul(upstream, kernel, transpose_b=True)
                seen.append(_corner(of_input))
            of_kernel = tf.matmul(x, upstream, transpose_a=True)
            seen.append(_corner(of_kernel))
        return tf.add_n(seen)

    return compute


def machine_rates() -> tuple[Callable[[], object], Callable[[], object]]:
    """Returns a square matrix product and an update in place, to be timed.

    The update is that of plain SGD: `weights -= rate * gradient`.
    """
    weights = tf.Variable(tf.zeros(_STREAM))
    gradient = tf.zeros(_STREAM)

    one = tf.constant(1.0)

    @tf.function
    def update():
        tf.raw_ops.ResourceApplyGradientDescent(
            var=weights.handle, alpha=one, delta=gradient
        )

    return square(), update


def square(dtype: str = "float32") -> Callable[[], object]:
    """Returns a large square product of matrices, to be timed."""
    left, right = (
        tf.cast(tf.random.normal((_SIDE, _SIDE)), dtype) for _ in range(2)
    )

    @tf.function
    def multiply():
        return _corner(tf.matmul(left, right))

    return multiply


def at_rate(sums: int, square_seconds: float) -> float:
    """Returns the seconds of so many multiply-adds at the rate of `square`."""
    return square_seconds * sums / _SIDE**3


def step_sums(name: str, kind: str) -> int:
    """Returns the multiply-adds of the products of one training step."""
    used = networks.used_weights(name, kind)
    # No gradient goes into the images.
    return networks.SETUPS[name].batch_size * (3 * sum(used) - used[0])


def forward_of(model: keras.Model, batch_size: int) -> Callable[[], object]:
    """Returns a function that computes the products of one evaluation."""
    operands = [
        _operands(layer, batch_size)[:2]
        for layer in model.layers
        if hasattr(layer, "kernel")
    ]

    @tf.function
    def compute():
        return tf.add_n(
            [_corner(tf.matmul(x, kernel)) for x, kernel in operands]
        )

    return compute


def local_floor(
    model: keras.Model,
    batch_size: int,
    multiply_seconds: float,
    update_seconds: float,
) -> float:
    """Returns the seconds that a compact locally connected net needs at least.

    Its arithmetic at the rate of a large product, then its kernels once
    through the memory: read forward and for the gradient of the input, the
    gradient written and read, the kernel read and written by the update.
    """
    layers = networks.untied(model)
    weights = [layer.geometry.free_entries(0) for layer in layers]
    sums = batch_size * (3 * sum(weights) - weights[0])
    passes = 6 * sum(weights) - weights[0]
    arithmetic = at_rate(sums, multiply_seconds)
    # The update that was timed reads two numbers a weight and writes one.
    return arithmetic + update_seconds * passes / (3 * _STREAM)


def _operands(layer, batch_size):
    """Random `(input, kernel, gradient of the output)` of one layer."""
    dtype = layer.compute_dtype
    shape = tuple(layer.kernel.shape)
    if len(shape) == 3:
        # One product per position, as a batch of matrices.
        positions, inputs, outputs = shape
        shapes = (
            (positions, batch_size, inputs),
            shape,
            (positions, batch_size, outputs),
        )
    else:
        shapes = ((batch_size, shape[0]), shape, (batch_size, shape[1]))
    return [tf.cast(tf.random.normal(s), dtype) for s in shapes]


def _corner(matrix):
    return tf.cast(tf.reshape(matrix, (-1,))[0], "float32")

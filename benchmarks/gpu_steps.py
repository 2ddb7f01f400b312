"""What `gpu` times, each in a fresh process, by Keras on JAX.

A step is one of `fit`'s, on images that are made in the process: an epoch,
from its first step to the logs at its end, divided by its steps.
"""

import importlib.metadata
import math
import time
from collections.abc import Callable
from typing import Any

import jax
import keras
import numpy as np

from benchmarks import networks
from benchmarks import pairs

# Square products between two looks at the clock: the device works on its own.
_PRODUCTS = 10


class _Clock(keras.callbacks.Callback):
    """Keeps how long the newest epoch took, in seconds."""

    seconds = math.nan

    def on_epoch_begin(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        self._start = time.perf_counter()

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        # The logs are numbers, so the device is done with all steps.
        self.seconds = time.perf_counter() - self._start


def device() -> str:
    """Returns the device and the versions, in words."""
    found = jax.devices()[0]
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}"
        for name in ("jax", "keras", "numpy")
    )
    return f"{found.device_kind} ({found.platform}), {versions}"


def against_products(
    name: str, kind: str, policy: str, repeats: int, steps: int, side: int
) -> dict[str, Any]:
    """Times training steps and a square product in turn.

    Args:
        name: One of `networks.SETUPS`.
        kind: One of `networks.SPACES`.
        policy: Of Keras, for the precision.
        repeats: Rounds that are timed.
        steps: Of training, in each round.
        side: Of the square matrices.

    Returns:
        Seconds of a `step`, and of its `products` at the `rate` (in TFLOP/s)
        of the square product of the same round; `batch` size; bytes of the
        `weights`, and of the `peak` of the device's memory, None if it does
        not tell.
    """
    batch = networks.SETUPS[name].batch_size
    model = networks.build(name, kind, policy)
    train = _training(model, name, steps)
    train()  # Compiles.
    peak = _peak()
    multiply = _square(side, keras.mixed_precision.dtype_policy().compute_dtype)
    multiply()
    used = networks.used_weights(name, kind)
    # No gradient goes into the images.
    sums = batch * (3 * sum(used) - used[0])
    found = {"step": [], "products": [], "rate": []}
    for _ in range(repeats):
        found["step"].append(train() / steps)
        seconds = pairs.seconds(multiply) / _PRODUCTS
        found["products"].append(seconds * sums / side**3)
        found["rate"].append(2e-12 * side**3 / seconds)
    weights = sum(4 * math.prod(v.shape) for v in model.trainable_variables)
    return found | {"batch": batch, "weights": weights, "peak": peak}


def _training(model: keras.Model, name: str, steps: int) -> Callable[[], float]:
    """Returns a function that trains some steps, and how long they took."""
    model.compile(
        # Small, so that the numbers stay numbers on random labels.
        optimizer=keras.optimizers.SGD(1e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
    )
    setup = networks.SETUPS[name]
    rng = np.random.default_rng(0)
    count = steps * setup.batch_size
    images = rng.standard_normal((count, *setup.input_shape), "float32")
    labels = rng.integers(0, networks.CLASSES, count)
    clock = _Clock()

    def train() -> float:
        model.fit(
            images,
            labels,
            batch_size=setup.batch_size,
            shuffle=False,
            verbose=0,
            callbacks=[clock],
        )
        return clock.seconds

    return train


def _square(side: int, dtype: str) -> Callable[[], object]:
    """Returns a function that computes some square products."""
    matrix = jax.random.normal(jax.random.key(0), (side, side), dtype)
    product = jax.jit(jax.numpy.matmul)

    def multiply() -> None:
        last = [product(matrix, matrix) for _ in range(_PRODUCTS)][-1]
        last.block_until_ready()

    return multiply


def _peak() -> int | None:
    """Returns the peak of the device's memory so far, in bytes."""
    told = jax.devices()[0].memory_stats()
    return told["peak_bytes_in_use"] if told else None

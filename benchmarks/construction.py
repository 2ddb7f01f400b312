"""What `embed` times, each in a fresh process: building the dense matrices."""

import gc
import math
import mmap
from typing import Any

import keras
import numpy as np
import psutil

import needle_tf
from benchmarks import fresh
from benchmarks import networks
from benchmarks import pairs
from needle_tf.ops import unrolling

NETWORK = "alexnet"


def embed_fresh(floor_first: bool) -> dict[str, Any]:
    """Times one `embed` and one write of as much fresh memory.

    Both keep their memory, so neither gets the pages of the other.
    """
    model = networks.build(NETWORK, "cnn")
    return _against_fresh(lambda: needle_tf.embed(model), floor_first)


def unroll_fresh(floor_first: bool) -> dict[str, Any]:
    """Times the bare matrices, likewise."""
    kernels = _kernels()
    return _against_fresh(
        lambda: [unrolling.unroll(k, geometry) for k, geometry in kernels],
        floor_first,
    )


def unroll_mapped(repeats: int) -> dict[str, Any]:
    """Times the bare matrices in memory that is mapped already.

    Returns:
        Seconds of `construction` and of `writing` all of it once.
    """
    kernels = _kernels()
    outs = [np.ones(g.dense_shape, "float32") for _, g in kernels]

    def construct():
        for (kernel, geometry), out in zip(kernels, outs, strict=True):
            unrolling.unroll(kernel, geometry, out=out)

    def write():
        for out in outs:
            out.fill(1)

    construction, writing = pairs.in_turn(repeats, construct, write)
    return {"construction": construction, "writing": writing}


def embed_memory() -> dict[str, Any]:
    """Returns the memory of one `embed`, in bytes.

    `kept` is what the process has more of afterwards, `peak` what it had more
    of at worst in between.
    """
    model = networks.build(NETWORK, "cnn")
    before = _resident()
    embedded = needle_tf.embed(model)
    kept = _resident() - before
    return {
        "kept": kept,
        "peak": fresh.peak() - before,
        "weights": networks.kernel_bytes(embedded),
    }


def unembed(repeats: int) -> dict[str, Any]:
    """Times `unembed` and one reading of all embedded kernels in turn.

    Returns:
        Seconds of `unembed` and of `reading`.
    """
    embedded = needle_tf.embed(networks.build(NETWORK, "cnn"))
    kernels = [
        keras.ops.convert_to_numpy(layer.kernel)
        for layer in networks.untied(embedded)
    ]
    back, reading = pairs.in_turn(
        repeats,
        lambda: needle_tf.unembed(embedded),
        lambda: [kernel.sum() for kernel in kernels],
    )
    return {"unembed": back, "reading": reading}


def _against_fresh(construct, floor_first):
    weights = sum(
        math.prod(g.dense_shape) for g in networks.geometries(NETWORK)
    )
    kept = []

    def timed(call):
        # Or what imports left behind is collected at the expense of one.
        gc.collect()
        fresh.put_pages_at_hand(5 * weights)
        return pairs.seconds(lambda: kept.append(call()))

    if floor_first:
        floor = timed(lambda: _written(weights))
        construction = timed(construct)
    else:
        construction = timed(construct)
        floor = timed(lambda: _written(weights))
    return {"construction": construction, "floor": floor}


def _written(weights):
    """Fresh memory, written once.

    Not NumPy's: that asks for huge pages, which may take much longer.
    """
    memory = np.frombuffer(mmap.mmap(-1, 4 * weights), "float32")
    memory.fill(1)
    return memory


def _kernels():
    rng = np.random.default_rng(0)
    return [
        (rng.standard_normal(geometry.kernel_shape, "float32"), geometry)
        for geometry in networks.geometries(NETWORK)
    ]


def _resident():
    """Resident memory of this process now, in bytes."""
    return psutil.Process().memory_info().rss

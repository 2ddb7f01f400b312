"""What the benchmark of Layca times, in a fresh process."""

from typing import Any

import keras

import needle_tf
from benchmarks import networks
from benchmarks import pairs
from benchmarks import training


def against_sgd(name: str, kind: str, repeats: int) -> dict[str, Any]:
    """Times steps under SGD and under Layca, and the monitor, in turn.

    Each optimizer has a model of its own.

    Returns:
        Seconds of `sgd`, `layca` and `rotation` (one measurement, without
        writing it), the `steps` of an epoch and the `batch`.
    """
    setup = networks.SETUPS[name]
    plain = networks.build(name, kind)
    turned = networks.build(name, kind)
    layca = needle_tf.optimizers.Layca(keras.optimizers.SGD(), 3.0**-5)
    steps = [
        training.step_of(plain, name),
        training.step_of(turned, name, layca),
    ]
    for step in steps:  # Builds what the monitor watches.
        step()
    watch = needle_tf.LayerRotation()
    watch.set_model(turned)
    watch.on_train_begin()
    times = pairs.in_turn(repeats, *steps, lambda: watch.on_epoch_end(0))
    return {
        **dict(zip(("sgd", "layca", "rotation"), times, strict=True)),
        "steps": setup.steps_per_epoch,
        "batch": setup.batch_size,
    }

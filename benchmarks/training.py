"""What the training benchmarks time, each in a fresh process.

A step is what `fit` runs: one call of Keras' compiled train function on one
batch that is ready, with loss, metric and update. The products are the matrix
products that such a step cannot do without.
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from benchmarks import networks
from benchmarks import pairs
from benchmarks import products
from needle_tf.embedding import distances

POLICIES = ("float32", "mixed_bfloat16")


def step_of(
    model: keras.Model,
    name: str,
    optimizer: keras.optimizers.Optimizer | None = None,
    **settings: Any,
) -> Callable[[], object]:
    """Returns a function that trains `model` for one step, by SGD as a rule.

    Further settings are those of `compile`.
    """
    model.compile(
        # Small, so that the numbers stay numbers on random labels.
        optimizer=optimizer or keras.optimizers.SGD(1e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        **settings,
    )
    same = tf.data.Dataset.from_tensors(networks.batch(name)).repeat()
    iterator = iter(same.prefetch(1))
    model.make_train_function()
    return lambda: model.train_function(iterator)


def against_products(
    name: str, kind: str, policy: str, repeats: int
) -> dict[str, Any]:
    """Times steps and their bare products in turn."""
    model = networks.build(name, kind, policy)
    bare = products.of_model(model, networks.SETUPS[name].batch_size)
    step, floor = pairs.in_turn(repeats, step_of(model, name), bare)
    return {"step": step, "products": floor}


def against_policies(name: str, kind: str, repeats: int) -> dict[str, Any]:
    """Times steps in each of `POLICIES` in turn."""
    steps = [
        step_of(networks.build(name, kind, policy), name) for policy in POLICIES
    ]
    return dict(zip(POLICIES, pairs.in_turn(repeats, *steps), strict=True))


def against_kinds(
    name: str, kinds: list[str], repeats: int
) -> dict[str, list[float]]:
    """Times steps of a network in several forms in turn, and the machine.

    Returns:
        Seconds by kind, and those of the floor of the locally connected net
        under `floor`.
    """
    steps = [step_of(networks.build(name, kind), name) for kind in kinds]
    machine = products.machine_rates()
    compact = networks.build(name, "lcn")
    bare = products.of_model(compact, networks.SETUPS[name].batch_size)
    times = pairs.in_turn(repeats, *steps, bare, *machine)
    floors = [
        products.local_floor(compact, networks.SETUPS[name].batch_size, *rates)
        for rates in zip(*times[-len(machine) :], strict=True)
    ]
    named = dict(zip(kinds, times, strict=False))
    return named | {"products": times[len(kinds)], "floor": floors}


def alone(
    name: str,
    kind: str,
    policy: str = "float32",
    steps: int = 3,
    interop_threads: int = 0,
) -> dict[str, Any]:
    """Trains one network and nothing else, for the peak of its process.

    Args:
        interop_threads: Operations that TensorFlow runs at a time; 0 leaves
            it the choice.

    Returns:
        Seconds per `step`, and the bytes of the embedded `weights`.
    """
    tf.config.threading.set_inter_op_parallelism_threads(interop_threads)
    model = networks.build(name, kind, policy)
    (times,) = pairs.in_turn(steps, step_of(model, name))
    return {"step": times, "weights": networks.kernel_bytes(model)}


def against_distances(name: str, repeats: int) -> dict[str, Any]:
    """Times steps, the distances, and one reading of the kernels in turn.

    Returns:
        Seconds of each, and the `steps` of an epoch.
    """
    model = networks.build(name, "efcn")
    kernels = [layer.kernel for layer in networks.untied(model)]
    measure = tf.function(lambda: distances.squared_parts(model))
    read = tf.function(lambda: [tf.reduce_sum(kernel) for kernel in kernels])
    step, measured, reading = pairs.in_turn(
        repeats,
        step_of(model, name),
        lambda: distances.from_parts(*measure()),
        read,
    )
    return {
        "step": step,
        "distances": measured,
        "reading": reading,
        "steps": networks.SETUPS[name].steps_per_epoch,
    }

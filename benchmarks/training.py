"""What the training benchmarks time, each in a fresh process.

A step is what `fit` runs: one call of Keras' compiled train function on one
batch that is ready, with loss, metric and update. The products are the matrix
products that such a step cannot do without.
"""

from collections.abc import Callable
from typing import Any

import keras
import psutil
import tensorflow as tf

import needle_tf
from benchmarks import fresh
from benchmarks import networks
from benchmarks import pairs
from benchmarks import products
from needle_tf.embedding import distances

POLICIES = ("float32", "mixed_bfloat16")
_LONG = 4.0  # Seconds of a step that is not timed many times.


def step_of(
    model: keras.Model,
    name: str,
    optimizer: keras.optimizers.Optimizer | None = None,
    **settings: Any,
) -> Callable[[], object]:
    """Returns a function that trains `model` for one step, by SGD as a rule.

    Units that nothing reads are left out, as in the binary. Further settings
    are those of `compile`.
    """
    needle_tf.skip_unread_units(model)
    compile_for_steps(model, optimizer, **settings)
    return step_on(model, networks.SETUPS[name])


def step_on(model: keras.Model, setup: networks.Setup) -> Callable[[], object]:
    """Returns a function that trains a compiled `model` for one step."""
    same = tf.data.Dataset.from_tensors(networks.batch(setup)).repeat()
    iterator = iter(same.prefetch(1))
    model.make_train_function()
    return lambda: model.train_function(iterator)


def compile_for_steps(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer | None = None,
    **settings: Any,
) -> None:
    """Compiles `model` with loss and metric, by SGD as a rule."""
    model.compile(
        # Small, so that the numbers stay numbers on random labels.
        optimizer=optimizer or keras.optimizers.SGD(1e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        **settings,
    )


def against_products(
    name: str, kind: str, policy: str, repeats: int
) -> dict[str, Any]:
    """Times steps, their bare products, and a large product in turn.

    Returns:
        Seconds of `step` and `products`, and of as much arithmetic at the
        rate of the large product, `best`.
    """
    model = networks.build(name, kind, policy)
    bare = products.of_model(model, networks.SETUPS[name].batch_size)
    step, floor, square = pairs.in_turn(
        repeats,
        step_of(model, name),
        bare,
        products.square(policy.removeprefix("mixed_")),
    )
    sums = products.step_sums(name, kind)
    best = [products.at_rate(sums, seconds) for seconds in square]
    return {"step": step, "products": floor, "best": best}


def against_arithmetic(
    name: str, kind: str, policy: str, repeats: int
) -> dict[str, Any]:
    """Times steps and a large product in turn, after a look at the peak.

    Steps of more than a few seconds (a processor without bfloat16 may take
    them for its convolutions) are timed once.

    Returns:
        Seconds per `step` and of its arithmetic at the rate of that product,
        `floor`; the `peak` beyond the memory that the process had before its
        network was built, and the size of all `weights`, in bytes.
    """
    before = psutil.Process().memory_info().rss
    model = networks.build(name, kind, policy)
    step = step_of(model, name)
    step()
    if pairs.seconds(step) > _LONG:
        repeats = 1
    peak = fresh.peak() - before
    multiply = products.square(policy.removeprefix("mixed_"))
    multiply()
    times, square = pairs.in_turn(repeats, step, multiply, warm_up=0)
    sums = products.step_sums(name, kind)
    return {
        "step": times,
        "floor": [products.at_rate(sums, seconds) for seconds in square],
        "peak": peak,
        "weights": 4 * model.count_params(),
    }


def optimized(
    cases: list[dict[str, Any]], repeats: int
) -> dict[str, list[float]]:
    """Times training steps of convolutional networks, one after the other.

    Args:
        cases: For each a `name`; its `network`, one of `networks.SETUPS`; the
            name of its `optimizer`; `steps` in one timing.
        repeats: Timings per case, after one that does not count.

    Returns:
        Seconds per step, by name.
    """
    found = {}
    for case in cases:
        model = networks.build(case["network"], "cnn")
        optimizer = {
            "sgd": lambda: keras.optimizers.SGD(1e-3),
            "adam": lambda: keras.optimizers.Adam(1e-5),
            "layca": lambda: needle_tf.optimizers.Layca(
                keras.optimizers.SGD(), 3.0**-5
            ),
        }[case["optimizer"]]()
        step = step_of(model, case["network"], optimizer)
        (seconds,) = pairs.in_turn(repeats, repeated(step, case["steps"]))
        found[case["name"]] = [time / case["steps"] for time in seconds]
    return found


def repeated(step: Callable[[], object], count: int) -> Callable[[], None]:
    """Returns a function that calls `step` so many times."""

    def run():
        for _ in range(count):
            step()

    return run


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
    in_backward: bool = False,
) -> dict[str, Any]:
    """Trains one network and nothing else, for the peak of its process.

    Args:
        interop_threads: Operations that TensorFlow runs at a time; 0 leaves
            it the choice.
        in_backward: Whether each kernel is updated within the backward pass.

    Returns:
        Seconds per `step`; the bytes of the embedded `weights` and of the
        `largest` of their kernels, 0 without any.
    """
    tf.config.threading.set_inter_op_parallelism_threads(interop_threads)
    model = networks.build(name, kind, policy)
    optimizer = keras.optimizers.SGD(1e-3)
    if in_backward:
        optimizer = needle_tf.optimizers.UpdateInBackward(optimizer, model)
    (times,) = pairs.in_turn(steps, step_of(model, name, optimizer))
    return {
        "step": times,
        "weights": networks.kernel_bytes(model),
        "largest": networks.largest_bytes(model),
    }


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

"""What the benchmark of EC-Opt times, in a fresh process."""

import time
from typing import Any

import keras

import needle_tf
from benchmarks import networks
from benchmarks import pairs
from benchmarks import training
from needle_tf.models import registry
from needle_tf.scales import skeletons

# Steps in one timing, so that a short step is not lost in the clock.
_STEPS = {"ec_mlp": 100}


def against_sgd(
    name: str, width: float, jit_compile: bool, repeats: int
) -> dict[str, Any]:
    """Times steps under SGD and under EC-SGD in turn, each with its model.

    Returns:
        Seconds per step of `sgd` and `ec_sgd`, and the `batch`.
    """
    calls, count = [], _STEPS.get(name, 1)
    for kind in ("sgd", "ec_sgd"):
        keras.utils.set_random_seed(0)
        model = registry.build(
            name, networks.SETUPS[name].input_shape, networks.CLASSES, width
        )
        optimizer = keras.optimizers.SGD(1e-3)
        if kind == "ec_sgd":
            optimizer = needle_tf.optimizers.ECOpt(optimizer, model)
        step = training.step_of(model, name, optimizer, jit_compile=jit_compile)
        calls.append(training.repeated(step, count))
    times = [
        [seconds / count for seconds in row]
        for row in pairs.in_turn(repeats, *calls, warm_up=2)
    ]
    found = dict(zip(("sgd", "ec_sgd"), times, strict=True))
    return {**found, "batch": networks.SETUPS[name].batch_size}


def set_up(rounds: int = 5) -> list[float]:
    """Returns seconds for the scale graph and skeleton of a ResNet-110."""
    model = _affine_resnet110()
    found = []
    for _ in range(rounds):
        start = time.perf_counter()
        graph = needle_tf.scale_graph(model)
        skeletons.choose(graph)
        found.append(time.perf_counter() - start)
    return found


def _affine_resnet110():
    """ResNet-110 with scales and centres, whose channels are groups."""
    model = registry.build("resnet110", (32, 32, 3), networks.CLASSES)

    def with_scales(layer):
        config = layer.get_config()
        if isinstance(layer, keras.layers.BatchNormalization):
            config.update(center=True, scale=True)
        return type(layer).from_config(config)

    return keras.models.clone_model(model, clone_function=with_scales)

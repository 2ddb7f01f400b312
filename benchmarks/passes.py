"""What is timed over whole sets of images, each in a fresh process."""

from typing import Any

import numpy as np

from benchmarks import networks
from benchmarks import pairs
from benchmarks import products
from benchmarks import training
from needle_tf.data import batches
from needle_tf.data import images

_BATCH = 250
_TRAINING_IMAGES = 10000
_TEST_IMAGES = 1000
_AUGMENTED = {
    "plain": {},
    "flip": {"flip": True},
    "flip_and_crop": {"flip": True, "crop_padding": 4},
}


def evaluation(name: str, kind: str, repeats: int) -> dict[str, Any]:
    """Times `model.evaluate` and its floors in turn.

    Returns:
        Images per second: `evaluated`; at the `best` rate of a large product;
        and of the bare `products`, but for convolutions.
    """
    model = networks.build(name, kind)
    training.compile_for_steps(model)
    test = batches.test_batches(
        _random_images(networks.SETUPS[name].input_shape), batch_size=_BATCH
    )
    calls = [lambda: model.evaluate(test, verbose=0), products.square()]
    if kind != "cnn":
        forward = products.forward_of(model, _BATCH)
        calls.append(training.repeated(forward, _TEST_IMAGES // _BATCH))
    evaluated, square, *bare = pairs.in_turn(repeats, *calls)
    sums = _TEST_IMAGES * sum(networks.used_weights(name, kind))
    best = [products.at_rate(sums, seconds) for seconds in square]
    found = {"evaluated": evaluated, "best": best}
    if bare:
        found["products"] = bare[0]
    return {
        series: [_TEST_IMAGES / seconds for seconds in times]
        for series, times in found.items()
    }


def input_pipeline(repeats: int) -> dict[str, list[float]]:
    """Times passes over batches, and a training step, in turn.

    Returns:
        Images per second: of training batches, `plain`, with a `flip`, and
        with `flip_and_crop`; of `test` batches; of a `step` of Skinny's CNN.
    """
    name = "skinny_cnn"
    data = _random_images(networks.SETUPS[name].input_shape)
    sets = {
        kind: batches.training_batches(
            data, batch_size=_BATCH, seed=0, first_epoch=0, last_epoch=1, **how
        )
        for kind, how in _AUGMENTED.items()
    }
    sets["test"] = batches.test_batches(data, batch_size=_BATCH)
    step = training.step_of(networks.build(name, "cnn"), name)
    times = pairs.in_turn(
        repeats, step, *(_pass_over(dataset) for dataset in sets.values())
    )
    counts = [networks.SETUPS[name].batch_size]
    counts += [_TRAINING_IMAGES] * len(_AUGMENTED) + [_TEST_IMAGES]
    return {
        series: [count / seconds for seconds in row]
        for series, count, row in zip(
            ("step", *sets), counts, times, strict=True
        )
    }


def _pass_over(dataset):
    def run():
        for _ in dataset:
            pass

    return run


def _random_images(shape):
    rng = np.random.default_rng(0)
    parts = [
        (
            rng.integers(0, 256, (count, *shape), "uint8"),
            rng.integers(0, networks.CLASSES, count, "int32"),
        )
        for count in (_TRAINING_IMAGES, _TEST_IMAGES)
    ]
    names = tuple(map(str, range(networks.CLASSES)))
    return images.ImageData("random", *parts[0], *parts[1], names)

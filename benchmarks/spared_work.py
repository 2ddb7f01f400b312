"""Work that a step need not do: what is left out, and what is not worth it.

    python -m benchmarks.spared_work

Left out: the gradient of the data, columns that nothing reads, and clashes in
the caches of kernels whose rows lie a power of two apart. Not left out: units
that are 0 for a whole batch, since so few are, and a copy of the others costs
more; and the gradients of positions that lost in a pooling, since they differ
from image to image, and sparse products are far slower than dense ones.
Reference: the obvious formulation, in the same process, in turn.
"""

import functools
from typing import Any

import numpy as np

from benchmarks import fresh
from benchmarks import front
from benchmarks import pairs
from benchmarks import tables

Row = tables.Row
_WORK = "benchmarks.spared_work"
_BATCH = 250
# Layers of AlexNet's eFCN: the first one, and the one whose columns clash and
# are in part unread: an 8x8 image of 192 channels, pooled 3 by 2.
_FIRST, _CLASHING = (3072, 18496), (4096, 12288)
_READ = [(row * 1536, row * 1536 + 1344) for row in range(7)]
# Positions of a 17x17 image that win in a pooling of 3 by 2, less those that
# ReLU leaves at 0: about that share of the gradients is not 0.
_WINNERS = 0.15


def measure(settings: front.Settings) -> list[Row]:
    """Returns the rows of this benchmark."""
    times = fresh.call(_WORK, "products", repeats=settings.repeats).result
    dead = fresh.call(_WORK, "dead_units").result
    shape = "{} x {} weights".format(*_CLASHING)
    return [
        Row(
            f"product with {shape}, cut",
            times["cut"],
            "as a whole, its rows clashing",
            times["whole"],
            0.6,
        ),
        Row(
            f"product with {shape}, read columns alone",
            times["read"],
            "all columns, cut",
            times["cut"],
            0.9,
        ),
        Row(
            "its input gradient, read columns alone",
            times["read_back"],
            "all columns",
            times["whole_back"],
            0.95,
        ),
        Row(
            "units 0 for a batch of 100, small_cnn's eFCN on digits",
            [dead["dead"]],
            "its units with ReLU",
            [dead["units"]],
            unit="",
        ),
        Row(
            "product with a copy of nine tenths of the columns",
            times["copied"],
            "all columns, none clashing",
            times["unclashing"],
        ),
        Row(
            "kernel gradient of the winners of a pooling, sparse",
            times["sparse"],
            "dense",
            times["dense"],
        ),
    ]


def products(repeats: int) -> dict[str, Any]:
    """Times the products in turn, in seconds."""
    import tensorflow as tf

    from needle_tf.ops import ordered_product

    def random(*shape):
        return tf.random.normal(shape)

    def timed(function, *operands):
        return functools.partial(tf.function(function), *operands)

    def back(read):
        def gradient(x, kernel):
            with tf.GradientTape() as tape:
                tape.watch(x)
                value = ordered_product.ordered_product(x, kernel, read=read)
            return tape.gradient(value, x, output_gradients=upstream)

        return gradient

    x, kernel = random(_BATCH, _CLASHING[0]), random(*_CLASHING)
    upstream = random(_BATCH, _CLASHING[1])
    data, winners = random(_BATCH, _FIRST[0]), random(_BATCH, _FIRST[1])
    rng = np.random.default_rng(0)
    winners = winners * rng.binomial(1, _WINNERS, winners.shape)
    sparse = tf.sparse.from_dense(winners)
    other = random(*_FIRST)
    kept = _FIRST[1] * 9 // 10
    calls = {
        "whole": timed(tf.matmul, x, kernel),
        "cut": timed(ordered_product.ordered_product, x, kernel),
        "read": timed(
            lambda x, k: ordered_product.ordered_product(x, k, read=_READ),
            x,
            kernel,
        ),
        "whole_back": timed(back(None), x, kernel),
        "read_back": timed(back(_READ), x, kernel),
        "unclashing": timed(tf.matmul, data, other),
        "copied": timed(
            lambda x, k: tf.matmul(x, tf.gather(k, np.arange(kept), axis=1)),
            data,
            other,
        ),
        "dense": timed(
            lambda x, up: tf.matmul(x, up, transpose_a=True), data, winners
        ),
        "sparse": timed(
            lambda x: tf.sparse.sparse_dense_matmul(sparse, x, adjoint_a=True),
            data,
        ),
    }
    times = pairs.in_turn(repeats, *calls.values())
    return dict(zip(calls, times, strict=True))


def dead_units() -> dict[str, int]:
    """Counts the units that are 0 for all images of a batch, once trained."""
    import keras

    import needle_tf
    from benchmarks import networks
    from needle_tf.data import loading
    from needle_tf.models import registry

    keras.utils.set_random_seed(0)
    data = loading.load("cluttered_digits", seed=0)
    mean = data.train_images.mean()
    images = (data.train_images - mean) / data.train_images.std()
    model = registry.build("small_cnn", data.input_shape, data.num_classes)
    for epochs in (10, 5):
        model.compile(
            keras.optimizers.SGD(0.1),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        model.fit(
            images, data.train_labels, batch_size=100, epochs=epochs, verbose=0
        )
        if epochs == 10:
            model = needle_tf.embed(model)
    batch = images[: networks.SETUPS["small_cnn"].batch_size]
    active = [
        layer.output
        for layer in model.layers
        if isinstance(layer, keras.layers.ReLU)
    ]
    found = keras.Model(model.input, active).predict(batch, verbose=0)
    is_dead = [(np.asarray(units) == 0).all(axis=0) for units in found]
    return {
        "dead": int(sum(each.sum() for each in is_dead)),
        "units": int(sum(each.size for each in is_dead)),
    }


if __name__ == "__main__":
    front.run("Work that a step need not do", measure)

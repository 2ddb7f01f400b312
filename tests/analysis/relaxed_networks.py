"""Small relaxed networks with data, for tests of what is measured on them."""

import functools

import keras
import numpy as np

from needle_tf.embedding import convert
from tests.oracles import dense_convolution

CLASSES = 3
CONVOLUTION = dense_convolution.Convolution((4, 4, 2), (3, 2), 2)
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def cnn(dtype: str = "float32") -> keras.Model:
    """Returns one convolution and one dense layer, always the same.

    Args:
        dtype: Policy of all layers.
    """
    keras.utils.set_random_seed(0)
    dtype = keras.DTypePolicy(dtype)
    return keras.Sequential(
        [
            keras.Input((4, 4, 2), dtype=dtype.compute_dtype),
            keras.layers.Conv2D(
                2, (3, 2), activation="tanh", name="conv", dtype=dtype
            ),
            keras.layers.Flatten(name="flatten", dtype=dtype),
            keras.layers.Dense(CLASSES, name="logits", dtype=dtype),
        ]
    )


def relaxed(
    noise: float = 0.3, dtype: str = "float32", space: str = "fcn", **options
) -> keras.Model:
    """Returns the same in another space, pushed off the CNN by noise."""
    model = convert.embed(cnn(dtype), space, **options)
    rng = np.random.default_rng(1)
    layer = model.get_layer("conv")
    for weight in layer.weights:
        values = np.asarray(weight) + noise * rng.normal(size=weight.shape)
        if weight is layer.kernel and weight.constraint is not None:
            values = weight.constraint(values)
        weight.assign(values)
    return model


@functools.cache
def unchanged() -> keras.Model:
    """Returns `relaxed()`, built once: for tests that leave it alone."""
    return relaxed()


def two_layers(
    noise: float = 0.3, space: str = "fcn", dtype: str = "float32"
) -> keras.Model:
    """Returns a compiled network of two untied layers, one of them nested."""
    keras.utils.set_random_seed(0)
    inside = keras.Input((4, 4, 2), dtype=dtype)
    second = keras.layers.Conv2D(
        3, 2, padding="same", name="second", dtype=dtype
    )
    inner = keras.Model(inside, second(inside), name="inner")
    images = features = keras.Input((6, 6, 1), dtype=dtype)
    for step in (
        keras.layers.Conv2D(2, 3, activation="tanh", name="first", dtype=dtype),
        keras.layers.BatchNormalization(name="norm", dtype=dtype),
        inner,
        keras.layers.MaxPooling2D(2, name="pool", dtype=dtype),
        keras.layers.Flatten(name="flatten", dtype=dtype),
        keras.layers.Dense(CLASSES, name="logits", dtype=dtype),
    ):
        features = step(features)
    model = convert.embed(keras.Model(images, features), space)
    rng = np.random.default_rng(1)
    for weight in model.trainable_weights:
        step = noise * rng.normal(size=weight.shape)
        weight.assign(np.asarray(weight) + step)
    model.compile("sgd", LOSS)
    return model


def data(
    count: int = 10,
    shape: tuple[int, ...] = (4, 4, 2),
    dtype: str = "float32",
) -> tuple[np.ndarray, np.ndarray]:
    """Returns random images and their random classes."""
    rng = np.random.default_rng(2)
    images = rng.normal(size=(count, *shape)).astype(dtype)
    return images, rng.integers(0, CLASSES, count).astype("int32")


def weights_of(model: keras.Model) -> list[np.ndarray]:
    """Returns copies of all variables of a model."""
    return [
        np.copy(keras.ops.convert_to_numpy(variable))
        for variable in model.variables
    ]


def loss_and_accuracy(
    model: keras.Model, images: np.ndarray, labels: np.ndarray
) -> tuple[float, float]:
    """Returns both by NumPy in float64, from the scores of the model."""
    scores = np.asarray(model(images, training=False), "float64")
    scores -= scores.max(axis=1, keepdims=True)
    logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    loss = -logs[np.arange(len(labels)), labels].mean()
    return loss, float(np.mean(scores.argmax(axis=1) == labels))

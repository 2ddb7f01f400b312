"""A small compiled network with data, for tests of callbacks."""

import keras
import numpy as np

from needle_tf.optimizers import ec_opt

COUNT = 12
BATCH = 4
STEPS = COUNT // BATCH


def network(learning_rate: float = 0.1, **settings) -> keras.Model:
    """Returns a CNN for images 6x6x1 and 3 classes, always the same."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            keras.layers.Conv2D(2, 3, activation="tanh", name="conv"),
            keras.layers.Dropout(0.5, name="drop"),
            keras.layers.Flatten(name="flatten"),
            keras.layers.Dense(3, name="logits"),
        ]
    )
    model.compile(
        keras.optimizers.SGD(learning_rate),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        **settings,
    )
    return model


def path_network(
    kind: type = keras.Sequential, rate: float = 0.05
) -> keras.Model:
    """Returns a ReLU network under EC-SGD, with a narrow range of ratios."""
    keras.utils.set_random_seed(0)
    model = kind(
        [
            keras.Input((6, 6, 1)),
            keras.layers.Conv2D(2, 3, activation="relu", name="conv"),
            keras.layers.Flatten(name="flatten"),
            keras.layers.Dense(4, activation="relu", name="hidden"),
            keras.layers.Dense(3, name="logits"),
        ]
    )
    model.compile(
        ec_opt.ECOpt(
            keras.optimizers.SGD(rate), model, ratio_range=(0.99, 1.01)
        ),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def data() -> tuple[np.ndarray, np.ndarray]:
    """Returns `COUNT` images and their labels."""
    rng = np.random.default_rng(0)
    images = rng.normal(size=(COUNT, 6, 6, 1)).astype("float32")
    return images, rng.integers(0, 3, COUNT).astype("int32")


def fit(model: keras.Model, *callbacks, epochs: int = 2, **settings):
    """Trains the network on the data, with tests, silently."""
    images, labels = data()
    return model.fit(
        images,
        labels,
        batch_size=BATCH,
        epochs=epochs,
        validation_data=(images, labels),
        callbacks=list(callbacks),
        verbose=0,
        **settings,
    )

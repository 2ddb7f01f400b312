"""Small weights, gradients and models on which optimizers are tried."""

import keras
import numpy as np

# Optimizers inside Layca: settings other than the defaults where it matters.
INNERS = {
    "adadelta": lambda: keras.optimizers.Adadelta(),
    "adafactor": lambda: keras.optimizers.Adafactor(),
    "adagrad": lambda: keras.optimizers.Adagrad(),
    "adam": lambda: keras.optimizers.Adam(amsgrad=True),
    "adamax": lambda: keras.optimizers.Adamax(),
    "lamb": lambda: keras.optimizers.Lamb(),
    "lion": lambda: keras.optimizers.Lion(),
    "momentum": lambda: keras.optimizers.SGD(momentum=0.9),
    "muon": lambda: keras.optimizers.Muon(
        weight_decay=None, adam_weight_decay=None
    ),
    "nadam": lambda: keras.optimizers.Nadam(),
    "nesterov": lambda: keras.optimizers.SGD(momentum=0.9, nesterov=True),
    "rmsprop": lambda: keras.optimizers.RMSprop(momentum=0.5, centered=True),
    "sgd": lambda: keras.optimizers.SGD(),
}


def normal(seed, shape, dtype="float32"):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def kernel(seed=0, shape=(6, 5), name="kernel", dtype="float32"):
    """Returns a variable that is a kernel."""
    return keras.Variable(normal(seed, shape), name=name, dtype=dtype)


def gradients(steps, shape=(6, 5), seed=100):
    """Returns a gradient for each step."""
    return [normal(seed + step, shape) for step in range(steps)]


def array(variable):
    return keras.ops.convert_to_numpy(variable)


def network():
    """Returns a CNN with biases and a normalisation, the same each time."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((6, 6, 2), name="images"),
            layers.Conv2D(4, 3, name="conv"),
            layers.BatchNormalization(name="normal"),
            layers.ReLU(name="relu"),
            layers.Flatten(name="flat"),
            layers.Dense(8, "tanh", name="hidden"),
            layers.Dense(3, name="logits"),
        ],
        name="network",
    )
    for place, weight in enumerate(model.trainable_variables):
        if len(weight.shape) > 1:
            size = np.prod(weight.shape[:-1])
            values = normal(place, weight.shape) / np.sqrt(size)
            weight.assign(values)
    return model


def examples(count=32, seed=0):
    """Returns images and labels."""
    rng = np.random.default_rng(seed)
    images = rng.normal(size=(count, 6, 6, 2)).astype("float32")
    return images, rng.integers(3, size=count)


def compiled(model, optimizer, **kwargs):
    model.compile(
        optimizer,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        **kwargs,
    )
    return model


def fit(model, epochs=1, batch_size=16, **kwargs):
    """Trains on `examples`, in their order; returns the model."""
    images, labels = examples()
    model.fit(
        images,
        labels,
        batch_size=batch_size,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        **kwargs,
    )
    return model


def kernels_of(model):
    """Returns the kernels as arrays."""
    return [array(v) for v in model.trainable_variables if len(v.shape) > 1]


def others_of(model):
    """Returns the trained weights that are no kernels, as arrays."""
    return [array(v) for v in model.trainable_variables if len(v.shape) < 2]

"""Tiny networks on a few real digits, for tests of the analyses."""

import functools

import keras
import numpy as np

from needle_tf.data import digits

COUNT = 60
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@functools.cache
def data() -> tuple[np.ndarray, np.ndarray]:
    """Returns `COUNT` digits of 8x8x1 in [0, 1] and their labels."""
    images, labels = digits.bundled_digits()
    images = images[:COUNT, ..., np.newaxis].astype("float32") / 16
    return images, labels[:COUNT]


def trained() -> tuple[keras.Model, keras.Model]:
    """Returns two networks that know the digits, far apart.

    The second is the first with its hidden units in reverse order and with
    the other sign, which `tanh` does not mind: one function, and between the
    two a network that knows nothing.
    """
    first, second = mlp(0), mlp(1)
    first.set_weights(_trained_weights())
    kernel, bias, scores, shift = _trained_weights()
    second.set_weights([-kernel[:, ::-1], -bias[::-1], -scores[::-1], shift])
    return first, second


@functools.cache
def _trained_weights():
    model = mlp(0)
    model.optimizer.learning_rate = 0.3
    # One long epoch: Keras spends more on the start of one than on its steps.
    x, y = (np.concatenate([part] * 60) for part in data())
    model.fit(x, y, batch_size=20, shuffle=False, verbose=0)
    return model.get_weights()


@keras.saving.register_keras_serializable(package="needle_tf_tests")
class Counted(keras.layers.Layer):
    """Passes its inputs on; the class counts how often that was traced."""

    calls = 0

    def call(self, inputs):
        Counted.calls += 1
        return inputs


def mlp(seed: int = 0, activation: str = "tanh") -> keras.Model:
    """Returns a compiled network of two dense layers, with random weights."""
    images = keras.Input((8, 8, 1))
    features = Counted(name="counted")(keras.layers.Flatten()(images))
    features = keras.layers.Dense(6, activation, name="hidden")(features)
    scores = keras.layers.Dense(10, name="logits")(features)
    return compiled(keras.Model(images, scores, name="mlp"), seed)


def cnn(seed: int = 0, filters: int = 2, **options) -> keras.Model:
    """Returns a compiled CNN with batch statistics and dropout."""
    images = keras.Input((8, 8, 1))
    features = keras.layers.Conv2D(
        filters, 3, strides=2, name="first", **options
    )(images)
    features = keras.layers.BatchNormalization(momentum=0.8, name="norm")(
        features
    )
    features = keras.layers.ReLU(name="relu")(features)
    features = keras.layers.Conv2D(3, 2, name="second")(features)
    features = keras.layers.Dropout(0.2, seed=1, name="drop")(features)
    features = keras.layers.Flatten(name="flatten")(features)
    scores = keras.layers.Dense(10, name="logits")(features)
    return compiled(keras.Model(images, scores, name="cnn"), seed)


def compiled(model: keras.Model, seed: int = 0) -> keras.Model:
    """Returns the model with weights drawn from the seed, and a loss."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        values = 0.4 * rng.normal(size=weight.shape)
        if "variance" in weight.path:
            values = 0.5 + values**2
        weight.assign(values)
    model.compile("sgd", LOSS)
    return model


def variables(model: keras.Model) -> list[np.ndarray]:
    """Returns copies of all variables of a model."""
    return [
        np.array(keras.ops.convert_to_numpy(variable))
        for variable in model.variables
    ]

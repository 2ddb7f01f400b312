"""Small ReLU networks in float64, and training them step by step."""

import contextlib

import keras
import numpy as np
import tensorflow as tf

layers = keras.layers
optimizers = keras.optimizers


# Inner optimizers, with rates at which these networks learn.
INNERS = {
    "sgd": lambda: optimizers.SGD(0.05),
    "momentum": lambda: optimizers.SGD(0.02, momentum=0.9),
    "nesterov": lambda: optimizers.SGD(0.02, momentum=0.9, nesterov=True),
    "decay": lambda: optimizers.SGD(0.05, weight_decay=0.1),
    "rmsprop": lambda: optimizers.RMSprop(0.005, momentum=0.5, centered=True),
    "adam": lambda: optimizers.Adam(0.005, amsgrad=True),
    "adamw": lambda: optimizers.AdamW(0.005, weight_decay=0.1),
    "nadam": lambda: optimizers.Nadam(0.005),
    "adagrad": lambda: optimizers.Adagrad(0.02),
    "adadelta": lambda: optimizers.Adadelta(1.0),
    "adamax": lambda: optimizers.Adamax(0.005),
    "lion": lambda: optimizers.Lion(0.001),
}


@contextlib.contextmanager
def double_precision():
    """Layers made meanwhile compute in float64."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def mlp():
    """Hidden widths 5, 3, 6: none equal, with biases."""
    return keras.Sequential(
        [
            keras.Input((4,), name="values"),
            layers.Dense(5, "relu", name="first"),
            layers.Dense(3, name="second"),
            layers.LeakyReLU(0.2, name="leaky"),
            layers.Dense(6, "relu", name="third"),
            layers.Dense(2, name="scores"),
        ],
        name="mlp",
    )


def plain_mlp():
    """Equal hidden widths without biases, as published."""
    return keras.Sequential(
        [
            keras.Input((4,), name="values"),
            *(
                layers.Dense(3, "relu", use_bias=False, name=f"hidden{i}")
                for i in range(3)
            ),
            layers.Dense(2, use_bias=False, name="scores"),
        ],
        name="plain_mlp",
    )


def cnn():
    """Convolutions, pooling, a depthwise one, flattened."""
    return keras.Sequential(
        [
            keras.Input((6, 5, 2), name="images"),
            layers.Conv2D(3, 3, padding="same", activation="relu", name="one"),
            layers.MaxPooling2D(2, padding="same", name="pool"),
            layers.DepthwiseConv2D(2, activation="relu", name="depthwise"),
            layers.Conv2D(4, 1, activation="relu", name="two"),
            layers.Flatten(name="flat"),
            layers.Dense(2, name="scores"),
        ],
        name="cnn",
    )


def residual():
    """A stream with two blocks and BatchNorm in one of them."""
    images = keras.Input((5, 5, 2), name="images")
    stem = layers.Conv2D(3, 3, padding="same", name="stem")(images)
    stream = layers.ReLU(name="stem_relu")(stem)
    inner = layers.Conv2D(4, 3, padding="same", activation="relu", name="in1")(
        stream
    )
    inner = layers.Conv2D(3, 3, padding="same", name="out1")(inner)
    stream = layers.ReLU(name="relu1")(layers.Add(name="add1")([stream, inner]))
    inner = layers.Conv2D(2, 3, padding="same", use_bias=False, name="in2")(
        stream
    )
    inner = layers.BatchNormalization(name="norm2")(inner)
    inner = layers.ReLU(name="relu_in2")(inner)
    inner = layers.Conv2D(3, 1, name="out2")(inner)
    stream = layers.ReLU(name="relu2")(layers.Add(name="add2")([stream, inner]))
    pooled = layers.GlobalAveragePooling2D(name="average")(stream)
    scores = layers.Dense(2, name="scores")(pooled)
    return keras.Model(images, scores, name="residual")


def two_headed(seed=0):
    """Returns a network of two outputs, filled; a loss may see one alone."""
    with double_precision():
        values = keras.Input((4,), name="values")
        hidden = layers.Dense(5, "relu", name="hidden")(values)
        other = layers.Dense(3, name="other")(hidden)
        one = layers.Dense(2, name="one")(hidden)
        model = keras.Model(values, [other, one], name="two_headed")
    rng = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    return model


def gradients_of_first(model, inputs):
    """Returns gradients of a loss on the output "one": None for the other."""
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model(inputs, training=True)[1] ** 2)
    return tape.gradient(loss, [v.value for v in model.trainable_variables])


NETWORKS = {
    "mlp": mlp,
    "plain_mlp": plain_mlp,
    "cnn": cnn,
    "residual": residual,
}


def build(name, seed=0):
    """Returns a network in float64 with weights of about He's size."""
    with double_precision():
        model = NETWORKS[name]()
    rng = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        values = 0.3 * rng.normal(size=variable.shape)
        if len(variable.shape) > 1:
            size = np.prod(variable.shape[:-1])
            values = rng.normal(size=variable.shape) * np.sqrt(2 / size)
        if variable.name == "gamma":
            values = 1 + values
        variable.assign(values)
    return model


def twin_of(model):
    """Returns a copy of the model with the same weights."""
    with double_precision():
        twin = NETWORKS[model.name]()
    twin.set_weights(model.get_weights())
    return twin


def examples(model, count=16, seed=5):
    """Returns inputs and labels."""
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(count, *model.input_shape[1:]))
    return inputs, rng.integers(2, size=count)


def gradients(model, batch=None, penalty=0.0):
    """Returns the gradients of the cross-entropy, as Keras would."""
    inputs, labels = batch or examples(model)
    with tf.GradientTape() as tape:
        scores = model(inputs, training=True)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, scores)
        loss = tf.reduce_mean(losses)
        for variable in model.trainable_variables:
            if penalty:
                loss += penalty * tf.reduce_sum(variable.value**2)
    return tape.gradient(loss, [v.value for v in model.trainable_variables])


def train(model, optimizer, steps):
    """Takes steps on changing batches; returns the outputs after them."""
    if not optimizer.built:
        optimizer.build(model.trainable_variables)
    for step in range(steps):
        batch = examples(model, seed=step)
        optimizer.apply(gradients(model, batch), model.trainable_variables)
    return outputs(model)


def outputs(model):
    """Returns the outputs in training mode, where BatchNorm is exact."""
    inputs, _ = examples(model, seed=99)
    return np.asarray(model(inputs, training=True))

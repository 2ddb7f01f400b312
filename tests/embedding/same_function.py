"""Two models compared: same outputs and statistics, in both modes."""

import keras
import numpy as np
from absl.testing import parameterized

from needle_tf.graphs import rewiring

# Both add the same products in another order, which moves the last bits; batch
# statistics divide by the deviation of a channel and enlarge that.
TOLERANCE = {"float32": 2e-4, "float64": 1e-9}


def fill(model: keras.Model, seed: int = 0) -> keras.Model:
    """Gives every weight a value that matters: no zeros, no equal biases."""
    rng = np.random.default_rng(seed)
    adapted = {
        id(weight)
        for layer in rewiring.named_layers(model).values()
        if hasattr(layer, "adapt")
        for weight in layer.weights
    }
    for weight in model.weights:
        if id(weight) in adapted:
            continue
        values = rng.normal(size=weight.shape) * 0.5
        if "variance" in weight.path:
            values = 0.5 + values**2
        weight.assign(values)
    return model


def images_for(model: keras.Model, batch: int = 3, seed: int = 1):
    """Returns inputs in the structure that the model takes."""
    rng = np.random.default_rng(seed)
    is_chain = isinstance(model, keras.Sequential)
    return keras.tree.map_structure(
        lambda tensor: rng.normal(size=(batch, *tensor.shape[1:])).astype(
            "float32"
        ),
        model.inputs[0] if is_chain else model.input,
    )


def outputs(model: keras.Model, images, training: bool = False):
    """Returns the outputs of a model as flat list of arrays."""
    return [
        keras.ops.convert_to_numpy(output)
        for output in keras.tree.flatten(model(images, training=training))
    ]


def statistics(model: keras.Model):
    """Returns the moving statistics of a model as a list of arrays."""
    return [
        keras.ops.convert_to_numpy(weight)
        for weight in model.non_trainable_weights
        if "moving_" in weight.path
    ]


class EmbeddingTestCase(parameterized.TestCase):
    """Has the assertion that all of the embedding is about."""

    def assert_same_function(
        self, model: keras.Model, twin: keras.Model, dtype: str = "float32"
    ) -> None:
        """Checks inference, training mode, and the statistics it leaves."""
        images = images_for(model)
        for training in (False, True):
            expected = outputs(model, images, training)
            received = outputs(twin, images, training)
            self.assert_close(received, expected, dtype)
        self.assert_close(statistics(twin), statistics(model), dtype)

    def assert_close(self, received, expected, dtype="float32"):
        self.assertLen(received, len(expected))
        tolerance = TOLERANCE[dtype]
        for ours, theirs in zip(received, expected, strict=True):
            scale = max(1.0, np.abs(theirs).max(initial=0.0))
            np.testing.assert_allclose(ours, theirs, 0, tolerance * scale)

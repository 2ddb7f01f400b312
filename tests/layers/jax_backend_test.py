"""Tests on two backends: JAX computes the same numbers as this process does.

Both run `computed` on the same weights; the other process has JAX, and no
TensorFlow.
"""

import pathlib

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.layers import embedded_conv2d
from needle_tf.layers import locally_connected2d
from needle_tf.layers import masked_dense
from needle_tf.ops import conv_geometry
from needle_tf.ops import subspace
from tests import fresh_process

EmbeddedConv2D = embedded_conv2d.EmbeddedConv2D
LocallyConnected2D = locally_connected2d.LocallyConnected2D
MaskedDense = masked_dense.MaskedDense

SCRIPT = """
import keras
import numpy as np
from tests.layers import jax_backend_test
assert keras.backend.backend() == "jax"
given = dict(np.load("given.npz"))
np.savez("found.npz", **jax_backend_test.computed(given))
"""

GEOMETRY = conv_geometry.ConvGeometry.of_convolution(
    (6, 5, 4), (3, 2), 6, strides=(2, 1), padding="same", groups=2
)
ARGUMENTS = {"filters": 6, "kernel_size": (3, 2), "activation": "tanh"}
LAYERS = {
    "conv": lambda: EmbeddedConv2D(padding="same", **ARGUMENTS),
    "lcn_same": lambda: LocallyConnected2D(
        padding="same", strides=(2, 1), groups=2, **ARGUMENTS
    ),
    "lcn_holes": lambda: LocallyConnected2D(
        padding=((2, 1), (0, 1)), dilation_rate=(2, 1), **ARGUMENTS
    ),
    "dense_local": lambda: MaskedDense(GEOMETRY, activation="tanh"),
    "dense_band": lambda: MaskedDense(GEOMETRY, "band", 1, activation="tanh"),
    "dense_all": lambda: MaskedDense(GEOMETRY, "all", activation="tanh"),
}


def built(name):
    layer = LAYERS[name]()
    layer.build((None, *GEOMETRY.input_shape))
    return layer


def distances_of(layer):
    """Kernel and bias, as far as the layer has left the CNN."""
    parts = subspace.local_parts
    if isinstance(layer, MaskedDense):
        parts = subspace.dense_parts
    return [
        subspace.distances(parts(layer.kernel.value, layer.geometry)),
        subspace.distances(
            subspace.bias_parts(layer.bias.value, layer.geometry)
        ),
    ]


def computed(given):
    """Returns arrays by name: what the current backend makes of `given`."""
    layers = {name: built(name) for name in LAYERS}
    for name, layer in layers.items():
        layer.set_weights([given[f"{name}/kernel"], given[f"{name}/bias"]])
    inputs = keras.Input(GEOMETRY.input_shape)
    outputs = {name: layer(inputs) for name, layer in layers.items()}
    model = keras.Model(inputs, outputs)
    answers = model(given["images"])
    found = {f"{name}/answers": answers[name] for name in LAYERS}
    model.compile(keras.optimizers.Adam(0.01), dict.fromkeys(LAYERS, "mse"))
    model.train_on_batch(
        given["images"], {name: given[f"{name}/wanted"] for name in LAYERS}
    )
    for name, layer in layers.items():
        found[f"{name}/kernel"] = layer.kernel
        found[f"{name}/bias"] = layer.bias
        if not isinstance(layer, MaskedDense):
            dense = layer.to_masked_dense()
            found[f"{name}/dense_answers"] = dense(given["images"])
    # JAX compiles each step of these by itself: a few layers are enough.
    found["conv/distances"] = distances_of(layers["conv"].to_masked_dense())
    for name in ("lcn_same", "dense_band"):
        found[f"{name}/distances"] = distances_of(layers[name])
    return {name: np.asarray(values) for name, values in found.items()}


def draw():
    """Returns random images and weights for every layer."""
    rng = np.random.default_rng(0)
    shapes = {"images": (8, *GEOMETRY.input_shape)}
    for name in LAYERS:
        layer = built(name)
        shapes[f"{name}/wanted"] = layer.compute_output_shape(shapes["images"])
        shapes[f"{name}/kernel"] = layer.kernel.shape
        shapes[f"{name}/bias"] = layer.bias.shape
    given = {
        name: rng.normal(size=shape).astype("float32") / 2
        for name, shape in shapes.items()
    }
    for name in ("dense_local", "dense_band"):
        kernel = built(name).mask(given[f"{name}/kernel"])
        given[f"{name}/kernel"] = np.asarray(kernel)
    return given


class JaxBackendTest(parameterized.TestCase):
    def test_jax_computes_the_same_numbers(self):
        given = draw()
        folder = pathlib.Path(self.create_tempdir().full_path)
        np.savez(folder / "given.npz", **given)
        fresh_process.run(SCRIPT, folder, backend="jax")
        found = np.load(folder / "found.npz")
        expected = computed(given)
        self.assertCountEqual(found, expected)
        for name, values in expected.items():
            with self.subTest(name):
                # float32 sums of at most 120 products of size 1.
                np.testing.assert_allclose(found[name], values, atol=1e-5)
                is_cnn = name == "conv/distances"
                self.assertEqual(np.abs(values).max() == 0, is_cnn)


if __name__ == "__main__":
    absltest.main()

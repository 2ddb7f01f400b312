"""Tests of the way back: the identity on CNNs, a projection on the rest."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers

from needle_tf.embedding import convert
from needle_tf.embedding import distances
from needle_tf.embedding import unembed
from needle_tf.graphs import rewiring
from needle_tf.layers import embedded_conv2d
from needle_tf.layers import locally_connected2d
from needle_tf.layers import masked_dense
from tests.embedding import networks
from tests.embedding import same_function
from tests.oracles import dense_convolution
from tests.oracles import subspace

NETWORKS = sorted(networks.NETWORKS.items())
# Of these a part of the kernel meets no pixel, and cannot come back.
BEYOND_THE_IMAGE = {"kernel_beyond_the_image"}

GEOMETRIES = {
    "strides": dense_convolution.Convolution(
        (6, 5, 2), (3, 2), 3, strides=(2, 1), padding="same"
    ),
    "groups": dense_convolution.Convolution(
        (5, 4, 4), (2, 3), 6, dilation_rate=(2, 1), groups=2
    ),
    "padding": dense_convolution.Convolution(
        (4, 5, 2), (3, 3), 2, zero_padding=((2, 0), (1, 1))
    ),
    "depthwise": dense_convolution.Convolution(
        (5, 5, 3), (3, 3), 6, padding="same", groups=3
    ),
}


def network(convolution, **options):
    """A model of one Keras convolution, behind a ZeroPadding2D if it has."""
    arguments = convolution.options()
    steps = []
    padding = arguments.pop("zero_padding")
    if padding != ((0, 0), (0, 0)):
        steps.append(layers.ZeroPadding2D(padding))
    steps.append(
        layers.Conv2D(
            convolution.filters,
            convolution.kernel_size,
            name="conv",
            **arguments,
            **options,
        )
    )
    return same_function.fill(
        networks.chain(*steps, shape=convolution.input_shape)
    )


def dense_values(convolution, seed=0):
    """An embedded model of one layer with any values in kernel and bias."""
    model = convert.embed(network(convolution))
    return same_function.fill(model, seed)


def array(variable):
    return keras.ops.convert_to_numpy(variable)


def bits(model):
    """The weights as bytes, in no order: embedding flattens and regroups."""
    return sorted(array(weight).tobytes() for weight in model.weights)


class RoundTripTest(same_function.EmbeddingTestCase):
    @parameterized.named_parameters(NETWORKS)
    def test_function_and_every_bit_of_the_weights_come_back(self, build):
        for space in ("fcn", "lcn"):
            model = same_function.fill(build())
            nearest = unembed.unembed(convert.embed(model, space))
            self.assertEmpty(distances.untied_layers(nearest))
            if build.__name__ not in BEYOND_THE_IMAGE:
                self.assertEqual(bits(nearest), bits(model))
            self.assert_same_function(model, nearest)

    def test_taps_that_meet_no_pixel_come_back_as_zero(self):
        model = networks.NETWORKS["kernel_beyond_the_image"]()
        nearest = unembed.unembed(convert.embed(same_function.fill(model)))
        old = array(model.layers[-1].kernel)
        new = array(nearest.layers[-1].kernel)
        # 5 x 7 taps with 2 and 3 before them, on an image of 2 x 3 pixels.
        np.testing.assert_array_equal(new[1:4, 1:6], old[1:4, 1:6])
        new[1:4, 1:6] = 0
        np.testing.assert_array_equal(new, np.zeros_like(new))

    def test_conv_comes_back_as_the_layer_it_was(self):
        for name, convolution in GEOMETRIES.items():
            model = network(convolution, activation="relu")
            nearest = unembed.unembed(convert.embed(model))
            self.assertEqual(nearest.name, f"{model.name}_fcn_cnn")
            layer = nearest.get_layer("conv")
            expected = embedded_conv2d.EmbeddedConv2D
            if name == "depthwise":
                expected = layers.DepthwiseConv2D
            self.assertIs(type(layer), expected)
            self.assertEqual(layer.strides, convolution.strides)
            self.assertEqual(layer.dilation_rate, convolution.dilation_rate)
            self.assertEqual(layer.padding, convolution.padding)
            self.assertIs(layer.activation, keras.activations.relu)
            paddings = [
                other.padding
                for other in nearest.layers
                if isinstance(other, layers.ZeroPadding2D)
            ]
            zeros = convolution.zero_padding
            self.assertEqual(paddings, [zeros] if name == "padding" else [])

    def test_bfloat16_comes_back_bit_for_bit(self):
        model = network(GEOMETRIES["padding"], dtype="bfloat16")
        nearest = unembed.unembed(convert.embed(model))
        self.assertEqual(bits(nearest), bits(model))
        self.assertEqual(nearest.output.dtype, "bfloat16")

    def test_padding_of_the_same_name_is_respected(self):
        images = keras.Input((5, 5, 2))
        margins = ((2, 1), (0, 2))  # Not those of "same".
        padded = layers.ZeroPadding2D(margins, name="conv_padding")(images)
        conv = layers.Conv2D(2, 3, name="conv")
        model = keras.Model(images, [conv(padded), padded])
        nearest = unembed.unembed(convert.embed(same_function.fill(model)))
        self.assertIn("conv_padding_1", rewiring.named_layers(nearest))
        self.assert_same_function(model, nearest)


class ProjectionTest(same_function.EmbeddingTestCase):
    @parameterized.product(name=tuple(GEOMETRIES), seed=(0, 1))
    def test_nearest_cnn_is_the_projection(self, name, seed):
        convolution = GEOMETRIES[name]
        model = dense_values(convolution, seed)
        nearest = convert.embed(unembed.unembed(model))
        kernel, bias = (array(w) for w in model.get_layer("conv").weights)
        expected = subspace.project_shared(
            kernel, dense_convolution.labels(convolution)
        )
        shared_bias = bias.reshape(-1, convolution.filters).mean(
            axis=0, dtype="float64"
        )
        received = [array(w) for w in nearest.get_layer("conv").weights]
        np.testing.assert_allclose(received[0], expected, 0, 1e-7)
        positions = bias.size // convolution.filters
        np.testing.assert_allclose(
            received[1], np.tile(shared_bias, positions), 0, 1e-7
        )

    @parameterized.parameters(*GEOMETRIES)
    def test_nearest_lcn_drops_what_is_off_local(self, name):
        convolution = GEOMETRIES[name]
        model = dense_values(convolution)
        nearest = unembed.unembed(model, "lcn")
        layer = nearest.get_layer("conv")
        self.assertIsInstance(layer, locally_connected2d.LocallyConnected2D)
        kernel, bias = (array(w) for w in model.get_layer("conv").weights)
        expected = subspace.project_local(
            kernel, dense_convolution.labels(convolution)
        )
        dense = layer.to_masked_dense()
        np.testing.assert_array_equal(array(dense.kernel), expected)
        np.testing.assert_array_equal(array(layer.bias), bias)

    @parameterized.parameters(*GEOMETRIES)
    def test_nearest_cnn_goes_by_the_nearest_lcn(self, name):
        model = dense_values(GEOMETRIES[name])
        straight = unembed.unembed(model)
        by_lcn = unembed.unembed(unembed.unembed(model, "lcn"))
        for one, other in zip(straight.weights, by_lcn.weights, strict=True):
            np.testing.assert_allclose(array(one), array(other), 0, 1e-7)

    def test_trained_network_comes_back_with_all_its_other_weights(self):
        model = convert.embed(
            same_function.fill(networks.NETWORKS["nested_model"]())
        )
        model.compile(keras.optimizers.SGD(0.05), "mse")
        images = same_function.images_for(model)
        model.fit(images, np.ones((3, *model.output_shape[1:])), verbose=0)
        for space in ("cnn", "lcn"):
            nearest = unembed.unembed(model, space)
            kept = [w for w in nearest.weights if "batch_norm" in w.path]
            before = [w for w in model.weights if "batch_norm" in w.path]
            self.assertLen(kept, 4)
            for new, old in zip(kept, before, strict=True):
                np.testing.assert_array_equal(array(new), array(old))
            total = distances.subspace_distance(convert.embed(nearest)).total
            self.assertEqual(total.delta, 0)
            if space == "cnn":
                self.assertEqual(total.delta_cnn, 0)
            else:
                self.assertGreater(total.delta_cnn, 0)

    def test_projection_of_a_projection_changes_nothing(self):
        model = dense_values(GEOMETRIES["strides"])
        once = unembed.unembed(model)
        twice = unembed.unembed(convert.embed(once))
        self.assertEqual(bits(twice), bits(once))


class RefusalTest(parameterized.TestCase):
    def test_unknown_space_is_refused(self):
        model = dense_values(GEOMETRIES["strides"])
        with self.assertRaisesRegex(
            ValueError, '`space` must be "cnn" or "lcn". .*space=\'fcn\''
        ):
            unembed.unembed(model, "fcn")

    def test_model_without_untied_layers_is_refused(self):
        model = network(GEOMETRIES["strides"])
        with self.assertRaisesRegex(
            ValueError, "has no untied layer to project. .*'conv'"
        ):
            unembed.unembed(model)

    def test_untied_layer_out_of_reach_is_refused(self):
        class Block(layers.Layer):
            def __init__(self, inner, **kwargs):
                super().__init__(**kwargs)
                self.inner = inner

            def call(self, images):
                return self.inner(images)

        inner = masked_dense.MaskedDense(
            dense_values(GEOMETRIES["strides"]).get_layer("conv").geometry,
            name="dense",
        )
        model = networks.chain(Block(inner, name="block"), shape=(6, 5, 2))
        with self.assertRaisesRegex(
            ValueError,
            'Layer "block" \\(Block\\) holds the untied layer "dense" where',
        ):
            unembed.unembed(model)


if __name__ == "__main__":
    absltest.main()

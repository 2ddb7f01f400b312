"""Tests of where the weight lies, against loops over all entries."""

import json
from unittest import mock

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import given
from hypothesis import strategies as st

from needle_tf.analysis import locality
from needle_tf.embedding import convert
from needle_tf.embedding import distances
from needle_tf.layers import masked_dense
from needle_tf.ops import conv_geometry
from needle_tf.ops import unrolling
from tests.analysis import relaxed_networks
from tests.oracles import dense_convolution
from tests.oracles import drawn_convolutions
from tests.oracles import locality as oracle


class OneLayer:
    """What `locality` reads of a model: a single layer of random weights."""

    name = "one_layer"

    def __init__(self, convolution, seed, free="all", radius=None):
        geometry = conv_geometry.ConvGeometry.of_convolution(
            **convolution.arguments()
        )
        layer = masked_dense.MaskedDense(geometry, free, radius, name="layer")
        layer.build((None, *geometry.input_shape))
        rng = np.random.default_rng(seed)
        kernel = rng.normal(size=geometry.dense_shape).astype("float32")
        # Fixed entries hold something, too, and do not count.
        layer.kernel.assign(kernel)
        self.kernel = np.asarray(layer.mask(kernel))
        self.layers = [layer]


class LocalityTest(parameterized.TestCase):
    def check(self, found, dense, free, convolution):
        weights = oracle.by_distance(dense, convolution)
        entries = oracle.by_distance(free, convolution)
        occurring = [key for key, count in entries.items() if count]
        self.assertEqual(list(found.distances), occurring)
        for shares, sums in (
            (found.weight_shares, weights),
            (found.entry_shares, entries),
        ):
            expected = np.array([sums[key] for key in occurring])
            np.testing.assert_allclose(
                shares, expected / expected.sum(), rtol=1e-5, atol=1e-9
            )
        mean = np.dot(found.weight_shares, found.distances)
        self.assertAlmostEqual(found.mean_distance, mean)

    @given(drawn_convolutions.convolutions(), st.integers(0, 1000))
    def test_shares_are_those_of_a_loop_over_all_entries(self, drawn, seed):
        model = OneLayer(drawn, seed)
        found = locality.locality(model).layers["layer"]
        free = np.ones(model.kernel.shape)
        self.check(found, model.kernel, free, drawn)
        self.assertEqual(found.field_reach, (max(drawn.reach) - 1) / 2)

    @given(
        drawn_convolutions.convolutions(),
        st.integers(0, 1000),
        st.integers(0, 2),
    )
    def test_fixed_entries_do_not_count(self, drawn, seed, radius):
        free = dense_convolution.mask(drawn, radius)
        if not free.any():
            return
        model = OneLayer(drawn, seed, "band", radius)
        found = locality.locality(model).layers["layer"]
        self.check(found, model.kernel, free, drawn)

    @parameterized.parameters(
        relaxed_networks.CONVOLUTION,
        dense_convolution.Convolution(
            (5, 6, 4), (3, 2), 2, padding="same", groups=2, dilation_rate=(1, 2)
        ),
    )
    def test_compact_layer_has_the_shares_of_its_dense_form(self, convolution):
        model = convert.embed(
            keras.Sequential(
                [
                    keras.Input(convolution.input_shape),
                    keras.layers.Conv2D(
                        convolution.filters,
                        convolution.kernel_size,
                        padding=convolution.padding,
                        dilation_rate=convolution.dilation_rate,
                        groups=convolution.groups,
                        name="conv",
                    ),
                ]
            ),
            "lcn",
        )
        layer = model.get_layer("conv")
        rng = np.random.default_rng(0)
        layer.kernel.assign(rng.normal(size=layer.kernel.shape))
        kernel = keras.ops.convert_to_numpy(layer.kernel)
        dense = unrolling.unroll_local(kernel, layer.geometry)
        found = locality.locality(model).layers["conv"]
        free = dense_convolution.labels(convolution) >= 0
        self.check(found, dense, free, convolution)
        self.assertEqual(found.parts.off_local, 0)

    def test_blocks_do_not_matter(self):
        model = relaxed_networks.two_layers()
        for chunk in (1, 100):
            with mock.patch.object(locality, "_CHUNK", chunk):
                cut = locality.locality(model)
            whole = locality.locality(model)
            for name, layer in whole.layers.items():
                np.testing.assert_allclose(
                    cut.layers[name].weight_shares,
                    layer.weight_shares,
                    rtol=1e-6,
                )

    def test_parts_are_squares_of_the_distances(self):
        model = relaxed_networks.two_layers()
        found = locality.locality(model)
        measured = distances.subspace_distance(model)
        self.assertEqual(list(found.layers), ["first", "inner/second"])
        for parts, each in (
            (found.total, measured.total),
            *(
                (layer.parts, measured.layers[name])
                for name, layer in found.layers.items()
            ),
        ):
            self.assertAlmostEqual(parts.off_local, each.delta**2)
            self.assertAlmostEqual(parts.unshared, each.delta_share**2)
            self.assertAlmostEqual(parts.shared, 1 - each.delta_cnn**2)

    def test_embedded_cnn_is_all_within_its_field(self):
        model = relaxed_networks.relaxed(noise=0.0)
        found = locality.locality(model).layers["conv"]
        self.assertEqual(found.parts, locality.Parts(1.0, 0.0, 0.0))
        outside = np.asarray(found.distances) > found.field_reach
        self.assertTrue(outside.any())
        self.assertEqual(np.sum(np.asarray(found.weight_shares)[outside]), 0)
        self.assertGreater(np.sum(np.asarray(found.entry_shares)[outside]), 0.1)

    def test_kernel_of_zeros_has_no_shares(self):
        model = relaxed_networks.relaxed()
        layer = model.get_layer("conv")
        layer.kernel.assign(np.zeros(layer.kernel.shape))
        found = locality.locality(model).layers["conv"]
        self.assertEqual(set(found.weight_shares), {0.0})
        self.assertEqual(found.mean_distance, 0.0)

    def test_result_is_plain_json(self):
        found = locality.locality(relaxed_networks.two_layers())
        read = json.loads(found.to_json())
        self.assertEqual(read["total"]["shared"], found.total.shared)
        self.assertEqual(
            read["layers"]["first"]["distances"],
            list(found.layers["first"].distances),
        )

    def test_model_without_untied_layers_is_refused(self):
        with self.assertRaisesRegex(ValueError, "no untied layer"):
            locality.locality(relaxed_networks.cnn())


if __name__ == "__main__":
    absltest.main()

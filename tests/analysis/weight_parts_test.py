"""Tests of the spaces of a relaxed network, against labelled matrices."""

import functools

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.analysis import weight_parts
from needle_tf.embedding import convert
from needle_tf.layers import masked_dense
from needle_tf.ops import unrolling
from tests.analysis import relaxed_networks
from tests.oracles import dense_convolution
from tests.oracles import subspace as oracle

CONVOLUTION = relaxed_networks.CONVOLUTION
LABELS = dense_convolution.labels(CONVOLUTION)


def expected_part(dense, space, free=True):
    """The projection of a matrix from its definition."""
    dense = np.where(free, np.asarray(dense, "float64"), 0.0)
    local = oracle.project_local(dense, LABELS)
    shared = oracle.project_shared(dense, LABELS)
    return {
        "all": dense,
        "lcn": local,
        "cnn": shared,
        "not_cnn": dense - shared,
        "off_local": dense - local,
    }[space]


@functools.cache
def layer_in(space, **options):
    """The untied layer of a network, built once."""
    model = relaxed_networks.relaxed(space=space, **options)
    return model.get_layer("conv")


def as_matrix(layer, kernel):
    kernel = keras.ops.convert_to_numpy(kernel)
    if isinstance(layer, masked_dense.MaskedDense):
        return kernel
    return unrolling.unroll_local(kernel, layer.geometry)


class KernelTest(parameterized.TestCase):
    @parameterized.product(space=weight_parts.SPACES, to=("fcn", "band", "lcn"))
    def test_part_is_the_projection_of_the_free_entries(self, space, to):
        options = {"radius": 1} if to == "band" else {}
        layer = layer_in(to, **options)
        rng = np.random.default_rng(0)
        # Also where nothing is free: averages may leave something there.
        kernel = rng.normal(size=layer.kernel.shape).astype("float32")
        free = {
            "fcn": True,
            "band": dense_convolution.mask(CONVOLUTION, 1),
            "lcn": LABELS >= 0,
        }[to]
        found = weight_parts.kernel_part(layer, kernel, space)
        np.testing.assert_allclose(
            as_matrix(layer, found),
            expected_part(as_matrix(layer, kernel), space, free),
            atol=1e-6,
        )

    @parameterized.parameters(*weight_parts.SPACES)
    def test_bias_has_sharing_only(self, space):
        layer = relaxed_networks.unchanged().get_layer("conv")
        bias = np.random.default_rng(0).normal(size=layer.bias.shape)
        shared = bias.reshape(-1, 2).mean(axis=0)
        shared = np.tile(shared, len(bias) // 2)
        expected = {
            "cnn": shared,
            "not_cnn": bias - shared,
            "off_local": 0 * bias,
        }.get(space, bias)
        found = weight_parts.bias_part(
            layer, keras.ops.convert_to_tensor(bias), space
        )
        np.testing.assert_allclose(found, expected, atol=1e-12)

    def test_layers_know_whether_they_have_a_part(self):
        for space, options, has_off_local in (
            ("fcn", {}, True),
            ("band", {"radius": 1}, True),
            ("band", {"radius": 0}, False),
            ("lcn", {}, False),
        ):
            model = relaxed_networks.relaxed(space=space, **options)
            layer = model.get_layer("conv")
            self.assertEqual(weight_parts.has_off_local(layer), has_off_local)
            self.assertTrue(weight_parts.has_not_cnn(layer))
        whole = keras.Sequential(
            [keras.Input((3, 2, 1)), keras.layers.Conv2D(2, (3, 2))]
        )
        embedded = convert.embed(whole)
        layer = next(iter(weight_parts.untied_layers(embedded).values()))
        self.assertFalse(weight_parts.has_off_local(layer))
        self.assertFalse(weight_parts.has_not_cnn(layer))


class ProjectionTest(parameterized.TestCase):
    def test_plain_variables_belong_to_the_cnn(self):
        model = relaxed_networks.unchanged()
        values = [
            keras.ops.convert_to_tensor(v) for v in model.trainable_variables
        ]
        for space in weight_parts.SPACES:
            project = weight_parts.Projection(
                model, model.trainable_variables, space
            )
            kernel, bias, *plain = project(values)
            layer = model.get_layer("conv")
            np.testing.assert_array_equal(
                kernel, weight_parts.kernel_part(layer, values[0], space)
            )
            np.testing.assert_array_equal(
                bias, weight_parts.bias_part(layer, values[1], space)
            )
            for found, value in zip(plain, values[2:], strict=True):
                is_inside = space not in ("not_cnn", "off_local")
                np.testing.assert_array_equal(found, is_inside * value)

    def test_some_variables_in_any_order(self):
        model = relaxed_networks.relaxed()
        chosen = model.trainable_variables[::-1][:3]
        project = weight_parts.Projection(model, chosen, "not_cnn")
        found = project([keras.ops.ones(v.shape) for v in chosen])
        # All ones are shared ones.
        for part in found:
            np.testing.assert_array_equal(part, 0 * part)

    def test_unknown_space_is_refused(self):
        model = relaxed_networks.relaxed()
        with self.assertRaisesRegex(
            ValueError, r"`space` must be one of \('all'.*space='fcn'"
        ):
            weight_parts.Projection(model, [], "fcn")

    def test_model_without_untied_layers_is_refused(self):
        with self.assertRaisesRegex(
            ValueError, r"no untied layer.*\['conv', 'flatten', 'logits'\]"
        ):
            weight_parts.untied_layers(relaxed_networks.cnn())


class NoiseTest(parameterized.TestCase):
    @parameterized.product(
        space=("off_local", "not_cnn", "lcn"), dtype=("float32", "float64")
    )
    def test_noise_lies_in_its_space_and_has_its_norm(self, space, dtype):
        model = relaxed_networks.relaxed(dtype=dtype)
        layer = model.get_layer("conv")
        found = weight_parts.noise(layer, space, 2.5, seed=3)
        inside = weight_parts.kernel_part(layer, found, space)
        near = 1e-6 if dtype == "float32" else 1e-14
        np.testing.assert_allclose(inside, found, atol=near)
        norm = np.linalg.norm(np.asarray(found, "float64"))
        np.testing.assert_allclose(norm, 2.5, rtol=near)
        same = weight_parts.noise(layer, space, 2.5, seed=3)
        np.testing.assert_array_equal(same, found)
        other = weight_parts.noise(layer, space, 2.5, seed=4)
        self.assertGreater(np.abs(np.asarray(other - found)).max(), 0.01)

    def test_space_without_dimensions_has_no_noise(self):
        layer = relaxed_networks.relaxed(space="lcn").get_layer("conv")
        found = weight_parts.noise(layer, "off_local", 2.5, seed=3)
        np.testing.assert_array_equal(found, 0 * found)

    def test_seeds_differ_in_each_of_their_numbers(self):
        seeds = [
            weight_parts.seed_of(*numbers)
            for numbers in ((0, 0), (0, 1), (1, 0), (2**62, 1), (0, 0, 0, 1))
        ]
        self.assertLen(set(seeds), 5)
        self.assertBetween(min(seeds), 0, 2**31 - 1)
        self.assertBetween(max(seeds), 0, 2**31 - 1)
        self.assertEqual(seeds[0], weight_parts.seed_of(0, 0))


class ReplacedTest(absltest.TestCase):
    def test_state_has_the_new_values_and_the_model_its_own(self):
        model = relaxed_networks.relaxed()
        before = relaxed_networks.weights_of(model)
        bias = model.get_layer("logits").bias
        state = weight_parts.replaced(model, [(bias, np.ones(3))])
        for variable, value, old in zip(
            model.variables, state, before, strict=True
        ):
            expected = np.ones(3) if variable is bias else old
            np.testing.assert_array_equal(value, expected)
            np.testing.assert_array_equal(variable, old)


if __name__ == "__main__":
    absltest.main()

"""Tests that an embedded model is its CNN, over randomly drawn networks."""

import hypothesis
import keras
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import strategies as st

from needle_tf.embedding import convert
from needle_tf.embedding import distances
from needle_tf.embedding import unembed
from needle_tf.models import registry
from tests.embedding import drawn_networks
from tests.embedding import same_function

SPACES = st.sampled_from(
    [
        {"space": "fcn"},
        {"space": "lcn"},
        {"space": "band", "radius": 0},
        {"space": "band", "radius": 2},
    ]
)
DTYPES = st.sampled_from(["float32", "float64"])
# Shrinking builds hundreds of models; the draws of a failure say enough.
QUICK = {"phases": (hypothesis.Phase.explicit, hypothesis.Phase.generate)}

# Small images on which the networks of the registry leave a pixel or more.
SIZES = {
    "alexnet": (32, 28),
    "c10_cnn1_fast": (16, 13),
    "ec_cnn": (8, 9),
    "ec_resnet8": (8, 7),
    "resnet32": (8, 7),
    "skinny_cnn": (32, 28),
    "small_cnn": (16, 13),
    "tiny_cnn": (17, 16),
    "tools_cnn": (22, 23),
    "wrn_28_10": (8, 7),
}
NOT_EMBEDDED_BECAUSE = {
    "c10_cnn1": "the stages of c10_cnn1_fast, deeper",
    "c10_cnn2": "the layers of tiny_cnn, on images of at least 32 pixels",
    "ec_digits_mlp": "it has no convolution",
    "ec_mlp": "it has no convolution",
    "mnist_mlp": "it has no convolution",
    "plainnet34": "the layers of resnet32, more of them",
    "plainnet34_no_bn": "the layers of ec_cnn, more of them",
    "resnet34": "the blocks of resnet32, more of them",
    "resnet34_no_bn": "the blocks of ec_resnet8, more of them",
    "resnet110": "the blocks of resnet32, more of them",
}


def in_dtype(dtype, network):
    """Builds a network whose layers compute in `dtype`."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype)
    try:
        return same_function.fill(network())
    finally:
        keras.config.set_dtype_policy(before)


class EquivalenceTest(same_function.EmbeddingTestCase):
    @hypothesis.settings(max_examples=10, **QUICK)
    @hypothesis.given(st.data(), SPACES, DTYPES)
    def test_functional_network_keeps_its_function(self, data, space, dtype):
        self.check(
            lambda: drawn_networks.functional_network(data.draw), space, dtype
        )

    @hypothesis.settings(max_examples=10, **QUICK)
    @hypothesis.given(st.data(), SPACES, DTYPES)
    def test_sequential_network_keeps_its_function(self, data, space, dtype):
        self.check(
            lambda: drawn_networks.sequential_network(data.draw), space, dtype
        )

    def check(self, network, space, dtype):
        model = in_dtype(dtype, network)
        embedded = convert.embed(model, **space)
        self.assertNotEmpty(distances.untied_layers(embedded))
        self.assert_same_function(model, embedded, dtype)
        self.assertEqual(
            distances.subspace_distance(embedded).total, (0.0, 0.0, 0.0)
        )
        self.assert_same_function(model, unembed.unembed(embedded), dtype)

    def test_every_network_of_the_registry_has_its_case(self):
        self.assertNoCommonElements(SIZES, NOT_EMBEDDED_BECAUSE)
        self.assertCountEqual(registry.names(), [*SIZES, *NOT_EMBEDDED_BECAUSE])

    @parameterized.product(name=sorted(SIZES), space=("fcn", "lcn"))
    def test_network_of_the_registry_keeps_its_function(self, name, space):
        shape = (*SIZES[name], 1 if space == "fcn" else 3)
        model = same_function.fill(registry.build(name, shape, 10, width=0.05))
        self.assert_same_function(model, convert.embed(model, space))


if __name__ == "__main__":
    absltest.main()

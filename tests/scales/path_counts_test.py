"""Tests of how many paths there are."""

import hypothesis
import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import strategies as st
from keras import layers

from needle_tf.scales import scale_groups
from tests.embedding import same_function
from tests.oracles import enumerated_paths
from tests.scales import rescaled_twins
from tests.scales import scale_networks

# No group of theirs lies in a circle, and no two units have one group.
ENUMERABLE = (
    "batch_normalization",
    "channel_groups",
    "dense_of_unequal_widths",
    "frozen",
    "gate",
    "sequential",
    "sigmoid_in_between",
)


def enumerated(graph):
    """Number of all paths over edges, found one by one."""
    weights = [
        (edges.source, edges.target, edges.shape) for edges in graph.edges
    ]
    return len(
        list(enumerated_paths.paths(enumerated_paths.edge_list(weights)))
    )


def plain_weights(model, graph):
    """Number of weights that are stepped plainly."""
    return sum(
        int(np.prod(variable.shape))
        for variable in model.trainable_variables
        if variable.path in graph.plain
    )


def passed_on(model):
    """What arrives if all inputs, weights and slopes are 1: one per path."""
    for variable in model.trainable_variables:
        variable.assign(np.ones(variable.shape))
    images = keras.tree.map_structure(
        np.ones_like, same_function.images_for(model, batch=1)
    )
    return sum(y.sum() for y in same_function.outputs(model, images))


class CountPathsTest(parameterized.TestCase):
    @parameterized.parameters(*ENUMERABLE)
    def test_number_is_that_of_the_paths_one_by_one(self, name):
        model = scale_networks.NETWORKS[name].build()
        graph = scale_groups.scale_graph(model)
        self.assertEqual(
            graph.num_paths, enumerated(graph) + plain_weights(model, graph)
        )

    @hypothesis.settings(max_examples=6)
    @hypothesis.given(
        st.lists(st.integers(1, 6), min_size=2, max_size=5), st.booleans()
    )
    def test_number_of_a_dense_net_is_the_product_of_its_widths(
        self, widths, use_bias
    ):
        model = scale_networks.chain(
            *[
                layers.Dense(width, activation="relu", use_bias=use_bias)
                for width in widths[1:-1]
            ],
            layers.Dense(widths[-1], use_bias=use_bias),
            shape=(widths[0],),
        )
        # A bias begins as many paths as lead on from its layer.
        expected = int(np.prod(widths))
        if use_bias:
            expected += sum(
                int(np.prod(widths[place:])) for place in range(1, len(widths))
            )
        self.assertEqual(scale_groups.scale_graph(model).num_paths, expected)

    @parameterized.parameters(
        "bands_and_fields",
        "dense_of_unequal_widths",
        "extremes_of_sums",
        "unit_by_unit",
        "skips",
    )
    def test_number_is_what_ones_add_up_to(self, name):
        build = {
            "extremes_of_sums": self.sums,
            "skips": self.skips,
        }.get(name) or scale_networks.NETWORKS[name].build
        model = rescaled_twins.filled(build, "float64")
        graph = scale_groups.scale_graph(model)
        self.assertEqual(graph.num_paths, passed_on(model))

    def sums(self):
        """Three times the same, and another."""
        images = keras.Input((3,))
        features = layers.Dense(4, activation="relu")(images)
        total = features + features + layers.Dense(4)(images) + features
        return keras.Model(images, layers.Dense(2)(total))

    def skips(self):
        """A stream of 1x1 images, in a circle of groups."""
        images = keras.Input((1, 1, 3))
        stream = layers.Conv2D(4, 1)(images)
        for _ in range(3):
            inside = layers.Conv2D(2, 3, padding="same", activation="relu")(
                stream
            )
            stream = layers.Add()([stream, layers.Conv2D(4, 1)(inside)])
            stream = layers.ReLU()(stream)
        both = layers.Concatenate()([layers.Flatten()(stream)] * 2)
        return keras.Model(images, layers.Dense(2)(both))

    def test_large_numbers_are_exact(self):
        widths = 23 * [97]
        model = scale_networks.chain(
            *[layers.Dense(w, "relu", use_bias=False) for w in widths],
            layers.Dense(1, use_bias=False),
            shape=(1,),
        )
        self.assertEqual(scale_groups.scale_graph(model).num_paths, 97**23)


if __name__ == "__main__":
    absltest.main()

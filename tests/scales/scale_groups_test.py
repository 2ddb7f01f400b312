"""Tests of which units of a model share a scale."""

import json

import hypothesis
import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import strategies as st
from keras import layers

from needle_tf.embedding import convert
from needle_tf.scales import scale_groups
from needle_tf.scales import skeleton_entries
from tests.embedding import drawn_networks
from tests.scales import rescaled_twins
from tests.scales import scale_networks

NETWORKS = scale_networks.NETWORKS
# Shrinking builds hundreds of models; the draws of a failure say enough.
QUICK = {"phases": (hypothesis.Phase.explicit, hypothesis.Phase.generate)}


def reached(pairs, count):
    """Which groups chains of pairs lead to from ground, one by one."""
    seen = {0}
    for _ in range(count + 1):
        seen |= {target for source, target in pairs if source in seen}
    return seen


def candidate_pairs(graph):
    """Source and target of every candidate for a skeleton."""
    pairs = set()
    for edges in graph.edges:
        ends = [
            skeleton_entries.at(groups, edges.candidates, edges.shape).tolist()
            for groups in (edges.source, edges.target)
        ]
        pairs.update(zip(*ends, strict=True))
    return pairs


class NetworksTest(parameterized.TestCase):
    @parameterized.named_parameters((name, name) for name in NETWORKS)
    def test_rescaling_groups_leaves_the_function_alone(self, name):
        case = NETWORKS[name]
        model = rescaled_twins.filled(case.build, case.dtype)
        graph = scale_groups.scale_graph(model)
        self.assertEqual(graph.num_groups, case.groups)
        self.check_accounts(model, graph)
        scales = rescaled_twins.drawn_scales(graph)
        for training in (False, True)[: 1 if case.is_random else 2]:
            moved = rescaled_twins.difference(model, graph, scales, training)
            self.assertLess(moved, rescaled_twins.TOLERANCE[case.dtype])

    @hypothesis.settings(max_examples=8, **QUICK)
    @hypothesis.given(st.data(), st.booleans())
    def test_so_it_does_in_any_network(self, data, is_chain):
        draw_network = drawn_networks.functional_network
        if is_chain:
            draw_network = drawn_networks.sequential_network
        model = rescaled_twins.filled(
            lambda: draw_network(data.draw), "float64"
        )
        graph = scale_groups.scale_graph(model)
        self.check_accounts(model, graph)
        scales = rescaled_twins.drawn_scales(graph)
        moved = rescaled_twins.difference(model, graph, scales)
        self.assertLess(moved, rescaled_twins.TOLERANCE["float64"])

    def check_accounts(self, model, graph):
        """Checks that every variable and every group is in its place."""
        variables = model.trainable_variables
        self.assertEqual(graph.variable_paths, tuple(v.path for v in variables))
        self.assertLen(graph.plain, len(variables) - len(graph.edges))
        self.assertLen({edges.place for edges in graph.edges}, len(graph.edges))
        self.assertEqual(graph.owners[0], "ground")
        for edges in graph.edges:
            self.assertEqual(edges.shape, variables[edges.place].shape)
            self.assertEqual(edges.path, variables[edges.place].path)
            self.assertNotIn(edges.path, graph.plain)
            for groups in (edges.source, edges.target):
                self.assertLen(groups.shape, len(edges.shape))
                self.assertEqual(groups.dtype, np.int32)
                np.broadcast_to(groups, edges.shape)
            if edges.kind == "bias":
                self.assertEmpty(edges.candidates)
        pairs = candidate_pairs(graph)
        every = set(range(graph.num_groups + 1))
        self.assertEqual(reached(pairs, graph.num_groups), every)
        back = {(target, source) for source, target in pairs}
        self.assertEqual(reached(back, graph.num_groups), every)


class ScaleGraphTest(parameterized.TestCase):
    def test_counts_are_those_of_the_spec(self):
        graph = scale_groups.scale_graph(
            NETWORKS["dense_of_unequal_widths"].build()
        )
        first, bias, second, third = graph.edges
        self.assertEqual(graph.num_weights, 5 * 4 + 4 + 4 * 3 + 3 * 2 + 2)
        self.assertEqual(graph.num_groups, 4 + 3)
        self.assertEqual(graph.num_basis_paths, 44 - 7)
        self.assertEqual(
            [edges.kind for edges in graph.edges],
            ["kernel", "bias", "kernel", "kernel"],
        )
        np.testing.assert_array_equal(first.source, [[0]])
        np.testing.assert_array_equal(first.target, [[1, 2, 3, 4]])
        np.testing.assert_array_equal(bias.target, [1, 2, 3, 4])
        np.testing.assert_array_equal(second.source[:, 0], [1, 2, 3, 4])
        np.testing.assert_array_equal(second.target, [[5, 6, 7]])
        np.testing.assert_array_equal(third.target, [[0]])
        self.assertEqual(second.candidates.tolist(), [0, 4, 8, 9])
        self.assertEqual([edges.count for edges in graph.edges], [20, 4, 12, 6])
        self.assertEqual(
            list(graph.plain.values()), ["it leads from ground to ground"]
        )

    def test_relaxed_network_has_a_scale_per_unit(self):
        model = scale_networks.chain(
            layers.Conv2D(3, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(2, 3, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(2),
            shape=(4, 4, 1),
        )
        self.assertEqual(scale_groups.scale_graph(model).num_groups, 3 + 2)
        for space, options in (
            ("fcn", {}),
            ("lcn", {}),
            ("band", {"radius": 1}),
        ):
            relaxed = convert.embed(model, space, **options)
            graph = scale_groups.scale_graph(relaxed)
            # Units under one pool have one scale, and 2x2 units are left.
            self.assertEqual(graph.num_groups, 4 * (3 + 2))

    def test_convolution_is_read_in_the_middle(self):
        graph = scale_groups.scale_graph(NETWORKS["sequential"].build())
        conv, _, hidden, _, _ = graph.edges
        taps = np.unravel_index(conv.candidates, conv.shape)
        self.assertEqual(
            {(u, v) for u, v in zip(*taps[:2], strict=True)}, {(1, 1)}
        )
        self.assertEqual(taps[2].tolist(), [0, 1, 0])
        self.assertEqual(taps[3].tolist(), [0, 1, 2])
        # The image is 1x2 after a convolution to 3x4 and a pool.
        rows = np.unravel_index(hidden.candidates, hidden.shape)[0]
        self.assertEqual(rows.tolist(), [0, 1, 2, 0])

    def test_flattened_image_is_read_in_its_middle(self):
        model = scale_networks.chain(
            scale_networks.conv(2),
            layers.Flatten(),
            layers.Dropout(0.5),
            scale_networks.head(2),
            shape=(4, 4, 1),
        )
        *_, head = scale_groups.scale_graph(model).edges
        rows = np.unravel_index(head.candidates, head.shape)[0]
        pixels = np.unravel_index(rows // 2, (4, 4))
        self.assertEqual([p.tolist() for p in pixels], [[1, 1], [1, 1]])

    def test_graph_comes_back_from_its_config(self):
        for name in ("batch_normalization", "bands_and_fields", "nested"):
            graph = scale_groups.scale_graph(NETWORKS[name].build())
            text = json.dumps(graph.get_config())
            back = scale_groups.ScaleGraph.from_config(json.loads(text))
            self.assertEqual(json.dumps(back.get_config()), text)
            self.assertEqual(back.num_groups, graph.num_groups)
            self.assertEqual(back.num_paths, graph.num_paths)
            self.assertEqual(back.plain, graph.plain)
            self.assertEqual(back.grounded, graph.grounded)
            self.assertEqual(back.owners, graph.owners)
            for ours, theirs in zip(back.edges, graph.edges, strict=True):
                for field, value in vars(theirs).items():
                    received = getattr(ours, field)
                    np.testing.assert_array_equal(received, value)
                    if isinstance(value, np.ndarray):
                        self.assertEqual(received.dtype, value.dtype)

    def test_layers_of_nested_models_have_their_long_names(self):
        inside = keras.Input((3,), name="inside")
        inner = keras.Model(
            inside, layers.Dense(2, name="hidden")(inside), name="inner"
        )
        model = scale_networks.chain(inner, layers.Dense(1), shape=(3,))
        graph = scale_groups.scale_graph(model)
        self.assertEqual(graph.edges[0].layer, "inner/hidden")
        self.assertEqual(
            graph.owners, ("ground", "inner/hidden", "inner/hidden")
        )

    def test_reasons_tell_where_scales_end(self):
        graph = scale_groups.scale_graph(
            scale_networks.chain(
                layers.Dense(3, name="frozen", trainable=False),
                layers.Dense(2, activation="tanh", name="curved"),
                layers.Dense(2, name="noted", activity_regularizer="l1"),
                layers.Lambda(lambda x: x + 1.0, name="own"),
                layers.Dense(2, name="logits"),
                shape=(4,),
            )
        )
        self.assertEqual(graph.num_groups, 0)
        expected = {
            ("frozen", "its kernel is frozen"),
            ("curved", "its activation tanh is not positively homogeneous"),
            ("noted", "an activity_regularizer sees its output"),
            ("own", "no rule for layers of type Lambda"),
            ("logits", "output of the model"),
        }
        self.assertLessEqual(expected, set(graph.grounded))

    def test_variable_outside_the_graph_is_stepped_plainly(self):
        model = scale_networks.chain(layers.Dense(2), shape=(3,))
        model.extra = layers.Dense(2, name="extra")
        model.extra.build((None, 2))
        graph = scale_groups.scale_graph(model)
        self.assertEqual(
            graph.plain["extra/kernel"], "it takes no part in the outputs"
        )
        self.assertEqual(graph.num_weights, 3 * 2 + 2 + 2 * 2 + 2)

    def test_weight_that_an_unknown_layer_holds_is_ground_elsewhere_too(self):
        class Tied(layers.Layer):
            def __init__(self, dense):
                super().__init__()
                self.dense = dense

            def call(self, inputs):
                return keras.ops.matmul(
                    inputs, keras.ops.transpose(self.dense.kernel)
                )

        shared = layers.Dense(3)
        images = keras.Input((4,))
        model = keras.Model(
            images, layers.Dense(2)(Tied(shared)(layers.ReLU()(shared(images))))
        )
        graph = scale_groups.scale_graph(model)
        self.assertEqual(graph.num_groups, 0)
        self.assertEqual(
            graph.plain[shared.kernel.path], "no rule for layers of type Tied"
        )

    def test_frozen_model_has_no_weights(self):
        model = NETWORKS["sequential"].build()
        model.trainable = False
        graph = scale_groups.scale_graph(model)
        self.assertEqual((graph.num_groups, graph.num_weights), (0, 0))

    def test_model_without_a_graph_is_refused(self):
        class Own(keras.Model):
            def call(self, inputs):
                return inputs

        with self.assertRaisesRegex(
            ValueError, 'Model "own" \\(Own\\) has no layer graph to follow'
        ):
            scale_groups.scale_graph(Own(name="own"))


if __name__ == "__main__":
    absltest.main()

"""Tests that groups leave out no scale: basis paths are all that can be seen.

Outputs depend on the logarithms of the weights with rank m - H exactly: fewer
groups would leave directions that change nothing, more would bend the function.
"""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.scales import scale_groups
from tests.embedding import same_function
from tests.scales import rescaled_twins
from tests.scales import scale_networks

IMAGES = 4  # Per row: many draws, lest a unit stay on one side of its bend.
# Complete ones of at most 150 weights: each needs a row.
NETWORKS = (
    "dense_of_unequal_widths",
    "dense_over_steps",
    "extremes_of_two",
    "gate",
    "kernel_beyond_the_image",
    "one_axis",
    "operations",
    "pooled_units",
    "sequential",
    "slopes_that_are_learnt",
    "strides_and_dilation",
    "transposed",
    "unit_by_unit",
)


def log_derivatives(model, rows):
    """Derivatives of random mixtures of outputs, `(rows, weights)`."""
    rng = np.random.default_rng(0)
    variables = model.trainable_variables

    @tf.function
    def row(images, mixture):
        with tf.GradientTape() as tape:
            outputs = keras.tree.flatten(model(images))
            parts = zip(outputs, mixture, strict=True)
            mixed = tf.add_n([tf.reduce_sum(y * part) for y, part in parts])
        gradients = tape.gradient(
            mixed,
            [variable.value for variable in variables],
            unconnected_gradients="zero",
        )
        pairs = zip(gradients, variables, strict=True)
        return tf.concat([tf.reshape(g * w.value, [-1]) for g, w in pairs], 0)

    found = []
    for seed in range(rows):
        images = keras.tree.map_structure(
            lambda x: x.astype("float64"),
            same_function.images_for(model, batch=IMAGES, seed=seed),
        )
        mixture = [
            rng.normal(size=(IMAGES, *output.shape[1:]))
            for output in model.outputs
        ]
        found.append(row(images, mixture).numpy())
    return np.stack(found)


class CompletenessTest(parameterized.TestCase):
    @parameterized.parameters(*NETWORKS)
    def test_outputs_have_the_rank_of_the_basis_paths(self, name):
        case = scale_networks.NETWORKS[name]
        self.assertTrue(case.is_complete)
        model = rescaled_twins.filled(case.build, "float64")
        for variable in model.trainable_variables:
            if "bias" in variable.name:  # So that every unit bends.
                variable.assign(variable / 10)
        graph = scale_groups.scale_graph(model)
        rows = log_derivatives(model, graph.num_weights + 10)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        values = np.linalg.svd(rows, compute_uv=False)
        rank = int((values > 1e-9 * values[0]).sum())
        self.assertEqual(rank, graph.num_basis_paths)


if __name__ == "__main__":
    absltest.main()

"""Tests of the 13-layer C10-CNN1: kernels, names, and its dense twin."""

import keras
import numpy as np
from absl.testing import absltest

from needle_tf.embedding import convert
from needle_tf.embedding import unembed
from needle_tf.graphs import kernels
from needle_tf.models import c10_cnn1_fast
from tests.embedding import same_function
from tests.models import rotation_networks
from tests.oracles import rotation_networks as oracle

STAGES = ((3, 16), (3, 32), (3, 64), (3, 128))


class C10CNN1FastTest(rotation_networks.NetworkTestCase):
    def test_network_has_13_kernels_of_490160_weights(self):
        shapes = oracle.plain(STAGES, 3, [(128, 10)])
        self.assertLen(shapes, 13)
        # 9 (3*16 + 2*16^2 + 16*32 + 2*32^2 + 32*64 + 2*64^2 + 64*128
        #    + 2*128^2) + 128*10
        self.assertEqual(oracle.weights(shapes), 490160)
        keras.utils.set_random_seed(0)
        model = c10_cnn1_fast.build((32, 32, 3), 10)
        self.assert_kernels_are(model, shapes)
        self.assert_norms_are_of(model, "he_uniform")
        self.assert_batch_norms_train_nothing(model)

    def test_kernels_are_named_by_stage_and_place(self):
        model = c10_cnn1_fast.build((8, 8, 1), 2, 0.1)
        self.assertEqual(
            list(kernels.named_kernels(model)),
            [
                f"stage{stage}_conv{index}"
                for stage in (1, 2, 3, 4)
                for index in (1, 2, 3)
            ]
            + ["logits"],
        )

    def test_smallest_image_is_8_pixels(self):
        with self.assertRaisesRegex(
            ValueError, r"c10_cnn1_fast needs images of at least 8x8"
        ):
            c10_cnn1_fast.build((7, 8, 3), 10)


class EmbeddingTest(same_function.EmbeddingTestCase):
    def test_dense_twin_and_the_way_back_compute_the_same(self):
        keras.utils.set_random_seed(0)
        model = c10_cnn1_fast.build((16, 19, 3), 10, width=0.2)
        rng = np.random.default_rng(0)
        # Statistics that matter: 0 and 1 would leave the images alone.
        for variable in model.non_trainable_variables:
            variable.assign(rng.uniform(0.5, 2, variable.shape))
        twin = convert.embed(model)
        self.assertEqual(
            list(kernels.named_kernels(twin)),
            list(kernels.named_kernels(model)),
        )
        self.assert_same_function(model, twin)
        self.assert_same_function(model, unembed.unembed(twin))


if __name__ == "__main__":
    absltest.main()

"""Tests of ablations: against networks whose weights really are replaced."""

import json

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.analysis import ablation
from needle_tf.analysis import weight_parts
from needle_tf.embedding import convert
from needle_tf.embedding import distances
from needle_tf.embedding import unembed
from tests.analysis import relaxed_networks
from tests.oracles import dense_convolution
from tests.oracles import subspace as oracle

LABELS = dense_convolution.labels(relaxed_networks.CONVOLUTION)
LOSS = relaxed_networks.LOSS


def ablate(model, **options):
    options = {"loss": LOSS, **options}
    return ablation.ablate(model, relaxed_networks.data(40), **options)


class OneLayerTest(parameterized.TestCase):
    def check(self, found, model):
        loss, accuracy = relaxed_networks.loss_and_accuracy(
            model, *relaxed_networks.data(40)
        )
        self.assertAlmostEqual(found.loss, loss, places=5)
        self.assertAlmostEqual(found.accuracy, accuracy)
        self.assertEqual(found.count, 40)

    def test_intact_is_the_network_as_it_is(self):
        model = relaxed_networks.unchanged()
        self.check(ablate(model, variants=()).intact, model)

    @parameterized.parameters("local_only", "off_local_only")
    def test_variant_is_the_network_with_that_kernel(self, variant):
        model = relaxed_networks.relaxed()
        found = ablate(model).mean(variant)
        kernel = model.get_layer("conv").kernel
        dense = keras.ops.convert_to_numpy(kernel)
        local = oracle.project_local(dense, LABELS)
        kernel.assign(local if variant == "local_only" else dense - local)
        self.check(found, model)

    def test_restored_sharing_is_the_nearest_cnn(self):
        model = relaxed_networks.relaxed()
        found = ablate(model).mean("sharing_restored")
        self.check(found, unembed.unembed(model))

    def test_noise_is_as_long_as_what_it_replaces(self):
        seed = 5
        model = relaxed_networks.relaxed()
        found = ablate(model, seeds=[seed]).mean("noise")
        layer = model.get_layer("conv")
        before = distances.subspace_distance(model).total
        dense = keras.ops.convert_to_numpy(layer.kernel)
        local = oracle.project_local(dense, LABELS)
        noise = weight_parts.noise(
            layer,
            "off_local",
            float(np.linalg.norm(dense - local)),
            weight_parts.seed_of(seed, 0),
        )
        layer.kernel.assign(local + np.asarray(noise))
        self.check(found, model)
        after = distances.subspace_distance(model).total
        np.testing.assert_allclose(after, before, rtol=1e-5)


class AblationTest(parameterized.TestCase):
    def ablate_two(self, **options):
        self.model = relaxed_networks.two_layers()
        data = relaxed_networks.data(12, (6, 6, 1))
        return ablation.ablate(self.model, data, **options)

    def test_rows_are_all_layers_and_each_alone(self):
        told = []
        found = self.ablate_two(
            seeds=(3, 4), progress=lambda *numbers: told.append(numbers)
        )
        variants = [
            ("local_only", None),
            ("off_local_only", None),
            ("sharing_restored", None),
            ("noise", 3),
            ("noise", 4),
        ]
        self.assertEqual(
            [(row.layer, row.variant, row.seed) for row in found.rows],
            [
                (layer, *variant)
                for layer in (None, "first", "inner/second")
                for variant in variants
            ],
        )
        self.assertEqual(told, [(k, 15) for k in range(1, 16)])
        # Each of them is another network.
        self.assertLen({row.figures.loss for row in found.rows}, 15)
        noise = [row.figures for row in found.rows[3:5]]
        mean = found.mean("noise")
        self.assertAlmostEqual(mean.loss, (noise[0].loss + noise[1].loss) / 2)
        self.assertAlmostEqual(
            mean.accuracy, (noise[0].accuracy + noise[1].accuracy) / 2
        )

    def test_layer_alone_leaves_the_other_layers_alone(self):
        found = self.ablate_two(variants=["local_only"])
        layer = distances.untied_layers(self.model)["inner/second"]
        local = weight_parts.kernel_part(
            layer, keras.ops.convert_to_tensor(layer.kernel), "lcn"
        )
        layer.kernel.assign(local)
        loss, _ = relaxed_networks.loss_and_accuracy(
            self.model, *relaxed_networks.data(12, (6, 6, 1))
        )
        alone = found.mean("local_only", "inner/second")
        self.assertAlmostEqual(alone.loss, loss, places=5)

    def test_model_is_left_as_it_was_and_only_totals_if_asked(self):
        model = relaxed_networks.two_layers()
        before = relaxed_networks.weights_of(model)
        data = relaxed_networks.data(12, (6, 6, 1))
        found = ablation.ablate(model, data, per_layer=False, seeds=[0])
        self.assertEqual({row.layer for row in found.rows}, {None})
        for old, now in zip(
            before, relaxed_networks.weights_of(model), strict=True
        ):
            np.testing.assert_array_equal(old, now)

    @parameterized.parameters(("lcn", {}), ("band", {"radius": 0}))
    def test_without_off_local_weights_only_sharing_is_ablated(
        self, space, options
    ):
        model = relaxed_networks.relaxed(space=space, **options)
        found = ablate(model)
        self.assertEqual(
            [(row.variant, row.layer) for row in found.rows],
            [("sharing_restored", None), ("sharing_restored", "conv")],
        )
        self.assertNotEqual(found.rows[0].figures.loss, found.intact.loss)

    def test_embedded_cnn_has_nothing_to_lose(self):
        model = convert.embed(relaxed_networks.cnn())
        found = ablate(model)
        for row in found.rows:
            if row.variant != "off_local_only":
                self.assertEqual(row.figures, found.intact, row)

    def test_result_is_plain_json(self):
        found = ablate(relaxed_networks.unchanged(), seeds=[1])
        read = json.loads(found.to_json())
        self.assertEqual(read["intact"]["loss"], found.intact.loss)
        self.assertLen(read["rows"], 8)
        self.assertEqual(read["rows"][3]["variant"], "noise")
        self.assertEqual(read["rows"][3]["seed"], 1)

    @parameterized.parameters(
        ({"variants": "noise"}, "`variants` must be some of.*'noise'"),
        ({"variants": ["all"]}, r"`variants` must be some of.*\['all'\]"),
        ({"seeds": [-1]}, "`seed` must be an integer"),
        ({"loss": None}, "needs one loss"),
    )
    def test_wrong_arguments_are_refused(self, wrong, message):
        with self.assertRaisesRegex(ValueError, message):
            ablate(relaxed_networks.unchanged(), **wrong)

    def test_row_that_is_not_there_is_refused(self):
        found = ablate(relaxed_networks.unchanged(), variants=["noise"])
        with self.assertRaisesRegex(
            ValueError, r"variant='local_only'.*\('noise', 'conv'\)"
        ):
            found.mean("local_only")

    def test_cnn_is_refused(self):
        with self.assertRaisesRegex(ValueError, "no untied layer.*embed"):
            ablate(relaxed_networks.cnn())


if __name__ == "__main__":
    absltest.main()

"""Tests of the registry: every network by name, and good refusals."""

import pathlib
import subprocess
import sys

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.models import registry

ROOM = pathlib.Path(registry.__file__).parent
NO_NETWORK_BECAUSE = {
    "__init__": "a docstring",
    "arguments": "checks of what every network is given",
    "convolution_stack": "what the networks are written in",
    "homogeneous_mlp": "what EC-Opt's MLPs are written in",
    "homogeneous_stages": "what EC-Opt's deep networks are written in",
    "registry": "the table itself",
    "residual_stages": "what the ResNets are written in",
    "rotation_blocks": "what the layer rotation study's are written in",
}
# Those with more than 33 layers are others with more of the same blocks.
SLOWLY_BUILT = (
    "plainnet34 plainnet34_no_bn resnet34 resnet34_no_bn resnet110".split()
)
QUICKLY_BUILT = [n for n in registry.names() if n not in SLOWLY_BUILT]


class RegistryTest(parameterized.TestCase):
    def test_every_module_of_the_room_is_in_the_table(self):
        modules = {path.stem for path in ROOM.glob("*.py")}
        self.assertEqual(
            modules, set(registry.names()) | NO_NETWORK_BECAUSE.keys()
        )
        self.assertNoCommonElements(registry.names(), NO_NETWORK_BECAUSE)

    def test_names_are_sorted(self):
        self.assertEqual(
            registry.names(),
            "alexnet c10_cnn1 c10_cnn1_fast c10_cnn2 ec_cnn ec_digits_mlp "
            "ec_mlp ec_resnet8 mnist_mlp plainnet34 plainnet34_no_bn "
            "resnet110 resnet32 resnet34 resnet34_no_bn skinny_cnn small_cnn "
            "tiny_cnn tools_cnn wrn_28_10".split(),
        )

    def test_names_come_without_keras(self):
        code = (
            # As `python -m` does, which puts off registering the layers.
            "import sys; sys.argv = ['-m']; "
            "sys.orig_argv = ['python', '-m', 'needle_tf.main']; "
            "from needle_tf.models import registry; registry.names(); "
            "sys.exit('keras' in sys.modules)"
        )
        self.assertEqual(
            subprocess.run([sys.executable, "-c", code]).returncode, 0
        )

    @parameterized.parameters(*registry.names())
    def test_network_gives_one_logit_per_class(self, name):
        for channels in (1, 4)[: 1 if name in SLOWLY_BUILT else 2]:
            model = registry.build(name, (32, 36, channels), 7, width=0.1)
            images = np.ones((2, 32, 36, channels), "float32")
            scores = keras.ops.convert_to_numpy(model(images))
            self.assertEqual(scores.shape, (2, 7))
        last = model.layers[-1]
        self.assertIs(last.activation, keras.activations.linear)
        self.assertEqual(model.name, name)
        self.assertFalse(model.compiled)

    @parameterized.parameters(*QUICKLY_BUILT)
    def test_network_is_set_by_the_global_seed(self, name):
        weights = []
        for seed in (3, 3, 4):
            keras.utils.set_random_seed(seed)
            model = registry.build(name, (32, 32, 3), 10, width=0.1)
            weights.append(
                np.concatenate([w.ravel() for w in model.get_weights()])
            )
        np.testing.assert_array_equal(weights[0], weights[1])
        self.assertGreater(np.abs(weights[0] - weights[2]).max(), 0)

    @parameterized.parameters(*QUICKLY_BUILT)
    def test_network_survives_saving(self, name):
        model = registry.build(name, (32, 32, 3), 10, width=0.1)
        path = f"{self.create_tempdir().full_path}/model.keras"
        model.save(path)
        images = np.random.default_rng(0).normal(size=(2, 32, 32, 3))
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(keras.saving.load_model(path)(images)),
            keras.ops.convert_to_numpy(model(images)),
        )

    def test_unknown_name_lists_the_known_ones(self):
        with self.assertRaisesRegex(
            ValueError,
            "no network called 'vgg'. Known networks: alexnet, c10_cnn1, "
            ".*wrn_28_10. .*save it as a .keras file",
        ):
            registry.build("vgg", (32, 32, 3), 10)

    @parameterized.parameters(
        ("smal_cnn", "small_cnn"), ("resnet_32", "resnet32")
    )
    def test_misspelled_name_gets_the_nearest(self, name, meant):
        with self.assertRaisesRegex(ValueError, f"Did you mean '{meant}'\\?"):
            registry.build(name, (32, 32, 3), 10)

    def test_refusal_names_the_network(self):
        with self.assertRaisesRegex(ValueError, "alexnet needs images of at"):
            registry.build("alexnet", (16, 16, 1), 10)


if __name__ == "__main__":
    absltest.main()

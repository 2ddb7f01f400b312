"""Tests of the front door: the public names, and what importing them costs."""

import inspect
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

import needle_tf
from tests import fresh_process

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Code of users holds these names: none may go.
PROMISED = [
    "ConvGeometry",
    "Distances",
    "EmbeddedConv2D",
    "LayerRotation",
    "LocallyConnected2D",
    "MaskedDense",
    "PathRatios",
    "ScaleGraph",
    "SecondMoments",
    "StepwiseRotation",
    "SubspaceDistance",
    "balance",
    "basis_path_values",
    "conv2d_to_matrix",
    "draw_layer_rotation",
    "embed",
    "equivalence",
    "rescale",
    "scale_graph",
    "skip_unread_units",
    "subspace_distance",
    "unembed",
    "update_in_place",
]
PROMISED_OPTIMIZERS = [
    "AdamMomentumSGD",
    "ECOpt",
    "EffectiveRateSGD",
    "EpochDecay",
    "LarsSGD",
    "Layca",
    "NormalizedSGD",
    "StepDrops",
    "UpdateInBackward",
    "WarmUp",
]


# Keras would import them, for as long as all the rest takes.
WITHOUT = "import sys; sys.modules.update(matplotlib=None, sklearn=None)\n"


def run(*arguments, folder=ROOT):
    """Runs Python in a process that knows nothing; returns it, finished."""
    return subprocess.run(
        [sys.executable, *arguments],
        env={
            **os.environ,
            "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}",
            "TF_CPP_MIN_LOG_LEVEL": "3",
        },
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


class NamesTest(parameterized.TestCase):
    def test_promised_names_are_public(self):
        self.assertEqual(needle_tf.__all__, PROMISED)

    @parameterized.parameters(*PROMISED)
    def test_name_is_importable_ours_and_documented(self, name):
        value = getattr(needle_tf, name)
        self.assertStartsWith(value.__module__, "needle_tf.")
        self.assertEqual(value.__name__, name)
        self.assertGreater(len(inspect.getdoc(value)), 40)

    @parameterized.parameters(*PROMISED)
    def test_every_argument_of_a_name_is_documented(self, name):
        value = getattr(needle_tf, name)
        documented = inspect.getdoc(value)
        for argument in inspect.signature(value).parameters.values():
            named = argument.kind not in (
                argument.VAR_POSITIONAL,
                argument.VAR_KEYWORD,
            )
            # A drop-in Conv2D has the arguments of Conv2D.
            if named and value is not needle_tf.EmbeddedConv2D:
                self.assertRegex(documented, rf"\b{argument.name}\b")

    def test_promised_optimizers_are_in_their_package(self):
        optimizers = needle_tf.optimizers
        self.assertEqual(optimizers.__all__, PROMISED_OPTIMIZERS)
        for name in PROMISED_OPTIMIZERS:
            documented = inspect.getdoc(getattr(optimizers, name))
            self.assertRegex(documented, "Args:")
        with self.assertRaisesRegex(
            AttributeError,
            "'needle_tf.optimizers' has no attribute 'Layka'. Its public "
            "names: AdamMomentumSGD, .*Layca",
        ):
            optimizers.Layka  # noqa: B018

    def test_star_brings_the_names_and_nothing_else(self):
        found = {}
        exec("from needle_tf import *", found)
        self.assertCountEqual(found.keys() - {"__builtins__"}, PROMISED)

    def test_unknown_name_lists_the_known_ones(self):
        with self.assertRaisesRegex(
            AttributeError,
            "module 'needle_tf' has no attribute 'embedd'. Its public names: "
            "ConvGeometry, .*, embed, .*unembed, .*",
        ):
            needle_tf.embedd  # noqa: B018

    def test_example_in_the_docstring_of_the_layer_is_true(self):
        conv = needle_tf.EmbeddedConv2D(8, 3, padding="same")
        conv(keras.random.normal((2, 6, 6, 3)))
        self.assertEqual(
            conv.to_masked_dense((6, 6, 3)).kernel.shape, (108, 288)
        )

    def test_whole_way_goes_by_public_names(self):
        model = keras.Sequential(
            [
                keras.Input((5, 5, 2)),
                keras.layers.Conv2D(3, 3, name="conv"),
                keras.layers.Flatten(),
                keras.layers.Dense(2),
            ]
        )
        efcn = needle_tf.embed(model, "fcn")
        self.assertIsInstance(efcn.get_layer("conv"), needle_tf.MaskedDense)
        efcn.compile("sgd", "mse")
        folder = self.create_tempdir().full_path
        images = np.ones((4, 5, 5, 2), "float32")
        watch = needle_tf.SubspaceDistance(folder)
        efcn.fit(images, np.ones((4, 2)), callbacks=[watch], verbose=0)
        self.assertNotEmpty(os.listdir(folder))
        total = needle_tf.subspace_distance(efcn).total
        self.assertIsInstance(total, needle_tf.Distances)
        self.assertGreater(total.delta_cnn, 0)
        cnn = needle_tf.unembed(efcn)
        self.assertIsInstance(cnn.get_layer("conv"), needle_tf.EmbeddedConv2D)
        kernel = keras.ops.convert_to_numpy(cnn.get_layer("conv").kernel)
        matrix = needle_tf.conv2d_to_matrix(kernel, (5, 5, 2))
        dense = cnn.get_layer("conv").to_masked_dense()
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(dense.kernel), matrix
        )

    def test_rotation_is_controlled_and_seen_by_public_names(self):
        model = keras.Sequential(
            [keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(1)]
        )
        layca = needle_tf.optimizers.Layca(
            keras.optimizers.SGD(), learning_rate=0.1
        )
        model.compile(layca, "mse")
        watch = needle_tf.LayerRotation()
        steps = needle_tf.StepwiseRotation()
        inputs = np.random.default_rng(0).normal(size=(8, 3))
        model.fit(
            inputs,
            inputs[:, :1],
            batch_size=4,
            epochs=3,
            callbacks=[watch, steps],
            verbose=0,
        )
        np.testing.assert_allclose(steps.angles, np.arctan(0.1), rtol=1e-4)
        folder = self.create_tempdir().full_path
        axis, rotations = watch.as_arrays()
        picture = needle_tf.draw_layer_rotation(
            rotations, axis, f"{folder}/rotation.png"
        )
        self.assertGreater(os.path.getsize(picture), 1000)


class ImportTest(parameterized.TestCase):
    def test_importing_the_package_is_enough_to_load_a_model(self):
        folder = self.create_tempdir().full_path
        model = keras.Sequential(
            [keras.Input((4, 4, 1)), needle_tf.EmbeddedConv2D(2, 3)]
        )
        needle_tf.embed(model).save(f"{folder}/dense.keras")
        needle_tf.embed(model, "lcn").save(f"{folder}/local.keras")
        model.save(f"{folder}/shared.keras")
        layca = needle_tf.optimizers.Layca(
            keras.optimizers.SGD(),
            needle_tf.optimizers.WarmUp(0.1, warmup_steps=2),
        )
        model.compile(layca, "mse")
        model.save(f"{folder}/layca.keras")
        script = (
            "import sys, keras, needle_tf\n"
            "for name in sys.argv[1:]:\n"
            "    keras.saving.load_model(name)\n"
        )
        # In a script, and in a package of the user that imports us while
        # Python still looks for the module to run.
        files = [
            f"{name}.keras" for name in ("dense", "local", "shared", "layca")
        ]
        package = pathlib.Path(folder, "users_project")
        package.mkdir()
        (package / "__init__.py").write_text(f"{WITHOUT}import needle_tf\n")
        (package / "program.py").write_text(
            script.replace(", needle_tf", "", 1)
        )
        fresh_process.run(script, folder, *files)
        finished = run("-m", "users_project.program", *files, folder=folder)
        self.assertEqual(finished.returncode, 0, finished.stderr[-2000:])

    def test_own_program_starts_without_keras(self):
        # A module without a program in it: only its package is imported.
        finished = run("-X", "importtime", "-m", "needle_tf.models.registry")
        self.assertEqual(finished.returncode, 0, finished.stderr[-2000:])
        imported = {
            line.rpartition("|")[2].strip()
            for line in finished.stderr.splitlines()
        }
        self.assertIn("needle_tf.models", imported)
        self.assertEmpty(imported & {"keras", "tensorflow", "numpy"})

    def test_names_come_when_they_are_asked_for(self):
        script = (
            "import sys\n"
            "sys.argv, sys.orig_argv = ['-m'], ['-m', 'needle_tf.main']\n"
            "import needle_tf\n"
            "assert 'keras' not in sys.modules\n"
            "needle_tf.embed\n"
            "assert 'keras' in sys.modules\n"
        )
        finished = run("-c", WITHOUT + script)
        self.assertEqual(finished.returncode, 0, finished.stderr[-2000:])


if __name__ == "__main__":
    absltest.main()

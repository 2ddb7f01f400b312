"""Tests of saved embedded models, loaded where nobody knows them."""

import json
import pathlib
import tempfile

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.embedding import convert
from needle_tf.embedding import distances
from tests import fresh_process
from tests.embedding import networks
from tests.embedding import same_function

# Wiring that a file has to keep, each in another space.
SAVED = {
    "nested_two_levels_deep": {"space": "fcn"},
    "shared_layer": {"space": "lcn"},
    "zero_padding": {"space": "lcn"},
    "batch_normalization": {"space": "band", "radius": 1},
    "separable": {"space": "fcn"},
    "skip_by_plus_and_operations": {"space": "band", "radius": 0},
    "several_inputs": {"space": "fcn"},
    "channels_first": {"space": "lcn"},
}

# Only the package is imported: what it registers must be enough, in safe mode.
SCRIPT = """
import json, sys
import keras
import numpy as np
import tensorflow as tf
import needle_tf

folder, names = sys.argv[1], sys.argv[2:]
for name in names:
    images = dict(np.load(f"{folder}/{name}.npz"))
    images = [images[key] for key in sorted(images)]
    images = images if len(images) > 1 else images[0]
    exported = tf.saved_model.load(f"{folder}/{name}")
    found = {"exported": exported.serve(images)}
    model = keras.saving.load_model(f"{folder}/{name}.keras", safe_mode=True)
    found["loaded"] = model(images)
    found["total"] = needle_tf.subspace_distance(model).total
    found["iterations"] = int(model.optimizer.iterations)
    wanted = keras.tree.map_structure(np.zeros_like, found["loaded"])
    model.train_on_batch(images, wanted)
    found["trained"] = model(images)
    arrays = {
        key: np.concatenate(
            [np.ravel(value) for value in keras.tree.flatten(values)]
        ).tolist()
        for key, values in found.items()
    }
    print(json.dumps(arrays))
"""


def embedded(name):
    """An embedded network after two steps of Adam, and its images."""
    model = same_function.fill(networks.NETWORKS[name]())
    model = convert.embed(model, **SAVED[name])
    model.compile(keras.optimizers.Adam(0.01), "mse", run_eagerly=True)
    images = same_function.images_for(model)
    for _ in range(2):
        train(model, images)
    return model, images


def train(model, images):
    wanted = keras.tree.map_structure(np.zeros_like, model(images))
    model.train_on_batch(images, wanted)


def flat(values):
    return np.concatenate(
        [
            np.ravel(keras.ops.convert_to_numpy(value))
            for value in keras.tree.flatten(values)
        ]
    )


class SavingTest(parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = pathlib.Path(
            cls.enterClassContext(tempfile.TemporaryDirectory())
        )
        cls.made = {}
        for name in SAVED:
            model, images = cls.made[name] = embedded(name)
            numbered = {
                str(number): array
                for number, array in enumerate(keras.tree.flatten(images))
            }
            np.savez(folder / f"{name}.npz", **numbered)
            model.save(folder / f"{name}.keras")
            model.export(folder / name, verbose=False)
        printed = fresh_process.run(SCRIPT, folder, folder, *SAVED)
        lines = printed.splitlines()[-len(SAVED) :]
        cls.found = dict(zip(SAVED, map(json.loads, lines), strict=True))

    @parameterized.parameters(*SAVED)
    def test_embedded_network_is_found_again(self, name):
        model, images = self.made[name]
        found = self.found[name]
        answers = flat(model(images))
        for how in ("loaded", "exported"):
            with self.subTest(how):
                np.testing.assert_allclose(found[how], answers, 0, 1e-5)
        total = distances.subspace_distance(model).total
        self.assertGreater(total.delta_cnn, 1e-4)
        np.testing.assert_allclose(found["total"], total, 1e-5)
        # The optimizer goes on where it was: count, slots and all.
        self.assertEqual(found["iterations"], [2])
        train(model, images)
        np.testing.assert_allclose(
            found["trained"], flat(model(images)), 0, 1e-4
        )


if __name__ == "__main__":
    absltest.main()

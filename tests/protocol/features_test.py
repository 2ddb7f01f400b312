"""Tests of the kept features; those of a whole run are in training_test."""

import pathlib

import keras
import numpy as np
from absl.testing import absltest

from needle_tf.protocol import checkpoints
from needle_tf.protocol import features


def network(*layers, shape=(4, 4, 1)):
    return keras.Sequential([keras.Input(shape), *layers])


class FeaturesTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.path = pathlib.Path(self.create_tempdir().full_path)

    def written(self, *models, image_shape=(4, 4, 1)):
        """Writes the features of checkpoints 0, 1, ...; returns the file."""
        for epoch, model in enumerate(models):
            checkpoints.save(model, self.path, epoch)
        features.write(self.path, len(models) - 1, image_shape)
        return self.path / "features.npz"

    def test_dense_kernel_on_all_pixels_is_kept_for_64_units(self):
        models = [
            network(keras.layers.Flatten(), keras.layers.Dense(70, name="one"))
            for _ in range(2)
        ]
        kernels = [m.get_layer("one").kernel.numpy() for m in models]
        with np.load(self.written(*models)) as content:
            for name, kernel in zip(("start", "end"), kernels, strict=True):
                np.testing.assert_array_equal(content[name], kernel[:, :64])
            self.assertEqual(content["image_shape"].tolist(), [4, 4, 1])

    def test_file_that_is_there_stays(self):
        file = self.path / "features.npz"
        file.write_text("kept")
        self.assertEqual(self.written().read_text(), "kept")

    def test_network_that_does_not_look_at_images_leaves_none(self):
        pooled = network(
            keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3)
        )
        self.assertFalse(self.written(pooled, pooled).exists())

    def test_lost_checkpoint_is_named(self):
        with self.assertRaisesRegex(
            ValueError, "epoch_0000.keras is missing or corrupt"
        ):
            features.write(self.path, 1, (4, 4, 1))


if __name__ == "__main__":
    absltest.main()

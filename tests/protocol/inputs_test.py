"""Tests of what goes into a run."""

import pathlib

import keras
import numpy as np
from absl.testing import absltest

from needle_tf.data import loading
from needle_tf.protocol import inputs
from tests.protocol import tiny_runs


class InputsTest(absltest.TestCase):
    def test_data_are_those_of_the_configuration(self):
        data = inputs.load(tiny_runs.config(), None, False)
        self.assertLen(data.train_images, 120)
        self.assertLen(data.test_images, 60)
        direct = loading.load("digits", seed=0, train_size=120, test_size=60)
        self.assertEqual(data.fingerprint(), direct.fingerprint())

    def test_scalar_statistics_are_one_number_for_all_channels(self):
        config = tiny_runs.config(statistics="scalar")
        data = inputs.load(config, None, False)
        pixels = data.train_images.astype("float64")
        np.testing.assert_allclose(data.mean, pixels.mean(), rtol=1e-6)
        np.testing.assert_allclose(data.std, pixels.std(), rtol=1e-6)

    def test_fingerprints_change_with_the_model_file(self):
        file = pathlib.Path(self.create_tempdir().full_path, "my.keras")
        file.write_bytes(b"one")
        config = tiny_runs.config(file)
        one = inputs.fingerprints(config, "abc")
        self.assertEqual(one["data"], "abc")
        file.write_bytes(b"two")
        other = inputs.fingerprints(config, "abc")
        self.assertNotEqual(one["model_file"], other["model_file"])
        self.assertRegex(other["model_file"], "^[0-9a-f]{16}$")

    def test_missing_file_is_named_with_what_to_do(self):
        with self.assertRaisesRegex(
            ValueError, "there is no file nowhere.npz. Name another."
        ):
            inputs.of_file("nowhere.npz", "Name another.")

    def test_precision_is_given_back(self):
        before = keras.config.dtype_policy()
        with self.assertRaisesRegex(RuntimeError, "inside"):
            with inputs.precision("mixed_bfloat16"):
                self.assertEqual(
                    keras.config.dtype_policy().compute_dtype, "bfloat16"
                )
                raise RuntimeError("inside")
        self.assertEqual(keras.config.dtype_policy(), before)


if __name__ == "__main__":
    absltest.main()

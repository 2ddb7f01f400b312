"""Tests of loading any data set by its name."""

import inspect
import os
import pathlib
from unittest import mock

import numpy as np
import PIL.Image
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.data import digits
from needle_tf.data import loading
from tests.data import prepared_sets
from tests.data import unpacked_sets

EVERY_ARGUMENT = {
    "data_dir": "/data",
    "download": True,
    "train_size": 20,
    "test_size": 10,
    "image_size": 8,
    "canvas_size": 12,
    "clutter_pieces": 1,
    "piece_size": 3,
}


class DispatchTest(parameterized.TestCase):
    def test_cluttered_digits_take_all_their_arguments(self):
        settings = {
            "train_size": 20,
            "test_size": 10,
            "canvas_size": 12,
            "clutter_pieces": 1,
            "piece_size": 3,
        }
        data = loading.load("cluttered_digits", seed=4, **settings)
        expected = digits.cluttered_digits(seed=4, **settings)
        self.assertEqual(data.name, "cluttered_digits")
        self.assertEqual(data.fingerprint(), expected.fingerprint())

    def test_defaults_are_those_of_the_set(self):
        self.assertEqual(
            loading.load("cluttered_digits").fingerprint(),
            digits.cluttered_digits(seed=0).fingerprint(),
        )

    def test_no_clutter_is_not_the_default_clutter(self):
        bare = loading.load("cluttered_digits", clutter_pieces=0)
        expected = digits.cluttered_digits(seed=0, clutter_pieces=0)
        self.assertEqual(bare.fingerprint(), expected.fingerprint())

    def test_digits_take_sizes(self):
        data = loading.load("digits", seed=2, train_size=50)
        expected = digits.plain_digits(seed=2, train_size=50)
        self.assertEqual(data.name, "digits")
        self.assertEqual(data.fingerprint(), expected.fingerprint())

    def test_image_folder_takes_its_folder(self):
        folder = pathlib.Path(self.create_tempdir().full_path)
        for name in ("a", "b"):
            (folder / name).mkdir()
            for row in range(5):
                pixels = np.full((4, 4, 3), row, "uint8")
                PIL.Image.fromarray(pixels).save(folder / name / f"{row}.png")
        data = loading.load(
            "image_folder",
            data_dir=str(folder),
            image_size=2,
            train_size=4,
            test_size=2,
        )
        self.assertEqual(data.train_images.shape, (4, 2, 2, 3))
        self.assertLen(data.test_images, 2)

    def test_tiny_imagenet_takes_its_folder(self):
        folder = pathlib.Path(self.create_tempdir().full_path)
        unpacked_sets.write_tiny_imagenet(folder)
        data = loading.load(
            "tiny_imagenet",
            data_dir=str(folder),
            image_size=4,
            train_size=6,
            test_size=3,
        )
        self.assertEqual(data.name, "tiny_imagenet")
        self.assertEqual(data.train_images.shape, (6, 4, 4, 3))
        self.assertLen(data.test_images, 3)

    def test_every_other_name_is_asked_of_the_prepared_sets(self):
        folder = self.create_tempdir().full_path
        prepared_sets.prepare(folder)
        data = loading.load(
            "tiny_shapes:1.0.0", data_dir=folder, image_size=4, train_size=6
        )
        self.assertEqual(data.name, "tiny_shapes:1.0.0")
        self.assertEqual(data.train_images.shape, (6, 4, 4, 3))

    def test_seed_reaches_every_set(self):
        for name in ("cluttered_digits", "digits"):
            one, other = (loading.load(name, seed=seed) for seed in (0, 1))
            self.assertNotEqual(one.fingerprint(), other.fingerprint())


class RefusalTest(parameterized.TestCase):
    @parameterized.parameters(
        "cluttered_digits", "digits", "image_folder", "tiny_imagenet", "mnist"
    )
    def test_every_argument_is_read_or_refused(self, dataset):
        read = loading.arguments_read_by(dataset)
        self.assertContainsSubset(read, EVERY_ARGUMENT)
        for name, value in EVERY_ARGUMENT.items():
            if name in read:
                loading.refuse_ignored(dataset, [name])
                continue
            with self.assertRaisesRegex(
                ValueError,
                f"--dataset={dataset} would ignore --{name}: it reads "
                f".*--{read[-1]}. Leave away what is ignored",
            ):
                loading.load(dataset, **{name: value})

    def test_no_argument_of_load_is_forgotten_here(self):
        parameters = inspect.signature(loading.load).parameters
        self.assertEqual(
            parameters.keys() - {"dataset", "seed"}, EVERY_ARGUMENT.keys()
        )

    def test_all_ignored_arguments_are_named_at_once(self):
        with self.assertRaisesRegex(
            ValueError,
            "--dataset=digits would ignore --data_dir, --canvas_size",
        ):
            loading.load("digits", data_dir="/data", canvas_size=20)

    def test_misspelled_name_gets_a_suggestion(self):
        with self.assertRaisesRegex(
            ValueError, r"Did you mean --dataset=cluttered_digits\?$"
        ):
            loading.load("clutered_digits", canvas_size=20)

    @parameterized.parameters("image_folder", "tiny_imagenet")
    def test_folder_set_without_a_folder_is_refused(self, dataset):
        # The variable names a folder of TFDS, not of images.
        with mock.patch.dict(os.environ, {"TFDS_DATA_DIR": "/data"}):
            with self.assertRaisesRegex(
                ValueError, f"{dataset} reads .* Give its path as --data_dir"
            ):
                loading.load(dataset)

    def test_unknown_name_without_a_folder_is_refused(self):
        with mock.patch.dict(os.environ):
            os.environ.pop("TFDS_DATA_DIR", None)
            with self.assertRaisesRegex(
                ValueError, "'mnist' is read from a folder prepared by TFDS"
            ):
                loading.load("mnist")

    @parameterized.parameters(-1, 1.5, 2**63)
    def test_bad_seed_is_refused(self, seed):
        with self.assertRaisesRegex(
            ValueError, f"`seed` must be an integer .* seed={seed}"
        ):
            loading.load("digits", seed=seed)


if __name__ == "__main__":
    absltest.main()

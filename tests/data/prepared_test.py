"""Tests of finding prepared sets, and of what is said when there are none."""

import os
import pathlib
from unittest import mock

import numpy as np
import tensorflow_datasets as tfds
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.data import prepared
from tests.data import prepared_sets

# Prepared sets beside a working copy of the project; tried where present.
SHARED = pathlib.Path(__file__).parents[3] / "shared" / "tfds"


class FolderTestCase(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.data_dir = pathlib.Path(self.create_tempdir().full_path)
        # The user's own variable must not leak into the tests.
        self.enter_context(mock.patch.dict(os.environ))
        os.environ.pop("TFDS_DATA_DIR", None)

    def pretend(self, *paths):
        """Makes folders that look prepared, without any data."""
        for path in paths:
            (self.data_dir / path).mkdir(parents=True)
            (self.data_dir / path / "dataset_info.json").write_text("{}")

    def refuses(self, message, name, **arguments):
        arguments = {"data_dir": self.data_dir} | arguments
        with self.assertRaisesRegex(ValueError, message):
            prepared.tfds_images(name, **arguments)


class LoadingTest(FolderTestCase):
    def test_set_comes_as_it_was_prepared(self):
        prepared_sets.prepare(self.data_dir)
        data = prepared.tfds_images("tiny_shapes", self.data_dir)
        for images, labels, count, seed in (
            (data.train_images, data.train_labels, 30, 0),
            (data.test_images, data.test_labels, 12, 1),
        ):
            expected = prepared_sets.examples(count, seed=seed)
            np.testing.assert_array_equal(images, expected[0])
            np.testing.assert_array_equal(labels, expected[1])
        self.assertEqual(data.class_names, ("ant", "bee", "cow"))
        self.assertEqual(
            data.source, "TFDS tiny_shapes:1.0.0, splits train and test"
        )

    def test_smaller_sizes_take_every_class_of_a_sorted_set(self):
        prepared_sets.prepare(self.data_dir)
        one, same, other = (
            prepared.tfds_images(
                "tiny_shapes",
                self.data_dir,
                seed=seed,
                train_size=9,
                test_size=6,
            )
            for seed in (0, 0, 1)
        )
        np.testing.assert_array_equal(np.bincount(one.train_labels), [3] * 3)
        np.testing.assert_array_equal(np.bincount(one.test_labels), [2] * 3)
        self.assertEqual(one.fingerprint(), same.fingerprint())
        self.assertNotEqual(one.fingerprint(), other.fingerprint())
        # Each image still has its own label.
        pixels, labels = prepared_sets.examples(30)
        label_of = dict(
            zip((one.tobytes() for one in pixels), labels, strict=True)
        )
        for image, label in zip(
            one.train_images, one.train_labels, strict=True
        ):
            self.assertEqual(label_of[image.tobytes()], label)

    def test_images_are_resized(self):
        prepared_sets.prepare(self.data_dir)
        data = prepared.tfds_images(
            "tiny_shapes", self.data_dir, image_size=(4, 3)
        )
        self.assertEqual(data.input_shape, (4, 3, 3))

    def test_folder_is_taken_from_the_environment_at_the_call(self):
        prepared_sets.prepare(self.data_dir)
        os.environ["TFDS_DATA_DIR"] = str(self.data_dir)
        self.assertLen(prepared.tfds_images("tiny_shapes").train_images, 30)

    def test_given_folder_comes_before_the_environment(self):
        os.environ["TFDS_DATA_DIR"] = "/no/where"
        prepared_sets.prepare(self.data_dir)
        prepared.tfds_images("tiny_shapes", self.data_dir)

    def test_download_of_what_is_there_downloads_nothing(self):
        prepared_sets.prepare(self.data_dir)
        with mock.patch.object(tfds, "builder") as builder:
            prepared.tfds_images("tiny_shapes", self.data_dir, download=True)
        builder.assert_not_called()


class FindTest(FolderTestCase):
    def setUp(self):
        super().setUp()
        self.pretend(
            "mnist/3.9.0",
            "mnist/3.10.0",
            "mnist/incomplete.XYZ_4.0.0",
            "pets/small/1.0.0",
            "birds/left/1.0.0",
            "birds/right/1.0.0",
            "birds/right/2.0.0",
            "cats/2.0.0",
            "cats/big/3.0.0",
        )

    @parameterized.parameters(
        ("mnist", "mnist/3.10.0"),
        ("mnist:3.9.0", "mnist/3.9.0"),
        ("pets", "pets/small/1.0.0"),
        ("pets/small", "pets/small/1.0.0"),
        ("birds/right", "birds/right/2.0.0"),
        ("birds/right:1.0.0", "birds/right/1.0.0"),
        ("birds:2.0.0", "birds/right/2.0.0"),
        ("cats", "cats/2.0.0"),
        ("cats/big", "cats/big/3.0.0"),
    )
    def test_highest_fitting_version_is_found(self, name, path):
        found = prepared.find(name, self.data_dir)
        self.assertEqual(found.path, self.data_dir / path)

    @parameterized.parameters("mnis", "mnist:1.0.0", "mnist/small", "", ".")
    def test_what_is_not_there_is_not_found(self, name):
        self.assertIsNone(prepared.find(name, self.data_dir))

    def test_several_configs_are_offered(self):
        with self.assertRaisesRegex(
            ValueError,
            "'birds' is prepared in several configs. Choose one: "
            "--dataset=birds/left, --dataset=birds/right",
        ):
            prepared.find("birds", self.data_dir)

    def test_all_are_listed_by_name_and_version(self):
        self.assertEqual(
            [str(one) for one in prepared.prepared_in(self.data_dir)],
            [
                "birds/left:1.0.0",
                "birds/right:1.0.0",
                "birds/right:2.0.0",
                "cats:2.0.0",
                "cats/big:3.0.0",
                "mnist:3.9.0",
                "mnist:3.10.0",
                "pets/small:1.0.0",
            ],
        )


class NotPreparedTest(FolderTestCase):
    def test_message_says_where_what_and_how(self):
        self.pretend("mnist/3.0.1", "cifar10/3.0.2")
        with self.assertRaises(ValueError) as caught:
            prepared.tfds_images("cifar11", self.data_dir)
        folder = self.data_dir
        self.assertEqual(
            str(caught.exception),
            f"data set 'cifar11' is not prepared in {folder}. Did you mean "
            "--dataset=cifar10?\n"
            f"  looked for: {folder}/cifar11/<version>/dataset_info.json\n"
            "  Either point --data_dir (or $TFDS_DATA_DIR) at a folder "
            "prepared by TFDS,\n"
            "  or run once with network access and --download.\n"
            "  Prepared there now: cifar10:3.0.2, mnist:3.0.1",
        )

    def test_other_version_than_there_is(self):
        self.pretend("mnist/3.0.1")
        self.refuses(
            r"'mnist:1\.0\.0' is not prepared in (?s:.*)/mnist/1\.0\.0/dataset_"
            r"info\.json(?s:.*)Prepared there now: mnist:3\.0\.1$",
            "mnist:1.0.0",
        )

    def test_own_sets_are_suggested_too(self):
        self.refuses(
            "Did you mean --dataset=cluttered_digits?", "clutered_digits"
        )

    def test_empty_and_missing_folders_are_told_apart(self):
        self.refuses("Prepared there now: nothing$", "mnist")
        self.refuses("There is no such folder", "mnist", data_dir="/no/where")

    @parameterized.parameters("mnist", "mnist/3.0.1")
    def test_folder_of_the_set_itself_is_recognised(self, inside):
        self.pretend("mnist/3.0.1")
        self.refuses(
            "This folder is a prepared set itself: --data_dir is the folder "
            "above its name",
            "mnist",
            data_dir=self.data_dir / inside,
        )

    def test_no_folder_at_all(self):
        self.refuses(
            r"'mnist' is read from a folder prepared by TFDS\. Give its path "
            r"as --data_dir or in \$TFDS_DATA_DIR\. Without any files: "
            "--dataset=cluttered_digits or --dataset=digits.$",
            "mnist",
            data_dir=None,
        )
        self.refuses(
            r"Did you mean --dataset=digits\?$", "digit", data_dir=None
        )

    def test_nothing_is_asked_of_tfds(self):
        with mock.patch.dict("sys.modules", {"tensorflow_datasets": None}):
            self.refuses("is not prepared", "mnist")


class DownloadTest(FolderTestCase):
    def test_asked_for_it_prepares_and_loads(self):
        def builder(name, data_dir):
            self.assertEqual(name, "mnist:3.0.1")
            made = mock.Mock()
            made.download_and_prepare = lambda: prepared_sets.prepare(
                data_dir, name="mnist", version="3.0.1"
            )
            return made

        with mock.patch.object(tfds, "builder", builder):
            data = prepared.tfds_images(
                "mnist:3.0.1", self.data_dir, download=True
            )
        self.assertLen(data.train_images, 30)

    def test_failure_is_told_in_one_line(self):
        with mock.patch.object(tfds, "builder") as builder:
            builder.return_value.download_and_prepare.side_effect = (
                ConnectionError("no route to host\nmany\nlines")
            )
            self.refuses(
                r"^TFDS could not download and prepare 'mnist' in .*: no route "
                r"to host\. Check the network and that the folder can be "
                r"written, or point --data_dir at a prepared one\.$",
                "mnist",
                download=True,
            )

    def test_unknown_name_gets_a_suggestion_and_no_catalogue(self):
        self.refuses(
            r"^TFDS has no data set 'cifar11' to download\. Did you mean "
            r"--dataset=cifar10.*\?$",
            "cifar11",
            download=True,
        )
        self.refuses(
            r"^TFDS has no data set 'qqqqq' to download\. Check the name\.$",
            "qqqqq",
            download=True,
        )


@absltest.skipUnless(SHARED.is_dir(), "no prepared sets beside this copy")
class SharedSetsTest(absltest.TestCase):
    def test_cifar10_sorted_by_class_gives_every_class(self):
        data = prepared.tfds_images(
            "cifar10:3.0.2", SHARED, train_size=1000, test_size=200
        )
        self.assertEqual(data.input_shape, (32, 32, 3))
        self.assertEqual(data.class_names[:2], ("airplane", "automobile"))
        np.testing.assert_array_equal(np.bincount(data.train_labels), 100)
        np.testing.assert_array_equal(np.bincount(data.test_labels), 20)
        # The set's published mean colour; 1,000 images tell it to a few units.
        np.testing.assert_allclose(data.mean, [125.3, 123.0, 113.9], atol=5)


if __name__ == "__main__":
    absltest.main()

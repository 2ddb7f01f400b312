"""Tests of the labelled set of images and its statistics."""

import dataclasses

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.data import images


def build(**changes):
    """A small set of 5 and 3 images, 4x3 pixels, 2 channels, 3 classes."""
    rng = np.random.default_rng(0)
    fields = {
        "name": "tiny",
        "train_images": rng.integers(0, 256, (5, 4, 3, 2), "uint8"),
        "train_labels": np.array([0, 1, 2, 0, 1], "int32"),
        "test_images": rng.integers(0, 256, (3, 4, 3, 2), "uint8"),
        "test_labels": np.array([2, 1, 0], "int32"),
        "class_names": ("ant", "bee", "cow"),
    }
    return images.ImageData(**(fields | changes))


class StatisticsTest(parameterized.TestCase):
    @parameterized.parameters("uint8", "float32")
    def test_mean_and_std_are_those_of_the_training_images(self, dtype):
        rng = np.random.default_rng(0)
        # More images than are summed in one piece; large mean, small std.
        pixels = rng.normal(200, [3, 9], (2500, 4, 3, 2)).astype(dtype)
        labels = np.zeros(2500, "int32")
        data = build(
            train_images=pixels,
            train_labels=labels,
            test_images=pixels[:3] // 2,
        )
        exact = pixels.astype("float64")
        np.testing.assert_allclose(
            data.mean, exact.mean(axis=(0, 1, 2)), rtol=1e-6
        )
        np.testing.assert_allclose(
            data.std, exact.std(axis=(0, 1, 2)), rtol=1e-6
        )
        self.assertEqual((data.mean.dtype, data.mean.shape), ("float32", (2,)))
        self.assertEqual((data.std.dtype, data.std.shape), ("float32", (2,)))

    def test_constant_channel_has_std_one(self):
        pixels = build().train_images.copy()
        pixels[..., 1] = 7
        data = build(train_images=pixels)
        self.assertEqual(data.mean[1], 7)
        self.assertEqual(data.std[1], 1)
        self.assertNotEqual(data.std[0], 1)

    def test_given_statistics_are_those_taken(self):
        data = build(statistics=([1, 2], np.array([3, 0], "float32")))
        np.testing.assert_array_equal(data.mean, [1, 2])
        # As everywhere, a constant channel is not divided by 0.
        np.testing.assert_array_equal(data.std, [3, 1])
        np.testing.assert_array_equal(data.moments[1], [3, 0])
        self.assertEqual(data.mean.dtype, "float32")

    @parameterized.parameters("uint8", "float32")
    def test_scalar_statistics_are_those_of_all_pixels(self, dtype):
        rng = np.random.default_rng(0)
        pixels = rng.normal([40, 200], [3, 9], (2500, 4, 3, 2)).astype(dtype)
        pixels[..., 0] = np.clip(pixels[..., 0], 0, 255)
        data = build(
            train_images=pixels,
            train_labels=np.zeros(2500, "int32"),
            test_images=pixels[:3],
        )
        scalar = data.with_scalar_statistics()
        exact = pixels.astype("float64")
        np.testing.assert_allclose(scalar.mean, [exact.mean()] * 2, rtol=1e-6)
        np.testing.assert_allclose(scalar.std, [exact.std()] * 2, rtol=1e-6)
        self.assertIs(scalar.train_images, data.train_images)
        self.assertIs(scalar.test_images, data.test_images)
        # Of a set that has them already they are what they are.
        again = scalar.with_scalar_statistics()
        np.testing.assert_array_equal(again.mean, scalar.mean)
        np.testing.assert_array_equal(again.std, scalar.std)

    def test_constant_channel_counts_in_scalar_statistics(self):
        pixels = build().train_images.copy()
        pixels[..., 1] = 7
        scalar = build(train_images=pixels).with_scalar_statistics()
        np.testing.assert_allclose(scalar.std, [pixels.std()] * 2, rtol=1e-6)

    def test_shape_and_classes_are_read_off(self):
        self.assertEqual(build().input_shape, (4, 3, 2))
        self.assertEqual(build().num_classes, 3)

    def test_class_names_become_a_tuple(self):
        self.assertEqual(
            build(class_names=["a", "b", "c"]).class_names, ("a", "b", "c")
        )


class FingerprintTest(parameterized.TestCase):
    def test_equal_sets_have_equal_fingerprints(self):
        self.assertEqual(build().fingerprint(), build().fingerprint())
        self.assertRegex(build().fingerprint(), "^[0-9a-f]{16}$")

    def test_it_is_the_same_in_every_process(self):
        # Written down once: a run folder may be resumed years later.
        data = build(
            train_images=np.arange(120, dtype="uint8").reshape(5, 4, 3, 2),
            test_images=np.zeros((3, 4, 3, 2), "uint8"),
        )
        self.assertEqual(data.fingerprint(), "d6e0927f49ef7355")

    def test_memory_layout_does_not_count(self):
        data = build()
        other = build(train_images=np.asfortranarray(data.train_images))
        self.assertEqual(data.fingerprint(), other.fingerprint())

    @parameterized.parameters(
        "train_images", "train_labels", "test_images", "test_labels"
    )
    def test_one_changed_value_changes_it(self, field):
        data = build()
        values = getattr(data, field).copy()
        values.flat[0] = (values.flat[0] + 1) % 3
        changed = dataclasses.replace(data, **{field: values})
        self.assertNotEqual(data.fingerprint(), changed.fingerprint())

    def test_other_statistics_change_it_and_equal_ones_do_not(self):
        data = build()
        scalar = data.with_scalar_statistics()
        self.assertNotEqual(data.fingerprint(), scalar.fingerprint())
        self.assertEqual(
            scalar.fingerprint(), build().with_scalar_statistics().fingerprint()
        )
        self.assertNotEqual(
            scalar.fingerprint(),
            build(statistics=([0, 0], [1, 1])).fingerprint(),
        )

    def test_other_class_names_change_it(self):
        other = build(class_names=("ant", "bee", "dog"))
        self.assertNotEqual(build().fingerprint(), other.fingerprint())


class ValidationTest(parameterized.TestCase):
    @parameterized.parameters(
        (
            {"train_images": np.zeros((5, 4, 3), "uint8")},
            r"`train_images` must have shape \(count, height, width, channels\)"
            r", none of them 0\. Received: shape=\(5, 4, 3\)",
        ),
        (
            {"test_images": np.zeros((0, 4, 3, 2), "uint8")},
            r"`test_images` .* Received: shape=\(0, 4, 3, 2\)",
        ),
        (
            {"train_images": np.zeros((5, 4, 3, 2), "float64")},
            "`train_images` must be one of uint8, float32. Received: "
            "dtype=float64",
        ),
        (
            {"train_images": np.full((5, 4, 3, 2), np.nan, "float32")},
            "`train_images` must be finite. Received: 120 pixels",
        ),
        (
            {"test_images": np.zeros((3, 3, 4, 2), "uint8")},
            r"one shape and dtype. Received: \(\(4, 3, 2\), 'uint8'\) to train "
            r"and \(\(3, 4, 2\), 'uint8'\) to test on",
        ),
        (
            {"test_images": np.zeros((3, 4, 3, 2), "float32")},
            "'uint8'.* to train and .*'float32'",
        ),
        (
            {"train_labels": np.zeros(4, "int32")},
            r"`train_labels` must be int32 of shape \(5,\), one label per image"
            r". Received: dtype=int32, shape=\(4,\)",
        ),
        (
            {"test_labels": np.zeros(3, "int64")},
            r"`test_labels` must be int32 .* dtype=int64",
        ),
        (
            {"train_labels": np.array([0, 1, 2, 3, 0], "int32")},
            r"`train_labels` must lie in \[0, 3\), the number of class names. "
            "Received: labels from 0 to 3",
        ),
        (
            {"test_labels": np.array([0, -1, 2], "int32")},
            "`test_labels` must lie .* labels from -1 to 2",
        ),
        (
            {"class_names": ("all",)},
            r"at least two different names. Received: \('all',\)",
        ),
        ({"class_names": ("a", "b", "a")}, "at least two different names"),
        (
            {"statistics": ([0], [1, 1])},
            r"`statistics` must be a mean and a standard deviation, finite "
            r"numbers of shape \(2,\).*Received: shapes \(1,\) and \(2,\)\.",
        ),
        (
            {"statistics": ([0, np.nan], [1, 1])},
            r"shapes \(2,\) and \(2,\), some NaN or infinite",
        ),
        (
            {"statistics": ([0, 0], [1, -2])},
            r"standard deviations of at least 0\. Received: -2\.0",
        ),
    )
    def test_arrays_that_do_not_fit_are_refused(self, changes, message):
        with self.assertRaisesRegex(ValueError, message):
            build(**changes)

    def test_fields_cannot_be_set_anew(self):
        with self.assertRaisesRegex(dataclasses.FrozenInstanceError, "name"):
            build().name = "other"


if __name__ == "__main__":
    absltest.main()

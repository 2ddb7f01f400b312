"""Tests of the batches, against their re-statement in NumPy."""

import gc
import hashlib
from unittest import mock

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from needle_tf.data import batches
from needle_tf.data import digits
from tests import fresh_process
from tests.data import numbered_sets


def assert_same(one, other):
    for left, right in zip(one, other, strict=True):
        np.testing.assert_array_equal(left[0], right[0])
        np.testing.assert_array_equal(left[1], right[1])


class PlainBatchesTest(parameterized.TestCase):
    # Each example traces a pipeline anew; a dozen covers the shapes' corners.
    @settings(max_examples=12)
    @given(
        count=st.integers(2, 9),
        batch_size=st.integers(1, 11),
        dtype=st.sampled_from(["uint8", "float32"]),
    )
    def test_epoch_gives_each_standardised_image_once(
        self, count, batch_size, dtype
    ):
        data = numbered_sets.build(count, dtype=dtype)
        steps = batches.steps_per_epoch(data, batch_size)
        got = numbered_sets.run(data, 3, 4, batch_size)
        self.assertLen(got, steps)
        sizes = [len(labels) for _, labels in got]
        self.assertEqual(sizes[:-1], [batch_size] * (steps - 1))
        rows = np.concatenate([labels for _, labels in got])
        np.testing.assert_array_equal(np.sort(rows), np.arange(count))
        # Float32: rounded three times, at values of up to 2.
        np.testing.assert_allclose(
            np.concatenate([pixels for pixels, _ in got]),
            numbered_sets.standardised(data, data.train_images[rows]),
            atol=1e-6,
        )

    def test_batches_are_float32_and_labels_int32_of_known_shapes(self):
        dataset = batches.training_batches(
            numbered_sets.build(),
            batch_size=4,
            seed=0,
            first_epoch=0,
            last_epoch=3,
            flip=True,
        )
        pixels, labels = dataset.element_spec
        self.assertEqual(pixels, tf.TensorSpec((None, 5, 4, 2), "float32"))
        self.assertEqual(labels, tf.TensorSpec((None,), "int32"))
        self.assertLen(dataset, 9)

    def test_training_images_have_mean_0_and_std_1_per_channel(self):
        data = digits.cluttered_digits(seed=0, train_size=500, test_size=10)
        pixels = np.concatenate(
            [pixels for pixels, _ in numbered_sets.run(data, 0, 1, 100)]
        )
        self.assertAlmostEqual(pixels.mean(), 0, places=5)
        self.assertAlmostEqual(pixels.std(), 1, places=5)

    def test_no_epochs_give_no_batches(self):
        self.assertEmpty(numbered_sets.run(numbered_sets.build(), 2, 2))

    def test_test_batches_keep_order_and_take_the_training_statistics(self):
        data = numbered_sets.build()
        dataset = batches.test_batches(data, batch_size=3)
        got = list(dataset.as_numpy_iterator())
        self.assertEqual([len(labels) for _, labels in got], [3, 3, 1])
        self.assertLen(dataset, 3)
        np.testing.assert_array_equal(
            np.concatenate([labels for _, labels in got]), data.test_labels
        )
        np.testing.assert_allclose(
            np.concatenate([pixels for pixels, _ in got]),
            numbered_sets.standardised(data, data.test_images),
            atol=1e-6,
        )


def digests():
    """One word about each kind of augmentation: all pixels of three epochs."""
    words = []
    for _, augmentation in numbered_sets.AUGMENTATIONS:
        digest = hashlib.sha256()
        for pixels, labels in numbered_sets.run(
            numbered_sets.build(), 0, 3, **augmentation
        ):
            digest.update(pixels.tobytes() + labels.tobytes())
        words.append(digest.hexdigest())
    return words


class OrderTest(parameterized.TestCase):
    @parameterized.named_parameters(*numbered_sets.AUGMENTATIONS)
    def test_starting_late_gives_what_a_run_from_the_start_gives(
        self, augmentation
    ):
        data = numbered_sets.build()
        whole = numbered_sets.run(data, 0, 5, **augmentation)
        steps = batches.steps_per_epoch(data, 4)
        for first in (1, 3):
            late = numbered_sets.run(data, first, 5, **augmentation)
            assert_same(whole[first * steps :], late)

    @parameterized.named_parameters(*numbered_sets.AUGMENTATIONS)
    def test_runs_of_one_seed_are_equal_and_of_two_are_not(self, augmentation):
        data = numbered_sets.build()
        one, same, other = (
            numbered_sets.run(data, seed=seed, **augmentation)
            for seed in (1, 1, 2)
        )
        assert_same(one, same)
        self.assertFalse(np.array_equal(one[0][1], other[0][1]))

    def test_deterministic_tensorflow_in_another_process_gives_the_same(self):
        # A process of its own: TensorFlow cannot be set back.
        program = (
            "import tensorflow as tf\n"
            "from tests.data import batches_test\n"
            "tf.config.experimental.enable_op_determinism()\n"
            "print(*batches_test.digests())\n"
        )
        folder = self.create_tempdir().full_path
        printed = fresh_process.run(program, folder)
        self.assertEqual(printed.split(), digests())

    def test_epochs_differ_in_their_order(self):
        data = numbered_sets.build()
        orders = {
            tuple(
                np.concatenate(
                    [labels for _, labels in numbered_sets.run(data, e, e + 1)]
                )
            )
            for e in range(6)
        }
        self.assertLen(orders, 6)

    def test_every_image_comes_everywhere_in_the_long_run(self):
        data = numbered_sets.build(4)
        labels = [
            labels
            for _, labels in numbered_sets.run(data, 0, 400, batch_size=4)
        ]
        for place in np.transpose(labels):
            # 100 each; the standard deviation is 8.7.
            np.testing.assert_allclose(np.bincount(place), 100, atol=40)

    def test_largest_seed_works(self):
        self.assertLen(
            numbered_sets.run(numbered_sets.build(), seed=2**63 - 1), 6
        )


class MemoryTest(parameterized.TestCase):
    @parameterized.named_parameters(*numbered_sets.AUGMENTATIONS)
    def test_images_that_are_not_held_as_float32_give_the_same_numbers(
        self, augmentation
    ):
        held = numbered_sets.run(numbered_sets.build(), **augmentation)
        with mock.patch.object(batches, "_has_room", lambda count: False):
            assert_same(
                held, numbered_sets.run(numbered_sets.build(), **augmentation)
            )

    def test_room_is_a_share_of_the_free_memory(self):
        with mock.patch.object(batches.memory, "available_bytes", lambda: 4000):
            self.assertTrue(batches._has_room(1000))
            self.assertFalse(batches._has_room(1001))

    def test_stages_share_one_copy_that_goes_with_its_set(self):
        data = numbered_sets.build()
        first = batches._Source.of(data, "train")
        numbered_sets.run(data)
        numbered_sets.run(data, 3, 5, flip=True)
        self.assertIs(batches._Source.of(data, "train"), first)
        self.assertIsNot(
            batches._Source.of(numbered_sets.build(), "train"), first
        )
        known = len(batches._SOURCES)
        del data
        gc.collect()
        self.assertLess(len(batches._SOURCES), known)


class TrainingTest(absltest.TestCase):
    def test_keras_trains_on_them_from_any_epoch(self):
        data = digits.cluttered_digits(seed=0, train_size=130, test_size=20)
        steps = batches.steps_per_epoch(data, 50)
        self.assertEqual(steps, 3)

        def fit(model, first, last):
            return model.fit(
                batches.training_batches(
                    data,
                    batch_size=50,
                    seed=0,
                    first_epoch=first,
                    last_epoch=last,
                ),
                initial_epoch=first,
                epochs=last,
                steps_per_epoch=steps,
                validation_data=batches.test_batches(data, batch_size=8),
                shuffle=False,
                verbose=0,
            ).history

        keras.utils.set_random_seed(0)
        whole = keras.Sequential(
            [keras.Input((16, 16, 1)), keras.layers.Flatten()]
            + [keras.layers.Dense(10)]
        )
        parts = keras.models.clone_model(whole)
        parts.set_weights(whole.get_weights())
        for model in (whole, parts):
            model.compile(
                "sgd",
                keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            )
        history = fit(whole, 0, 4)
        fit(parts, 0, 2)
        resumed = fit(parts, 2, 4)
        self.assertLen(history["loss"], 4)
        self.assertLess(history["loss"][-1], history["loss"][0])
        for key in ("loss", "val_loss"):
            np.testing.assert_allclose(
                history[key][2:], resumed[key], rtol=1e-5
            )


class RefusalTest(parameterized.TestCase):
    @parameterized.parameters(
        ({"batch_size": 0}, "`batch_size` must be an integer of at least 1"),
        ({"seed": -1}, "`seed` must be an integer from 0"),
        ({"first": -1}, "`first_epoch` must be an integer of at least 0"),
        (
            {"first": 3, "last": 2},
            "`last_epoch` must be an integer of at least 3. Received: "
            "last_epoch=2",
        ),
        (
            {"crop_padding": 4},
            "`crop_padding` must be an integer from 0 to 3. Received: "
            "crop_padding=4",
        ),
        ({"crop_padding": -1}, "`crop_padding` must be an integer from 0"),
        (
            {"crop_fill": "wrap"},
            "`crop_fill` must be one of mean, reflect: .* Received: "
            "crop_fill='wrap'",
        ),
    )
    def test_arguments_out_of_range_are_refused(self, changes, message):
        with self.assertRaisesRegex(ValueError, message):
            numbered_sets.run(numbered_sets.build(), **changes)

    def test_batch_size_is_checked_everywhere(self):
        for function in (batches.steps_per_epoch, self.of_test):
            with self.assertRaisesRegex(
                ValueError, "`batch_size` must .* Received: batch_size=2.5"
            ):
                function(numbered_sets.build(), 2.5)

    def of_test(self, data, batch_size):
        return batches.test_batches(data, batch_size=batch_size)


if __name__ == "__main__":
    absltest.main()

"""Tests of the distance's callback: the event file is read back."""

from unittest import mock

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.callbacks import subspace_distance
from needle_tf.callbacks import tags
from needle_tf.embedding import convert
from needle_tf.embedding import distances
from tests.callbacks import event_files
from tests.callbacks import small_fits

STEPS = small_fits.STEPS
SubspaceDistance = subspace_distance.SubspaceDistance


def relaxed(space="fcn", learning_rate=0.1, **settings):
    """The small network, embedded and compiled."""
    # Eager: nothing to compile for a handful of steps.
    settings.setdefault("run_eagerly", "steps_per_execution" not in settings)
    model = convert.embed(small_fits.network(), space)
    model.compile(
        keras.optimizers.SGD(learning_rate),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        **settings,
    )
    return model


def nested():
    """A model with an untied layer in a nested one, and one without bias."""
    inside = keras.Input((6, 6, 2))
    conv = keras.layers.Conv2D(1, 3, use_bias=False, name="conv")
    inner = keras.Model(inside, conv(inside), name="inner")
    images = keras.Input((6, 6, 1))
    features = keras.layers.Conv2D(2, 3, padding="same", name="first")(images)
    features = keras.layers.Flatten()(inner(features))
    model = convert.embed(keras.Model(images, keras.layers.Dense(3)(features)))
    model.compile(
        "sgd",
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        run_eagerly=True,
    )
    return model


def steps_of(events, tag=tags.SUBSPACE_DELTA_CNN):
    return [step for step, _ in events[tag]]


class EventsTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path

    def read(self):
        return event_files.scalars(self.folder)

    @parameterized.parameters("fcn", "lcn")
    def test_every_distance_of_start_and_epochs_is_in_the_file(self, space):
        model = relaxed(space)
        callback = SubspaceDistance(self.folder)
        small_fits.fit(model, callback, epochs=2)
        events = self.read()
        self.assertCountEqual(
            events,
            [
                *tags.SUBSPACE,
                *(tags.of_layer(tag, "conv") for tag in tags.SUBSPACE),
                tags.of_layer(tags.SUBSPACE_BIAS_SHARE, "conv"),
            ],
        )
        for tag in events:
            self.assertEqual(steps_of(events, tag), [0, STEPS, 2 * STEPS])
        self.check_last_values(events, model)
        # The embedded CNN was exactly in its subspace, and then left it.
        for tag, values in events.items():
            self.assertEqual(values[0][1], 0.0)
            off_local = tag.endswith("/delta") or "_delta/" in tag
            leaves = space == "fcn" or not off_local
            self.assertEqual(values[-1][1] > 0, leaves, tag)

    def check_last_values(self, events, model):
        now = distances.subspace_distance(model)
        expected = dict(zip(tags.SUBSPACE, now.total, strict=True))
        for name, layer in now.layers.items():
            for tag, value in zip(tags.SUBSPACE, layer, strict=True):
                expected[tags.of_layer(tag, name)] = value
        for name, share in now.biases.items():
            tag = tags.of_layer(tags.SUBSPACE_BIAS_SHARE, name)
            expected[tag] = share
        self.assertCountEqual(events, expected)
        for tag, value in expected.items():
            # Traced and not: float32 sums, perhaps in another order.
            np.testing.assert_allclose(events[tag][-1][1], value, 1e-5, 1e-9)

    def test_history_holds_what_was_written(self):
        callback = SubspaceDistance(self.folder, every_steps=1)
        small_fits.fit(relaxed(), callback, epochs=2)
        events = self.read()
        self.assertLen(callback.history, 3)
        self.assertEqual(steps_of(events), list(range(2 * STEPS + 1)))
        for number, tag in enumerate(tags.SUBSPACE):
            by_epoch = events[tag][::STEPS]
            np.testing.assert_allclose(
                [value for _, value in by_epoch],
                [each.total[number] for each in callback.history],
                1e-6,
            )

    def test_layers_of_nested_models_go_by_their_way(self):
        model = nested()
        small_fits.fit(model, SubspaceDistance(self.folder), epochs=1)
        events = self.read()
        self.assertIn("subspace_distance_delta_cnn/inner/conv", events)
        self.assertIn("subspace_distance_bias_share/first", events)
        self.assertNotIn("subspace_distance_bias_share/inner/conv", events)
        self.check_last_values(events, model)

    def test_model_without_untied_layers_is_at_distance_0(self):
        callback = SubspaceDistance(self.folder)
        small_fits.fit(small_fits.network(), callback, epochs=1)
        events = self.read()
        self.assertCountEqual(events, tags.SUBSPACE)
        for values in events.values():
            self.assertEqual(values, [(0, 0.0), (STEPS, 0.0)])

    @parameterized.parameters("mixed_bfloat16", "mixed_float16")
    def test_mixed_precision_is_measured_on_the_weights(self, policy):
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(policy)
        try:
            # Small steps: losses scaled up for float16 must not overflow.
            model = relaxed(learning_rate=0.01)
        finally:
            keras.config.set_dtype_policy(before)
        self.assertEqual(model.get_layer("conv").compute_dtype, policy[6:])
        small_fits.fit(model, SubspaceDistance(self.folder), epochs=3)
        events = self.read()
        self.assertEqual(len(steps_of(events)), 4)
        self.assertGreater(events[tags.SUBSPACE_DELTA][-1][1], 0)
        self.check_last_values(events, model)


class StepsTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path

    def steps(self):
        return steps_of(event_files.scalars(self.folder))

    def test_axis_begins_at_the_first_step(self):
        callback = SubspaceDistance(self.folder, first_step=100)
        small_fits.fit(relaxed(), callback, epochs=2)
        self.assertEqual(self.steps(), [100, 100 + STEPS, 100 + 2 * STEPS])

    def test_axis_goes_on_with_the_count_of_the_optimizer(self):
        model, callback = relaxed(), SubspaceDistance(self.folder)
        small_fits.fit(model, callback, epochs=1)
        small_fits.fit(model, callback, epochs=2, initial_epoch=1)
        # The second fit writes where the first one ended, once more.
        self.assertEqual(self.steps(), [0, STEPS, STEPS, 2 * STEPS])
        self.assertLen(callback.history, 2)

    @parameterized.parameters(
        (1, [0, 1, 2, 3, 4, 5, 6]),
        (2, [0, 2, 3, 4, 6]),
        (4, [0, 3, 4, 6]),
        (100, [0, 3, 6]),
    )
    def test_steps_in_between_are_written_once(self, every_steps, expected):
        callback = SubspaceDistance(self.folder, every_steps=every_steps)
        small_fits.fit(relaxed(), callback, epochs=2)
        self.assertEqual(self.steps(), expected)

    @parameterized.parameters(
        (0, [10, 13, 16]),
        (1, [10, 12, 13, 15, 16]),
        (2, [10, 12, 13, 15, 16]),
        (6, [10, 12, 13, 16]),
    )
    def test_partial_execution_counts_its_steps_only(
        self, every_steps, expected
    ):
        # Three steps an epoch: an execution of two, and one of one.
        model = relaxed(steps_per_execution=2)
        callback = SubspaceDistance(
            self.folder, every_steps=every_steps, first_step=10
        )
        small_fits.fit(model, callback, epochs=2)
        self.assertEqual(int(model.optimizer.iterations), 2 * STEPS)
        self.assertEqual(self.steps(), expected)

    def test_data_of_unknown_length_is_counted(self):
        def batches():
            images, labels = small_fits.data()
            for start in range(0, small_fits.COUNT, small_fits.BATCH):
                stop = start + small_fits.BATCH
                yield images[start:stop], labels[start:stop]

        import tensorflow as tf

        data = tf.data.Dataset.from_generator(
            batches,
            output_signature=(
                tf.TensorSpec((None, 6, 6, 1), tf.float32),
                tf.TensorSpec((None,), tf.int32),
            ),
        )
        callback = SubspaceDistance(self.folder)
        with self.assertWarnsRegex(UserWarning, "ran out of data"):
            relaxed().fit(
                data, epochs=2, callbacks=[callback], verbose=0, shuffle=False
            )
        self.assertEqual(self.steps(), [0, STEPS, 2 * STEPS])


class ReuseTest(parameterized.TestCase):
    def test_one_fit_traces_the_measurement_once(self):
        folder = self.create_tempdir().full_path
        callback = SubspaceDistance(folder, every_steps=1)
        model = relaxed()
        with mock.patch.object(
            distances, "squared_parts", wraps=distances.squared_parts
        ) as measure:
            small_fits.fit(model, callback, epochs=3)
            self.assertEqual(measure.call_count, 1)
            small_fits.fit(model, callback, epochs=3)
            self.assertLessEqual(measure.call_count, 2)

    def test_callback_serves_another_model(self):
        callback = SubspaceDistance(self.create_tempdir().full_path)
        for model in (relaxed(), nested(), small_fits.network()):
            small_fits.fit(model, callback, epochs=1)
            now = distances.subspace_distance(model)
            self.assertLen(callback.history, 2)
            last = callback.history[-1]
            self.assertEqual(list(last.layers), list(now.layers))
            np.testing.assert_allclose(last.total, now.total, 1e-5)

    def test_every_fit_has_an_event_file_that_is_closed(self):
        folder = self.create_tempdir()
        callback = SubspaceDistance(folder.full_path)
        for _ in range(2):
            small_fits.fit(relaxed(), callback, epochs=1)
        events = event_files.scalars(folder.full_path)
        self.assertEqual(steps_of(events), [0, STEPS, 0, STEPS])

    def test_training_is_left_as_it_was(self):
        models = [relaxed(), relaxed()]
        callback = SubspaceDistance(
            self.create_tempdir().full_path, every_steps=1
        )
        for model, callbacks in zip(models, ([], [callback]), strict=True):
            keras.utils.set_random_seed(3)
            small_fits.fit(model, *callbacks, epochs=2)
        weights = (model.get_weights() for model in models)
        for plain, watched in zip(*weights, strict=True):
            np.testing.assert_array_equal(watched, plain)


class ArgumentsTest(parameterized.TestCase):
    @parameterized.product(
        name=("every_steps", "first_step"), value=(-1, 1.5, "1", True)
    )
    def test_counts_must_be_counts(self, name, value):
        with self.assertRaisesRegex(
            ValueError,
            f"`{name}` must be an integer of at least 0. Received: {name}="
            f"{value!r}",
        ):
            SubspaceDistance("unused", **{name: value})

    def test_counts_may_come_from_numpy(self):
        callback = SubspaceDistance(
            "unused", every_steps=np.int64(3), first_step=np.int32(0)
        )
        self.assertEqual((callback.every_steps, callback.first_step), (3, 0))


if __name__ == "__main__":
    absltest.main()

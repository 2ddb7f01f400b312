"""Tests of loss and accuracy under any weights."""

import json

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.analysis import evaluation
from needle_tf.analysis import weight_state
from tests.analysis import small_networks


def by_hand(weights, x, y):
    """Loss and accuracy of the small dense network, in float64."""
    first, bias, second, shift = (np.asarray(w, "float64") for w in weights)
    scores = np.tanh(x.reshape(len(x), -1) @ first + bias) @ second + shift
    shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    losses = -np.log(shares[np.arange(len(y)), y])
    return losses.mean(), np.mean(scores.argmax(axis=1) == y)


def single(values):
    """A model that gives out its one input, and such inputs."""
    inputs = keras.Input((1,))
    model = keras.Model(inputs, keras.layers.Identity()(inputs))
    return model, np.array(values, "float32")[:, np.newaxis]


class FiguresTest(parameterized.TestCase):
    @parameterized.parameters(7, 60, 500)
    def test_figures_are_means_over_examples_whatever_the_batches(self, size):
        model, data = small_networks.mlp(), small_networks.data()
        found = evaluation.Evaluator(model).evaluate(data, batch_size=size)
        loss, accuracy = by_hand(model.get_weights(), *data)
        self.assertAlmostEqual(found.loss, loss, places=5)
        self.assertAlmostEqual(found.accuracy, accuracy, places=12)
        self.assertEqual(found.count, small_networks.COUNT)

    def test_other_weights_are_measured_and_the_model_stays(self):
        model, data = small_networks.mlp(), small_networks.data()
        before = small_networks.variables(model)
        rng = np.random.default_rng(5)
        other = [rng.normal(size=w.shape).astype("float32") for w in before]
        found = evaluation.Evaluator(model).evaluate(data, other)
        self.assertAlmostEqual(found.loss, by_hand(other, *data)[0], places=5)
        for old, new in zip(
            before, small_networks.variables(model), strict=True
        ):
            np.testing.assert_array_equal(old, new)

    def test_model_is_traced_once_for_all_weights_and_batch_sizes(self):
        model = small_networks.mlp()
        x, y = small_networks.data()
        evaluator = evaluation.Evaluator(model)
        small_networks.Counted.calls = 0
        for scale in (0.0, 0.5, 1.0):
            state = [scale * w for w in weight_state.values(model)]
            for count, size in ((60, 60), (50, 7), (9, 4)):
                evaluator.evaluate(
                    (x[:count], y[:count]), state, batch_size=size
                )
        self.assertEqual(evaluator.traces, 1)
        self.assertEqual(small_networks.Counted.calls, 1)

    def test_dataset_and_arrays_give_the_same(self):
        model, data = small_networks.cnn(), small_networks.data()
        evaluator = evaluation.Evaluator(model)
        dataset = tf.data.Dataset.from_tensor_slices(data).batch(25)
        self.assertEqual(
            evaluator.evaluate(dataset),
            evaluator.evaluate(data, batch_size=25),
        )
        loss = model.evaluate(*data, verbose=0)
        self.assertAlmostEqual(evaluator.evaluate(data).loss, loss, places=5)

    def test_many_small_losses_are_summed_in_float64(self):
        model, x = single([1.0] * 4096)
        x[0] = 2.0**30
        data = (x, np.zeros(len(x), "float32"))
        evaluator = evaluation.Evaluator(model, lambda y, out: out[:, 0])
        found = evaluator.evaluate(data, batch_size=1024)
        self.assertEqual(found.loss, (2**30 + 4095) / 4096)

    def test_penalties_on_weights_are_left_out(self):
        inputs = keras.Input((64,))
        layer = keras.layers.Dense(10, kernel_regularizer="l2")
        model = keras.Model(inputs, layer(inputs))
        model.compile("sgd", small_networks.LOSS)
        x, y = small_networks.data()
        x = x.reshape(len(x), -1)
        found = evaluation.Evaluator(model).evaluate((x, y))
        penalty = 0.01 * float(np.sum(np.square(layer.kernel)))
        whole = model.evaluate(x, y, verbose=0)
        self.assertAlmostEqual(found.loss + penalty, whole, places=4)

    def test_figures_are_plain_json(self):
        text = evaluation.Figures(0.25, 0.5, 4).to_json()
        self.assertEqual(
            json.loads(text), {"loss": 0.25, "accuracy": 0.5, "count": 4}
        )


class AccuracyTest(parameterized.TestCase):
    @parameterized.parameters(
        ([1, 0, 2, 2],),
        ([[1], [0], [2], [2]],),
        ([[0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 0, 1]],),
    )
    def test_labels_are_classes_or_shares_of_classes(self, labels):
        scores = np.array(
            [[0, 5, 1], [0, 5, 1], [0, 5, 9], [7, 5, 1]], "float32"
        )
        inputs = keras.Input((3,))
        model = keras.Model(inputs, keras.layers.Identity()(inputs))
        found = evaluation.Evaluator(model, _zero).evaluate((scores, labels))
        self.assertEqual(found.accuracy, 0.5)

    @parameterized.parameters(
        (True, [-0.1, 0.2, 0.7, -3.0]), (False, [0.4, 0.6, 0.9, 0.1])
    )
    def test_single_output_is_compared_with_its_threshold(self, logits, values):
        model, x = single(values)
        loss = keras.losses.BinaryCrossentropy(from_logits=logits)
        found = evaluation.Evaluator(model, loss).evaluate((x, [0, 1, 0, 1]))
        self.assertEqual(found.accuracy, 0.5)


class RefusalsTest(parameterized.TestCase):
    def test_loss_must_be_known(self):
        model = small_networks.mlp()
        model.loss = None
        with self.assertRaisesRegex(
            ValueError, '"mlp" needs one loss.*Received no loss.*Compile'
        ):
            evaluation.Evaluator(model)

    def test_one_loss_for_each_of_several_outputs_is_refused(self):
        with self.assertRaisesRegex(ValueError, r"Received loss=\['mse'"):
            evaluation.Evaluator(small_networks.mlp(), ["mse", "mse"])

    def test_several_outputs_are_refused(self):
        inputs = keras.Input((2,))
        model = keras.Model(inputs, [inputs * 1.0, inputs * 2.0], name="twin")
        data = (np.ones((3, 2), "float32"), np.ones((3, 2), "float32"))
        with self.assertRaisesRegex(
            ValueError, '"twin" must have one output.*Received: 2 outputs'
        ):
            evaluation.Evaluator(model, "mse").evaluate(data)

    def test_data_set_without_batches_is_refused(self):
        model, data = small_networks.mlp(), small_networks.data()
        empty = tf.data.Dataset.from_tensor_slices(data).batch(5).take(0)
        with self.assertRaisesRegex(ValueError, "at least one batch"):
            evaluation.Evaluator(model).evaluate(empty)


def _zero(y, outputs):
    return keras.ops.zeros_like(outputs[:, 0])


if __name__ == "__main__":
    absltest.main()

"""Tests of networks pushed to set distances from their CNN."""

import json
from unittest import mock

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.analysis import evaluation
from needle_tf.analysis import noise_threshold
from needle_tf.embedding import convert
from needle_tf.embedding import distances
from needle_tf.embedding import unembed
from tests.analysis import relaxed_networks

LOSS = relaxed_networks.LOSS
DATA = relaxed_networks.data(40)


def measure(model, asked, **options):
    options = {"loss": LOSS, "seeds": (0, 1), **options}
    return noise_threshold.noise_threshold(model, DATA, asked, **options)


class States:
    """Notes the distances of the networks that are evaluated."""

    def __init__(self, model, distance):
        self._model = model
        self._distance = distance
        self.totals, self.layers = [], []

    def evaluate(self, evaluator, data, state=None, **options):
        del evaluator, data, options
        if state is not None:
            for variable, value in zip(
                self._model.variables, state, strict=True
            ):
                variable.assign(value)
        found = distances.subspace_distance(self._model)
        self.totals.append(getattr(found.total, self._distance))
        self.layers.append(
            [getattr(each, self._distance) for each in found.layers.values()]
        )
        return evaluation.Figures(0.0, 0.0, 1)


class DistancesTest(parameterized.TestCase):
    @parameterized.product(
        part=("off_local", "not_cnn"), direction=("noise", "learned")
    )
    def test_each_row_is_at_the_distance_asked_for(self, part, direction):
        asked = (0.0, 0.01, 0.99)
        distance = {"off_local": "delta", "not_cnn": "delta_cnn"}[part]
        # The networks as they are called are set up to be measured.
        states = States(relaxed_networks.two_layers(), distance)
        with mock.patch.object(
            evaluation.Evaluator,
            "evaluate",
            lambda *args, **kwargs: states.evaluate(*args, **kwargs),
        ):
            found = noise_threshold.noise_threshold(
                relaxed_networks.two_layers(),
                DATA,
                asked,
                part=part,
                direction=direction,
                seeds=[0],
            )
        self.assertAlmostEqual(states.totals[0], found.own_distance, places=5)
        np.testing.assert_allclose(states.totals[1:], asked, atol=1e-5)
        for layers in states.layers[1:]:
            self.assertLen(layers, 2)
        for layers, each in zip(states.layers[1:], asked, strict=True):
            np.testing.assert_allclose(layers, [each] * 2, atol=1e-5)

    def test_distance_0_is_the_projected_network(self):
        model = relaxed_networks.unchanged()
        for part, space in (("not_cnn", "cnn"), ("off_local", "lcn")):
            found = measure(model, [0.0], part=part).rows[0].figures
            nearest = unembed.unembed(model, space)
            if part == "not_cnn":  # Biases stay as they are.
                nearest = convert.embed(nearest)
                bias = nearest.get_layer("conv").bias
                bias.assign(model.get_layer("conv").bias)
            loss, accuracy = relaxed_networks.loss_and_accuracy(nearest, *DATA)
            self.assertAlmostEqual(found.loss, loss, places=5)
            self.assertAlmostEqual(found.accuracy, accuracy)

    def test_own_distance_along_the_learned_direction_is_the_network(self):
        model = relaxed_networks.unchanged()
        own = distances.subspace_distance(model).total.delta
        found = measure(model, [own], direction="learned")
        self.assertAlmostEqual(found.own_distance, own, places=6)
        self.assertLen(found.rows, 1)
        self.assertAlmostEqual(
            found.rows[0].figures.loss, found.intact.loss, places=5
        )


class NoiseThresholdTest(parameterized.TestCase):
    def test_rows_are_distances_by_seeds(self):
        model = relaxed_networks.relaxed()
        before = relaxed_networks.weights_of(model)
        told = []
        found = measure(
            model,
            (0.5, 0.0, 0.9),
            progress=lambda *numbers: told.append(numbers),
        )
        self.assertEqual(
            [(row.distance, row.seed) for row in found.rows],
            [(0.0, None), (0.5, 0), (0.5, 1), (0.9, 0), (0.9, 1)],
        )
        self.assertEqual(told, [(k, 5) for k in range(1, 6)])
        self.assertLen({row.figures.loss for row in found.rows}, 5)
        again = measure(model, (0.5,), seeds=[1])
        self.assertEqual(again.rows, found.rows[2:3])
        for old, now in zip(
            before, relaxed_networks.weights_of(model), strict=True
        ):
            np.testing.assert_array_equal(old, now)

    def test_layers_that_are_not_named_stay_as_they_are(self):
        model = relaxed_networks.two_layers()
        data = relaxed_networks.data(10, (6, 6, 1))
        one, other, both = (
            noise_threshold.noise_threshold(
                model, data, [0.8], layers=layers, seeds=[0]
            )
            for layers in (["first"], ["inner/second"], None)
        )
        self.assertEqual(one.layers, ("first",))
        self.assertEqual(both.layers, ("first", "inner/second"))
        losses = [each.rows[0].figures.loss for each in (one, other, both)]
        self.assertLen(set(losses), 3)

    def test_lcn_is_pushed_off_the_cnn_only(self):
        model = relaxed_networks.relaxed(space="lcn")
        found = measure(model, [0.3], part="not_cnn")
        self.assertLen(found.rows, 2)
        with self.assertRaisesRegex(ValueError, 'with a part "off_local"'):
            measure(model, [0.3])

    def test_result_is_plain_json(self):
        found = measure(relaxed_networks.unchanged(), [0.0, 0.5])
        read = json.loads(found.to_json())
        self.assertEqual(read["part"], "off_local")
        self.assertEqual(read["layers"], ["conv"])
        self.assertEqual(read["rows"][1]["distance"], 0.5)
        self.assertEqual(
            read["rows"][1]["figures"]["loss"], found.rows[1].figures.loss
        )

    @parameterized.parameters(
        ([1.0], {}, r"`distances` must be numbers in \[0, 1\).*1.0"),
        ([-0.1], {}, "`distances` must be numbers"),
        ([], {}, "`distances` must be numbers"),
        (["far"], {}, "`distances` must be numbers"),
        ([float("nan")], {}, "`distances` must be numbers"),
        ([0.5], {"part": "cnn"}, "`part` must be one of.*part='cnn'"),
        ([0.5], {"direction": "x"}, "`direction` must be one of.*'x'"),
        ([0.5], {"layers": ["logits"]}, r"\['logits'\].*\['conv'\]"),
        ([0.5], {"layers": []}, r"`layers` must name.*layers=\[\]"),
        ([0.5], {"seeds": [0.5]}, "`seed` must be an integer"),
    )
    def test_wrong_arguments_are_refused(self, asked, options, message):
        with self.assertRaisesRegex(ValueError, message):
            measure(relaxed_networks.unchanged(), asked, **options)

    def test_cnn_has_no_learned_direction(self):
        model = convert.embed(relaxed_networks.cnn())
        with self.assertRaisesRegex(
            ValueError, '"conv" has learnt nothing.*direction="noise"'
        ):
            measure(model, [0.5], direction="learned")
        self.assertEqual(measure(model, [0.5]).own_distance, 0.0)


class ThresholdTest(parameterized.TestCase):
    def result(self, accuracies):
        rows = tuple(
            noise_threshold.Row(
                distance, seed, evaluation.Figures(0.0, accuracy, 10)
            )
            for distance, each in accuracies.items()
            for seed, accuracy in enumerate(each)
        )
        return noise_threshold.NoiseThreshold(
            "off_local", "noise", ("a",), 0.0, rows[0].figures, rows
        )

    @parameterized.parameters(
        # Means .9, .8, .4: from .8 at .2 to .4 at .6.
        (0.5, 0.5),
        (0.4, None),
        (0.8, 0.2),
        (0.95, None),
        (0.85, 0.1),
    )
    def test_threshold_lies_between_the_distances(self, level, expected):
        found = self.result({0.0: [0.9], 0.2: [0.7, 0.9], 0.6: [0.4, 0.4]})
        self.assertEqual(
            [round(m, 9) for m in found.mean_accuracies().values()],
            [0.9, 0.8, 0.4],
        )
        threshold = found.threshold(level)
        if expected is None:
            self.assertIsNone(threshold)
        else:
            self.assertAlmostEqual(threshold, expected)

    def test_last_fall_counts(self):
        found = self.result({0.0: [0.9], 0.2: [0.3], 0.4: [0.7], 0.8: [0.1]})
        self.assertAlmostEqual(found.threshold(0.5), 0.4 + 0.4 * 0.2 / 0.6)


class TrainedTest(absltest.TestCase):
    def test_noise_without_end_leaves_chance(self):
        # A separable task, learnt by the CNN: classes by the brightest row.
        rng = np.random.default_rng(0)
        labels = rng.integers(0, 3, 120).astype("int32")
        images = 0.1 * rng.normal(size=(120, 4, 4, 2)).astype("float32")
        images[np.arange(120), 1 + labels] += 1
        cnn = relaxed_networks.cnn()
        cnn.compile(keras.optimizers.Adam(0.03), LOSS)
        cnn.fit(images, labels, epochs=6, verbose=0)
        model = convert.embed(cnn)
        model.compile("sgd", LOSS)
        found = noise_threshold.noise_threshold(
            model, (images, labels), (0.0, 0.3, 0.999)
        )
        means = list(found.mean_accuracies().values())
        self.assertEqual(means[0], found.intact.accuracy)
        self.assertGreater(means[0], 0.95)
        self.assertGreater(means[1], means[2])
        self.assertBetween(found.threshold(0.8), 0.0, 0.999)


if __name__ == "__main__":
    absltest.main()

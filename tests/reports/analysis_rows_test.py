"""Tests of what tables and pictures read out of results of analyses."""

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.reports import analysis_rows
from tests.reports import analysis_results


class PathTest(parameterized.TestCase):
    @parameterized.parameters(
        ((("train", "test"),), ["test", "train"]),
        ((("train",),), ["train"]),
        ((("train", "test"), ("train",)), ["train"]),
        ((("train",), ("test",)), []),
    )
    def test_parts_are_those_that_all_seeds_measured(self, measured, parts):
        results = [analysis_results.path(parts=each) for each in measured]
        self.assertEqual(analysis_rows.parts_of(results), parts)


class AblationTest(absltest.TestCase):
    def test_layers_come_in_their_order_after_all_at_once(self):
        groups = {
            "a": [analysis_results.ablation(layers=("conv_2",))],
            "b": [analysis_results.ablation(layers=("conv_1", "conv_2"))],
        }
        self.assertEqual(
            analysis_rows.layers_of(groups), [None, "conv_2", "conv_1"]
        )

    def test_without_rows_all_layers_are_intact(self):
        result = analysis_results.ablation() | {"rows": []}
        self.assertEqual(analysis_rows.layers_of({"a": [result]}), [None])

    def test_accuracies_are_means_over_noise_seed_by_seed(self):
        results = [analysis_results.ablation(seed) for seed in range(2)]
        expected = [
            np.mean(
                [
                    row["figures"]["accuracy"]
                    for row in each["rows"]
                    if (row["variant"], row["layer"]) == ("noise", "conv_1")
                ]
            )
            for each in results
        ]
        np.testing.assert_allclose(
            analysis_rows.accuracies(results, "noise", "conv_1"), expected
        )

    def test_a_loss_that_overflowed_makes_the_mean_unknown(self):
        result = analysis_results.ablation()
        for row in result["rows"]:
            if row["variant"] == "noise" and row["seed"] == 1:
                row["figures"]["loss"] = None
        found = analysis_rows.mean_figures(result, "noise", None)
        self.assertIsNone(found["loss"])
        self.assertIsNotNone(found["accuracy"])

    def test_figures_of_what_was_not_measured_are_none(self):
        result = analysis_results.ablation(layers=())
        self.assertIsNone(analysis_rows.mean_figures(result, "noise", "conv_1"))
        self.assertEqual(
            analysis_rows.accuracies([result], "noise", "conv_1"), []
        )
        found = analysis_rows.mean_figures(result, "intact", None)
        self.assertEqual(found["accuracy"], result["intact"]["accuracy"])


class ThresholdTest(absltest.TestCase):
    def test_accuracy_is_the_mean_over_noise_at_each_distance(self):
        result = analysis_results.threshold()
        result["rows"][4]["figures"]["accuracy"] = None
        found = analysis_rows.mean_accuracies(result)
        distances = sorted({row["distance"] for row in result["rows"]})
        self.assertEqual(list(found), distances)
        self.assertIsNone(found[result["rows"][4]["distance"]])
        last = [
            row["figures"]["accuracy"]
            for row in result["rows"]
            if row["distance"] == distances[-1]
        ]
        self.assertLen(last, 3)
        self.assertAlmostEqual(found[distances[-1]], np.mean(last))


class CurvatureTest(absltest.TestCase):
    def test_columns_are_all_spaces_then_all_layers(self):
        one = analysis_results.curvature(layers=("conv_1",))
        other = analysis_results.curvature(1, ("lcn",), ("conv_2",))
        columns = analysis_rows.columns_of({"a": [one], "b": [other]})
        self.assertEqual(
            [(column.kind, column.name) for column in columns],
            [("spaces", name) for name in ("all", "cnn", "not_cnn", "lcn")]
            + [("layers", name) for name in ("conv_1", "conv_2")],
        )
        lcn = columns[3]
        self.assertIsNone(lcn.of(one))
        self.assertIs(lcn.of(other), other["spaces"]["lcn"])


if __name__ == "__main__":
    absltest.main()

"""Tests of the picture of rotations: one panel per label."""

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.figures import rotations_figure
from needle_tf.reports import trials
from tests.figures import picture_checks
from tests.reports import synthetic_sweeps


def trial(settings, **changes):
    fields = {"reached": 3, "planned": 3, "kernels": synthetic_sweeps.RESNET}
    return synthetic_sweeps.trial(settings, **(fields | changes))


class RotationsFigureTest(parameterized.TestCase):
    def figure(self, axes, *entries):
        folder = self.create_tempdir().full_path
        synthetic_sweeps.write_sweep(folder, axes, entries)
        figure = rotations_figure.build_figure(trials.read_sweep(folder))
        if figure is None:
            return None, ""
        picture_checks.assert_in_place(self, figure)
        picture_checks.assert_large_enough(self, figure)
        return figure, picture_checks.words_of(figure)

    def test_panels_have_label_accuracy_and_troubles(self):
        rates = [1 / 27, 1 / 9, 1 / 3]
        figure, words = self.figure(
            {"rate": rates, "seed": [0, 1]},
            trial({"rate": rates[0]}),
            trial({"rate": rates[0]}, seed=1),
            trial({"rate": rates[1]}),
            trial({"rate": rates[1]}, seed=1, reached=1, diverged_step=9),
            trial({"rate": rates[2]}, status="waiting"),
        )
        self.assertRegex(words, r"rate=3⁻³\n\d\d\.\d ± \d\.\d %")
        self.assertRegex(words, r"rate=3⁻²\n\d\d\.\d %\n1 of 2 diverged")
        self.assertIn("rate=3⁻¹\nwaiting", words)
        for word in ("mean", "shortcut", "first\nlayer", "means over seeds"):
            self.assertIn(word, words)
        # Three panels and the bar of colours.
        self.assertLen(figure.axes, 4)

    def test_axes_are_shared_and_true_to_the_epochs(self):
        figure, _ = self.figure(
            {"rate": [1, 2]},
            trial({"rate": 1}, reached=2, planned=2),
            trial({"rate": 2}),
        )
        self.assertEqual(figure.axes[0].get_xlim(), (0, 3))
        self.assertEqual(figure.axes[1].get_ylim()[0], 0)
        line = figure.axes[0].get_lines()[0]
        np.testing.assert_array_equal(line.get_xdata(), [0, 1, 2])
        self.assertEqual(line.get_ydata()[0], 0)

    def test_a_variant_is_a_row(self):
        rates = [1, 2, 3]
        figure, _ = self.figure(
            {"rate": rates},
            *(
                trial({"rate": r}, variant=v)
                for v in ("sgd", "layca")
                for r in rates
            ),
        )
        places = [axes.get_subplotspec() for axes in figure.axes[:6]]
        self.assertEqual(
            [place.rowspan[0] for place in places], [0] * 3 + [1] * 3
        )

    @parameterized.parameters(1, 13)
    def test_any_number_of_panels_is_readable(self, count):
        alphas = [k / 10 for k in range(count)]
        self.figure(
            {"alpha": alphas, "optimizer": ["layca with a long/name"]},
            *(trial({"alpha": alpha}) for alpha in alphas),
        )

    def test_nothing_measured_is_no_picture(self):
        figure, _ = self.figure(
            {"rate": [1]},
            trial({"rate": 1}, status="waiting", reached=0, kernels=()),
        )
        self.assertIsNone(figure)


if __name__ == "__main__":
    absltest.main()

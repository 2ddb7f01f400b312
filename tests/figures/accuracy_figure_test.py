"""Tests of the picture of accuracies: axes, means, and what has no mean."""

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.figures import accuracy_figure
from needle_tf.reports import groups
from needle_tf.reports import trials
from tests.figures import picture_checks
from tests.reports import synthetic_sweeps

RATES = [round(3.0**power, 6) for power in (-4, -3, -2, -1)]
LOST = {"reached": 2, "diverged_step": 700}


def trial(settings, **changes):
    fields = {"reached": 3, "planned": 3, "kernels": synthetic_sweeps.MLP}
    return synthetic_sweeps.trial(settings, **(fields | changes))


class AccuracyFigureTest(parameterized.TestCase):
    def sweep(self, axes, *entries):
        folder = self.create_tempdir().full_path
        synthetic_sweeps.write_sweep(folder, axes, entries)
        return trials.read_sweep(folder)

    def figure(self, axes, *entries):
        figure = accuracy_figure.build_figure(self.sweep(axes, *entries))
        picture_checks.assert_in_place(self, figure)
        picture_checks.assert_large_enough(self, figure)
        return figure, picture_checks.words_of(figure)

    def test_means_over_seeds_lie_on_a_line_along_powers(self):
        sweep = self.sweep(
            {"rate": RATES, "seed": [0, 1]},
            *(
                trial({"rate": r}, seed=s, rate=r)
                for s in (0, 1)
                for r in RATES
            ),
        )
        figure = accuracy_figure.build_figure(sweep)
        (axes,) = figure.axes
        self.assertEqual(axes.get_xscale(), "log")
        (line,) = [x for x in axes.get_lines() if len(x.get_xdata()) == 4]
        np.testing.assert_allclose(line.get_xdata(), RATES)
        for group, height in zip(
            groups.group(sweep), line.get_ydata(), strict=True
        ):
            mean = 100 * np.mean(group.results("test_accuracy"))
            self.assertAlmostEqual(height, mean)
        words = picture_checks.words_of(figure)
        for word in ("3⁻⁴", "3⁻¹", "Test accuracy by rate", "range over seeds"):
            self.assertIn(word, words)

    def test_variants_are_lines_with_their_names(self):
        _, words = self.figure(
            {"rate": RATES, "seed": [0]},
            *(
                trial({"rate": rate}, variant=variant, rate=rate)
                for variant in ("sgd", "sgd/l2", "layca")
                for rate in RATES
            ),
        )
        for name in ("sgd", "sgd/l2", "layca"):
            self.assertIn(name, words.splitlines())

    def test_what_has_no_result_is_marked_and_in_no_mean(self):
        figure, words = self.figure(
            {"rate": RATES, "seed": [0, 1]},
            trial({"rate": RATES[0]}, rate=RATES[0]),
            trial({"rate": RATES[0]}, seed=1, rate=RATES[0], **LOST),
            trial({"rate": RATES[1]}, rate=RATES[1], reached=1),
            trial({"rate": RATES[2]}, rate=RATES[2], **LOST),
            trial({"rate": RATES[3]}, status="failed", error="no memory"),
        )
        for word in ("diverged (at chance)", "failed (at", "not finished"):
            self.assertIn(word, words)
        self.assertIn("chance", words.splitlines())
        crosses = [
            x for x in figure.axes[0].get_lines() if x.get_marker() == "x"
        ]
        places = [x.get_xdata()[0] for x in crosses if len(x.get_xdata())]
        self.assertEqual(places, [RATES[0], RATES[2]])
        for cross in crosses[:2]:
            self.assertAlmostEqual(cross.get_ydata()[0], 10)

    @parameterized.parameters(
        ([-0.6, 0, 0.6], "linear"),
        ([0, 1e-4, 1e-3, 1e-2], "symlog"),
        ([32, 64, 128], "log"),
        ([1, 2, 3], "linear"),
    )
    def test_the_scale_follows_the_values(self, values, scale):
        figure, words = self.figure(
            {"x": values}, *(trial({"x": value}) for value in values)
        )
        self.assertEqual(figure.axes[0].get_xscale(), scale)
        self.assertIn(f"{values[-1]:g}", words.splitlines())

    def test_of_two_numbers_the_one_with_more_values_is_the_axis(self):
        _, words = self.figure(
            {"a": [0.1, 0.2], "b": [1, 2, 3]},
            *(trial({"a": a, "b": b}) for a in (0.1, 0.2) for b in (1, 2, 3)),
        )
        self.assertIn("Test accuracy by b", words)
        self.assertIn("a=0.1", words)

    def test_without_numbers_labels_are_rows(self):
        names = ["sgd", "adam/with a name " * 4, "layca"]
        _, words = self.figure(
            {"optimizer": names, "seed": [0, 1]},
            *(trial({"optimizer": n}, seed=s) for n in names for s in (0, 1)),
            trial({"optimizer": "lars"}, **LOST),
            trial({"optimizer": "muon"}, status="waiting"),
            trial({"optimizer": "lion"}, reached=1),
        )
        for word in ("optimizer=sgd", "waiting", "diverged", "running"):
            self.assertIn(word, words)
        self.assertRegex(words, r"(?m)^\d\d\.\d ± \d\.\d %$")

    @parameterized.parameters(
        (trial({}),), (trial({}, reached=0),), (trial({}, **LOST),)
    )
    def test_one_trial_is_one_row(self, entry):
        self.figure({"seed": [0]}, entry)

    def test_a_setting_that_not_all_have_is_no_axis(self):
        sweep = self.sweep(
            {"rate": RATES}, trial({"rate": RATES[0]}), trial({"decay": 1})
        )
        found = accuracy_figure.numeric_axis(sweep, groups.group(sweep))
        self.assertIsNone(found)

    def test_forty_trials_stay_readable(self):
        decays = [0, *(10.0**-k for k in range(9))]
        rates = [0.1, 0.2, 0.3, 0.5]
        self.figure(
            {"rate": rates, "decay": decays},
            *(
                trial({"rate": r, "decay": d}, rate=r / 9 + d / 20)
                for r in rates
                for d in decays
            ),
        )

    def test_chance_is_that_of_untrained_networks(self):
        sweep = self.sweep({"rate": RATES}, trial({"rate": RATES[0]}))
        self.assertAlmostEqual(accuracy_figure.chance(groups.group(sweep)), 0.1)
        self.assertEqual(accuracy_figure.chance([]), 0)


if __name__ == "__main__":
    absltest.main()

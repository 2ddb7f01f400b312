"""Tests of the picture of how fast networks fit."""

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.figures import palette
from needle_tf.figures import speed_figure
from needle_tf.reports import trials
from tests.figures import picture_checks
from tests.reports import synthetic_sweeps


def trial(settings, **changes):
    fields = {"reached": 9, "planned": 9, "kernels": ()}
    return synthetic_sweeps.trial(settings, **(fields | changes))


class SpeedFigureTest(parameterized.TestCase):
    def figure(self, axes, *entries):
        folder = self.create_tempdir().full_path
        synthetic_sweeps.write_sweep(folder, axes, entries)
        figure = speed_figure.build_figure(trials.read_sweep(folder))
        if figure is None:
            return None, ""
        picture_checks.assert_in_place(self, figure)
        picture_checks.assert_large_enough(self, figure)
        return figure, picture_checks.words_of(figure)

    def test_each_label_is_a_line_of_means_in_both_panels(self):
        names = ["adam", "replay/of adam", "sgd"]
        figure, words = self.figure(
            {"optimizer": names, "seed": [0, 1]},
            *(
                trial({"optimizer": name}, seed=seed, rate=3.0 ** -(k + 2))
                for k, name in enumerate(names)
                for seed in (0, 1)
            ),
        )
        left, right = figure.axes
        for name in names:
            self.assertIn(f"optimizer={name}", words)
        for axes in (left, right):
            self.assertLen(axes.get_lines(), 3)
            # Before training there is no training accuracy.
            np.testing.assert_array_equal(
                axes.get_lines()[0].get_xdata(), range(1, 10)
            )
        self.assertEqual(right.get_yscale(), "log")
        self.assertIn("Training accuracy", words)

    def test_one_swept_number_goes_from_dark_to_light(self):
        rates = [0.1, 0.2, 0.3]
        figure, _ = self.figure(
            {"rate": rates}, *(trial({"rate": r}, rate=r / 9) for r in rates)
        )
        self.assertEqual(
            [line.get_color() for line in figure.axes[0].get_lines()],
            palette.depth_colors(3),
        )

    @parameterized.parameters(1, 13, 40)
    def test_any_number_of_lines_is_readable(self, count):
        values = [k / 100 for k in range(count)]
        self.figure(
            {"learning_rate": values},
            *(trial({"learning_rate": v}, rate=0.01 + v) for v in values),
        )

    def test_diverged_lines_end_with_a_cross(self):
        figure, _ = self.figure(
            {"rate": [1, 2]},
            trial({"rate": 1}),
            trial({"rate": 2}, reached=4, diverged_step=3),
        )
        markers = [line.get_marker() for line in figure.axes[0].get_lines()]
        self.assertEqual(markers.count("x"), 1)

    def test_one_epoch_is_seen(self):
        figure, _ = self.figure({"rate": [1]}, trial({"rate": 1}, reached=1))
        self.assertEqual(figure.axes[0].get_lines()[0].get_marker(), "o")

    def test_nothing_trained_is_no_picture(self):
        figure, _ = self.figure({"rate": [1]}, trial({"rate": 1}, reached=0))
        self.assertIsNone(figure)


if __name__ == "__main__":
    absltest.main()

"""Tests of the picture of layer rotation in relax runs."""

import math
import pathlib

import numpy as np
from absl.testing import absltest

from needle_tf.figures import relax_rotations_figure
from needle_tf.reports import relax_trials
from tests.figures import picture_checks
from tests.pages import page_folders

KERNELS = ("conv_1", "conv_2", "dense")


def with_rotations(content, rate=0.02, kernels=KERNELS):
    """Adds rotations to a history, as stages that measure them do."""
    ages = [
        r["epoch"] - content["epochs"][0]["epoch"] for r in content["epochs"]
    ]
    layers = {
        name: {
            "rotation": [1 - math.exp(-rate * (k + 1) * age) for age in ages]
        }
        for k, name in enumerate(kernels)
    }
    return content | {"layers": layers}


class RelaxRotationsFigureTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)

    def built(self):
        return relax_rotations_figure.build_figure(
            relax_trials.read(self.folder)
        )

    def test_without_rotations_there_is_no_picture(self):
        page_folders.relax_run(self.folder)
        self.assertIsNone(self.built())

    def test_every_network_has_a_panel_and_texts_have_their_places(self):
        stages = [with_rotations(each) for each in page_folders.finished()]
        page_folders.relax_run(self.folder, *stages)
        figure = self.built()
        picture_checks.assert_in_place(self, figure)
        picture_checks.assert_large_enough(self, figure)
        words = picture_checks.words_of(figure)
        for name in ("CNN", "eFCN@5", "eFCN@20", "FCN", "conv_2"):
            self.assertIn(name, words)
        self.assertNotIn("seeds", words)

    def test_means_and_ranges_are_over_seeds(self):
        page_folders.relax_sweep(self.folder, seeds=(0, 1))
        for seed, path in enumerate(sorted(self.folder.glob("*_seed*"))):
            cnn, *_ = page_folders.finished(seed)
            stage = with_rotations(cnn, rate=0.01 * (seed + 1))
            page_folders.relax_run(path, stage, seed=seed)
        figure = self.built()
        self.assertIn("means over 2 seeds", picture_checks.words_of(figure))
        axes = next(axes for axes in figure.axes if axes.lines)
        first = axes.lines[0].get_ydata()
        ends = [1 - math.exp(-0.01 * 40), 1 - math.exp(-0.02 * 40)]
        np.testing.assert_allclose(first[-1], np.mean(ends), rtol=1e-12)
        low, high = axes.collections[0].get_paths()[0].get_extents().intervaly
        np.testing.assert_allclose([low, high], [0, max(ends)], atol=1e-12)

    def test_axis_ends_where_curves_do(self):
        for rate, top in ((0.02, 1.1), (0.0005, 0.07), (0.0, 1.1)):
            content = with_rotations(page_folders.finished()[0], rate)
            page_folders.relax_run(self.folder, content)
            axes = next(axes for axes in self.built().axes if axes.lines)
            self.assertAlmostEqual(axes.get_ylim()[1], top, places=2)

    def test_list_that_is_shorter_than_the_rows_is_drawn_as_far_as_it_is(self):
        content = with_rotations(page_folders.finished()[0])
        content["layers"]["conv_1"]["rotation"] = [None, 0.1]
        page_folders.relax_run(self.folder, content)
        axes = next(axes for axes in self.built().axes if axes.lines)
        np.testing.assert_allclose(axes.lines[0].get_ydata(), [0.1])


if __name__ == "__main__":
    absltest.main()

"""Tests of the picture: drawn from real folders, decoded, looked through."""

import json
import pathlib
import subprocess
import sys
from unittest import mock

import matplotlib
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from matplotlib import image as mpl_image

from needle_tf.figures import curves_figure
from needle_tf.figures import palette
from tests.figures import picture_checks
from tests.reports import synthetic_runs

FIVE = [synthetic_runs.relaxed(epoch) for epoch in (0, 5, 10, 20, 30)]
BASELINES = [synthetic_runs.lcn(), synthetic_runs.fcn()]
# Name, number of panels, stages.
SITUATIONS = (
    ("only_begun", 1, [synthetic_runs.cnn(reached=0)]),
    ("only_a_cnn", 1, [synthetic_runs.cnn(reached=13)]),
    (
        "one_relax_epoch",
        2,
        [synthetic_runs.cnn(), synthetic_runs.relaxed(20), *BASELINES],
    ),
    ("five_relax_epochs", 3, [synthetic_runs.cnn(), *FIVE, *BASELINES]),
    (
        "five_relaxed_elcn_too",
        3,
        [
            synthetic_runs.cnn(),
            *FIVE,
            *(synthetic_runs.relaxed(e, "elcn") for e in (0, 5, 10, 20, 30)),
            *BASELINES,
        ],
    ),
    (
        "many_relax_epochs",
        3,
        [
            synthetic_runs.cnn(),
            *(synthetic_runs.relaxed(e) for e in range(0, 40, 2)),
            *BASELINES,
        ],
    ),
    (
        "diverged",
        2,
        [
            synthetic_runs.cnn(),
            synthetic_runs.relaxed(5, reached=9, diverged_step=611),
            synthetic_runs.relaxed(20),
            synthetic_runs.fcn(reached=12, diverged_step=722),
        ],
    ),
    (
        "still_running",
        2,
        [
            synthetic_runs.cnn(),
            synthetic_runs.relaxed(10),
            synthetic_runs.relaxed(20, reached=20),
        ],
    ),
    ("no_epochs_at_all", 1, [synthetic_runs.cnn() | {"epochs": []}]),
)


class CurvesFigureTest(parameterized.TestCase):
    def folder(self, *stages, **config):
        run_dir = self.create_tempdir().full_path
        synthetic_runs.write(run_dir, *stages)
        if config:
            pathlib.Path(run_dir, "config.json").write_text(json.dumps(config))
        return run_dir


class DrawCurvesTest(CurvesFigureTest):
    def test_the_picture_is_1500_wide_and_shows_every_network(self):
        stages = [synthetic_runs.cnn(), *FIVE, *BASELINES]
        run_dir = self.folder(*stages)
        path = curves_figure.draw_curves(run_dir)
        self.assertEqual(path, pathlib.Path(run_dir, "curves.png"))
        picture = mpl_image.imread(path)
        self.assertEqual(picture.shape, (990, 1500, 4))
        np.testing.assert_array_equal(picture[0, 0], [1, 1, 1, 1])
        colors = palette.colors_of(synthetic_runs.as_histories(*stages))
        for stage, color in colors.items():
            self.assertTrue(
                picture_checks.has_color(picture, color, least=400), stage
            )

    @parameterized.named_parameters(
        (name, stages) for name, _, stages in SITUATIONS
    )
    def test_every_situation_gives_a_picture(self, stages):
        picture = mpl_image.imread(
            curves_figure.draw_curves(self.folder(*stages))
        )
        self.assertEqual(picture.shape[1], 1500)
        self.assertGreater(picture[..., 0].std(), 0.02)

    def test_equal_histories_give_equal_bytes_in_any_style(self):
        contents = []
        for style in ({}, {"font.size": 30, "axes.facecolor": "red"}):
            run_dir = self.folder(*SITUATIONS[2][2], model="m", dataset="d")
            with matplotlib.rc_context(style):
                before = dict(matplotlib.rcParams)
                path = curves_figure.draw_curves(run_dir)
                self.assertEqual(dict(matplotlib.rcParams), before)
            contents.append(path.read_bytes())
        self.assertEqual(contents[0], contents[1])
        for chunk in (b"tIME", b"Software", b"matplotlib"):
            self.assertNotIn(chunk, contents[0])

    def test_the_picture_follows_a_run_that_goes_on(self):
        run_dir = self.folder(synthetic_runs.cnn(reached=4))
        first = curves_figure.draw_curves(run_dir).read_bytes()
        synthetic_runs.write(run_dir, synthetic_runs.cnn(reached=9))
        self.assertNotEqual(
            curves_figure.draw_curves(run_dir).read_bytes(), first
        )
        self.assertCountEqual(
            [path.name for path in pathlib.Path(run_dir).iterdir()],
            ["cnn", "curves.png"],
        )

    def test_a_folder_without_stages_is_refused(self):
        with self.assertRaisesRegex(ValueError, "holds no stage of a run"):
            curves_figure.draw_curves(self.create_tempdir().full_path)

    def test_a_broken_history_is_named_and_the_former_picture_stays(self):
        run_dir = pathlib.Path(self.folder(synthetic_runs.cnn()))
        former = curves_figure.draw_curves(run_dir).read_bytes()
        (run_dir / "cnn" / "history.json").write_text("{")
        with self.assertRaisesRegex(ValueError, "cnn/history.json is no whole"):
            curves_figure.draw_curves(run_dir)
        self.assertEqual((run_dir / "curves.png").read_bytes(), former)

    def test_neither_pyplot_nor_early_imports_are_needed(self):
        run_dir = self.folder(synthetic_runs.cnn(reached=2))
        # "-m" keeps the package from importing its public names.
        code = (
            "import sys; sys.argv = ['-m']\n"
            "sys.orig_argv = ['python', '-m', 'needle_tf.main']\n"
            "from needle_tf.figures import curves_figure\n"
            "from needle_tf.reports import results\n"
            "assert 'matplotlib' not in sys.modules, 'imported too early'\n"
            f"curves_figure.draw_curves({run_dir!r})\n"
            "assert 'matplotlib.pyplot' not in sys.modules, 'global state'\n"
            "assert 'tensorflow' not in sys.modules, 'slow'\n"
        )
        subprocess.run([sys.executable, "-c", code], check=True)


class TitleTest(CurvesFigureTest):
    @parameterized.parameters(
        ({}, ""),
        ({"seed": 3}, ""),
        ({"model": "small_cnn"}, "small_cnn"),
        (
            {"model": "small_cnn", "dataset": "digits", "seed": 0},
            "small_cnn on digits, seed 0",
        ),
        (
            {"model": None, "model_file": "/a/b/mine.keras", "dataset": "d"},
            "mine.keras on d",
        ),
    )
    def test_the_title_tells_network_and_data(self, config, title):
        run_dir = self.folder(synthetic_runs.cnn(reached=2), **config)
        with mock.patch.object(
            curves_figure, "build_figure", wraps=curves_figure.build_figure
        ) as build:
            curves_figure.draw_curves(run_dir)
        self.assertEqual(build.call_args.args[1], title)

    @parameterized.parameters(
        # Two dollar signs would begin and end a formula.
        (r"my_$best_{model_$1.keras", r"my_$best_{model_$1.keras"),
        ("small_cnn_" * 20, "small_cnn_" * 7 + "s\N{HORIZONTAL ELLIPSIS}"),
    )
    def test_odd_and_long_titles_stay_in_the_picture(self, title, expected):
        figure = curves_figure.build_figure(
            synthetic_runs.as_histories(synthetic_runs.cnn()), title
        )
        figure.draw_without_rendering()
        (text,) = [
            t
            for t in picture_checks.texts_of(figure)
            if t.get_text() == expected
        ]
        self.assertLess(text.get_window_extent().x1, figure.bbox.x1)

    def test_a_broken_configuration_is_named(self):
        run_dir = self.folder(synthetic_runs.cnn(reached=2))
        pathlib.Path(run_dir, "config.json").write_text('{"model": ')
        with self.assertRaisesRegex(
            ValueError, "config.json is no whole configuration: it cannot be"
        ):
            curves_figure.draw_curves(run_dir)


class BuildFigureTest(parameterized.TestCase):
    @parameterized.named_parameters(*SITUATIONS)
    def test_no_text_overlaps_another_or_leaves_the_picture(
        self, panel_count, stages
    ):
        figure = curves_figure.build_figure(
            synthetic_runs.as_histories(*stages), "small_cnn on digits, seed 0"
        )
        self.assertLen(figure.axes, panel_count)
        picture_checks.assert_in_place(self, figure)

    @parameterized.named_parameters(*SITUATIONS)
    def test_text_is_never_tiny(self, panel_count, stages):
        del panel_count
        figure = curves_figure.build_figure(
            synthetic_runs.as_histories(*stages)
        )
        picture_checks.assert_large_enough(self, figure)


if __name__ == "__main__":
    absltest.main()

"""Tests of the pictures of relax sweeps: which there are, all in place."""

import pathlib
import subprocess
import sys

from absl.testing import absltest
from absl.testing import parameterized
from matplotlib import image as mpl_image

from needle_tf.figures import relax_figures
from needle_tf.reports import relax_trials
from tests.figures import picture_checks
from tests.figures import relax_situations
from tests.reports import synthetic_relax_sweeps
from tests.reports import synthetic_runs

FILES = [
    "relax_epochs.png",
    "distances.png",
    "accuracy_distance.png",
    "curves.png",
]
BUILDERS = (
    relax_figures.build_relax_epochs,
    relax_figures.build_distances,
    relax_figures.build_accuracy_distance,
    relax_figures.build_curves,
)
# The others differ from these in less than a text.
IN_PLACE = (
    "many_relax_epochs",
    "spaces",
    "diverged",
    "only_begun",
)


class RelaxFiguresTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)

    def names(self):
        return [path.name for path in relax_figures.draw_sweep(self.folder)]

    def test_all_pictures_are_drawn_and_equal_for_equal_sweeps(self):
        synthetic_relax_sweeps.seed_sweep(self.folder, (0,), (5,))
        paths = relax_figures.draw_sweep(str(self.folder))
        self.assertEqual([path.name for path in paths], FILES)
        former = [path.read_bytes() for path in paths]
        for path in paths:
            picture = mpl_image.imread(path)
            self.assertEqual(picture.shape[1], 1500)
            self.assertGreater(picture[..., 0].std(), 0.02, path)
            path.unlink()
        self.assertEqual(self.names(), FILES)
        self.assertEqual([path.read_bytes() for path in paths], former)

    @parameterized.parameters(*IN_PLACE)
    def test_texts_are_in_place_and_large_enough(self, name):
        sweep = relax_trials.read(relax_situations.write(name, self.folder))
        figures = [build(sweep) for build in BUILDERS]
        self.assertIsNotNone(figures[-1])
        for figure in figures:
            if figure is not None:
                picture_checks.assert_in_place(self, figure)
                picture_checks.assert_large_enough(self, figure)

    def test_what_was_not_measured_is_not_drawn(self):
        relax_situations.write("only_begun", self.folder)
        self.assertEqual(self.names(), ["curves.png"])

    def test_a_relaxed_network_that_runs_has_no_end_yet(self):
        own = [synthetic_runs.cnn(), synthetic_runs.relaxed(5, reached=9)]
        entry = synthetic_relax_sweeps.entry({}, status="waiting")
        synthetic_relax_sweeps.write(self.folder, {}, [(entry, own)])
        self.assertEqual(self.names(), ["distances.png", "curves.png"])

    def test_a_sweep_in_which_nothing_has_begun_has_no_pictures(self):
        entry = synthetic_relax_sweeps.entry({}, status="waiting")
        synthetic_relax_sweeps.write(self.folder, {}, [(entry, None)])
        self.assertEqual(self.names(), [])

    def test_a_folder_without_runs_is_refused(self):
        with self.assertRaisesRegex(ValueError, "holds no stage of a run"):
            relax_figures.draw_sweep(self.folder)

    def test_neither_pyplot_nor_tensorflow_are_needed(self):
        relax_situations.write("only_begun", self.folder)
        # "-m" keeps the package from importing its public names.
        code = (
            "import sys; sys.argv = ['-m']\n"
            "sys.orig_argv = ['python', '-m', 'needle_tf.main']\n"
            "from needle_tf.figures import relax_figures\n"
            "from needle_tf.reports import relax_table\n"
            "assert 'matplotlib' not in sys.modules, 'imported too early'\n"
            f"relax_figures.draw_sweep({str(self.folder)!r})\n"
            "assert 'matplotlib.pyplot' not in sys.modules, 'global state'\n"
            "assert 'tensorflow' not in sys.modules, 'slow'\n"
        )
        subprocess.run([sys.executable, "-c", code], check=True)


if __name__ == "__main__":
    absltest.main()

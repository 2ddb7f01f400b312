"""Tests of the pictures of a sweep: which there are, and that they repeat."""

import pathlib
import shutil
import subprocess
import sys

from absl.testing import absltest
from matplotlib import image as mpl_image

from needle_tf.figures import sweep_figures
from tests.reports import synthetic_sweeps

SHORT = {"reached": 3, "planned": 3, "kernels": synthetic_sweeps.MLP}


class DrawSweepTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)

    def test_all_pictures_are_drawn_and_equal_for_equal_sweeps(self):
        synthetic_sweeps.rate_sweep(self.folder, (-3, -2), (0, 1), **SHORT)
        for run_dir in self.folder.glob("*_seed0"):
            synthetic_sweeps.write_features(run_dir)
            synthetic_sweeps.write_second_moments(
                run_dir, synthetic_sweeps.MLP, epochs=3
            )
        paths = sweep_figures.draw_sweep(self.folder)
        self.assertEqual(
            [path.name for path in paths],
            [
                "accuracy.png",
                "rotations.png",
                "speed.png",
                "features.png",
                "second_moments.png",
            ],
        )
        former = [path.read_bytes() for path in paths]
        for path in paths:
            picture = mpl_image.imread(path)
            self.assertEqual(picture.shape[1], 1500)
            self.assertGreater(picture[..., 0].std(), 0.02, path)
            path.unlink()
        sweep_figures.draw_sweep(str(self.folder))
        self.assertEqual([path.read_bytes() for path in paths], former)

    def test_features_may_lie_with_later_seeds_only(self):
        synthetic_sweeps.rate_sweep(self.folder, (-3,), (0, 1), **SHORT)
        (run_dir,) = self.folder.glob("*_seed1")
        synthetic_sweeps.write_features(run_dir)
        names = [path.name for path in sweep_figures.draw_sweep(self.folder)]
        self.assertIn("features.png", names)

    def test_only_what_was_measured_is_drawn(self):
        synthetic_sweeps.rate_sweep(
            self.folder, (-3, -2), (0,), **(SHORT | {"kernels": ()})
        )
        names = [path.name for path in sweep_figures.draw_sweep(self.folder)]
        self.assertEqual(names, ["accuracy.png", "speed.png"])

    def test_a_sweep_in_which_nothing_has_begun_has_no_pictures(self):
        synthetic_sweeps.rate_sweep(self.folder, (-3, -2), (0,), **SHORT)
        for path in self.folder.glob("*_seed0"):
            shutil.rmtree(path)
        self.assertEqual(sweep_figures.draw_sweep(self.folder), [])

    def test_a_run_is_no_sweep(self):
        synthetic_sweeps.write_run(self.folder)
        with self.assertRaisesRegex(ValueError, "holds no sweep"):
            sweep_figures.draw_sweep(self.folder)

    def test_neither_pyplot_nor_tensorflow_are_needed(self):
        synthetic_sweeps.rate_sweep(self.folder, (-3, -2), (0,), **SHORT)
        # "-m" keeps the package from importing its public names.
        code = (
            "import sys; sys.argv = ['-m']\n"
            "sys.orig_argv = ['python', '-m', 'needle_tf.train']\n"
            "from needle_tf.figures import sweep_figures, training_figures\n"
            "assert 'matplotlib' not in sys.modules, 'imported too early'\n"
            f"sweep_figures.draw_sweep({str(self.folder)!r})\n"
            "assert 'matplotlib.pyplot' not in sys.modules, 'global state'\n"
            "assert 'tensorflow' not in sys.modules, 'slow'\n"
        )
        subprocess.run([sys.executable, "-c", code], check=True)


if __name__ == "__main__":
    absltest.main()

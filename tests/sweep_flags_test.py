"""Tests of the flags of sweeps."""

from absl import flags
from absl.testing import absltest
from absl.testing import flagsaver

from needle_tf import main
from needle_tf import relax_flags
from needle_tf import sweep_flags
from tests import source_tree

NEEDLE_FILES = sorted((source_tree.ROOT / "flags/needle").glob("*.txt"))


def typed(*arguments):
    """Parses a command line of `needle_tf.main`."""
    flags.FLAGS([main.__name__, *arguments])


class SweepFlagsTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.enter_context(flagsaver.flagsaver())

    def test_run_alone_is_no_sweep(self):
        typed("--relax_epoch=5")
        self.assertFalse(sweep_flags.is_sweep())

    def test_runs_are_those_of_all_values(self):
        typed(
            "--relax_epoch=5",
            "--relax_epoch=7",
            "--sweep=seed=0,1",
            "--variant=a:relaxed_learning_rate=3^-2",
            "--variant=b:space=band,radius=2",
            "--variant=c:relaxed_layers=conv_1+conv_2",
        )
        self.assertTrue(sweep_flags.is_sweep())
        sweep, folder = relax_flags.sweep()
        self.assertRegex(folder, r"^runs/cluttered_digits_relax_sweep-\w{8}$")
        self.assertEqual(
            [trial.name for trial in sweep.trials],
            ["a_seed0", "a_seed1", "b_seed0", "b_seed1", "c_seed0", "c_seed1"],
        )
        configs = [trial.config for trial in sweep.trials]
        self.assertEqual(configs[1].relaxed_learning_rate, 3.0**-2)
        self.assertEqual((configs[2].space, configs[2].radius), ("band", 2))
        self.assertEqual(configs[4].relaxed_layers, ("conv_1", "conv_2"))
        self.assertEqual({c.relax_epochs for c in configs}, {(5, 7)})

    def test_flag_file_asks_for_the_same_sweep(self):
        typed("--relax_epoch=5", "--sweep=seed=0,1", "--baselines=")
        sweep, folder = relax_flags.sweep()
        text = sweep_flags.flag_file(relax_flags.given(), "main")
        self.assertIn("python -m needle_tf.main --flagfile", text)
        path = self.create_tempfile("flags.txt", text).full_path
        self.enter_context(flagsaver.flagsaver())
        flags.FLAGS.unparse_flags()
        typed(f"--flagfile={path}")
        again, there = relax_flags.sweep()
        self.assertEqual(folder, there)
        self.assertEqual(
            [trial.config for trial in sweep.trials],
            [trial.config for trial in again.trials],
        )

    def test_every_flag_file_of_the_paper_can_be_run(self):
        self.assertGreater(len(NEEDLE_FILES), 5)
        for path in NEEDLE_FILES:
            with self.subTest(path.name), flagsaver.flagsaver():
                typed(f"--flagfile={path}")
                relax_flags.check()


if __name__ == "__main__":
    absltest.main()

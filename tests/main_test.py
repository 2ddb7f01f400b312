"""Tests of the binary: what a user types, and what comes back."""

import contextlib
import dataclasses
import json
import signal
import subprocess
from unittest import mock

from absl import flags
from absl.testing import absltest
from absl.testing import flagsaver
from absl.testing import parameterized

from needle_tf import main
from needle_tf import relax_flags
from needle_tf.data import loading
from needle_tf.protocol import networks
from needle_tf.protocol import plan
from needle_tf.protocol import relax
from needle_tf.protocol import run_folder
from needle_tf.protocol import snapshots
from tests import commands
from tests import source_tree
from tests.protocol import checkpoints_test
from tests.protocol import tiny_runs

TINY = (
    "--dataset=digits",
    "--train_size=120",
    "--test_size=60",
    "--batch_size=20",
    "--epochs=3",
    "--relax_epoch=1",
    "--baselines=",
    "--checkpoint_interval=1",
    "--log_checkpoints=0",
)
FLAG_FILES = source_tree.ROOT / "flags/needle"


class MainCase(commands.CommandCase):
    command = commands.Command(main)


class HelpTest(MainCase):
    def test_help_comes_at_once_and_lists_the_flags(self):
        out = self.helped()
        for name in ("relax_epoch", "run_dir", "momentum", "library_logs"):
            self.assertRegex(out, rf"--(\[no\])?{name}:")


class TypedMistakesTest(MainCase):
    @parameterized.named_parameters(
        ("unknown_flag", ["--relax_epok=3"], "Unknown.*mean: relax_epoch"),
        ("no_number", ["--epochs=many"], "--epochs=many: invalid literal"),
        ("no_choice", ["--model=vgg"], "--model=vgg: value should be one of"),
        ("no_flag", ["train"], "there are flags only. Received: train"),
        ("no_flag_file", ["--flagfile=nowhere"], "Unable to open flagfile"),
        ("bounds", ["--batch_size=0"], "`batch_size` must be an integer >= 1"),
        ("late_relax", ["--relax_epoch=99"], "--relax_epoch must lie in"),
        (
            "flag_that_would_be_ignored",
            ["--optimizer=adam", "--momentum=0.9"],
            "adam does not read `momentum`",
        ),
        (
            "no_data_dir",
            ["--dataset=cifar10"],
            "'cifar10' is read from a folder.*--data_dir",
        ),
        ("data_dir_ignored", ["--data_dir=/x"], "would ignore --data_dir"),
        ("no_file", ["--model_file=no.keras"], "there is no file no.keras"),
        ("data_bounds", ["--canvas_size=4"], "`canvas_size` must be"),
    )
    def test_mistake_is_answered_at_once(self, arguments, message):
        self.assert_refused_at_once(arguments, message)


class RunTest(MainCase):
    def test_interrupted_run_goes_on_and_is_not_anothers(self):
        arguments = (*TINY, f"--run_dir={self.run_dir}")
        with self.command.typed(*arguments) as process:
            self.wait_for(self.run_dir / "cnn/checkpoints/epoch_0001.keras")
            process.send_signal(signal.SIGINT)
            _, err = process.communicate()
        self.assertEqual(process.returncode, 130, err)
        self.assertRegex(
            err,
            r"^needle_tf: stopped; the same command goes on from the last "
            r"checkpoint: python -m needle_tf.main .*--relax_epoch=1.*\n$",
        )
        done = self.command.answer(*arguments)
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual(done.err, "")  # The libraries keep quiet.
        self.assertRegex(done.out, "going on from epoch|done before")
        self.assert_run_is_reported(done.out)
        self.assert_other_flags_are_refused()
        self.assert_flag_file_goes_on()

    def assert_run_is_reported(self, out):
        self.assertRegex(out, r"efcn_relax1 +epoch 3/3 +loss")
        self.assertRegex(out, r"(?m)^efcn_relax1 +1-3 ")
        for name in ("results.json", "results.csv", "curves.png", "flags.txt"):
            self.assertIn(f"{name}", out)
            self.assertGreater((self.run_dir / name).stat().st_size, 100)
        self.assertIn(f"tensorboard --logdir {self.run_dir}/tensorboard", out)
        rows = json.loads((self.run_dir / "results.json").read_text())
        self.assertEqual([row["stage"] for row in rows], ["cnn", "efcn_relax1"])

    def assert_other_flags_are_refused(self):
        before = {p: p.stat().st_mtime_ns for p in self.run_dir.rglob("*")}
        self.assert_refused(
            self.command.called(
                *TINY,
                "--seed=5",
                "--deterministic",
                f"--run_dir={self.run_dir}",
            ),
            r"another configuration. Different: --seed \(there 0, now 5\); "
            r"--deterministic \(there False, now True\)",
        )
        after = {p: p.stat().st_mtime_ns for p in self.run_dir.rglob("*")}
        self.assertEqual(after, before)

    def assert_flag_file_goes_on(self):
        done = self.command.called(
            f"--flagfile={self.run_dir}/flags.txt", f"--run_dir={self.run_dir}"
        )
        self.assertEqual(done.code, 0, done.err)
        self.assertIn("[2/2] efcn_relax1: done before", done.out)


class SweepTest(MainCase):
    def test_sweep_ends_in_a_table_over_seeds(self):
        arguments = (
            *TINY,
            "--sweep=seed=0,1",
            "--snapshots=none",
            f"--run_dir={self.run_dir}",
        )
        outcome = self.command.called(*arguments)
        self.assertEqual(outcome.code, 0, outcome.err)
        self.assertRegex(outcome.out, r"eFCN@1 .* ± ")
        for name in ("results.json", "results.csv", "flags.txt", "sweep.json"):
            self.assertGreater((self.run_dir / name).stat().st_size, 100)
        self.assertTrue(list(self.run_dir.glob("*.png")))
        kept = {p.parts[-3] for p in self.run_dir.glob("*/*/checkpoints/*")}
        self.assertEqual(kept, {"cnn"})
        again = self.command.called(
            f"--flagfile={self.run_dir}/flags.txt", f"--run_dir={self.run_dir}"
        )
        self.assertEqual(again.code, 0, again.err)
        self.assertIn("done before", again.out)

    @parameterized.named_parameters(
        ("unknown", "relaxed_rate=3", "must set a setting of the runs.*main"),
        ("epochs", "relax_epoch=1,2", "Give --relax_epoch many times instead"),
        ("twice", "epochs=3,4", "--epochs would be ignored"),
        ("value", "relaxed_learning_rate=-1", "is not possible.*must be"),
    )
    def test_sweep_that_is_mistyped_is_refused(self, sweep, says):
        self.assert_refused_at_once([*TINY, f"--sweep={sweep}"], says)


class RefusedRunTest(MainCase):
    def test_corrupt_checkpoints_end_with_their_names(self):
        arguments = (*TINY, f"--run_dir={self.run_dir}")
        self.assertEqual(self.command.called(*arguments).code, 0)
        path = self.run_dir / "efcn_relax1"
        history = json.loads((path / "history.json").read_text())
        history["finished"] = False
        (path / "history.json").write_text(json.dumps(history))
        checkpoints_test.truncate(path / "checkpoints/epoch_0003.keras")
        self.assert_refused(
            self.command.called(*arguments),
            r".*efcn_relax1/checkpoints/epoch_0003.keras is corrupt.*No good "
            r"checkpoint is left.*remove the folder .*efcn_relax1",
        )

    def test_diverged_stage_is_told_and_the_rest_is_shown(self):
        outcome = self.command.called(
            *TINY,
            "--learning_rate=1e38",
            "--relaxed_learning_rate=0.01",
            f"--run_dir={self.run_dir}",
        )
        self.assertEqual(outcome.code, 2)
        for message in (
            "cnn diverged in epoch 0 \\(step ",
            "efcn_relax1 could not",
        ):
            self.assertRegex(outcome.err, f"needle_tf: {message}")
        self.assertNotIn("Traceback", outcome.out + outcome.err)
        self.assertRegex(outcome.out, r"cnn: diverged at epoch 0")
        self.assertTrue((self.run_dir / "results.json").exists())

    def test_folder_in_use_is_refused(self):
        with flagsaver.flagsaver():
            flags.FLAGS(["main", *TINY])
            config = relax_flags.protocol_config()
        with run_folder.opened(self.run_dir, config):
            self.assert_refused(
                self.command.called(*TINY, f"--run_dir={self.run_dir}"),
                "in use by another",
            )

    @parameterized.named_parameters(
        ("steps", "--steps_per_execution=4", "--steps_per_execution must div"),
        ("crop", "--crop_padding=8", "`crop_padding` must be"),
        ("layer", "--relaxed_layers=conv_9", '"conv_9", which is no layer'),
        ("size", "--model=alexnet", "alexnet needs images of at least"),
    )
    def test_what_does_not_fit_is_refused_before_the_folder(self, flag, says):
        outcome = self.command.called(*TINY, flag, f"--run_dir={self.run_dir}")
        self.assert_refused(outcome, says)
        self.assertFalse(self.run_dir.exists())


class DiskTest(MainCase):
    @contextlib.contextmanager
    def small_disk(self, size):
        """Mounts a disk of its own; only root may, in most places."""
        place = self.folder / "disk"
        place.mkdir()
        options = ["-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
        mounted = subprocess.run(["mount", *options], capture_output=True)
        if mounted.returncode:
            self.skipTest("a small disk cannot be mounted here")
        try:
            yield place
        finally:
            subprocess.run(["umount", str(place)], check=True)

    def test_full_disk_ends_with_a_message_and_nothing_is_lost(self):
        with self.small_disk("700k") as disk:
            arguments = (*TINY, f"--run_dir={disk}/run")
            outcome = self.command.called(*arguments)
            self.assert_refused(
                outcome, "the disk of .*/run is too small: snap"
            )
            self.assertFalse((disk / "run/cnn").exists())
            # Others may fill it meanwhile.
            with mock.patch.object(
                snapshots, "require_room", return_value="enough"
            ):
                outcome = self.command.called(*arguments)
            self.assert_refused(outcome, "the disk is full.*repeat the command")
            kept = tiny_runs.numbers(disk / "run")["cnn"]
            self.assertTrue(kept["finished"])
            self.assertEmpty(list(disk.rglob(".writing_*")))
            # With space again the same command goes on, without the CNN.
            subprocess.run(
                ["mount", "-o", "remount,size=20m", str(disk)], check=True
            )
            done = self.command.called(*arguments)
            self.assertEqual(done.code, 0, done.err)
            self.assertIn("cnn: done before", done.out)
            self.assertEqual(tiny_runs.numbers(disk / "run")["cnn"], kept)

    def test_read_only_disk_is_named(self):
        with self.small_disk("1m") as disk:
            subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
            self.assert_refused(
                self.command.called(*TINY, f"--run_dir={disk}/run"),
                "the run folder cannot be written to: .*Read-only",
            )


class FlagFilesTest(parameterized.TestCase):
    def small(self, path):
        """Returns what a file asks for, narrow and short, and noise for it."""
        with flagsaver.flagsaver():
            flags.FLAGS(["main", f"--flagfile={path}"])
            config = relax_flags.protocol_config()
        is_small = config.model == "small_cnn"
        small = dataclasses.replace(
            config,
            epochs=1,
            relax_epochs=(0,),
            relaxed_epochs=None,
            batch_size=4,
            baselines=(),
            baseline_learning_rate=None,
            width=config.width if is_small else 0.1,
            log_checkpoints=0,
        )
        shapes = {
            "cifar10": (32, 32, 3),
            "cifar100": (32, 32, 3),
            "mnist": (28, 28, 1),
        }
        return small, tiny_runs.noise(shapes.get(config.dataset, (16, 16, 1)))

    @parameterized.named_parameters(
        (path.name, path) for path in sorted(FLAG_FILES.glob("*.txt"))
    )
    def test_networks_of_a_flag_file_are_made(self, path):
        config, noise = self.small(path)
        cnn = networks.build_cnn(config, noise)
        networks.compile_network(cnn, config.learning_rate, config, noise, 1)
        relaxed = networks.relax(cnn, plan.stages(config)[1], config, noise, 1)
        self.assertGreater(relaxed.count_params(), cnn.count_params())

    def test_flag_file_runs(self):
        """Two steps of each stage; CI's first command runs another file."""
        config, noise = self.small(FLAG_FILES / "skinny_cifar10.txt")
        folder = self.create_tempdir().full_path
        with mock.patch.object(loading, "load", return_value=noise):
            outcome = relax.run(
                config, folder, report=lambda line: None, progress="none"
            )
        self.assertEmpty(outcome.problems)
        self.assertLen(outcome.histories, 2)
        self.assertTrue(all(h.finished for h in outcome.histories))


if __name__ == "__main__":
    absltest.main()

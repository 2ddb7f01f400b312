"""Tests of the training binary: what a user types, and what comes back."""

import contextlib
import io
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from unittest import mock

from absl import flags
from absl.testing import absltest
from absl.testing import flagsaver
from absl.testing import parameterized

from needle_tf import train
from needle_tf.data import loading
from needle_tf.protocol import sweep
from needle_tf.protocol import training
from tests import source_tree
from tests.protocol import tiny_runs

TINY = (
    "--dataset=digits",
    "--train_size=120",
    "--test_size=60",
    "--batch_size=20",
    "--epochs=3",
    "--checkpoint_interval=1",
)
LAYCA = ("--optimizer=layca", "--learning_rate=3^-3")


def typed(*arguments):
    """Starts `python -m needle_tf.train` in the root of the repository."""
    environment = os.environ.copy()
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    environment.pop("TFDS_DATA_DIR", None)
    return subprocess.Popen(
        [sys.executable, "-m", "needle_tf.train", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=source_tree.ROOT,
        env=environment,
    )


def answer(*arguments):
    """Returns exit code, stdout and stderr of a command."""
    with typed(*arguments) as process:
        out, err = process.communicate()
    return process.returncode, out, err


def called(*arguments):
    """Does the same in this process, where TensorFlow runs already."""
    out, err = io.StringIO(), io.StringIO()
    with (
        flagsaver.flagsaver(),
        mock.patch.dict(os.environ),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        os.environ.pop("TFDS_DATA_DIR", None)
        rest = flags.FLAGS(["train", *arguments])
        code = train.main(rest)
    return code, out.getvalue(), err.getvalue()


class TrainCase(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)
        self.run_dir = self.folder / "run"

    def assert_refused(self, outcome, message):
        """One message, exit code 2, no traceback."""
        code, out, err = outcome
        self.assertEqual(code, 2, err)
        self.assertRegex(err, f"^needle_tf: .*{message}")
        self.assertNotIn("Traceback", out + err)
        self.assertEqual(err.count("\n"), 1, err)

    def assert_files(self, folder, *names):
        for name in names:
            self.assertGreater((folder / name).stat().st_size, 20, name)


class HelpTest(TrainCase):
    def test_help_comes_at_once_and_lists_only_own_flags(self):
        began = time.monotonic()
        code, out, _ = answer("--help")
        self.assertLess(time.monotonic() - began, 2)
        self.assertEqual(code, 0)
        for name in ("task", "run_dir", "alpha", "sweep", "record_angles"):
            self.assertRegex(out, rf"--(\[no\])?{name}:")
        for name in ("relax_epoch", "baselines", "log_checkpoints"):
            self.assertNotRegex(out, rf"--(\[no\])?{name}:")


class TypedMistakesTest(TrainCase):
    @parameterized.named_parameters(
        ("unknown_flag", ["--tasc=c10_cnn1"], "Unknown.*mean: task"),
        ("flag_of_main", ["--relax_epoch=3"], "Unknown command line flag"),
        ("no_number", ["--learning_rate=3^"], "--learning_rate=3\\^: a number"),
        ("no_choice", ["--task=mnist"], "--task=mnist: value should be one of"),
        ("no_flag", ["layca"], "there are flags only. Received: layca"),
        ("no_rate", [], "--learning_rate is needed.*--optimizer=sgd"),
        ("bounds", [*LAYCA, "--l2=-1"], "`l2` must be a finite number >= 0"),
        ("recipe", ["--recipe=sgd"], "--recipe=sgd is one of a task"),
        (
            "ignored_by_the_optimizer",
            ["--optimizer=sgd", "--learning_rate=1", "--alpha=0.1"],
            "sgd does not read `alpha`",
        ),
        (
            "ignored_by_a_replay",
            [*LAYCA, "--replay=runs/a"],
            "so --learning_rate would be ignored",
        ),
        (
            "ignored_without_another",
            [*LAYCA, "--drop_factor=0.5"],
            "--drop_factor would be ignored without --drop_epochs",
        ),
        (
            "recipe_of_another_optimizer",
            ["--task=c10_cnn1", "--recipe=sgd", "--optimizer=layca"],
            "--recipe=sgd of --task=c10_cnn1 is one of sgd",
        ),
        (
            "no_data_dir",
            ["--task=c10_cnn1"],
            "'cifar10' is read from a folder.*--data_dir",
        ),
        (
            "sweep",
            [*LAYCA, "--sweep=learning_rate=1,2"],
            "--learning_rate would be ignored: --sweep=learning_rate",
        ),
        (
            "trial",
            ["--sweep=optimizer=sgd,layca", "--learning_rate=1", "--alpha=2"],
            "the run sgd is not possible: .*alpha",
        ),
        ("axis", ["--sweep=sed=1"], "Received: 'sed'. Did you mean 'seed'"),
        ("variant", ["--variant=l2=1"], "--variant must be LABEL:setting=val"),
    )
    def test_mistake_is_answered_at_once(self, arguments, message):
        began = time.monotonic()
        outcome = answer(*arguments, f"--run_dir={self.run_dir}")
        # TensorFlow alone would take longer.
        self.assertLess(time.monotonic() - began, 3)
        self.assert_refused(outcome, message)
        self.assertFalse(self.run_dir.exists())


class RunTest(TrainCase):
    def test_run_interrupted_run_and_its_flag_file(self):
        arguments = (*TINY, *LAYCA, "--deterministic")
        whole = self.folder / "whole"
        code, out, err = answer(*arguments, f"--run_dir={whole}")
        self.assertEqual(code, 0, err)
        self.assertEqual(err, "")  # The libraries keep quiet.
        self.assertRegex(out, r"train +epoch 3/3 +loss .* rotation 0\.\d+")
        self.assertIn(f"tensorboard --logdir {whole}/tensorboard", out)
        self.assert_files(whole, "results.json", "results.csv", "flags.txt")
        self.assert_files(whole, "curves.png", "train/features.npz")
        self.assertNotEmpty(list((whole / "tensorboard/pictures").iterdir()))
        with typed(*arguments, f"--run_dir={self.run_dir}") as process:
            self.wait_for(self.run_dir / "train/checkpoints/epoch_0001.keras")
            process.send_signal(signal.SIGINT)
            _, err = process.communicate()
        self.assertEqual(process.returncode, 130, err)
        self.assertRegex(err, r"the same command goes on .* needle_tf.train .*")
        code, out, err = answer(
            f"--flagfile={self.run_dir}/flags.txt", f"--run_dir={self.run_dir}"
        )
        self.assertEqual(code, 0, err)
        self.assertEqual(
            tiny_runs.numbers(self.run_dir), tiny_runs.numbers(whole)
        )

    def wait_for(self, file):
        deadline = time.monotonic() + 120
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertTrue(file.exists())

    def test_sweep_ends_with_its_table_and_pictures(self):
        arguments = (
            *TINY,
            "--variant=layca:optimizer=layca,learning_rate=3^-3",
            "--variant=lost:optimizer=sgd,learning_rate=1e38",
            "--sweep=seed=0,1",
            f"--run_dir={self.run_dir}",
            "--progress=none",
        )
        code, out, err = called(*arguments)
        self.assertEqual(code, 2, err)
        self.assertRegex(err, "needle_tf: lost_seed0: train diverged in epoch")
        self.assertEqual(err.count("\n"), 2, err)
        self.assertRegex(out, r"(?m)^layca +.*2")
        self.assert_files(self.run_dir, "results.csv", "results.json")
        self.assert_files(self.run_dir, "accuracy.png", "rotations.png")
        trials = json.loads((self.run_dir / "sweep.json").read_text())["trials"]
        self.assertEqual(
            [trial["status"] for trial in trials], ["done"] * 2 + ["failed"] * 2
        )
        with mock.patch.object(training, "run", wraps=training.run) as run:
            code, out, _ = called(*arguments)
        self.assertEqual((code, run.call_count), (2, 2))
        self.assertIn("[1/4] layca_seed0: done before", out)

    def test_folder_of_the_other_binary_is_refused(self):
        self.run_dir.mkdir()
        (self.run_dir / "config.json").write_text('{"epochs": 3}')
        self.assert_refused(
            called(*TINY, *LAYCA, f"--run_dir={self.run_dir}"),
            "holds a run of another kind: relax",
        )
        self.assert_refused(
            called(
                *TINY, *LAYCA, "--sweep=seed=1", f"--run_dir={self.run_dir}"
            ),
            "neither empty nor the folder of a sweep",
        )


class FlagFilesTest(parameterized.TestCase):
    @parameterized.named_parameters(
        (path.stem, path)
        for path in sorted(
            (source_tree.ROOT / "flags/layer_rotation").glob("*.txt")
        )
    )
    def test_flag_file_asks_for_runs_of_its_task(self, path):
        with (
            mock.patch.object(sweep, "run", return_value=[]) as many,
            mock.patch.object(training, "run") as one,
            mock.patch.object(train, "_show"),
        ):
            one.return_value = mock.Mock(problems=[])
            code, _, err = called(f"--flagfile={path}")
        self.assertEqual(code, 0, err)
        self.assertEqual(many.call_count + one.call_count, 1)

    def test_flag_file_runs(self):
        """Two steps of one on noise of the right shape, a narrow network."""
        path = (
            source_tree.ROOT / "flags/layer_rotation/e06_weight_decay_small.txt"
        )
        folder = self.create_tempdir().full_path
        noise = tiny_runs.noise((32, 32, 3))
        with mock.patch.object(loading, "load", return_value=noise):
            code, _, err = called(
                f"--flagfile={path}",
                "--width=0.1",
                "--epochs=1",
                "--drop_epochs=",
                "--batch_size=4",
                "--train_size=8",
                "--test_size=4",
                f"--run_dir={folder}",
                "--progress=none",
            )
        self.assertEqual(code, 0, err)


if __name__ == "__main__":
    absltest.main()

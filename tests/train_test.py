"""Tests of the training binary: what a user types, and what comes back."""

import dataclasses
import json
import signal
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf import train
from needle_tf.data import loading
from needle_tf.protocol import sweep
from needle_tf.protocol import sweep_plan
from needle_tf.protocol import training
from tests import commands
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
FLAG_FILES = source_tree.ROOT / "flags/layer_rotation"
LAYCA = ("--optimizer=layca", "--learning_rate=3^-3")


class TrainCase(commands.CommandCase):
    command = commands.Command(train)


class HelpTest(TrainCase):
    def test_help_comes_at_once_and_lists_only_own_flags(self):
        out = self.helped()
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
        self.assert_refused_at_once(arguments, message)


class RunTest(TrainCase):
    def test_interrupted_run_goes_on_by_its_flag_file(self):
        arguments = (*TINY, *LAYCA, f"--run_dir={self.run_dir}")
        with self.command.typed(*arguments) as process:
            self.wait_for(self.run_dir / "train/checkpoints/epoch_0001.keras")
            process.send_signal(signal.SIGINT)
            _, err = process.communicate()
        self.assertEqual(process.returncode, 130, err)
        self.assertRegex(err, r"the same command goes on .* needle_tf.train .*")
        done = self.command.answer(
            f"--flagfile={self.run_dir}/flags.txt", f"--run_dir={self.run_dir}"
        )
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual(done.err, "")  # The libraries keep quiet.
        self.assertRegex(done.out, r"train +epoch 3/3 +loss .* rotation 0\.\d+")
        self.assertIn(
            f"tensorboard --logdir {self.run_dir}/tensorboard", done.out
        )
        self.assert_files("results.json", "results.csv", "flags.txt")
        self.assert_files("curves.png", "train/features.npz")
        pictures = self.run_dir / "tensorboard/pictures"
        self.assertNotEmpty(list(pictures.iterdir()))

    def assert_files(self, *names):
        for name in names:
            self.assertGreater((self.run_dir / name).stat().st_size, 20, name)

    def test_sweep_ends_with_its_table_and_pictures(self):
        arguments = (
            *TINY,
            "--variant=layca:optimizer=layca,learning_rate=3^-3",
            "--variant=lost:optimizer=sgd,learning_rate=1e38",
            "--sweep=seed=5",
            f"--run_dir={self.run_dir}",
            "--progress=none",
        )
        done = self.command.called(*arguments)
        self.assertEqual(done.code, 2, done.err)
        self.assertRegex(
            done.err, r"^needle_tf: lost_seed5: train diverged in epoch.*\n$"
        )
        self.assertRegex(done.out, r"(?m)^layca +.*1")
        self.assert_files("results.csv", "results.json")
        self.assert_files("accuracy.png", "rotations.png")
        trials = json.loads((self.run_dir / "sweep.json").read_text())["trials"]
        self.assertEqual(
            [trial["status"] for trial in trials], ["done", "failed"]
        )
        with mock.patch.object(training, "run", wraps=training.run) as run:
            done = self.command.called(*arguments)
        self.assertEqual((done.code, run.call_count), (2, 1))
        self.assertIn("[1/2] layca_seed5: done before", done.out)

    def test_folder_of_the_other_binary_is_refused(self):
        self.run_dir.mkdir()
        (self.run_dir / "config.json").write_text('{"epochs": 3}')
        arguments = (*TINY, *LAYCA, f"--run_dir={self.run_dir}")
        self.assert_refused(
            self.command.called(*arguments),
            "holds a run of another kind: relax",
        )
        self.assert_refused(
            self.command.called(*arguments, "--sweep=seed=1"),
            "neither empty nor the folder of a sweep",
        )


class FlagFilesTest(TrainCase):
    @parameterized.named_parameters(
        (path.stem, path) for path in sorted(FLAG_FILES.glob("*.txt"))
    )
    def test_flag_file_asks_for_runs_of_its_task(self, path):
        with (
            mock.patch.object(sweep, "run", return_value=[]) as many,
            mock.patch.object(training, "run") as one,
            mock.patch.object(train, "_show"),
        ):
            one.return_value = mock.Mock(problems=[])
            done = self.command.called(f"--flagfile={path}")
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual(many.call_count + one.call_count, 1)

    def test_flag_file_runs(self):
        """Two steps of one trial on noise of the right shape, narrow."""
        path = FLAG_FILES / "e06_weight_decay_small.txt"
        noise = tiny_runs.noise((32, 32, 3))
        expand = sweep_plan.expand

        def last_only(*arguments):
            plan = expand(*arguments)
            self.assertLen(plan.trials, 3)
            return dataclasses.replace(plan, trials=plan.trials[-1:])

        with (
            mock.patch.object(loading, "load", return_value=noise),
            mock.patch.object(sweep_plan, "expand", last_only),
        ):
            done = self.command.called(
                f"--flagfile={path}",
                "--width=0.1",
                "--epochs=1",
                "--drop_epochs=",
                "--batch_size=4",
                "--train_size=8",
                "--test_size=4",
                f"--run_dir={self.run_dir}",
                "--progress=none",
            )
        self.assertEqual(done.code, 0, done.err)


if __name__ == "__main__":
    absltest.main()

"""Tests of the flags of training runs, and their way to what is run."""

import dataclasses

from absl import flags
from absl.testing import absltest
from absl.testing import flagsaver
from absl.testing import parameterized

from needle_tf import flag_groups
from needle_tf import sweep_flags
from needle_tf import training_flags
from needle_tf.protocol import tasks
from needle_tf.protocol import training_config
from tests import source_tree
from tests.protocol import training_config_test

EC_OPT_FILES = sorted((source_tree.ROOT / "flags/ec_opt").glob("*.txt"))


def parsed(*arguments):
    """Returns the configuration and its flag file for a command line."""
    with flagsaver.flagsaver():
        flags.FLAGS(["train", *arguments])
        config = training_flags.config()
        return config, flag_groups.as_flag_file(config)


def planned(*arguments):
    """Returns the sweep, its folder and its flag file for a command line."""
    with flagsaver.flagsaver():
        flags.FLAGS(["train", *arguments])
        text = sweep_flags.flag_file(training_flags.given(), "train")
        return *training_flags.sweep(), text


def recipes():
    for task in tasks.names():
        for name in tasks.get(task).recipes:
            yield f"{task}_{name}", task, name


class FlagsTest(parameterized.TestCase):
    def test_every_field_has_a_flag_and_every_flag_a_line_of_help(self):
        for field in dataclasses.fields(training_config.TrainingConfig):
            if field.name != "optimizer_options":
                self.assertIn(field.name, flags.FLAGS)
        for flag in flags.FLAGS.get_flags_for_module(training_flags):
            # absl adds remarks before and behind.
            line = flag.help.splitlines()[0].rstrip(";")
            self.assertRegex(line, r"[A-Z].{10,}\.$", flag.name)

    def test_task_alone_is_enough(self):
        config, _ = parsed("--task=c10_cnn1", "--optimizer=layca")
        self.assertEqual(
            config,
            training_config.TrainingConfig(task="c10_cnn1", recipe="layca"),
        )

    @parameterized.named_parameters(
        (name, config) for name, config in training_config_test.configs()
    )
    def test_flag_file_asks_for_the_same_configuration(self, config):
        self.assert_round_trip(config)

    @parameterized.named_parameters(*recipes())
    def test_flag_file_of_a_recipe_asks_for_the_same(self, task, recipe):
        self.assert_round_trip(
            training_config.TrainingConfig(task=task, recipe=recipe)
        )

    @parameterized.named_parameters(
        ("drops", {"drop_epochs": []}),
        ("short", {"epochs": 3}),
        ("stops", {"stop_accuracy": 0, "stop_loss": 0}),
        ("data", {"dataset": "digits"}),
        ("replay", {"replay": "runs/a"}),
        ("held_out", {"validation_fraction": 0}),
    )
    def test_flag_file_of_a_changed_task_asks_for_the_same(self, given):
        self.assert_round_trip(
            training_config.TrainingConfig(task="c10_cnn1", **given)
        )

    def assert_round_trip(self, config):
        with flagsaver.flagsaver():
            flags.FLAGS(["train"])
            text = flag_groups.as_flag_file(config)
        self.assertIn("-m needle_tf.train --flagfile=", text)
        file = self.create_tempfile(content=text).full_path
        self.assertEqual(parsed(f"--flagfile={file}")[0], config)

    def test_drop_epochs_are_whole_numbers(self):
        config, _ = parsed("--learning_rate=3^-1", "--drop_epochs=7,3")
        self.assertEqual(config.drop_epochs, (3, 7))
        with self.assertRaisesRegex(
            ValueError, "`drop_epochs` must be integers.*=3,half"
        ):
            parsed("--learning_rate=1", "--drop_epochs=3,half")


class SweepTest(parameterized.TestCase):
    def test_sweep_is_what_the_flags_say(self):
        arguments = (
            "--dataset=digits",
            "--momentum=0.5",
            "--learning_rate=0.1",
            "--sweep=seed=0,1",
            "--variant=a:nesterov=true",
            "--variant=b:l2=1e-3,drop_epochs=1+3",
        )
        sweep, folder, text = planned(*arguments)
        self.assertLen(sweep.trials, 4)
        self.assertRegex(folder, "^runs/digits_sweep-[0-9a-f]{8}$")
        file = self.create_tempfile(content=text).full_path
        again, same_folder, _ = planned(f"--flagfile={file}")
        self.assertEqual(again, sweep)
        self.assertEqual(same_folder, folder)

    def test_one_run_is_no_sweep(self):
        with flagsaver.flagsaver():
            flags.FLAGS(["train", "--learning_rate=1"])
            self.assertFalse(sweep_flags.is_sweep())
            training_flags.check()
        with flagsaver.flagsaver():
            flags.FLAGS(["train", "--sweep=learning_rate=1,2"])
            self.assertTrue(sweep_flags.is_sweep())
            training_flags.check()

    def test_impossible_run_is_noticed(self):
        for arguments in ([], ["--sweep=seed=1,2"]):
            with flagsaver.flagsaver():
                flags.FLAGS(["train", *arguments])
                with self.assertRaisesRegex(ValueError, "rate is needed"):
                    training_flags.check()


class EcOptFilesTest(parameterized.TestCase):
    TRIALS = {
        "badly_scaled_digits": 6 * 2 * 5,
        "badly_scaled_digits_rates": 6 * 2 * 6 * 3,
        "cnn_cifar10_small": 2 * 5 * 3,
        "mnist_mlp": 3 * 3,
        "mnist_mlp_300": 3 * 3,
        "plainnet34_cifar10": 3,
        "plainnet34_no_bn_cifar10": 3 * 3,
        "plainnet34_small": 2 * 3 * 3,
        "resnet34_cifar10": 3,
        "resnet34_no_bn_cifar10": 3 * 3,
        "resnet_cifar10_small": 2 * 3 * 3,
    }

    def test_every_file_is_known(self):
        self.assertEqual({path.stem for path in EC_OPT_FILES}, set(self.TRIALS))

    @parameterized.named_parameters((path.stem, path) for path in EC_OPT_FILES)
    def test_flag_file_compares_optimizers_from_one_start(self, path):
        sweep, _, _ = planned(f"--flagfile={path}")
        self.assertLen(sweep.trials, self.TRIALS[path.stem])
        starts = {}
        for trial in sweep.trials:
            config = trial.config
            if config.optimizer.startswith("ec_"):
                self.assertEqual(config.optimizer_options["skeleton"], "index")
            if trial.variant != "sgd_own_start":
                starts.setdefault(config.optimizer, set()).add(
                    (config.init_seed, config.unit_scale_spread)
                )
                self.assertTrue(config.skeleton_start)
        self.assertLessEqual({"sgd", "ec_sgd"}, starts.keys())
        self.assertLen({frozenset(one) for one in starts.values()}, 1)

    @parameterized.named_parameters((path.stem, path) for path in EC_OPT_FILES)
    def test_flag_file_says_what_it_repeats_and_what_it_costs(self, path):
        lines = path.read_text().splitlines()
        for line, word in zip(lines, ("Paper", "Expect", "Cost"), strict=False):
            self.assertRegex(line, rf"^# {word}: .+\.$")


if __name__ == "__main__":
    absltest.main()

"""Tests of the flags of the relax protocol, and their way to its config."""

import dataclasses

from absl import flags
from absl.testing import absltest
from absl.testing import flagsaver
from absl.testing import parameterized

from needle_tf import flag_groups
from needle_tf import relax_flags
from needle_tf.optimizers import registry as optimizer_registry
from needle_tf.protocol import config as config_lib
from needle_tf.protocol import run_config
from tests.protocol import config_test


def parsed(*arguments):
    """Returns the configuration and its flag file for a command line."""
    with flagsaver.flagsaver():
        flags.FLAGS(["main", *arguments])
        config = relax_flags.protocol_config()
        return config, flag_groups.as_flag_file(config)


class FlagsTest(parameterized.TestCase):
    def test_no_flags_are_the_defaults_of_the_config(self):
        config, _ = parsed()
        self.assertEqual(config, config_lib.ProtocolConfig())

    def test_every_field_has_a_flag_and_every_flag_a_line_of_help(self):
        for field in dataclasses.fields(config_lib.ProtocolConfig):
            if field.name != "optimizer_options":
                name = run_config.flag_of(field.name).removeprefix("--")
                self.assertIn(name, flags.FLAGS)
        for flag in flags.FLAGS.get_flags_for_module(relax_flags):
            # absl adds remarks before and behind.
            line = flag.help.splitlines()[0].rstrip(";")
            self.assertRegex(line, r"[A-Z].{10,}\.$", flag.name)

    @parameterized.named_parameters(
        (name, config) for name, config in config_test.configs()
    )
    def test_flag_file_asks_for_the_same_configuration(self, config):
        folder = self.create_tempdir()
        with flagsaver.flagsaver():
            flags.FLAGS(["main"])
            text = flag_groups.as_flag_file(config)
        file = folder.create_file("flags.txt", text).full_path
        self.assertEqual(parsed(f"--flagfile={file}")[0], config)

    @parameterized.named_parameters(
        (name, name) for name in optimizer_registry.names()
    )
    def test_options_reach_the_configuration_under_their_names(self, name):
        known = optimizer_registry.options_of(name)
        given = {"clipnorm": 2.0} if "clipnorm" in known else {}
        if "epsilon" in known:
            given["epsilon"] = 0.01
        slots = ("--optimizer_slots=embed",) if name == "ftrl" else ()
        config, _ = parsed(
            f"--optimizer={name}",
            *slots,
            *(f"--{option}={value}" for option, value in given.items()),
        )
        self.assertEqual(config.optimizer, name)
        self.assertEqual(dict(config.optimizer_options), given)

    def test_relax_epoch_may_be_given_many_times(self):
        config, text = parsed(
            "--relax_epoch=5", "--relax_epoch=0", "--relax_epoch=20"
        )
        self.assertEqual(config.relax_epochs, (0, 5, 20))
        self.assertIn("--relax_epoch=0\n--relax_epoch=5\n", text)

    def test_baselines_may_be_empty(self):
        config, text = parsed("--baselines=")
        self.assertEqual(config.baselines, ())
        self.assertIn("--baselines=\n", text)

    def test_flag_file_keeps_where_the_data_lie(self):
        _, text = parsed("--dataset=mnist", "--data_dir=/data/tfds")
        self.assertIn("--data_dir=/data/tfds\n", text)


if __name__ == "__main__":
    absltest.main()

"""Tests of the bridge from flags to the configuration."""

import dataclasses

from absl import flags
from absl.testing import absltest
from absl.testing import flagsaver
from absl.testing import parameterized

from needle_tf import flag_groups
from needle_tf.optimizers import options
from needle_tf.optimizers import registry as optimizer_registry
from needle_tf.protocol import config as config_lib
from tests.protocol import config_test


def parsed(*arguments):
    """Returns the configuration and its flag file for a command line."""
    with flagsaver.flagsaver():
        flags.FLAGS(["main", *arguments])
        config = flag_groups.protocol_config()
        return config, flag_groups.as_flag_file(config)


class FlagsTest(parameterized.TestCase):
    def test_no_flags_are_the_defaults_of_the_config(self):
        config, _ = parsed()
        self.assertEqual(config, config_lib.ProtocolConfig())

    def test_every_field_has_a_flag_and_every_flag_a_line_of_help(self):
        for field in dataclasses.fields(config_lib.ProtocolConfig):
            if field.name != "optimizer_options":
                name = config_lib.flag_of(field.name).removeprefix("--")
                self.assertIn(name, flags.FLAGS)
        for flag in flags.FLAGS.get_flags_for_module(flag_groups):
            # absl adds remarks before and behind.
            line = flag.help.splitlines()[0].rstrip(";")
            self.assertRegex(line, r"[A-Z].{10,}\.$", flag.name)

    def test_every_option_of_an_optimizer_has_a_flag(self):
        for name in options.OPTIONS:
            self.assertIn(name, flags.FLAGS)
        # One that only some read says which.
        self.assertIn("Read by muon, rmsp", flags.FLAGS["momentum"].help)
        self.assertIn("Read by all.", flags.FLAGS["clipnorm"].help)
        self.assertIn("all but ftrl", flags.FLAGS["weight_decay"].help)

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

    def test_image_size_is_one_number_or_two(self):
        config, _ = parsed("--dataset=mnist", "--image_size=14")
        self.assertEqual(config.image_size, (14, 14))
        config, _ = parsed("--dataset=mnist", "--image_size=14,20")
        self.assertEqual(config.image_size, (14, 20))
        with self.assertRaisesRegex(
            ValueError, "`image_size` must be.*--image_size=big"
        ):
            parsed("--dataset=mnist", "--image_size=big")

    def test_baselines_may_be_empty(self):
        config, text = parsed("--baselines=")
        self.assertEqual(config.baselines, ())
        self.assertIn("--baselines=\n", text)

    def test_flag_file_keeps_where_the_data_lie(self):
        _, text = parsed("--dataset=mnist", "--data_dir=/data/tfds")
        self.assertIn("--data_dir=/data/tfds\n", text)

    def test_run_folder_is_named_by_the_configuration_unless_given(self):
        with flagsaver.flagsaver():
            flags.FLAGS(["main"])
            config = flag_groups.protocol_config()
            self.assertEqual(
                flag_groups.run_dir(config), f"runs/{config.run_name()}"
            )
        with flagsaver.flagsaver():
            flags.FLAGS(["main", "--run_dir=here"])
            self.assertEqual(flag_groups.run_dir(config), "here")


if __name__ == "__main__":
    absltest.main()

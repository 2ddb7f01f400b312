"""Tests of the flags that binaries share."""

from absl import flags
from absl.testing import absltest
from absl.testing import flagsaver
from absl.testing import parameterized

from needle_tf import flag_groups
from needle_tf.optimizers import options
from needle_tf.protocol import settings


def given(*arguments):
    """Returns what is given on a command line."""
    with flagsaver.flagsaver():
        flags.FLAGS(["main", *arguments])
        return flag_groups.given()


class FlagsTest(parameterized.TestCase):
    def test_every_shared_setting_has_a_flag_with_a_line_of_help(self):
        for name in settings.SHARED:
            self.assertIn(name, flags.FLAGS)
        for flag in flags.FLAGS.get_flags_for_module(flag_groups):
            # absl adds remarks before and behind.
            line = flag.help.splitlines()[0].rstrip(";")
            self.assertRegex(line, r"[A-Z].{10,}\.$", flag.name)

    def test_flags_of_one_binary_are_not_among_the_shared_ones(self):
        shared = flags.FLAGS.get_flags_for_module(flag_groups)
        names = {flag.name for flag in shared}
        self.assertNoCommonElements(names, settings.RELAX | settings.TRAINING)

    def test_every_option_of_an_optimizer_has_a_flag(self):
        for name in options.OPTIONS:
            self.assertIn(name, flags.FLAGS)
        # One that only some read says which.
        self.assertIn(
            "rmsprop, sgd, and by layca around these.",
            flags.FLAGS["momentum"].help,
        )
        self.assertIn("Read by layca.", flags.FLAGS["alpha"].help)
        self.assertIn("Read by all.", flags.FLAGS["global_clipnorm"].help)
        self.assertIn(
            "Read by all but ec_adam, ec_momentum, ec_sgd.",
            flags.FLAGS["clipnorm"].help,
        )
        self.assertIn(
            "Read by ec_adam, ec_momentum, ec_sgd.",
            flags.FLAGS["skeleton"].help,
        )
        self.assertIn("all but ftrl", flags.FLAGS["weight_decay"].help)

    def test_what_is_not_given_is_left_out(self):
        self.assertEqual(given(), {"optimizer_options": {}})
        self.assertEqual(
            given("--epochs=3", "--momentum=0.5", "--flip"),
            {
                "epochs": 3,
                "flip": True,
                "optimizer_options": {"momentum": 0.5},
            },
        )

    @parameterized.parameters(("3^-3", 3.0**-3), ("0.25", 0.25), ("1e-3", 1e-3))
    def test_numbers_may_be_written_as_powers(self, text, expected):
        self.assertEqual(
            given(f"--learning_rate={text}")["learning_rate"], expected
        )

    def test_what_is_no_number_is_refused_by_name(self):
        with self.assertRaisesRegex(
            flags.IllegalFlagValueError,
            r"--learning_rate=3\^x: a number is written like",
        ):
            given("--learning_rate=3^x")

    def test_image_size_is_one_number_or_two(self):
        self.assertEqual(given("--image_size=14")["image_size"], 14)
        self.assertEqual(given("--image_size=14,20")["image_size"], (14, 20))
        with self.assertRaisesRegex(
            ValueError, "`image_size` must be.*--image_size=big"
        ):
            given("--image_size=big")

    def test_run_folder_is_named_by_the_run_unless_given(self):
        with flagsaver.flagsaver():
            flags.FLAGS(["main"])
            self.assertEqual(flag_groups.run_dir("a_run"), "runs/a_run")
        with flagsaver.flagsaver():
            flags.FLAGS(["main", "--run_dir=here"])
            self.assertEqual(flag_groups.run_dir("a_run"), "here")

    @parameterized.parameters(
        ("seed", 3, ["--seed=3"]),
        ("flip", False, ["--flip=false"]),
        ("width", None, []),
        ("drop_epochs", [1, 2], ["--drop_epochs=1,2"]),
        ("baselines", [], ["--baselines="]),
        ("relax_epochs", [0, 5], ["--relax_epoch=0", "--relax_epoch=5"]),
    )
    def test_fields_are_written_as_they_are_typed(self, name, value, expected):
        self.assertEqual(flag_groups.lines_of(name, value), expected)


if __name__ == "__main__":
    absltest.main()

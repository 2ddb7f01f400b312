"""Tests of the table of settings."""

import dataclasses
import re

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.data import digits
from needle_tf.protocol import config as config_lib
from needle_tf.protocol import run_config
from needle_tf.protocol import settings
from needle_tf.protocol import training_config

KINDS = (
    (config_lib.ProtocolConfig, settings.SHARED | settings.RELAX),
    (training_config.TrainingConfig, settings.SHARED | settings.TRAINING),
)


class SettingsTest(parameterized.TestCase):
    def test_every_setting_is_a_field_or_the_flag_of_one(self):
        for kind, known in KINDS:
            fields = dataclasses.fields(kind)
            flags = {run_config.flag_of(field.name) for field in fields}
            self.assertLessEqual({f"--{name}" for name in known}, flags)
        self.assertIn("relax_epoch", settings.RELAX)

    def test_numbers_and_switches_of_the_config_are_settings(self):
        for kind, known in KINDS:
            for field in dataclasses.fields(kind):
                is_number = re.search("int|float|bool", str(field.type))
                if is_number and "Sequence" not in str(field.type):
                    self.assertIn(field.name, known)

    @parameterized.named_parameters((name, name) for name in settings.SETTINGS)
    def test_lowest_value_is_taken_and_the_one_below_is_not(self, name):
        setting = settings.SETTINGS[name]
        if setting.kind is bool or setting.low == float("-inf"):
            self.assertIn(name, settings.SETTINGS)
            return
        lowest = setting.low + (1e-6 if setting.is_low_open else 0)
        self.assertEqual(setting.checked(setting.kind(lowest)), lowest)
        below = setting.kind(setting.low - (not setting.is_low_open))
        with self.assertRaisesRegex(
            ValueError, f"`{name}` must be .*{setting.low}.* Rec.*={below}"
        ):
            setting.checked(below)

    def test_defaults_of_the_cluttered_digits_are_those_of_the_data_room(self):
        defaults = run_config.cluttered_defaults()
        self.assertEqual(set(defaults), set(settings.DATA))
        digits.cluttered_digits(0, **(defaults | {"train_size": 20}))

    @parameterized.parameters(
        ("0.1", 0.1),
        ("1e-3", 1e-3),
        ("3^-2.5", 3**-2.5),
        ("3^0", 1.0),
        ("10^2", 100.0),
    )
    def test_numbers_may_be_powers(self, text, expected):
        self.assertEqual(settings.number(text), expected)

    @parameterized.parameters(
        "", "three", "3^", "^2", "3^x", "3^2^2", "0^-1", "-3^0.5", "10^999"
    )
    def test_what_is_no_number_is_refused(self, text):
        with self.assertRaisesRegex(
            ValueError, r"like 0.1, 1e-3 or 3\^-2.5. Received: '"
        ):
            settings.number(text)


if __name__ == "__main__":
    absltest.main()

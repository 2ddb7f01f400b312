"""Tests of the table of settings."""

import dataclasses

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.data import digits
from needle_tf.protocol import config as config_lib
from needle_tf.protocol import settings


class SettingsTest(parameterized.TestCase):
    def test_every_setting_is_a_field_or_the_flag_of_one(self):
        fields = dataclasses.fields(config_lib.ProtocolConfig)
        flags = {config_lib.flag_of(field.name) for field in fields}
        self.assertLessEqual({f"--{name}" for name in settings.SETTINGS}, flags)
        self.assertIn("--relax_epoch", flags)

    def test_numbers_and_switches_of_the_config_are_settings(self):
        for field in dataclasses.fields(config_lib.ProtocolConfig):
            kinds = str(field.type)
            if "str" not in kinds and "Sequence" not in kinds:
                if "Mapping" not in kinds:
                    self.assertIn(field.name, settings.SETTINGS)

    @parameterized.named_parameters((name, name) for name in settings.SETTINGS)
    def test_lowest_value_is_taken_and_the_one_below_is_not(self, name):
        setting = settings.SETTINGS[name]
        if setting.kind is bool or setting.low == float("-inf"):
            self.assertIn(setting, (*settings.DATA, *settings.NUMBERS))
            return
        lowest = setting.low + (1e-6 if setting.is_low_open else 0)
        self.assertEqual(setting.checked(setting.kind(lowest)), lowest)
        below = setting.kind(setting.low - (not setting.is_low_open))
        with self.assertRaisesRegex(
            ValueError, f"`{name}` must be .*{setting.low}.* Rec.*={below}"
        ):
            setting.checked(below)

    def test_defaults_of_the_cluttered_digits_are_those_of_the_data_room(self):
        defaults = config_lib.cluttered_defaults()
        self.assertEqual(set(defaults), {s.name for s in settings.DATA})
        digits.cluttered_digits(0, **(defaults | {"train_size": 20}))


if __name__ == "__main__":
    absltest.main()

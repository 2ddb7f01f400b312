"""Tests of what the configurations of all runs share; more in config_test."""

import dataclasses

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.protocol import config as config_lib
from needle_tf.protocol import run_config
from needle_tf.protocol import training_config

KINDS = (
    ("relax", config_lib.ProtocolConfig, {}),
    ("training", training_config.TrainingConfig, {"learning_rate": 0.1}),
)

MISTAKES = (
    ({"model": "vgg"}, "`model` must be one of"),
    ({"crop_fill": "reflect"}, "ignored without --crop_padding"),
    ({"jit_compile": True, "deterministic": True}, "--jit_compile would"),
    (
        {"dataset": "digits", "canvas_size": 20},
        "--dataset=digits would ignore --canvas_size",
    ),
    ({"optimizer_options": {"rho": 0.5}}, "does not read `rho`"),
)


@parameterized.named_parameters(*KINDS)
class EveryKindTest(parameterized.TestCase):
    def test_defaults_of_shared_fields_are_those_of_every_run(
        self, kind, needed
    ):
        config = kind(**needed)
        settled = {"train_size", "test_size", "model", "width", "optimizer"}
        for field in dataclasses.fields(run_config.RunConfig):
            is_default = field.default is not dataclasses.MISSING
            if is_default and field.default is not None:
                if field.name not in settled:
                    value = getattr(config, field.name)
                    self.assertEqual(value, field.default, field.name)

    def test_kind_says_which_binary_runs_it(self, kind, needed):
        self.assertIn(kind.KIND, ("relax", "training"))
        self.assertIn(kind.BINARY, ("main", "train"))
        self.assertEqual(
            kind.from_json(kind(**needed).to_json()), kind(**needed)
        )

    def test_file_of_the_other_kind_is_refused(self, kind, needed):
        other = {"relax": "training", "training": "relax"}[kind.KIND]
        fields = {**kind(**needed).to_json(), "kind": other}
        with self.assertRaisesRegex(
            ValueError, f"kind {kind.KIND} was expected. Received: kind {other}"
        ):
            kind.from_json(fields)

    def test_shared_settings_are_checked(self, kind, needed):
        for given, message in MISTAKES:
            with self.subTest(message):
                with self.assertRaisesRegex(ValueError, message):
                    kind(**(needed | given))


class ChoiceTest(absltest.TestCase):
    def test_message_names_what_serves_instead(self):
        with self.assertRaisesRegex(
            ValueError,
            r"`model` must be one of a, b \(or set --file\). Rec.*--model=c",
        ):
            run_config.require_choice("model", "c", ["a", "b"], "--file")
        run_config.require_choice("model", "a", ["a", "b"])


if __name__ == "__main__":
    absltest.main()

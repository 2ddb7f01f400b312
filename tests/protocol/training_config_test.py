"""Tests of the configuration of a training run."""

import dataclasses
import json

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.protocol import training_config
from tests.protocol import light_process

Config = training_config.TrainingConfig
RATE = {"learning_rate": 0.1}

# One value per field of training runs that is not its default, and its needs.
OTHER_VALUES = {
    "task": ("c10_cnn1", {}),
    "recipe": ("sgd_l2", {"task": "c10_cnn1"}),
    "validation_fraction": (0.25, {}),
    "test_at_best": (True, {"validation_fraction": 0.5}),
    "l2": (1e-3, {}),
    "l2_skips": (("logits",), {"l2": 1e-3}),
    "drop_epochs": ((10, 20), {}),
    "drop_factor": (0.5, {"drop_epochs": [3]}),
    "decay_per_epoch": (0.99, {}),
    "warmup_epochs": (5, {}),
    "warmup": ("discrete", {"warmup_epochs": 5}),
    "stop_accuracy": (0.2, {"stop_accuracy_epoch": 3}),
    "stop_accuracy_epoch": (7, {"stop_accuracy": 0.5}),
    "stop_loss": (1e-4, {}),
    "stop_unchanged_epochs": (3, {}),
    "rotation_every_steps": (10, {}),
    "record_angles": (True, {}),
    "replay": ("runs/a", {"learning_rate": None}),
    "second_moments": (True, {"optimizer": "adam"}),
    "init_seed": (3, {}),
    "skeleton_start": (True, {}),
    "unit_scale_spread": (10.0, {}),
}
REFUSED = (
    ("no_rate", {"learning_rate": None}, r"--learning_rate is needed.*=sgd"),
    (
        "no_rate_of_the_task",
        {"learning_rate": None, "task": "c10_cnn1", "optimizer": "lion"},
        r"--learning_rate is needed.*--optimizer=lion.*recipes: sgd, sgd_l2",
    ),
    ("optimizer", {"learning_rate": None, "optimizer": "sdg"}, "called 'sdg'"),
    ("task", {"task": "c10_cnn"}, r"`task` must be one.*Did you mean 'c10_cnn"),
    ("recipe", {"recipe": "sgd"}, r"--recipe=sgd is one of a task. Set --task"),
    (
        "recipe_of_another_task",
        {"task": "mnist_mlp", "recipe": "sgd_l2"},
        r"--task=mnist_mlp has no recipe sgd_l2.*Its recipes: layca",
    ),
    (
        "recipe_and_optimizer",
        {"task": "c10_cnn1", "recipe": "sgd_l2", "optimizer": "adam"},
        r"--recipe=sgd_l2 of --task=c10_cnn1 is one of sgd. .*=adam",
    ),
    (
        "whole_held_out",
        {"validation_fraction": 1.0},
        r"`validation_fraction` must be.*>= 0 and < 1. .*=1.0",
    ),
    ("negative_l2", {"l2": -1e-3}, r"`l2` must be a finite number >= 0"),
    ("skips", {"l2_skips": ["a"]}, r"--l2_skips would be ignored without --l2"),
    ("unnamed", {"l2": 1, "l2_skips": [3]}, r"`l2_skips` must be names"),
    (
        "factor_without_drops",
        {"drop_factor": 0.5},
        r"--drop_factor would be ignored without --drop_epochs.*=0.5",
    ),
    (
        "factor",
        {"drop_factor": 1.0, "drop_epochs": [3]},
        r"`drop_factor` must be a finite number > 0 and < 1",
    ),
    ("drop_at_0", {"drop_epochs": [0]}, r"`drop_epochs` must be.*>= 1"),
    ("drop_text", {"drop_epochs": ["a"]}, r"`drop_epochs` must be an integer"),
    (
        "drop_at_the_end",
        {"drop_epochs": [10, 40]},
        r"--drop_epochs must lie below --epochs.*=40, --epochs=40",
    ),
    (
        "warmup_alone",
        {"warmup": "linear"},
        r"--warmup would be ignored without --warmup_epochs",
    ),
    (
        "warmup",
        {"warmup": "slow", "warmup_epochs": 2},
        r"`warmup` must be one of linear, discrete.*=slow",
    ),
    ("long_warmup", {"warmup_epochs": 41}, r"--warmup_epochs must lie in \[0"),
    (
        "stop_without_epoch",
        {"stop_accuracy": 0.2},
        r"--stop_accuracy needs the epoch.*=0.2. Set --stop_accuracy_epoch",
    ),
    (
        "stop_epoch_alone",
        {"stop_accuracy_epoch": 2},
        r"--stop_accuracy_epoch would be ignored without --stop_accuracy",
    ),
    (
        "late_stop",
        {"stop_accuracy": 0.2, "stop_accuracy_epoch": 40},
        r"--stop_accuracy_epoch must lie below --epochs.*=40, --epochs=40",
    ),
    (
        "best_without_validation",
        {"test_at_best": True},
        r"--test_at_best needs images to validate on.*=0.0",
    ),
    (
        "rotation_between_calls",
        {"rotation_every_steps": 5, "steps_per_execution": 2},
        r"--rotation_every_steps must be a multiple of --steps_per_execution",
    ),
    (
        "angles_between_calls",
        {"record_angles": True, "steps_per_execution": 2},
        r"--record_angles looks at every step. .*=2. Leave it away",
    ),
    (
        "replay_and_rate",
        {"replay": "runs/a"},
        r"--replay=runs/a turns each.*--learning_rate would be ignored",
    ),
    (
        "replay_and_schedule",
        {"replay": "x", "learning_rate": None, "drop_epochs": [3]}
        | {"warmup_epochs": 2},
        r"so --drop_epochs, --warmup_epochs would be ignored",
    ),
    (
        "replay_and_optimizer",
        {"replay": "x", "learning_rate": None, "optimizer": "adam"},
        r"--replay sets the angles.*--optimizer=adam. Set --optimizer=layca",
    ),
    (
        "decay_and_drops",
        {"decay_per_epoch": 0.9, "drop_epochs": [3, 5]},
        r"two ways to lower.*--drop_epochs=3,5, --decay_per_epoch=0.9. Leave",
    ),
    (
        "decay",
        {"decay_per_epoch": 1},
        r"`decay_per_epoch` must be.*> 0 and < 1",
    ),
    (
        "replay_and_decay",
        {"replay": "x", "learning_rate": None, "decay_per_epoch": 0.9},
        r"so --decay_per_epoch would be ignored",
    ),
    (
        "spread",
        {"unit_scale_spread": 0.5},
        r"`unit_scale_spread` must be.*>= 1",
    ),
    ("start", {"skeleton_start": 1}, r"`skeleton_start` must be True or False"),
    ("init_seed", {"init_seed": 2**32}, r"`init_seed` must be.*<= 4294967295"),
    ("moments", {"second_moments": 1}, r"`second_moments` must be True or Fal"),
)


def configs():
    """Yields each field's name and a config with another value of it."""
    for name, (value, needed) in OTHER_VALUES.items():
        yield name, Config(**(RATE | needed | {name: value}))


class RefusalTest(parameterized.TestCase):
    @parameterized.named_parameters(*REFUSED)
    def test_mistake_is_refused_by_the_names_of_the_flags(self, given, message):
        with self.assertRaisesRegex(ValueError, message):
            Config(**(RATE | given))

    def test_boundary_values_are_taken(self):
        Config(
            **RATE,
            epochs=2,
            drop_epochs=[1],
            drop_factor=0.999,
            warmup_epochs=2,
            stop_accuracy=0.999,
            stop_accuracy_epoch=1,
            validation_fraction=0.999,
            test_at_best=True,
            init_seed=2**32 - 1,
        )


class TaskTest(parameterized.TestCase):
    def test_task_fills_in_what_is_not_given(self):
        config = Config(task="c10_cnn1")
        self.assertEqual(config.recipe, "sgd")
        self.assertEqual(config.dataset, "cifar10")
        self.assertEqual(config.learning_rate, 3.0**-1)
        self.assertEqual(config.drop_epochs, (80, 90, 97))
        self.assertEqual(config.validation_fraction, 0.1)

    def test_flag_that_is_given_wins(self):
        config = Config(
            task="c10_cnn1",
            learning_rate=0.5,
            batch_size=32,
            statistics="channel",
            validation_fraction=0.0,
            drop_epochs=[],
            stop_loss=0.0,
            stop_accuracy=0.0,
        )
        self.assertEqual(config.learning_rate, 0.5)
        self.assertEqual(config.batch_size, 32)
        self.assertEqual(config.statistics, "channel")
        self.assertEqual(config.drop_epochs, ())
        self.assertIsNone(config.drop_factor)
        self.assertIsNone(config.stop_accuracy_epoch)
        self.assertEqual(config.stop_unchanged_epochs, 3)

    @parameterized.parameters(
        ("layca", {}, "layca", 3.0**-3),
        ("layca", {"inner_optimizer": "sgd"}, "layca", 3.0**-3),
        ("layca", {"inner_optimizer": "adam"}, "adam_layca", 3.0**-5),
        ("layca", {"inner_optimizer": "rmsprop"}, "adaptive_layca", 3.0**-3),
        ("rmsprop", {}, "adaptive", 3.0**-6),
        ("normalized_sgd", {}, "normalized", 3.0**-2),
    )
    def test_optimizer_gets_its_tuned_rate(self, name, options, recipe, rate):
        config = Config(
            task="c10_cnn1", optimizer=name, optimizer_options=options
        )
        self.assertEqual((config.recipe, config.learning_rate), (recipe, rate))

    def test_optimizer_without_a_recipe_needs_its_rate(self):
        config = Config(task="c10_cnn1", optimizer="lion", learning_rate=1e-3)
        self.assertIsNone(config.recipe)
        self.assertEqual(config.epochs, 100)

    def test_options_of_a_recipe_can_be_changed_one_by_one(self):
        config = Config(task="c100_wrn", optimizer_options={"momentum": 0.5})
        self.assertEqual(
            config.optimizer_options, {"momentum": 0.5, "nesterov": True}
        )

    def test_drops_and_stops_behind_the_end_are_left_away(self):
        config = Config(task="c10_cnn1", epochs=85)
        self.assertEqual(config.drop_epochs, (80,))
        config = Config(task="c10_cnn1", epochs=7)
        self.assertEqual(config.drop_epochs, ())
        self.assertEqual(config.stop_accuracy, 0.0)
        self.assertEqual(Config.from_json(config.to_json()), config)

    def test_own_data_and_own_network_take_the_place_of_the_tasks(self):
        config = Config(task="mnist_mlp", dataset="digits")
        self.assertIsNone(config.train_size)
        self.assertEqual(config.batch_size, 2048)
        self.assertEqual(Config(task="mnist_mlp").train_size, 10_000)
        version = Config(task="mnist_mlp", dataset="mnist:3.0.1")
        self.assertEqual(version.train_size, 10_000)
        config = Config(task="mnist_mlp", model_file="mine.keras")
        self.assertIsNone(config.model)

    def test_replay_takes_neither_rate_nor_schedule_of_the_task(self):
        config = Config(task="c10_cnn1", replay="runs/a")
        self.assertEqual(config.optimizer, "layca")
        self.assertIsNone(config.learning_rate)
        self.assertEqual(config.drop_epochs, ())
        self.assertEqual(config.epochs, 100)


class DefaultsTest(parameterized.TestCase):
    def test_every_field_of_training_runs_has_a_case(self):
        fields = {f.name for f in dataclasses.fields(Config)}
        base = dataclasses.fields(training_config.run_config.RunConfig)
        self.assertEqual(OTHER_VALUES.keys(), fields - {f.name for f in base})

    @parameterized.named_parameters(
        ("dataset", {"dataset": "cluttered_digits"}),
        ("seed", {"init_seed": 0}),
        ("optimizer", {"optimizer": "sgd"}),
        ("drops", {"drop_epochs": []}),
        ("l2", {"l2": 0, "l2_skips": []}),
        ("warmup", {"warmup_epochs": 0}),
        ("stops", {"stop_loss": 0, "stop_accuracy": 0}),
    )
    def test_writing_a_default_out_changes_nothing(self, given):
        self.assertEqual(Config(**RATE, **given), Config(**RATE))

    def test_initial_weights_follow_the_seed_unless_told(self):
        self.assertEqual(Config(**RATE, seed=4).init_seed, 4)
        self.assertEqual(Config(**RATE, seed=4, init_seed=0).init_seed, 0)

    def test_angles_are_looked_at_step_by_step(self):
        self.assertEqual(Config(**RATE, record_angles=True).every_steps, 1)
        self.assertEqual(Config(**RATE, rotation_every_steps=7).every_steps, 7)

    def test_drop_epochs_are_sorted(self):
        config = Config(**RATE, drop_epochs=[20, 5, 20])
        self.assertEqual(config.drop_epochs, (5, 20))
        self.assertEqual(Config(**RATE, drop_epochs=7).drop_epochs, (7,))
        self.assertEqual(config.drop_factor, 0.2)


class JsonTest(parameterized.TestCase):
    @parameterized.named_parameters(
        (name, name, config) for name, config in configs()
    )
    def test_json_round_trip_is_the_identity(self, name, config):
        text = json.dumps(config.to_json(), allow_nan=False)
        back = Config.from_json(json.loads(text))
        self.assertEqual(back, config)
        self.assertEqual(back.run_name(), config.run_name())
        # The case does change its field.
        self.assertIn(name, config.differences(Config(**RATE)))

    def test_later_fields_at_their_defaults_do_not_change_the_name(self):
        # As it was before they were there.
        self.assertEqual(
            Config(task="c10_cnn1").run_name(),
            "cifar10_c10_cnn1_sgd_seed0-b37c2b73",
        )

    def test_json_says_its_kind(self):
        self.assertEqual(Config(**RATE).to_json()["kind"], "training")

    def test_run_name_says_what_is_run(self):
        self.assertRegex(
            Config(task="c10_cnn1", recipe="sgd_l2", seed=2).run_name(),
            "^cifar10_c10_cnn1_sgd_l2_seed2-[0-9a-f]{8}$",
        )


class ImportTest(absltest.TestCase):
    def test_configuration_needs_neither_keras_nor_tensorflow(self):
        code = (
            "from needle_tf.protocol import sweep\n"
            "from needle_tf.protocol import training\n"
            "training.plan_lib.training(\n"
            "    training.training_config.TrainingConfig(learning_rate=0.1))\n"
            "heavy = {'keras', 'tensorflow', 'sklearn', 'matplotlib'}\n"
            "sys.exit(str(heavy & set(sys.modules) or ''))"
        )
        self.assertEqual(light_process.errors(code).strip(), "")


if __name__ == "__main__":
    absltest.main()

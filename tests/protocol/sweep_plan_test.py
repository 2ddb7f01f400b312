"""Tests of the trials of a sweep."""

import pathlib

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.protocol import sweep_plan

GIVEN = {"dataset": "digits", "optimizer_options": {}}
FOLDER = pathlib.Path("runs/a_sweep")


def expand(axes=(), variants=(), **given):
    return sweep_plan.expand(GIVEN | given, axes, variants, FOLDER)


class GridTest(parameterized.TestCase):
    def test_each_value_is_run_with_each(self):
        sweep = expand(["learning_rate=0.1,3^-3", "seed=0,1"])
        self.assertEqual(
            [trial.name for trial in sweep.trials],
            ["lr0.1_seed0", "lr0.1_seed1", "lr3^-3_seed0", "lr3^-3_seed1"],
        )
        self.assertEqual(
            sweep.axes, {"learning_rate": [0.1, 3.0**-3], "seed": [0, 1]}
        )
        last = sweep.trials[-1]
        self.assertEqual(last.config.learning_rate, 3.0**-3)
        self.assertEqual((last.config.seed, last.config.dataset), (1, "digits"))
        self.assertEqual(last.settings, {"learning_rate": 3.0**-3})

    def test_trials_of_one_label_differ_in_the_seed(self):
        sweep = expand(["learning_rate=0.1,0.2", "seed=0,1"])
        labels = [trial.label for trial in sweep.trials]
        self.assertEqual(labels[:2], ["learning_rate=0.1"] * 2)
        self.assertEqual(labels[2:], ["learning_rate=0.2"] * 2)
        seeds = expand(["seed=0,1"], learning_rate=0.1)
        self.assertEqual([t.label for t in seeds.trials], ["sgd", "sgd"])
        self.assertEqual([t.name for t in seeds.trials], ["seed0", "seed1"])

    def test_variants_come_one_after_the_other(self):
        sweep = expand(
            ["seed=0,1"],
            ["plain:optimizer=sgd,learning_rate=0.1,momentum=0.5"]
            + ["my adam:optimizer=adam,learning_rate=1e-3"],
        )
        self.assertEqual(
            [trial.name for trial in sweep.trials],
            ["plain_seed0", "plain_seed1", "my_adam_seed0", "my_adam_seed1"],
        )
        self.assertEqual(sweep.variants, ["plain", "my adam"])
        plain, _, adam, _ = sweep.trials
        self.assertEqual(plain.config.optimizer_options, {"momentum": 0.5})
        self.assertEqual(adam.label, "my adam")
        self.assertEqual(adam.variant, "my adam")
        self.assertEqual(adam.config.optimizer_options, {})
        self.assertEqual(
            adam.settings, {"optimizer": "adam", "learning_rate": 1e-3}
        )

    def test_options_given_to_all_hold_for_all(self):
        sweep = expand(
            ["momentum=0.1,0.2"],
            learning_rate=0.1,
            optimizer_options={"nesterov": True},
        )
        self.assertEqual(
            [trial.config.optimizer_options for trial in sweep.trials],
            [
                {"momentum": 0.1, "nesterov": True},
                {"momentum": 0.2, "nesterov": True},
            ],
        )

    def test_tuned_rate_follows_the_optimizer(self):
        sweep = sweep_plan.expand(
            {"task": "c10_cnn1"}, ["optimizer=sgd,layca"], [], FOLDER
        )
        rates = [trial.config.learning_rate for trial in sweep.trials]
        self.assertEqual(rates, [3.0**-1, 3.0**-3])

    def test_variant_replays_the_trial_with_the_same_other_settings(self):
        sweep = expand(
            ["seed=0,1"],
            ["ad:optimizer=adam,learning_rate=0.1,record_angles=true"]
            + ["again:replay=@ad"],
        )
        again = sweep.trials[-1]
        self.assertEqual(again.name, "again_seed1")
        self.assertEqual(again.config.replay, "runs/a_sweep/ad_seed1")
        self.assertEqual(again.config.optimizer, "layca")

    def test_names_of_sweeps_differ_as_the_sweeps_do(self):
        name = sweep_plan.name_of(GIVEN, ["seed=0"], [])
        self.assertRegex(name, "^digits_sweep-[0-9a-f]{8}$")
        self.assertNotEqual(name, sweep_plan.name_of(GIVEN, ["seed=1"], []))
        self.assertEqual(name, sweep_plan.name_of(GIVEN, ["seed=0"], []))


class RefusalTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("given_too", ["seed=0,1"], [], {"seed": 3}, "--seed would be ignored"),
        (
            "option_given_too",
            ["momentum=0,1"],
            [],
            {"optimizer_options": {"momentum": 0.5}},
            "--momentum would be ignored: --sweep=momentum=... sets it",
        ),
        (
            "axis_and_variant",
            ["l2=0,1"],
            ["a:l2=1"],
            {},
            "--sweep=l2=... and --variant=a both set l2",
        ),
        ("no_label", [], ["l2=1"], {}, "must be LABEL:setting=value.*=l2=1"),
        ("no_settings", [], ["a:"], {}, "must be LABEL:setting=value.*=a:"),
        ("twice", [], ["a:l2=1,l2=2"], {}, "--variant=a:l2=1,l2=2 sets l2 twi"),
        ("label", [], ["a:l2=1", "a:l2=2"], {}, "--variant=a is given twice"),
        (
            "folder",
            [],
            ["..:l2=1"],
            {},
            "no run of a sweep can be called \\.\\.",
        ),
        (
            "taken_folder",
            [],
            ["tensorboard:l2=1"],
            {},
            "can be called tensorboard: its folder would not be its own",
        ),
        ("value", ["seed=1,1"], [], {}, "two runs.*are both called seed1"),
        (
            "impossible",
            ["optimizer=sgd,sdg"],
            [],
            {},
            "the run sdg is not possible: There is no optimizer called 'sdg'",
        ),
        (
            "replay_of_nothing",
            [],
            ["a:replay=@b", "b:record_angles=true"],
            {"learning_rate": None},
            "--variant=a replays @b, which is no variant before it. .*: none",
        ),
        (
            "replay_without_angles",
            [],
            ["a:optimizer=adam", "b:replay=@a"],
            {},
            "replays @a, which records no angles. Add record_angles=true",
        ),
    )
    def test_mistake_is_refused(self, axes, variants, given, message):
        given = {"learning_rate": 0.1} | given
        with self.assertRaisesRegex(ValueError, message):
            expand(axes, variants, **given)


if __name__ == "__main__":
    absltest.main()

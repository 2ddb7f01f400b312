"""Tests of the registry: complete, held against Keras, and strict."""

import inspect
import subprocess
import sys

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.optimizers import options
from needle_tf.optimizers import registry

NAMES = registry.names()
# The others are tried on networks: `registry_ec_opt_test`.
WITHOUT_MODEL = [name for name in NAMES if not registry.needs_model(name)]

NOT_AN_OPTIMIZER_BECAUSE = {
    "Optimizer": "the base class",
    "LossScaleOptimizer": "a wrapper that --precision puts on",
    "MultiOptimizer": "a wrapper made of other optimizers",
    "OptimizerMap": "the table of a MultiOptimizer",
}
NO_OPTION_BECAUSE = {
    "learning_rate": "an argument of its own",
    "name": "names the object, changes no step",
    "loss_scale_factor": "belongs to --precision, which sets it",
    "kwargs": "the parent's",
    "inner": "made from inner_optimizer and its options",
    "angles": "recorded by another run",
    "multipliers": "a table by kernel",
    "unit_axes": "a table by kernel",
}
# Read by the constructor, kept from the user, for this reason.
NOT_OFFERED_BECAUSE = {
    ("ftrl", "weight_decay"): "undone in the same step: weights come from slots"
} | {
    ("layca", name): "an average of points on a sphere lies inside it"
    for name in ("use_ema", "ema_momentum", "ema_overwrite_frequency")
}
# Read by layca, and no argument of its class, for this reason.
OF_THE_INNER = {
    "inner_optimizer": "names its class",
    "others_learning_rate": "its learning rate",
    "momentum": "its option",
    "nesterov": "its option",
}
# Keras writes these defaults as integers, though it multiplies by them.
REALS_WITH_INTEGER_DEFAULT = {("muon", "adam_lr_ratio")}

# A value within bounds for each option, other than any default.
VALUES = {float: 0.25, int: 3, bool: True, list: ["logits"]}
# Options of layca that go with these alone.
WITH = {
    "weight_decay": {"others": "inner"},
    "others_learning_rate": {"others": "inner"},
    "alpha_skips": {"alpha": 0.5},
}


def value_for(option):
    if option.kind is str:
        return option.choices[-1]
    if option.kind is float and option.high <= 0:
        return -0.25
    if option.kind is float and option.low >= 1:
        return 1.5
    return VALUES[option.kind]


def keras_classes():
    return {
        name
        for name, value in vars(keras.optimizers).items()
        if inspect.isclass(value)
    }


def constructor(name):
    """Returns the arguments of a class and its parents, and their defaults."""
    defaults = {}
    for kind in reversed(registry.class_of(name).__mro__):
        if "__init__" in vars(kind) and kind is not object:
            parameters = inspect.signature(kind.__init__).parameters
            defaults |= {k: p.default for k, p in parameters.items()}
    return {k: v for k, v in defaults.items() if k not in ("self", "args")}


def needed_by(name, option):
    """Returns what must be set besides an option."""
    if name == "layca" and option.name in WITH:
        return WITH[option.name]
    if option.needs:
        return {option.needs: value_for(options.OPTIONS[option.needs])}
    return {}


def kept(optimizer, option):
    """Returns an option as the config of an optimizer keeps it."""
    config = optimizer.get_config()
    if registry.class_of("layca") is not type(optimizer):
        return config[option]
    inner = config["inner"]
    if option == "inner_optimizer":
        return inner["class_name"].lower()
    if option == "others_learning_rate":
        return inner["config"]["learning_rate"]
    return config[option] if option in config else inner["config"][option]


class CompletenessTest(parameterized.TestCase):
    def test_every_keras_optimizer_has_a_row(self):
        rows = {
            registry.class_of(name).__name__
            for name in NAMES
            if registry.class_of(name).__module__.startswith("keras.")
        }
        self.assertNoCommonElements(rows, NOT_AN_OPTIMIZER_BECAUSE)
        self.assertEqual(
            keras_classes(), rows | NOT_AN_OPTIMIZER_BECAUSE.keys()
        )

    @parameterized.parameters(*WITHOUT_MODEL)
    def test_name_is_the_class_in_small_letters(self, name):
        self.assertEqual(
            name.replace("_", ""), registry.class_of(name).__name__.lower()
        )

    @parameterized.parameters(*WITHOUT_MODEL)
    def test_options_are_the_arguments_of_the_constructor(self, name):
        kept = {o for n, o in NOT_OFFERED_BECAUSE if n == name}
        offered = set(registry.options_of(name))
        if name == "layca":
            self.assertLessEqual(OF_THE_INNER.keys(), offered)
            offered -= OF_THE_INNER.keys()
        self.assertNoCommonElements(offered, kept | NO_OPTION_BECAUSE.keys())
        self.assertEqual(
            set(constructor(name)) - NO_OPTION_BECAUSE.keys(), offered | kept
        )

    @parameterized.parameters(*WITHOUT_MODEL)
    def test_types_and_bounds_admit_the_defaults_of_keras(self, name):
        defaults = constructor(name)
        for option in registry.options_of(name).values():
            default = defaults.get(option.name)
            if default is None or default == ():
                continue
            if (name, option.name) not in REALS_WITH_INTEGER_DEFAULT:
                self.assertIs(type(default), option.kind, option.name)
            self.assertEqual(option.checked(default), default)

    def test_every_option_is_read_by_some_optimizer(self):
        read = {o for name in NAMES for o in registry.options_of(name)}
        self.assertEqual(read, set(options.OPTIONS))

    @parameterized.parameters(*WITHOUT_MODEL)
    def test_every_option_reaches_the_optimizer(self, name):
        for option in registry.options_of(name).values():
            value = value_for(option)
            needed = needed_by(name, option)
            optimizer = registry.build(
                name, learning_rate=0.5, **{option.name: value}, **needed
            )
            self.assertIs(type(optimizer), registry.class_of(name))
            self.assertEqual(kept(optimizer, option.name), value)
            self.assertEqual(optimizer.get_config()["learning_rate"], 0.5)

    def test_table_comes_without_keras(self):
        code = (
            # As `python -m` does, which puts off registering the layers.
            "import sys; sys.argv = ['-m']; "
            "sys.orig_argv = ['python', '-m', 'needle_tf.main']; "
            "from needle_tf.optimizers import registry; "
            "registry.check('sgd', learning_rate=1, momentum=0); "
            "sys.exit('keras' in sys.modules or 'numpy' in sys.modules)"
        )
        run = subprocess.run([sys.executable, "-c", code])
        self.assertEqual(run.returncode, 0)


class BuildTest(parameterized.TestCase):
    @parameterized.parameters(0, np.float32(0.5), 1)
    def test_sgd_takes_any_real_momentum(self, momentum):
        optimizer = registry.build("sgd", learning_rate=1, momentum=momentum)
        self.assertEqual(optimizer.momentum, momentum)
        self.assertIs(type(optimizer.momentum), float)

    @parameterized.parameters(1, np.float64(0.125), np.float32(0.125))
    def test_rate_may_be_any_real_number(self, rate):
        optimizer = registry.build("adam", learning_rate=rate)
        self.assertEqual(float(optimizer.learning_rate), rate)

    def test_rate_may_be_a_schedule(self):
        schedule = keras.optimizers.schedules.ExponentialDecay(0.5, 1, 0.5)
        optimizer = registry.build("sgd", learning_rate=schedule)
        self.assertEqual(float(optimizer.learning_rate), 0.5)

    def test_option_left_at_none_keeps_the_default_of_keras(self):
        optimizer = registry.build(
            "adamw", learning_rate=0.1, weight_decay=None, momentum=None
        )
        self.assertEqual(optimizer.weight_decay, 0.004)

    @parameterized.parameters(*WITHOUT_MODEL)
    def test_config_round_trips(self, name):
        settings = {
            option.name: value_for(option)
            for option in registry.options_of(name).values()
            if option.name not in ("clipnorm", "clipvalue")
        }
        optimizer = registry.build(name, learning_rate=0.5, **settings)
        config = optimizer.get_config()
        again = registry.class_of(name).from_config(config)
        self.assertEqual(again.get_config(), config)

    @parameterized.parameters(*WITHOUT_MODEL)
    def test_weights_outlive_the_first_step_unless_the_row_says_so(self, name):
        start = np.array([[1.0, -2.0], [0.5, 4.0]], "float32")
        weights = keras.Variable(start, name="kernel")
        optimizer = registry.build(name, learning_rate=1e-4)
        optimizer.apply([np.full((2, 2), 1e-2, "float32")], [weights])
        turned = np.abs(keras.ops.convert_to_numpy(weights.value) - start).max()
        self.assertGreater(turned, 0)
        self.assertEqual(turned < 0.01, registry.keeps_weights(name))


class RefusalTest(parameterized.TestCase):
    def refused(self, pattern, name, learning_rate=0.1, **settings):
        for step in (registry.check, registry.build):
            with self.assertRaisesRegex(ValueError, pattern):
                step(name, learning_rate=learning_rate, **settings)

    def test_unknown_name_lists_the_known_ones(self):
        self.refused(
            r"no optimizer called 'shampoo'\. Known optimizers: adadelta, ada.*"
            r"schedule_free_adamw, sgd\.$",
            "shampoo",
        )

    @parameterized.parameters(
        ("Adam", "adam"), ("nadm", "nadam"), ("sdg", "sgd")
    )
    def test_misspelled_name_gets_the_nearest(self, name, nearest):
        self.refused(f"called '{name}'. Did you mean '{nearest}'", name)

    def test_option_of_another_optimizer_names_its_readers(self):
        self.refused(
            r"The optimizer adam does not read `momentum`\. Received: "
            r"momentum=0\.9\. Optimizers that do: ec_momentum, "
            r"effective_rate_sgd, lars_sgd, muon, normalized_sgd, rmsprop, "
            r"sgd\.$",
            "adam",
            momentum=0.9,
        )

    def test_misspelled_option_gets_the_nearest(self):
        self.refused(
            r"sgd does not read `momentun`\. Received: momentun=0\.9\. It "
            r"reads: momentum, nesterov, weight_decay.*Did you mean 'momentum'",
            "sgd",
            momentun=0.9,
        )

    def test_weight_decay_of_ftrl_is_refused(self):
        self.refused(
            "ftrl does not read `weight_decay`", "ftrl", weight_decay=1
        )

    @parameterized.parameters(0, -0.1, float("nan"), float("inf"), "0.1", None)
    def test_rate_that_is_no_positive_number_is_refused(self, rate):
        self.refused(
            r"`learning_rate` must be a finite number > 0\. Received: "
            rf"learning_rate={rate!r}\.$",
            "sgd",
            rate,
        )

    @parameterized.parameters(
        ("sgd", "momentum", 1.5, "a finite number >= 0 and <= 1"),
        ("adam", "beta_1", 1.0, "a finite number >= 0 and < 1"),
        ("adam", "epsilon", 0.0, "a finite number > 0"),
        ("lion", "beta_1", 0.0, "a finite number > 0 and <= 1"),
        ("schedule_free_adamw", "beta_1", 0, "a finite number > 0 and < 1"),
        ("ftrl", "learning_rate_power", 0.5, "a finite number <= 0"),
        ("sgd", "gradient_accumulation_steps", 1, "an integer >= 2"),
        ("sgd", "clipnorm", 0.0, "a finite number > 0"),
        ("muon", "ns_steps", 0, "an integer >= 1"),
        ("adam", "amsgrad", 1, "True or False"),
    )
    def test_value_out_of_bounds_is_refused(self, name, option, value, words):
        self.refused(
            rf"`{option}` must be {words}\. Received: {option}={value!r}\.$",
            name,
            **{option: value},
        )

    def test_bounds_include_what_keras_takes_at_the_edge(self):
        for name, settings in (
            ("sgd", {"momentum": 1}),
            ("lion", {"beta_1": 1}),
            ("ftrl", {"learning_rate_power": 0}),
            ("sgd", {"gradient_accumulation_steps": 2}),
        ):
            registry.build(name, learning_rate=0.1, **settings)

    @parameterized.parameters(
        ("sgd", "nesterov", True, "momentum", {}),
        ("sgd", "nesterov", True, "momentum", {"momentum": 0}),
        ("adam", "ema_momentum", 0.9, "use_ema", {}),
        ("adam", "ema_overwrite_frequency", 5, "use_ema", {"use_ema": False}),
    )
    def test_option_that_would_be_ignored_is_refused(
        self, name, option, value, needed, others
    ):
        self.refused(
            rf"{name} ignores `{option}` without `{needed}`\. Received: "
            rf"{option}={value!r}, {needed}=.*Set `{needed}` too, or leave",
            name,
            **{option: value},
            **others,
        )

    def test_switch_turned_off_needs_nothing(self):
        registry.build("sgd", learning_rate=0.1, nesterov=False)

    def test_only_one_way_of_clipping_is_taken(self):
        self.refused(
            r"Only one of clipnorm, clipvalue, global_clipnorm can be set\. "
            r"Received: {'clipnorm': 1.0, 'clipvalue': 0.5}\. Leave all but",
            "sgd",
            clipnorm=1,
            clipvalue=0.5,
        )


if __name__ == "__main__":
    absltest.main()

"""Tests of Layca's arguments: what is refused, and what a config keeps."""

import json

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.optimizers import layca
from tests.optimizers import small_runs

SGD = keras.optimizers.SGD
Adam = keras.optimizers.Adam
array = small_runs.array
TABLE = small_runs.normal(0, (4, 3)) ** 2 / 10

# Every argument with a value other than its default, in some combination.
SETTINGS = {
    "published": dict(learning_rate=1 / 27),
    "controlled": dict(
        learning_rate=0.1, controlled=["conv/k", "^network/logits/k"]
    ),
    "others": dict(learning_rate=0.1, others="inner"),
    "units": dict(
        learning_rate=0.1,
        granularity="unit",
        unit_axes={"conv": (-2, -1), "hidden": (0,)},
    ),
    "unit_axes": dict(learning_rate=0.1, granularity="unit", unit_axes=(0,)),
    "exact": dict(learning_rate=0.1, exact_angle=True),
    "multipliers": dict(learning_rate=0.1, multipliers={"conv": 0.5}),
    "alpha": dict(learning_rate=0.1, alpha=-0.3, alpha_skips=["hidden"]),
    "bare": dict(learning_rate=0.1, project=False, restore_norm=False),
    "angles": dict(angles=TABLE),
    "inherited": dict(
        learning_rate=0.1, clipnorm=2.0, gradient_accumulation_steps=3
    ),
    "schedule": dict(
        learning_rate=keras.optimizers.schedules.CosineDecay(0.5, 10),
        name="other",
    ),
}


def built(optimizer):
    """Returns the paths that an optimizer controls in the small network."""
    model = small_runs.network()
    optimizer.build(model.trainable_variables)
    return [
        variable.path
        for variable, control in zip(
            model.trainable_variables, optimizer._controls, strict=True
        )
        if control
    ]


class ConfigTest(parameterized.TestCase):
    @parameterized.named_parameters(SETTINGS.items())
    def test_config_round_trips(self, settings):
        optimizer = layca.Layca(Adam(0.25, beta_1=0.5), **settings)
        config = json.loads(json.dumps(optimizer.get_config()))
        again = layca.Layca.from_config(config)
        self.assertEqual(again.get_config(), optimizer.get_config())
        self.assertEqual(again.inner.beta_1, 0.5)
        whole = keras.optimizers.deserialize(
            keras.optimizers.serialize(optimizer)
        )
        self.assertEqual(whole.get_config(), optimizer.get_config())

    def test_every_argument_has_a_case(self):
        config = layca.Layca(SGD(), 0.1).get_config()
        covered = {name for settings in SETTINGS.values() for name in settings}
        self.assertEqual(
            config.keys() - covered,
            {"inner", "clipvalue", "global_clipnorm", "loss_scale_factor"},
        )

    def test_what_layca_took_over_is_given_once_again(self):
        inner = SGD(clipnorm=1.0, gradient_accumulation_steps=2)
        optimizer = layca.Layca(inner, 0.1)
        self.assertEqual(optimizer.clipnorm, 1.0)
        self.assertIsNone(inner.clipnorm)
        optimizer.build([small_runs.kernel()])
        again = layca.Layca.from_config(optimizer.get_config())
        self.assertEqual(again.get_config(), optimizer.get_config())
        self.assertEqual(again.gradient_accumulation_steps, 2)

    def test_rate_that_a_callback_set_to_zero_loads_again(self):
        optimizer = layca.Layca(SGD(), 0.1)
        optimizer.learning_rate = 0.0
        again = layca.Layca.from_config(optimizer.get_config())
        self.assertEqual(float(again.learning_rate), 0)

    def test_objects_become_their_paths(self):
        model = small_runs.network()
        conv, hidden = model.get_layer("conv"), model.get_layer("hidden")
        optimizer = layca.Layca(
            SGD(),
            0.1,
            controlled=[conv, hidden.kernel],
            multipliers=[(conv, 0.5), (hidden.kernel, 2)],
        )
        config = optimizer.get_config()
        paths = [f"^{conv.kernel.path}$", f"^{hidden.kernel.path}$"]
        self.assertEqual(config["controlled"], paths)
        self.assertEqual(
            config["multipliers"], [[paths[0], 0.5], [paths[1], 2.0]]
        )
        again = layca.Layca.from_config(config)
        self.assertEqual(again.get_config(), config)
        again.build(model.trainable_variables)
        self.assertEqual(
            [c.multiplier for c in again._controls if c], [0.5, 2.0]
        )

    def test_recorded_angles_come_back_to_the_last_bit(self):
        config = layca.Layca(SGD(), angles=TABLE).get_config()
        self.assertIsNone(config["learning_rate"])
        again = layca.Layca.from_config(json.loads(json.dumps(config)))
        for column in range(3):
            for step in range(4):
                self.assertEqual(
                    np.float32(again._angles.of_kernel(column, step)),
                    TABLE[step, column],
                )


class ControlledTest(parameterized.TestCase):
    def test_every_kernel_is_controlled_by_default(self):
        paths = built(layca.Layca(SGD(), 0.1))
        self.assertEqual(
            paths,
            [f"network/{name}/kernel" for name in ("conv", "hidden", "logits")],
        )

    def test_patterns_are_searched_in_paths(self):
        optimizer = layca.Layca(SGD(), 0.1, controlled=["kernel", "gamma"])
        self.assertIn("network/normal/gamma", built(optimizer))

    def test_slots_are_made_for_what_is_stepped_only(self):
        optimizer = layca.Layca(Adam(), 0.1)
        built(optimizer)
        self.assertLen(optimizer.inner._momentums, 3)
        optimizer = layca.Layca(Adam(), 0.1, others="inner")
        built(optimizer)
        self.assertLen(optimizer.inner._momentums, 8)

    def test_variables_are_its_own_and_then_the_inners(self):
        optimizer = layca.Layca(SGD(momentum=0.9), 0.1)
        built(optimizer)
        names = [v.name for v in optimizer.variables]
        self.assertEqual(names[:2], ["iteration", "learning_rate"])
        self.assertLen([n for n in names if n.endswith("_norm")], 3)
        self.assertLen([n for n in names if n.endswith("_momentum")], 3)
        self.assertEqual(names.count("iteration"), 1)
        self.assertEqual(len({id(v) for v in optimizer.variables}), len(names))

    def test_weights_are_set_in_both_optimizers(self):
        values = []
        first = layca.Layca(SGD(momentum=0.9), 0.1)
        built(first)
        for place, variable in enumerate(first.variables):
            values.append(np.full(variable.shape, place, variable.dtype))
        first.set_weights(values)
        for place, variable in enumerate(first.variables):
            np.testing.assert_array_equal(array(variable), place)


class RefusalTest(parameterized.TestCase):
    @parameterized.parameters(
        (dict(), r"`learning_rate` must be given"),
        (dict(learning_rate=-0.1), r"`learning_rate` must be a finite.*-0\.1"),
        (dict(learning_rate="x"), r"`learning_rate` must be a finite.*'x'"),
        (dict(others="free"), r"`others` must be one of frozen, inner.*'free'"),
        (dict(granularity="all"), r"`granularity` must be one of layer, unit"),
        (dict(alpha=1.0), r"`alpha` must be a finite number > -1 and < 1"),
        (dict(project=1), r"`project` must be True or False.*project=1"),
        (dict(unit_axes=(0,)), r"`unit_axes` is ignored with granularity"),
        (
            dict(granularity="unit", unit_axes=1.5),
            r"`unit_axes` must be integers.*Received: 1\.5",
        ),
        (dict(alpha_skips=["a"]), r"`alpha_skips` is ignored without `alpha`"),
        (
            dict(alpha=0.1, multipliers={"a": 1}),
            r"Only one of `alpha` and `multipliers`",
        ),
        (
            dict(multipliers={"a": -1}),
            r"`multipliers` must be a finite number >= 0.*-1",
        ),
        (dict(controlled="conv"), r"`controlled` must be a list.*'conv'"),
        (
            dict(controlled=["("]),
            r"`controlled` must hold variables, layers or regular.*'\('",
        ),
        (
            dict(exact_angle=True, project=False),
            r"`exact_angle` needs `project` and `restore_norm`.*project=False",
        ),
        (dict(weight_decay=0.1), r"`weight_decay` is not possible with Layca"),
        (dict(use_ema=True), r"`use_ema` is not possible.*lies inside it"),
        (dict(momentum=0.9), r"not recognized: {'momentum': 0\.9}"),
        (dict(clipnorm=1.0, clipvalue=1.0), r"Only one of `clipnorm`"),
    )
    def test_bad_settings_are_refused(self, settings, message):
        if len(settings) and "learning_rate" not in settings:
            settings = {"learning_rate": 0.1, **settings}
        with self.assertRaisesRegex(ValueError, message):
            layca.Layca(SGD(), **settings)

    @parameterized.parameters(
        (dict(learning_rate=0.1), r"learning_rate=0\.1"),
        (dict(exact_angle=True), r"exact_angle=True"),
        (dict(alpha=0.1), r"alpha=0\.1"),
        (dict(multipliers={"a": 1}), r"multipliers={'a': 1}"),
    )
    def test_recorded_angles_stand_alone(self, settings, message):
        with self.assertRaisesRegex(
            ValueError, rf"`angles` alone say how far.*besides: {message}"
        ):
            layca.Layca(SGD(), angles=TABLE, **settings)

    def test_clipping_is_set_once(self):
        with self.assertRaisesRegex(
            ValueError,
            r"`clipnorm` can be set once.*clipnorm=2\.0 and 1\.0 in SGD",
        ):
            layca.Layca(SGD(clipnorm=1.0), 0.1, clipnorm=2.0)

    @parameterized.parameters(
        (dict(controlled=["none"]), r"`controlled` names what.*'none'"),
        (dict(multipliers={"none": 1}), r"`multipliers` names what.*'none'"),
        (
            dict(alpha=0.1, alpha_skips=["none"]),
            r"`alpha_skips` names what is not there.*'none'",
        ),
        (
            dict(granularity="unit", unit_axes={"none": (-1,)}),
            r"`unit_axes` names what is not there.*'none'",
        ),
        (
            dict(granularity="unit", unit_axes=(-1, 5)),
            r"`unit_axes` must be axes of the kernel.*conv/kernel of shape",
        ),
        (
            dict(granularity="unit", unit_axes=(0, 1)),
            r"`unit_axes` must be axes.*hidden/kernel of shape \(64, 8\)",
        ),
        (
            dict(controlled=["hidden"]),
            r"must not be all zeros.*Received: network/hidden/bias",
        ),
    )
    def test_what_does_not_fit_the_model_is_refused(self, settings, message):
        with self.assertRaisesRegex(ValueError, message):
            built(layca.Layca(SGD(), 0.1, **settings))

    def test_variable_of_another_model_is_refused(self):
        other = small_runs.network().get_layer("conv")
        for key, name in (
            (other, "the layer conv"),
            (other.kernel, "the variable network/conv/kernel"),
        ):
            with self.assertRaisesRegex(ValueError, f"Received: {name}"):
                built(layca.Layca(SGD(), 0.1, controlled=[key]))

    def test_model_without_kernels_is_refused(self):
        with self.assertRaisesRegex(
            ValueError, r"must be a kernel to control\. Received: scale"
        ):
            layca.Layca(SGD(), 0.1).build(
                [keras.Variable(np.ones((3, 2)), name="scale")]
            )

    def test_inner_optimizer_serves_one_layca(self):
        inner = SGD()
        first, second = layca.Layca(inner, 0.1), layca.Layca(inner, 0.1)
        first.build([small_runs.kernel()])
        with self.assertRaisesRegex(ValueError, "must be a new optimizer"):
            second.build([small_runs.kernel()])


if __name__ == "__main__":
    absltest.main()

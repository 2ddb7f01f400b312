"""Tests of what EC-Opt refuses, and of what it says."""

import keras
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.optimizers import ec_opt
from needle_tf.optimizers import layca
from needle_tf.optimizers import study_sgd
from tests.optimizers import relu_networks

layers = keras.layers
optimizers = keras.optimizers


def small(**hidden):
    return keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dense(4, **{"activation": "relu", **hidden}, name="hidden"),
            layers.Dense(2, name="scores"),
        ],
        name="small",
    )


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__(name="own")
        self.dense = layers.Dense(2)

    def call(self, inputs):
        return self.dense(inputs)


class ModelsTest(parameterized.TestCase):
    def test_model_without_a_homogeneous_unit_is_refused(self):
        with self.assertRaisesRegex(
            ValueError,
            r'"small", which has none .*hidden.*Train it with the inner',
        ):
            ec_opt.ECOpt(optimizers.SGD(), small(activation="tanh"))

    def test_subclassed_model_is_refused(self):
        model = Subclassed()
        model(keras.ops.zeros((1, 3)))
        with self.assertRaisesRegex(ValueError, r"own.*keras\.Model\("):
            ec_opt.ECOpt(optimizers.SGD(), model)

    def test_neither_or_both_of_model_and_graph_are_refused(self):
        model = small()
        made = ec_opt.ECOpt(optimizers.SGD(), model)
        for arguments in (
            {},
            {"graph": made.graph, "skeleton": made.skeleton},
            {"graph": made.graph, "model": model},
        ):
            with self.assertRaisesRegex(ValueError, r"ECOpt\(inner, model\)"):
                ec_opt.ECOpt(optimizers.SGD(), **arguments)
        ec_opt.ECOpt(
            optimizers.SGD(),
            graph=made.graph,
            skeleton=made.skeleton,
            unit=made.unit,
        )

    @parameterized.parameters(
        ("kernel_regularizer", "l2", r"hidden/kernel with the regularizer L2"),
        ("bias_regularizer", "l1", r"hidden/bias with the regularizer L1"),
        ("kernel_constraint", "unit_norm", r"with the constraint UnitNorm"),
    )
    def test_loss_and_constraints_on_weights_are_refused(
        self, name, value, message
    ):
        with self.assertRaisesRegex(ValueError, message):
            ec_opt.ECOpt(optimizers.SGD(), small(**{name: value}))

    def test_penalty_on_a_weight_of_no_group_is_fine(self):
        model = small()
        model.layers[-1].bias.regularizer = keras.regularizers.L2(0.1)
        ec_opt.ECOpt(optimizers.SGD(), model)

    def test_other_variables_are_refused_by_name(self):
        model = small()
        optimizer = ec_opt.ECOpt(optimizers.SGD(), model)
        model.layers[0].trainable = False
        with self.assertRaisesRegex(
            ValueError, r"Missing: \[.*hidden/kernel.*new ECOpt\(inner, model\)"
        ):
            optimizer.build(model.trainable_variables)

    def test_path_of_zero_weights_is_refused(self):
        model = relu_networks.build("mlp")
        kernel = model.get_layer("second").kernel
        kernel.assign(keras.ops.zeros_like(kernel))
        with self.assertRaisesRegex(ValueError, r"skeleton='ones'"):
            ec_opt.ECOpt(optimizers.SGD(), model, skeleton="index")


class ArgumentsTest(parameterized.TestCase):
    @parameterized.parameters(
        (optimizers.Lamb, r"must not be a Lamb: it looks at whole tensors"),
        (optimizers.Muon, r"must not be a Muon"),
        (optimizers.Adafactor, r"must not be a Adafactor"),
        (optimizers.Ftrl, r"must not be a Ftrl: it computes weights"),
        (study_sgd.NormalizedSGD, r"must not be a NormalizedSGD"),
        (
            lambda: optimizers.LossScaleOptimizer(optimizers.SGD()),
            r"LossScaleOptimizer\(ECOpt\(",
        ),
        (lambda: layca.Layca(optimizers.SGD(), 0.1), r"wraps another"),
        (lambda: optimizers.SGD(clipnorm=1.0), r"`clipnorm` of `inner`"),
        (lambda: optimizers.SGD(clipvalue=1.0), r"global_clipnorm"),
    )
    def test_inner_optimizers_that_do_not_fit_are_refused(self, make, message):
        with self.assertRaisesRegex(ValueError, message):
            ec_opt.ECOpt(make(), small())

    @parameterized.parameters(
        ({"ratio_range": (1.5, 2)}, r"0 < low < 1 < high.*\(1\.5, 2\)"),
        ({"ratio_range": 2}, r"`ratio_range` must be two numbers"),
        ({"skeleton": "largest"}, r"`skeleton` must be one of.*'largest'"),
        ({"clipnorm": 1.0}, r"`clipnorm` is not possible with ECOpt"),
        ({"weight_decay": 0.1}, r"give it to `inner`: the path values decay"),
    )
    def test_bad_values_are_refused(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            ec_opt.ECOpt(optimizers.SGD(), small(), **arguments)

    def test_refusal_leaves_the_model_as_it_was(self):
        model = small()
        before = [float(keras.ops.sum(w)) for w in model.weights]
        with self.assertRaises(ValueError):
            ec_opt.ECOpt(optimizers.SGD(), model, ratio_range=(2, 3))
        after = [float(keras.ops.sum(w)) for w in model.weights]
        self.assertEqual(before, after)


if __name__ == "__main__":
    absltest.main()

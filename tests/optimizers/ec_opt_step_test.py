"""Tests of a step of EC-Opt: path values take the inner optimizer's step.

The oracle has path values for parameters, and automatic gradients.
"""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.optimizers import ec_opt
from needle_tf.scales import skeletons
from tests.optimizers import relu_networks
from tests.optimizers import small_runs

optimizers = keras.optimizers


class Reparametrised:
    """A network whose parameters are its basis path values.

    Weights are made from path values as K stays what it is: P = d / K,
    w_e = v_e / (P_a K_b) off the skeleton. Gradients are automatic: no inverse
    chain rule.
    """

    def __init__(self, model, optimizer):
        self.model = model
        self.graph, self.skeleton = optimizer.graph, optimizer.skeleton
        arrays = [small_runs.array(v) for v in model.trainable_variables]
        self.suffix = self.products(arrays, "out", "target")
        prefix = self.products(arrays, "in", "source")
        self.arrays = arrays
        values = [keras.Variable((prefix * self.suffix)[1:], dtype="float64")]
        for edges in self.graph.edges:
            path = prefix[edges.source] * arrays[edges.place]
            path = path * self.suffix[edges.target]
            values.append(keras.Variable(path, dtype="float64"))
        grouped = {edges.place for edges in self.graph.edges}
        self.plain = [i for i in range(len(arrays)) if i not in grouped]
        values += [
            keras.Variable(arrays[i], dtype="float64") for i in self.plain
        ]
        self.values = values

    def products(self, arrays, side, other):
        place = getattr(self.skeleton, f"{side}_place")
        entry = getattr(self.skeleton, f"{side}_entry")
        parent = getattr(self.skeleton, f"{side}_{other}")

        def of(group):
            if not group:
                return 1.0
            weights = arrays[self.graph.edges[place[group]].place]
            return weights.reshape(-1)[entry[group]] * of(parent[group])

        return np.array([of(group) for group in range(len(place))])

    def weights(self):
        skeleton = self.skeleton
        values = tf.concat([np.ones(1), self.values[0].value], 0)
        # Groups on one basis path have one value.
        prefix = tf.gather(values, skeleton.leader) / self.suffix
        found = list(self.arrays)
        for number, edges in enumerate(self.graph.edges):
            factor = tf.gather(prefix, edges.source)
            factor = factor * self.suffix[edges.target]
            flat = tf.reshape(self.values[1 + number].value / factor, [-1])
            for side, index in (("in", 1), ("out", 0)):
                own = np.flatnonzero(
                    getattr(skeleton, f"{side}_place") == number
                )
                own = own[own > 0]
                entries = getattr(skeleton, f"{side}_entry")[own]
                if index:
                    new = tf.gather(prefix, own) / tf.gather(
                        prefix, skeleton.in_source[own]
                    )
                else:
                    new = self.arrays[edges.place].reshape(-1)[entries]
                flat = tf.tensor_scatter_nd_update(flat, entries[:, None], new)
            found[edges.place] = tf.reshape(flat, edges.shape)
        for place, value in zip(
            self.plain, self.values[len(self.graph.edges) + 1 :], strict=True
        ):
            found[place] = value.value
        return found

    def gradients(self, batch):
        inputs, labels = batch
        with tf.GradientTape() as tape:
            scores, _ = self.model.stateless_call(
                self.weights(),
                self.model.non_trainable_variables,
                inputs,
                training=True,
            )
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels, scores)
            )
        found = tape.gradient(loss, [value.value for value in self.values])
        return [tf.convert_to_tensor(gradient) for gradient in found]


class StepTest(parameterized.TestCase):
    @parameterized.parameters(
        ("mlp", "momentum", "index"),
        ("mlp", "adamw", "max_product"),
        ("plain_mlp", "sgd", "index"),
        ("cnn", "sgd", "max_product"),
        ("residual", "nesterov", "index"),
    )
    def test_path_values_take_the_steps_of_the_inner_optimizer(
        self, name, inner, skeleton
    ):
        model = relu_networks.build(name)
        optimizer = ec_opt.ECOpt(
            relu_networks.INNERS[inner](),
            model,
            skeleton=skeleton,
            comparable_rate=False,
            ratio_range=(1e-9, 1e9),
        )
        if skeleton == "index":
            skeletons.start_at_one(optimizer.graph, optimizer.skeleton, model)
        by_paths = Reparametrised(relu_networks.twin_of(model), optimizer)
        outside = relu_networks.INNERS[inner]()
        for step in range(3):
            batch = relu_networks.examples(model, seed=step)
            outside.apply(by_paths.gradients(batch), by_paths.values)
            optimizer.apply(
                relu_networks.gradients(model, batch),
                model.trainable_variables,
            )
        for variable, expected in zip(
            model.trainable_variables, by_paths.weights(), strict=True
        ):
            np.testing.assert_allclose(
                small_runs.array(variable),
                expected,
                rtol=1e-7,
                atol=1e-9,
                err_msg=variable.path,
            )

    def test_out_skeleton_stays_to_the_bit(self):
        model = relu_networks.build("residual")
        optimizer = ec_opt.ECOpt(optimizers.Adam(0.01), model)
        before = [small_runs.array(v) for v in model.trainable_variables]
        relu_networks.train(model, optimizer, 5)
        skeleton = optimizer.skeleton
        for group in range(1, optimizer.graph.num_groups + 1):
            place = optimizer.graph.edges[skeleton.out_place[group]].place
            entry = skeleton.out_entry[group]
            after = small_runs.array(model.trainable_variables[place])
            self.assertEqual(
                after.reshape(-1)[entry], before[place].reshape(-1)[entry]
            )

    def test_plain_weights_are_stepped_by_the_inner_optimizer(self):
        model = relu_networks.build("mlp")
        bias = model.trainable_variables[-1]
        expected = small_runs.array(bias) - 0.1 * np.asarray(
            relu_networks.gradients(model)[-1]
        )
        optimizer = ec_opt.ECOpt(optimizers.SGD(0.1), model, skeleton="index")
        optimizer.apply(
            relu_networks.gradients(model), model.trainable_variables
        )
        np.testing.assert_allclose(small_runs.array(bias), expected, rtol=1e-7)

    def test_zero_weights_off_the_skeleton_learn(self):
        model = relu_networks.build("mlp")
        optimizer = ec_opt.ECOpt(optimizers.SGD(0.1), model)
        kernel = model.get_layer("third").kernel
        number = [e.path for e in optimizer.graph.edges].index(kernel.path)
        values = np.zeros(kernel.shape)
        entries = optimizer._plan.variables[number].entries
        values.reshape(-1)[entries] = 1
        kernel.assign(values)
        relu_networks.train(model, optimizer, 2)
        self.assertTrue(np.isfinite(small_runs.array(kernel)).all())
        self.assertGreater((small_runs.array(kernel) != 0).mean(), 0.9)


if __name__ == "__main__":
    absltest.main()

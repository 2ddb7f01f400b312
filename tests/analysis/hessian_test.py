"""Tests of gradient and Hessian products, against matrices in float64."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.analysis import hessian
from tests.analysis import relaxed_networks
from tests.oracles import curvature as oracle

LOSS = relaxed_networks.LOSS


def derivatives(model, data, **options):
    return hessian.Derivatives(model, data, loss=LOSS, **options)


def flat(vector):
    return np.concatenate([np.ravel(part) for part in vector])


def unit_vectors(variables, seed=0):
    rng = np.random.default_rng(seed)
    return [
        keras.ops.convert_to_tensor(
            rng.normal(size=variable.shape), dtype=variable.dtype
        )
        for variable in variables
    ]


class DerivativesTest(parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = relaxed_networks.relaxed(dtype="float64")
        cls.data = images, labels = relaxed_networks.data(7, dtype="float64")
        weights = [np.asarray(w) for w in cls.model.trainable_weights]
        pixels = images.reshape(len(images), -1)
        cls.loss, gradient = oracle.loss_and_gradient(weights, pixels, labels)
        cls.gradient = flat(gradient)
        cls.matrix = oracle.hessian(weights, pixels, labels)

    def test_oracle_is_a_symmetric_matrix_and_its_gradient_a_slope(self):
        np.testing.assert_allclose(self.matrix, self.matrix.T, atol=1e-15)
        weights = [np.asarray(w) for w in self.model.trainable_weights]
        images, labels = self.data
        pixels = images.reshape(len(images), -1)
        losses = []
        for sign in (1, -1):
            moved = [
                w + sign * 1e-6 * g
                for w, g in zip(
                    weights,
                    oracle.loss_and_gradient(weights, pixels, labels)[1],
                    strict=True,
                )
            ]
            losses.append(
                oracle.loss_and_gradient(moved, pixels, labels)[0].real
            )
        slope = (losses[0] - losses[1]) / 2e-6
        np.testing.assert_allclose(slope, self.gradient @ self.gradient, 1e-7)

    @parameterized.parameters(3, 500)
    def test_average_does_not_depend_on_the_batches(self, batch_size):
        found = derivatives(self.model, self.data, batch_size=batch_size)
        loss, gradient = found.gradient()
        self.assertAlmostEqual(loss, self.loss.real, places=13)
        np.testing.assert_allclose(flat(gradient), self.gradient, atol=1e-14)
        vector = unit_vectors(found.variables)
        np.testing.assert_allclose(
            flat(found.product(vector)),
            self.matrix @ flat(vector),
            atol=1e-13,
        )

    def test_data_set_is_read_again_for_each_product_and_traced_once(self):
        import tensorflow as tf

        data = tf.data.Dataset.from_tensor_slices(self.data).batch(3)
        found = derivatives(self.model, data)
        vector = unit_vectors(found.variables)
        for factor in (1.0, -2.0):
            product = found.product([factor * part for part in vector])
            np.testing.assert_allclose(
                flat(product),
                factor * self.matrix @ flat(vector),
                atol=1e-13,
            )
        found.gradient()
        found.gradient()
        self.assertEqual(found.traces, 2)

    def test_some_variables_have_their_own_block(self):
        chosen = [
            self.model.get_layer("logits").bias,
            self.model.get_layer("conv").bias,
        ]
        found = derivatives(self.model, self.data, variables=chosen)
        vector = unit_vectors(chosen)
        sizes = [np.prod(w.shape) for w in self.model.trainable_weights]
        starts = np.cumsum([0, *sizes])
        places = np.concatenate(
            [np.arange(starts[3], starts[4]), np.arange(starts[1], starts[2])]
        )
        np.testing.assert_allclose(
            flat(found.product(vector)),
            self.matrix[np.ix_(places, places)] @ flat(vector),
            atol=1e-13,
        )

    def test_products_are_changes_of_the_gradient_through_pooling(self):
        model = relaxed_networks.two_layers(dtype="float64")
        data = relaxed_networks.data(6, (6, 6, 1), "float64")
        found = hessian.Derivatives(model, data, batch_size=4)
        direction = unit_vectors(found.variables)
        product = flat(found.product(direction))
        gradients = []
        for sign in (1e-6, -2e-6):
            for variable, part in zip(found.variables, direction, strict=True):
                variable.assign_add(sign * part)
            moved = hessian.Derivatives(model, data)
            gradients.append(flat(moved.gradient()[1]))
        change = (gradients[0] - gradients[1]) / 2e-6
        np.testing.assert_allclose(change, product, rtol=1e-5, atol=1e-7)

    def test_variable_without_influence_has_zeros(self):
        images = keras.Input((4,))
        plain = keras.layers.Dense(3, name="plain")(images)
        unused = keras.layers.Dense(3, name="unused")(images)
        logits = plain + 0.0 * keras.ops.stop_gradient(unused)
        model = keras.Model(images, logits)
        found = derivatives(model, relaxed_networks.data(5, (4,)))
        _, gradient = found.gradient()
        product = found.product(unit_vectors(found.variables))
        for vector in (gradient, product):
            for variable, part in zip(found.variables, vector, strict=True):
                is_zero = not np.any(part)
                self.assertEqual(is_zero, "unused" in variable.path)

    @parameterized.parameters("mixed_float16", "mixed_bfloat16")
    def test_half_precision_is_refused_by_the_name_of_the_layer(self, policy):
        model = relaxed_networks.cnn(policy)
        kind = policy.removeprefix("mixed_")
        with self.assertRaisesRegex(
            ValueError, f'"conv" with compute_dtype={kind}.*policy "float32"'
        ):
            derivatives(model, relaxed_networks.data())

    def test_data_without_batches_are_refused(self):
        import tensorflow as tf

        data = tf.data.Dataset.from_tensor_slices(relaxed_networks.data())
        with self.assertRaisesRegex(ValueError, "at least one batch"):
            derivatives(
                relaxed_networks.relaxed(), data.batch(2).take(0)
            ).gradient()


if __name__ == "__main__":
    absltest.main()

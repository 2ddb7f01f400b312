"""Tests of the ordered product: a plain matrix product in every derivative."""

import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.ops import ordered_product


def normal(seed, shape):
    values = np.random.default_rng(seed).normal(size=shape)
    return tf.constant(values, "float32")


def derivatives(product, x, kernel, towards):
    """Value, both gradients, and both second derivatives along `towards`."""
    with tf.GradientTape() as outer:
        outer.watch([x, kernel])
        with tf.GradientTape() as inner:
            inner.watch([x, kernel])
            value = product(x, kernel)
            loss = tf.reduce_sum(tf.sin(value))
        first = inner.gradient(loss, [x, kernel])
        along = sum(
            tf.reduce_sum(gradient * step)
            for gradient, step in zip(first, towards, strict=True)
        )
    return value, *first, *outer.gradient(along, [x, kernel])


class OrderedProductTest(parameterized.TestCase):
    @parameterized.parameters(False, True)
    def test_derivatives_are_those_of_matmul(self, traced):
        x, kernel = normal(0, (4, 5)), normal(1, (5, 3))
        towards = normal(2, (4, 5)), normal(3, (5, 3))

        def computed(product):
            def run():
                return derivatives(product, x, kernel, towards)

            return tf.function(run)() if traced else run()

        for ordered, plain in zip(
            computed(ordered_product.ordered_product),
            computed(tf.matmul),
            strict=True,
        ):
            np.testing.assert_allclose(ordered, plain, atol=1e-5)

    def test_gradient_of_the_kernel_waits_for_that_of_x(self):
        @tf.function
        def gradients(x, kernel):
            with tf.GradientTape() as tape:
                tape.watch([x, kernel])
                product = ordered_product.ordered_product(x, kernel)
            return tape.gradient(product, [x, kernel])

        graph = gradients.get_concrete_function(
            normal(0, (4, 5)), normal(1, (5, 3))
        ).graph
        of_x, of_kernel = (
            next(
                operation
                for operation in graph.get_operations()
                if operation.type == "MatMul" and operation.get_attr(transposed)
            )
            for transposed in ("transpose_b", "transpose_a")
        )
        self.assertIn(of_x, of_kernel.control_inputs)


if __name__ == "__main__":
    absltest.main()

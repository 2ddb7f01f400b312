"""Tests of the ordered product: a plain matrix product in every derivative."""

import hypothesis
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import strategies as st

from needle_tf.ops import backward_updates
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

    def test_gradient_of_data_is_there_but_nothing_waits_for_it(self):
        x, kernel = normal(0, (4, 5)), normal(1, (5, 3))

        def product(x, kernel):
            return ordered_product.ordered_product(x, kernel, reads_data=True)

        @tf.function
        def gradients(x, kernel):
            with tf.GradientTape() as tape:
                tape.watch([x, kernel])
                value = product(x, kernel)
            return tape.gradient(value, [x, kernel])

        of_x, of_kernel = gradients(x, kernel)
        np.testing.assert_allclose(of_x, np.ones((4, 3)) @ kernel.numpy().T)
        np.testing.assert_allclose(of_kernel, x.numpy().T @ np.ones((4, 3)))
        graph = gradients.get_concrete_function(x, kernel).graph
        for operation in graph.get_operations():
            if operation.type == "MatMul":
                self.assertEmpty(operation.control_inputs)


class ColumnsTest(parameterized.TestCase):
    @hypothesis.given(
        st.sampled_from((1024, 2048, 4096, 5120)),
        st.integers(1, 5),
        st.integers(1, 4),
    )
    def test_kernels_that_clash_give_the_same_product(self, width, rows, batch):
        x, kernel = normal(0, (batch, rows)), normal(1, (rows, width))
        np.testing.assert_allclose(
            ordered_product.ordered_product(x, kernel),
            x.numpy().astype("float64") @ kernel.numpy(),
            rtol=1e-5,
            atol=1e-5,
        )

    @parameterized.product(rows=(2, 320, 321), width=(1024, 4096))
    def test_kernels_that_clash_have_the_derivatives_of_matmul(
        self, rows, width
    ):
        x, kernel = normal(0, (4, rows)), normal(1, (rows, width)) / rows
        towards = normal(2, (4, rows)), normal(3, (rows, width)) / rows
        for found, expected in zip(
            derivatives(ordered_product.ordered_product, x, kernel, towards),
            derivatives(tf.matmul, x, kernel, towards),
            strict=True,
        ):
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=2e-4)

    @parameterized.parameters((320, 1), (384, 0))
    def test_few_rows_of_a_gradient_are_computed_apart(self, rows, pads):
        @tf.function
        def of_kernel(x, kernel):
            with tf.GradientTape() as tape:
                tape.watch(kernel)
                value = ordered_product.ordered_product(x, kernel)
            return tape.gradient(value, kernel)

        graph = of_kernel.get_concrete_function(
            normal(0, (4, rows)), normal(1, (rows, 4096))
        ).graph
        found = [op for op in graph.get_operations() if op.type == "Pad"]
        self.assertLen(found, pads)

    @parameterized.parameters(
        {"width": 12, "read": [(0, 3), (4, 7)]},
        {"width": 12, "read": [(2, 6)]},
        {"width": 4096, "read": [(0, 1000), (1024, 2600)]},
    )
    def test_units_that_are_read_are_those_of_matmul(self, width, read):
        x, kernel = normal(0, (4, 5)), normal(1, (5, width))
        is_read = np.zeros(width, "float32")
        for start, stop in read:
            is_read[start:stop] = 1

        def skipping(x, kernel):
            value = ordered_product.ordered_product(x, kernel, read=read)
            return value * is_read

        towards = normal(2, (4, 5)), normal(3, (5, width))
        for found, expected in zip(
            derivatives(skipping, x, kernel, towards),
            derivatives(
                lambda x, kernel: tf.matmul(x, kernel) * is_read,
                x,
                kernel,
                towards,
            ),
            strict=True,
        ):
            np.testing.assert_allclose(found, expected, atol=2e-4)
        unread = ordered_product.ordered_product(x, kernel, read=read)
        self.assertFalse(np.any(unread.numpy()[:, is_read == 0]))

    def test_few_unread_units_are_computed_like_all(self):
        x, kernel = normal(0, (4, 5)), normal(1, (5, 12))
        np.testing.assert_allclose(
            ordered_product.ordered_product(x, kernel, read=[(0, 11)]),
            tf.matmul(x, kernel),
            atol=1e-6,
        )


class OfferTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.addCleanup(backward_updates.end)

    @parameterized.parameters(False, True)
    def test_kernel_is_taken_before_the_pass_goes_on(self, traced):
        x, kernel = normal(0, (4, 5)), tf.Variable(normal(1, (5, 5)))
        start = kernel.numpy()
        reads = []

        def take(variable, gradient):
            variable.assign_sub(gradient)
            return True

        @tf.custom_gradient
        def below(x):
            def gradient(upstream):
                reads.append(kernel.read_value())
                return upstream * reads[-1][0, 0]

            return tf.identity(x), gradient

        def step(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                product = ordered_product.ordered_product(below(x), kernel)
                loss = tf.reduce_sum(product)
            backward_updates.begin(take)
            return tape.gradient(loss, [x, kernel])

        if traced:
            of_x, none = tf.function(step)(x)
        else:
            of_x, none = step(x)
        self.assertIsNone(none)
        updated = start - x.numpy().T @ np.ones((4, 5))
        np.testing.assert_allclose(kernel, updated, atol=1e-5)
        np.testing.assert_allclose(
            of_x, (np.ones((4, 5)) @ start.T) * updated[0, 0], atol=1e-4
        )


if __name__ == "__main__":
    absltest.main()

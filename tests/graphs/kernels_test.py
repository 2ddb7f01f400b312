"""Tests of the kernels of a model: which they are, their names and order."""

import keras
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers

from needle_tf.graphs import kernels


def functional():
    images = keras.Input((8, 8, 3))
    features = layers.Conv2D(4, 3, name="conv")(images)
    features = layers.BatchNormalization(name="normal")(features)
    features = layers.SeparableConv2D(4, 3, name="separable")(features)
    features = layers.Flatten()(features)
    return keras.Model(images, layers.Dense(2, name="logits")(features))


class IsKernelTest(parameterized.TestCase):
    @parameterized.parameters(
        ("kernel", (3, 2), True),
        ("depthwise_kernel", (3, 3, 2, 1), True),
        ("recurrent_kernel", (2, 6), True),
        ("bias", (3,), False),
        ("gamma", (3,), False),
        ("kernel", (3,), False),
        ("embeddings", (10, 3), False),
    )
    def test_name_and_axes_make_a_kernel(self, name, shape, expected):
        variable = keras.Variable(keras.ops.zeros(shape), name=name)
        self.assertEqual(kernels.is_kernel(variable), expected)


class NamedKernelsTest(parameterized.TestCase):
    def test_kernels_come_in_model_order_under_their_layers_names(self):
        model = functional()
        found = kernels.named_kernels(model)
        self.assertEqual(
            list(found),
            [
                "conv",
                "separable/depthwise_kernel",
                "separable/pointwise_kernel",
                "logits",
            ],
        )
        self.assertIs(found["conv"], model.get_layer("conv").kernel)
        separable = model.get_layer("separable")
        self.assertIs(
            found["separable/depthwise_kernel"], separable.depthwise_kernel
        )

    def test_all_kernels_that_train_are_found_in_the_same_order(self):
        model = functional()
        self.assertEqual(
            [v.path for v in kernels.named_kernels(model).values()],
            [v.path for v in model.trainable_variables if kernels.is_kernel(v)],
        )

    def test_recurrent_layer_has_two(self):
        model = keras.Sequential(
            [keras.Input((4, 3)), layers.LSTM(2, name="r")]
        )
        found = kernels.named_kernels(model)
        self.assertLen(found, 2)
        for name, kernel in found.items():
            self.assertStartsWith(name, "r/")
            self.assertEndsWith(name, f"/{kernel.name}")

    def test_shared_layer_counts_once(self):
        shared = layers.Dense(3, name="shared")
        numbers = keras.Input((3,))
        model = keras.Model(numbers, shared(shared(numbers)))
        self.assertEqual(list(kernels.named_kernels(model)), ["shared"])

    def test_kernels_within_a_nested_model_are_found_once(self):
        inside = keras.Input((3,))
        inner = keras.Model(
            inside, layers.Dense(3, name="dense")(inside), name="inner"
        )
        numbers = keras.Input((3,))
        outer = layers.Dense(2, name="dense")(inner(numbers))
        model = keras.Model(numbers, outer)
        found = kernels.named_kernels(model)
        self.assertLen(found, 2)
        self.assertEqual(
            {id(kernel) for kernel in found.values()},
            {id(v) for v in model.trainable_variables if len(v.shape) == 2},
        )

    def test_layer_that_shares_a_kernel_does_not_name_it_again(self):
        class Borrower(layers.Layer):
            def __init__(self, lender):
                super().__init__(name="borrower")
                self.kernel = lender.kernel

            def call(self, numbers):
                return keras.ops.matmul(numbers, self.kernel)

        lender = layers.Dense(3, name="lender")
        numbers = keras.Input((3,))
        hidden = lender(numbers)
        model = keras.Model(numbers, Borrower(lender)(hidden))
        self.assertEqual(list(kernels.named_kernels(model)), ["lender"])

    def test_model_without_kernels_has_none(self):
        model = keras.Sequential([keras.Input((3,)), layers.ReLU()])
        self.assertEqual(kernels.named_kernels(model), {})


if __name__ == "__main__":
    absltest.main()

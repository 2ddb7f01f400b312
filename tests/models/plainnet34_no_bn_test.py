"""Tests of PlainNet-34 without BatchNorm: published sizes."""

from absl.testing import absltest

from needle_tf.graphs import kernels
from needle_tf.models import plainnet34_no_bn


class PlainNet34NoBNTest(absltest.TestCase):
    def test_34_layers_have_biases_and_no_normalisation(self):
        model = plainnet34_no_bn.build((32, 32, 3), 10, 1 / 32)
        shapes = [
            tuple(kernel.shape)
            for kernel in kernels.named_kernels(model).values()
        ]
        self.assertLen(shapes, 34)
        filters = [shape[-1] for shape in shapes[:-1]]
        expected = [2] * 7 + [4] * 8 + [8] * 12 + [16] * 6
        self.assertEqual(filters, expected)
        self.assertEqual(shapes[-1], (16, 10))
        self.assertLen(model.weights, 2 * 34)


if __name__ == "__main__":
    absltest.main()

"""Tests of ResNet-34 without BatchNorm: published sizes."""

from absl.testing import absltest

from needle_tf.graphs import kernels
from needle_tf.models import resnet34_no_bn


class ResNet34NoBNTest(absltest.TestCase):
    def test_34_layers_have_biases_and_blocks_a_factor(self):
        model = resnet34_no_bn.build((32, 32, 3), 10, 1 / 32)
        shapes = [
            tuple(kernel.shape)
            for kernel in kernels.named_kernels(model).values()
        ]
        # 33 convolutions and a dense layer, three projections beside them.
        self.assertLen(shapes, 34 + 3)
        filters = [shape[-1] for shape in shapes if shape[0] == 3]
        expected = [2] * 7 + [4] * 8 + [8] * 12 + [16] * 6
        self.assertEqual(filters, expected)
        self.assertLen(model.weights, 2 * 37)
        factors = [
            layer.scale for layer in model.layers if "factor" in layer.name
        ]
        self.assertEqual(factors, [1 / 16] * 16)


if __name__ == "__main__":
    absltest.main()

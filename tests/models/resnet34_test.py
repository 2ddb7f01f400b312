"""Tests of ResNet-34: published sizes."""

from absl.testing import absltest

from needle_tf.graphs import kernels
from needle_tf.models import resnet34


class ResNet34Test(absltest.TestCase):
    def test_34_layers_lie_in_stages_of_3_4_6_and_3_blocks(self):
        model = resnet34.build((32, 32, 3), 10, 1 / 32)
        shapes = [
            tuple(kernel.shape)
            for kernel in kernels.named_kernels(model).values()
        ]
        # 33 convolutions and a dense layer, three projections beside them.
        self.assertLen(shapes, 34 + 3)
        filters = [shape[-1] for shape in shapes if shape[0] == 3]
        expected = [2] * 7 + [4] * 8 + [8] * 12 + [16] * 6
        self.assertEqual(filters, expected)
        self.assertLen(model.trainable_variables, 37 + 2 * 36 + 1)
        self.assertFalse([n for n in model.layers if "factor" in n.name])


if __name__ == "__main__":
    absltest.main()

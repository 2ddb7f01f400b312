"""Tests of EC-Opt's small ResNet: published sizes."""

from absl.testing import absltest

from needle_tf.graphs import kernels
from needle_tf.models import ec_resnet8


class EcResNet8Test(absltest.TestCase):
    def test_8_layers_lie_in_three_stages_of_one_block(self):
        model = ec_resnet8.build((32, 32, 3), 10)
        shapes = [
            tuple(kernel.shape)
            for kernel in kernels.named_kernels(model).values()
        ]
        self.assertLen(shapes, 8 + 2)
        filters = [shape[-1] for shape in shapes if shape[0] == 3]
        self.assertEqual(filters, [16, 16, 16, 32, 32, 64, 64])
        # 9 (3*16 + 2*16^2 + 16*32 + 32^2 + 32*64 + 64^2) and their biases,
        # 16*32 + 32*64 and theirs, 64*10 + 10.
        self.assertEqual(model.count_params(), 9 * 8240 + 240 + 2560 + 96 + 650)
        factors = [
            layer.scale for layer in model.layers if "factor" in layer.name
        ]
        self.assertEqual(factors, [1 / 3] * 3)


if __name__ == "__main__":
    absltest.main()

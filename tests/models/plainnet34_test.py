"""Tests of PlainNet-34: published sizes."""

from absl.testing import absltest

from needle_tf.graphs import kernels
from needle_tf.models import plainnet34


class PlainNet34Test(absltest.TestCase):
    def test_34_layers_lie_in_stages_of_6_8_12_and_6(self):
        model = plainnet34.build((32, 32, 3), 10, 1 / 32)
        shapes = [
            tuple(kernel.shape)
            for kernel in kernels.named_kernels(model).values()
        ]
        self.assertLen(shapes, 34)
        filters = [shape[-1] for shape in shapes[:-1]]
        expected = [2] * 7 + [4] * 8 + [8] * 12 + [16] * 6
        self.assertEqual(filters, expected)
        self.assertEqual(shapes[-1], (16, 10))
        # Each convolution has scale and centre, no bias.
        self.assertLen(model.trainable_variables, 34 + 2 * 33 + 1)
        last = model.get_layer("stage4_6_relu").output
        self.assertEqual(last.shape, (None, 4, 4, 16))


if __name__ == "__main__":
    absltest.main()

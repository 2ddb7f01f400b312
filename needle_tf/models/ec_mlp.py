"""The MLP on which EC-Opt was published: four hidden layers, no bias.

    dense 64, ReLU, four times; dense to the classes

on the pixels of an image in a row, 784 of MNIST. Kernels start uniform in
+-1 / sqrt(fan_in): from there SGD takes the published course. In the published
runs, those of SGD too, the skeleton weights were then set to 1
(`--skeleton_start`).

Reference: Meng et al., "Optimizing Neural Networks in the Equivalent Class
Space", arXiv:1802.03713 (G-SGD at ICLR 2019).
"""

from collections.abc import Sequence

import keras

from needle_tf.models import homogeneous_mlp

UNITS = (64, 64, 64, 64)


def build(
    input_shape: Sequence[int], num_classes: int, width: float = 1.0
) -> keras.Model:
    """Returns an untrained, uncompiled MLP without biases, logits out.

    Args:
        input_shape: (height, width, channels), without the batch, of any
            size.
        num_classes: Number of logits, at least 2.
        width: Multiplies the 64 units of each layer (rounded, at least 1).

    Returns:
        A model from `(batch, height, width, channels)` to
        `(batch, num_classes)`.

    Raises:
        ValueError: If an argument is out of range.
    """
    return homogeneous_mlp.build_network(
        "ec_mlp",
        UNITS,
        input_shape,
        num_classes,
        width,
        use_bias=False,
        variance=homogeneous_mlp.UNIFORM_BY_FAN_IN,
    )

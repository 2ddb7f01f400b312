"""A matrix product whose backward pass lets the optimizer work in place.

TensorFlow updates a variable in place only when nobody else still reads it. As
the backward pass of `x @ kernel` reads the kernel for the gradient of `x`, an
update that is ready earlier copies the whole kernel first. Here the gradient of
the kernel, and with it the update, waits for the gradient of `x`.
"""

import sys
from typing import Any

import keras
from keras import ops

Tensor = Any


def ordered_product(x: Tensor, kernel: Tensor) -> Tensor:
    """Returns `x @ kernel`; values and gradients are those of `ops.matmul`.

    To be used where the gradient of `x` is needed, as it is computed in any
    case. On other backends than TensorFlow it is `ops.matmul`.

    Args:
        x: `(batch, inputs)`.
        kernel: `(inputs, outputs)`.
    """
    if keras.backend.backend() != "tensorflow":
        return ops.matmul(x, kernel)
    tf = sys.modules["tensorflow"]  # Imported by Keras already.

    @tf.custom_gradient
    def product(x, kernel):
        def gradients(upstream):
            of_x = tf.matmul(upstream, kernel, transpose_b=True)
            with tf.control_dependencies([of_x]):
                of_kernel = tf.matmul(x, upstream, transpose_a=True)
            return of_x, of_kernel

        return tf.matmul(x, kernel), gradients

    kernel = tf.convert_to_tensor(kernel)
    return product(tf.cast(x, kernel.dtype), kernel)

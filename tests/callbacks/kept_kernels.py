"""Keeps the kernels of a training, step by step, in NumPy."""

import keras
import numpy as np

from needle_tf.graphs import kernels as kernels_lib


class KeepKernels(keras.callbacks.Callback):
    """Keeps all kernels in float64: before the first step and after each.

    Attributes:
        kept: One array per step, the start first, by kernel name.
    """

    def __init__(self):
        super().__init__()
        self.kept = {}

    def on_train_begin(self, logs=None):
        self.kept = {}
        self._keep()

    def on_train_batch_end(self, batch, logs=None):
        self._keep()

    def _keep(self):
        for name, kernel in kernels_lib.named_kernels(self.model).items():
            value = np.array(kernel.value.numpy(), "float64")
            self.kept.setdefault(name, []).append(value)

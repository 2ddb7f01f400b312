"""Writes the norm of the loss gradient on a fixed batch, epoch by epoch.

norm = sqrt(sum over all trainable variables of ||d loss / d variable||^2)
"""

import math
from collections.abc import Iterator
from typing import Any

import keras

from needle_tf.callbacks import tags

# Small gradients vanish in float16; a power of two moves them without error.
_FLOAT16_SCALE = 2.0**10


class GradientNorm(keras.callbacks.Callback):
    """Writes the gradient's norm to TensorBoard, per layer and in total.

    Before the first step and after every epoch, always on the same batch and
    in inference mode, so that neither the choice of images nor dropout moves
    it and no batch statistics are updated. Computed on the device, in one
    trace; only one number per layer comes to the host.

    Args:
        log_dir: Folder of the event file.
        images: The batch, of shape `(batch, height, width, channels)`.
        labels: Its labels, as the model's loss takes them.
        first_step: Step on the axis at which this training begins.

    Attributes:
        history: The norms over all variables, for the start and each epoch of
            the current `fit`.
    """

    def __init__(
        self, log_dir: str, images: Any, labels: Any, *, first_step: int = 0
    ):
        super().__init__()
        self.log_dir = str(log_dir)
        self.first_step = first_step
        self.history: list[float] = []
        self._batch = (images, labels)
        self._measure = None
        self._writer = None
        self._step = first_step
        self._steps_in_epoch = 0

    def set_model(self, model: keras.Model) -> None:
        super().set_model(model)
        self._measure = None  # A trace reads the variables of one model.

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        import tensorflow as tf

        del logs
        self._writer = tf.summary.create_file_writer(self.log_dir)
        self._step = self.first_step
        self.history = [self._write()]

    def on_train_batch_end(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        del logs
        self._steps_in_epoch = batch + 1

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        del epoch, logs
        self._step += self._steps_in_epoch
        self.history.append(self._write())
        self._writer.flush()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        del logs
        self._writer.close()

    def _write(self) -> float:
        import tensorflow as tf

        if self._measure is None:
            batch = [tf.convert_to_tensor(part) for part in self._batch]
            self._measure = tf.function(
                lambda: squared_norms(self.model, *batch), autograph=False
            )
        squares = {n: float(square) for n, square in self._measure().items()}
        total = math.sqrt(sum(squares.values()))
        with self._writer.as_default(step=self._step):
            tf.summary.scalar(tags.GRADIENT_NORM, total)
            for name, square in squares.items():
                tag = tags.of_layer(tags.GRADIENT_NORM, name)
                tf.summary.scalar(tag, math.sqrt(square))
        return total


def squared_norms(
    model: keras.Model, images: Any, labels: Any
) -> dict[str, Any]:
    """Returns the squared norm of the loss gradient per layer, as tensors.

    Args:
        model: A compiled model.
        images: A batch of its inputs.
        labels: Its labels.

    Returns:
        Scalars of float32 by layer name, those of nested models behind the
        model's name and a slash; layers without trainable variables are not
        in it.
    """
    import tensorflow as tf

    layers = dict(_trained_layers(model))
    halves = any(la.compute_dtype == "float16" for la in layers.values())
    scale = _FLOAT16_SCALE if halves else 1.0
    with tf.GradientTape() as tape:
        scores = model(images, training=False)
        loss = scale * model.compute_loss(
            x=images, y=labels, y_pred=scores, training=False
        )
    names, variables = [], []
    for name, layer in layers.items():
        names += [name] * len(layer.trainable_variables)
        variables += layer.trainable_variables
    gradients = tape.gradient(loss, variables)
    squares = {name: tf.constant(0.0) for name in layers}
    for name, gradient in zip(names, gradients, strict=True):
        if gradient is not None:  # None: the loss does not depend on it.
            gradient = tf.cast(gradient, tf.float32) / scale
            squares[name] += tf.reduce_sum(tf.square(gradient))
    return squares


def _trained_layers(
    model: keras.Model, prefix: str = "", seen: set[int] | None = None
) -> Iterator[tuple[str, keras.Layer]]:
    """Yields the layers with trainable variables by name, each once."""
    seen = set() if seen is None else seen
    for layer in model.layers:
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        name = prefix + layer.name
        if isinstance(layer, keras.Model):
            yield from _trained_layers(layer, f"{name}/", seen)
        elif layer.trainable_variables:
            yield name, layer

"""Watches EC-Opt: ratios that were clipped, and the law that it rests on."""

from typing import Any
from typing import NamedTuple

import keras

from needle_tf.callbacks import step_axis
from needle_tf.callbacks import tags

# Above these a loss sees weights otherwise than through the network. Gradients
# in half precision are that far from exact by themselves.
_LARGEST_ERROR = 1e-2
_LARGEST_ERROR_HALF = 0.3


class Ratios(NamedTuple):
    """What was seen in an epoch.

    Attributes:
        epoch: Epochs of training behind it.
        step: Training steps on the axis by then.
        clipped_share: Share of the ratios d'_b / d_b that were clipped, over
            groups and steps, in [0, 1].
        conservation_error: Last measured break of the conservation law.
    """

    epoch: int
    step: int
    clipped_share: float
    conservation_error: float


class PathRatios(keras.callbacks.Callback):
    """Writes how often EC-Opt had to clip a ratio, by epoch.

    The share is also put into the logs as `clipped_share`, so that Keras shows
    it and keeps it in its history. After the first steps it makes sure that
    path gradients mean something: the sums of w dL/dw into and out of each
    unit must be equal, which they are not if the loss sees weights directly.

    Args:
        log_dir: Folder of the event file; None writes none.
        first_step: Step on the axis where the first `fit` begins, see
            `LayerRotation`.

    Attributes:
        history: One `Ratios` per epoch over all fits so far.

    Raises:
        ValueError: When training begins, if the model is not trained by ECOpt;
            after the first steps, if the conservation law does not hold.
    """

    def __init__(
        self, log_dir: str | None = None, *, first_step: int | None = None
    ):
        super().__init__()
        self.log_dir = None if log_dir is None else str(log_dir)
        self.history: list[Ratios] = []
        self._axis = step_axis.StepAxis(first_step)
        self._writer = None
        self._optimizer = None
        self._seen = (0.0, 0)
        self._is_checked = False

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        import tensorflow as tf

        del logs
        optimizer = self.model.optimizer
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        if not hasattr(type(optimizer), "clipped_share"):
            raise ValueError(
                "`PathRatios` watches needle_tf.optimizers.ECOpt. Received: "
                f"{type(optimizer).__name__}. Leave the callback out, or "
                "compile with ECOpt."
            )
        if not optimizer.built:
            optimizer.build(self.model.trainable_variables)
        self._optimizer = optimizer
        self._is_checked = False
        self._seen = self._counts()
        self._axis.begin(self.model)
        if self.log_dir is not None:
            self._writer = tf.summary.create_file_writer(self.log_dir)

    def on_train_batch_end(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        del logs
        self._axis.count(batch, self.params)
        if not self._is_checked:
            self._is_checked = True
            self._check()

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        self._axis.end_epoch()
        count, steps = self._counts()
        groups = self._optimizer.graph.num_groups
        share = (count - self._seen[0]) / max(
            1, groups * (steps - self._seen[1])
        )
        self._seen = (count, steps)
        measured = Ratios(epoch + 1, self._axis.step, share, self._error())
        self.history.append(measured)
        if logs is not None:
            logs["clipped_share"] = share
        if self._writer is not None:
            self._write(measured)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        del logs
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _counts(self):
        count = keras.ops.convert_to_numpy(self._optimizer.clip_count)
        steps = keras.ops.convert_to_numpy(self._optimizer.iterations)
        return float(count), int(steps)

    def _error(self):
        error = self._optimizer.conservation_error
        return float(keras.ops.convert_to_numpy(error))

    def _check(self):
        error = self._error()
        is_half = any(
            layer.compute_dtype in ("float16", "bfloat16")
            for layer in self.model.layers
        )
        largest = _LARGEST_ERROR_HALF if is_half else _LARGEST_ERROR
        if error > largest:
            raise ValueError(
                "Under EC-Opt, the sums of weight times gradient into and out "
                "of each unit must be equal. Received: a relative difference "
                f"of {error:.2g}, so the loss sees weights otherwise than "
                "through the network. Remove penalties on weights from it (for "
                "decay give `weight_decay` to the inner optimizer), and noise "
                "from the gradients."
            )

    def _write(self, measured):
        import tensorflow as tf

        with self._writer.as_default(step=measured.step):
            tf.summary.scalar(tags.CLIPPED_SHARE, measured.clipped_share)
            tf.summary.scalar(
                tags.CONSERVATION_ERROR, measured.conservation_error
            )
        self._writer.flush()

"""Watches the second moments by which adaptive optimizers scale their steps."""

import math
from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any
from typing import NamedTuple

import keras

from needle_tf.callbacks import step_axis
from needle_tf.callbacks import tags
from needle_tf.callbacks import watched_kernels

PERCENTILES = (10, 50, 90)

# Where Keras' optimizers keep an average or sum of squared gradients.
_SQUARES = ("_velocities", "_accumulators", "_accumulated_grads")
# Where Adamax keeps a largest gradient, in place of the root of the former.
_ROOTS = ("_u",)
# Where an optimizer that wraps another keeps it.
_WRAPPED = ("inner_optimizer", "inner")


class Percentiles(NamedTuple):
    """The spread of the second moments within each kernel.

    Attributes:
        epoch: Epochs of training behind it.
        step: Training steps on the axis by then.
        layers: The 10th, 50th and 90th percentile by kernel name, in model
            order; squared gradients, at least 0.
    """

    epoch: int
    step: int
    layers: dict[str, tuple[float, float, float]]


class SecondMoments(keras.callbacks.Callback):
    """Writes percentiles of the second moments of each kernel, by epoch.

    For any optimizer that keeps one number per weight for the size of its
    gradient: Adam, AdamW, Nadam, Lamb, RMSprop, Adagrad, Adadelta, Ftrl, and
    Adamax (its largest gradient, squared); also inside LossScaleOptimizer or
    Layca. Computed where the slots lie, by sorting them: some seconds for ten
    million weights on a CPU. Three numbers per kernel come to the host.

    Args:
        log_dir: Folder of the event file; None writes none.
        first_step: Step on the axis where the first `fit` begins, see
            `LayerRotation`.
        kernels: Which kernels, as of `LayerRotation`; None for all that the
            optimizer trains.
        earlier: What `as_json` returned, to go on with after a resume.

    Attributes:
        history: One `Percentiles` per epoch over all fits so far; without
            those of `earlier`.

    Raises:
        ValueError: At construction for an `earlier` of another form; when
            `fit` begins, naming the optimizer, if it keeps no second moments.

    Reference: the Adam analysis of Carbonnelle & De Vleeschouwer,
    arXiv:1806.01603, 2018. Differs: measured at the end of each epoch, theirs
    after its first batch.
    """

    def __init__(
        self,
        log_dir: str | None = None,
        *,
        first_step: int | None = None,
        kernels: Iterable[watched_kernels.Choice] | None = None,
        earlier: Mapping[str, Any] | None = None,
    ):
        super().__init__()
        self.log_dir = None if log_dir is None else str(log_dir)
        self.kernels = kernels
        self.history: list[Percentiles] = []
        self._earlier = None if earlier is None else _checked(earlier)
        self._axis = step_axis.StepAxis(first_step)
        self._names: list[str] = []
        self._measure = None
        self._writer = None

    def as_json(self) -> dict[str, Any]:
        """Returns `earlier` and `history` as plain data.

        Returns:
            `percentiles`: [10, 50, 90]; `epochs`: epochs of training behind
            each row; `layers`: by kernel name, one list of three numbers per
            row. A number that is not finite is None.
        """
        earlier = self._earlier or {"epochs": [], "layers": {}}
        names = self.history[-1].layers if self.history else earlier["layers"]
        return {
            "percentiles": list(PERCENTILES),
            "epochs": earlier["epochs"] + [each.epoch for each in self.history],
            "layers": {
                name: earlier["layers"].get(name, [])
                + [_finite(each.layers[name]) for each in self.history]
                for name in names
            },
        }

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        import tensorflow as tf

        del logs
        slots = second_moments(self.model, self.kernels)
        self._refuse_others(list(slots))
        self._names = list(slots)
        self._measure = tf.function(
            lambda: _percentiles(slots.values()), autograph=False
        )
        if self.log_dir is not None:
            self._writer = tf.summary.create_file_writer(self.log_dir)
        self._axis.begin(self.model)

    def on_train_batch_end(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        del logs
        self._axis.count(batch, self.params)

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        del logs
        self._axis.end_epoch()
        rows = [tuple(map(float, row)) for row in self._measure().numpy()]
        layers = dict(zip(self._names, rows, strict=True))
        measured = Percentiles(epoch + 1, self._axis.step, layers)
        self.history.append(measured)
        if self._writer is not None:
            _write(self._writer, measured)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        del logs
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _refuse_others(self, names):
        """Refuses to mix the rows of different kernels."""
        before = self._names
        if not before and self._earlier is not None:
            before = list(self._earlier["layers"])
        if before and before != names:
            raise ValueError(
                "A record goes on with the kernels with which it began. "
                f"Expected: {before}. Received: {names}. Use another "
                "`SecondMoments` for another model."
            )


def second_moments(
    model: keras.Model,
    kernels: Iterable[watched_kernels.Choice] | None = None,
) -> dict[str, tuple[keras.Variable, bool]]:
    """Returns the slot of each kernel by name, and whether it is a root.

    Builds the optimizer for the weights that the model trains, as the first
    training step would.

    Raises:
        ValueError: Naming the optimizer, if it keeps no second moments of the
            kernels.
    """
    chosen = watched_kernels.choose(model, kernels)
    optimizer = model.optimizer
    if not optimizer.built:
        optimizer.build(model.trainable_variables)
    found = _slots(_unwrapped(optimizer))
    slots = {
        name: found[id(kernel)]
        for name, kernel in chosen.items()
        if id(kernel) in found
    }
    odd = [] if kernels is None else [n for n in chosen if n not in slots]
    if odd or not slots:
        raise ValueError(
            "`SecondMoments` needs an optimizer that keeps second moments of "
            "the kernels, such as Adam, RMSprop or Adagrad. Received: "
            f"{_described(optimizer)}, which keeps none for "
            f"{odd or list(chosen)}. Leave the callback out, or use another "
            "optimizer."
        )
    return slots


def _unwrapped(optimizer):
    for name in _WRAPPED:
        inner = getattr(optimizer, name, None)
        if isinstance(inner, keras.optimizers.Optimizer):
            return _unwrapped(inner)
    return optimizer


def _slots(optimizer):
    """Slot, and whether it is a root, by the id of its weight."""
    trained = optimizer._trainable_variables  # No public name in Keras 3.
    for name in (*_SQUARES, *_ROOTS):
        slots = getattr(optimizer, name, None)
        if not isinstance(slots, list) or len(slots) != len(trained):
            continue
        return {
            id(variable): (slot, name in _ROOTS)
            for variable, slot in zip(trained, slots, strict=True)
            if isinstance(slot, keras.Variable) and slot.shape == variable.shape
        }
    return {}


def _percentiles(slots):
    """One row of percentiles per slot, as one tensor."""
    rows = []
    for slot, is_root in slots:
        wide = keras.backend.result_type(slot.dtype, "float32")
        value = keras.ops.cast(keras.ops.reshape(slot.value, [-1]), wide)
        value = keras.ops.square(value) if is_root else value
        shares = [percentile / 100 for percentile in PERCENTILES]
        shares = keras.ops.convert_to_tensor(shares, value.dtype)
        rows.append(keras.ops.quantile(value, shares))
    return keras.ops.stack(rows)


def _write(writer, measured):
    import tensorflow as tf

    with writer.as_default(step=measured.step):
        for name, values in measured.layers.items():
            for tag, value in zip(tags.SECOND_MOMENTS, values, strict=True):
                tf.summary.scalar(tags.of_layer(tag, name), value)
    writer.flush()


def _finite(values):
    return [value if math.isfinite(value) else None for value in values]


def _described(optimizer):
    inner = _unwrapped(optimizer)
    name = type(optimizer).__name__
    return name if inner is optimizer else f"{name}({type(inner).__name__})"


def _checked(earlier):
    """A copy of an earlier record, if it is one."""
    fits = earlier.get("percentiles") == list(PERCENTILES)
    epochs, layers = earlier.get("epochs"), earlier.get("layers")
    fits = fits and isinstance(epochs, list) and isinstance(layers, dict)
    if not fits or any(len(rows) != len(epochs) for rows in layers.values()):
        raise ValueError(
            "`earlier` must be what `SecondMoments.as_json` returns: "
            f"percentiles {list(PERCENTILES)}, epochs, and as many rows for "
            f"each of layers. Received: {sorted(earlier)}, percentiles="
            f"{earlier.get('percentiles')!r}. Leave it out to begin anew."
        )
    return {
        "epochs": list(epochs),
        "layers": {name: list(rows) for name, rows in layers.items()},
    }

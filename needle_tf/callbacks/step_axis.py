"""The step on the axis of TensorBoard, counted while a model trains."""

import numbers
from typing import Any

import keras


class StepAxis:
    """Counts training steps over the calls of a callback.

    Args:
        first_step: Step at which the first `fit` begins; further ones of the
            same model go on where the last ended. None takes the optimizer's
            own count at the start of each, which resets with a new optimizer.

    Attributes:
        step: The step by now.

    Raises:
        ValueError: If `first_step` is no count.
    """

    def __init__(self, first_step: int | None = None):
        self.first_step = first_step
        if first_step is not None:
            self.first_step = as_count("first_step", first_step)
        self.step = self.first_step or 0
        self._epoch_start = self.step
        self._before = self.step
        self._model = None

    def begin(self, model: keras.Model) -> None:
        """Call it when a `fit` of `model` begins."""
        if self.first_step is None:
            self.step = _step_count(model)
        elif model is not self._model:
            self.step = self.first_step
        self._model = model
        self._before = self._epoch_start = self.step

    def count(self, batch: int, params: dict[str, Any] | None) -> None:
        """Call it after a batch, with the callback's own `params`."""
        # Several steps per execution overshoot at the end of an epoch.
        last = (params or {}).get("steps") or batch + 1
        self._before = self.step
        self.step = self._epoch_start + min(batch + 1, last)

    def end_epoch(self) -> None:
        """Call it when an epoch ends."""
        self._epoch_start = self.step

    def has_passed(self, every_steps: int) -> bool:
        """Returns whether the last batch reached a multiple of so many steps.

        Never for 0.
        """
        if not every_steps:
            return False
        return self._before // every_steps != self.step // every_steps


def as_count(name: str, value: Any, *, least: int = 0) -> int:
    """Returns `value` as an int.

    Raises:
        ValueError: Naming the argument, if it is no integer of at least
            `least`.
    """
    is_count = isinstance(value, numbers.Integral)
    if isinstance(value, bool) or not is_count or value < least:
        raise ValueError(
            f"`{name}` must be an integer of at least {least}. "
            f"Received: {name}={value!r}."
        )
    return int(value)


def _step_count(model):
    """Steps that the optimizer has made, in batches."""
    import tensorflow as tf

    optimizer = getattr(model, "optimizer", None)
    if optimizer is None:
        return 0
    # The public count is that of updates, each of several batches.
    batches = optimizer.gradient_accumulation_steps or 1
    # As a tensor first: a variable of several devices is no number.
    return int(tf.convert_to_tensor(optimizer.iterations)) * batches

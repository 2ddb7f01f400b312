"""Learning rates of the published runs: drops, decay by epoch and warm-up.

    drops        rate = initial * factor^(number of boundaries <= step)
    decay        rate = initial * factor^(number of epochs before the step)
    linear       rate = f target + (1 - f) start_fraction target,
                 f = step / warmup_steps, while step < warmup_steps
    discrete     rate = start_fraction target, while step < warmup_steps

Steps count updates from 0; after its warm-up the rate is the target's.

Reference: Carbonnelle & De Vleeschouwer, arXiv:1806.01603v2; for the decay
Meng et al., arXiv:1802.03713, whose factor is exp(-0.01).
"""

import math
import operator
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from needle_tf.optimizers import options

Schedule = keras.optimizers.schedules.LearningRateSchedule

KINDS = ("linear", "discrete")
_FACTOR = options.Option(
    "factor", float, "What multiplies the rate.", low=0, is_low_open=True
)
_INITIAL = options.renamed(options.LEARNING_RATE, "initial_learning_rate")
_PER_EPOCH = options.Option("batches_per_epoch", int, "Batches.", low=1)
_PER_STEP = options.Option("batches_per_step", int, "Batches.", low=1)
_TARGET = options.renamed(options.LEARNING_RATE, "target")
_STEPS = options.OPTIONS["warmup_steps"]
_KIND = options.Option("kind", str, "How the rate rises.", choices=KINDS)
_START = options.Option("start_fraction", float, "First rate.", low=0, high=1)


@keras.saving.register_keras_serializable(package="needle_tf")
class StepDrops(Schedule):
    """A rate that is multiplied by `factor` from each of some steps on.

    Args:
        initial_learning_rate: Rate of the first steps, above 0.
        boundaries: Steps that are the first with a new rate, at least 1, each
            later than the one before.
        factor: Above 0; the study drops by 0.2.

    Raises:
        ValueError: If a value is out of bounds.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        *,
        boundaries: Sequence[int],
        factor: float,
    ) -> None:
        self.initial_learning_rate = _INITIAL.checked(initial_learning_rate)
        self.boundaries = _read_boundaries(boundaries)
        self.factor = _FACTOR.checked(factor)

    def __call__(self, step: Any) -> Any:
        """Returns the rate of a step, as a float32 scalar."""
        step = ops.cast(step, "int32")
        # Not powers in float32: every rate is rounded once.
        rate = ops.convert_to_tensor(self.initial_learning_rate, "float32")
        for drops, boundary in enumerate(self.boundaries, 1):
            dropped = self.initial_learning_rate * self.factor**drops
            rate = ops.where(step >= boundary, dropped, rate)
        return rate

    def get_config(self) -> dict[str, Any]:
        """Returns what makes the same schedule."""
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "boundaries": list(self.boundaries),
            "factor": self.factor,
        }


@keras.saving.register_keras_serializable(package="needle_tf")
class EpochDecay(Schedule):
    """A rate that is multiplied by `factor` after each epoch.

    Args:
        initial_learning_rate: Rate of the first epoch, above 0.
        batches_per_epoch: Batches of an epoch, an integer of at least 1.
        factor: Above 0.
        batches_per_step: Batches that make one step, at least 1.

    Raises:
        ValueError: If a value is out of bounds.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        *,
        batches_per_epoch: int,
        factor: float,
        batches_per_step: int = 1,
    ) -> None:
        self.initial_learning_rate = _INITIAL.checked(initial_learning_rate)
        self.batches_per_epoch = _PER_EPOCH.checked(batches_per_epoch)
        self.factor = _FACTOR.checked(factor)
        self.batches_per_step = _PER_STEP.checked(batches_per_step)

    def __call__(self, step: Any) -> Any:
        """Returns the rate of a step, as a float32 scalar."""
        # Of integers: a quotient of floats may fall short of a whole number.
        batches = ops.cast(step, "int32") * self.batches_per_step
        epoch = batches // self.batches_per_epoch
        power = ops.cast(epoch, "float32") * math.log(self.factor)
        return self.initial_learning_rate * ops.exp(power)

    def get_config(self) -> dict[str, Any]:
        """Returns what makes the same schedule."""
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "batches_per_epoch": self.batches_per_epoch,
            "factor": self.factor,
            "batches_per_step": self.batches_per_step,
        }


@keras.saving.register_keras_serializable(package="needle_tf")
class WarmUp(Schedule):
    """A rate that starts below its target.

    Args:
        target: The rate to come: a number above 0, or a schedule, which counts
            the steps of the warm-up too.
        warmup_steps: Steps until then, at least 0; 0 for no warm-up.
        kind: `linear` or `discrete`; see the module.
        start_fraction: Share of the target at the start, in [0, 1].

    Raises:
        ValueError: If a value is out of bounds.
    """

    def __init__(
        self,
        target: float | Schedule,
        *,
        warmup_steps: int,
        kind: str = "linear",
        start_fraction: float = 0.1,
    ) -> None:
        if not isinstance(target, Schedule):
            target = _TARGET.checked(target)
        self.target = target
        self.warmup_steps = _STEPS.checked(warmup_steps)
        self.kind = _KIND.checked(kind)
        self.start_fraction = _START.checked(start_fraction)

    def __call__(self, step: Any) -> Any:
        """Returns the rate of a step, as a float32 scalar."""
        target = self.target
        if isinstance(target, Schedule):
            target = target(step)
        target = ops.cast(target, "float32")
        step = ops.cast(step, "float32")
        share = self.start_fraction
        if self.kind == "linear":
            done = step / max(self.warmup_steps, 1)
            share = done + share * (1 - done)
        return ops.where(step < self.warmup_steps, share * target, target)

    def get_config(self) -> dict[str, Any]:
        """Returns what makes the same schedule."""
        target = self.target
        if isinstance(target, Schedule):
            target = keras.saving.serialize_keras_object(target)
        return {
            "target": target,
            "warmup_steps": self.warmup_steps,
            "kind": self.kind,
            "start_fraction": self.start_fraction,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "WarmUp":
        """Returns the schedule of a configuration."""
        target = config["target"]
        if isinstance(target, dict):
            target = keras.saving.deserialize_keras_object(target)
        return cls(**{**config, "target": target})


def _read_boundaries(boundaries):
    try:
        steps = tuple(operator.index(step) for step in boundaries)
    except TypeError:  # No list, or a fraction in it.
        steps = (0,)
    if any(a >= b for a, b in zip((0, *steps), steps, strict=False)):
        raise ValueError(
            "`boundaries` must be steps of at least 1, each later than the one "
            f"before. Received: boundaries={boundaries!r}."
        )
    return steps

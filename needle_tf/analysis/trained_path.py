"""How a chain of networks between two is trained, and what came of it."""

import dataclasses
import math
import numbers

from needle_tf.analysis import paths
from needle_tf.data import arguments


@dataclasses.dataclass(frozen=True)
class ChainSettings:
    """How a chain is trained.

    Args:
        points: Points of the chain, its two ends included; at least 3.
        stiffness: Of the springs between neighbours, at least 0. The authors'
            code moves a point by stiffness times the springs' pull, without
            the rate: their stiffness is our `learning_rate * stiffness`.
        learning_rate: Above 0, with `learning_rate * stiffness <= 1/2`: beyond
            that, springs overshoot further in every step.
        epochs: Passes over the training data, at least 0.
        batch_size: Training examples per step, for arrays.
        seed: Of the order of the examples and the units that dropout drops.

    Raises:
        ValueError: If a number is out of its range.
    """

    points: int = 7
    stiffness: float = 1.0
    learning_rate: float = 0.05
    epochs: int = 10
    batch_size: int = 250
    seed: int = 0

    def __post_init__(self) -> None:
        for name, minimum in (("points", 3), ("epochs", 0), ("batch_size", 1)):
            value = arguments.require_integer(
                name, getattr(self, name), minimum
            )
            object.__setattr__(self, name, value)
        object.__setattr__(self, "seed", arguments.require_seed(self.seed))
        for name in ("stiffness", "learning_rate"):
            value = getattr(self, name)
            is_number = isinstance(value, numbers.Real)
            if (
                isinstance(value, bool)
                or not is_number
                or not (0 <= value < math.inf)
            ):
                raise ValueError(
                    f"`{name}` must be a finite number of at least 0. "
                    f"Received: {name}={value!r}."
                )
            object.__setattr__(self, name, float(value))
        if self.learning_rate == 0:
            raise ValueError(
                "`learning_rate` must be above 0. Received: learning_rate=0. "
                "For a chain that is not trained take epochs=0."
            )
        if self.learning_rate * self.stiffness > 0.5:
            raise ValueError(
                "`learning_rate * stiffness` must be at most 0.5, or springs "
                "overshoot further in every step. Received: learning_rate="
                f"{self.learning_rate}, stiffness={self.stiffness}. Take a "
                f"stiffness of at most {0.5 / self.learning_rate:g}."
            )


@dataclasses.dataclass(frozen=True)
class ChainEpoch:
    """The inner points of a chain while they were trained for an epoch.

    Attributes:
        loss: Mean training loss over points and batches, in training mode and
            with penalties.
        highest_loss: That of the worst point, mean over batches.
    """

    loss: float
    highest_loss: float


@dataclasses.dataclass(frozen=True)
class TrainedPath(paths.Path):
    """A path whose inner points were trained.

    Positions are lengths along the path, over its whole length.

    Attributes:
        settings: How it was trained.
        epochs: What was seen on the way, one entry per epoch.
    """

    settings: ChainSettings
    epochs: tuple[ChainEpoch, ...]

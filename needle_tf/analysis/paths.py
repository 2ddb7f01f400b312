"""What was measured along a path between two networks.

With the loss L(s) at position s in [0, 1], the barrier is

    above the line = max_s L(s) - ((1 - s) L(0) + s L(1))
    above the ends = max_s L(s) - max(L(0), L(1))

both at least 0, for the ends are on the path.
"""

import dataclasses
import math

from needle_tf.analysis import evaluation
from needle_tf.analysis import plain_json

PARTS = ("train", "test")


@dataclasses.dataclass(frozen=True)
class PathPoint:
    """One point of a path.

    Attributes:
        position: In [0, 1]: 0 is the first network, 1 the second.
        train: On the training data, or None if there were none.
        test: On the test data, or None if there were none.
    """

    position: float
    train: evaluation.Figures | None
    test: evaluation.Figures | None


@dataclasses.dataclass(frozen=True)
class Barrier:
    """What stands between the two ends of a path.

    Attributes:
        above_line: Largest excess of the loss over the straight line between
            the losses of the ends; at least 0.
        above_ends: Largest excess of the loss over that of the worse end; at
            least 0.
        position: Where the loss is largest above the line, in [0, 1].
        accuracy_below_line: Largest lack of accuracy below the straight line
            between the accuracies of the ends, in [0, 1].

    Reference: Entezari et al., arXiv:2110.06296, for the line; Draxler et al.,
    arXiv:1803.00885, for the ends.
    """

    above_line: float
    above_ends: float
    position: float
    accuracy_below_line: float


@dataclasses.dataclass(frozen=True)
class Path:
    """Figures along a path between two networks.

    Attributes:
        kind: How the path was made.
        points: In their order, ends included.
        distance: Euclidean distance of the ends over all weights that lie on
            the path, statistics of normalisations left out.
        length: The same along the points; None where it was not measured.
    """

    kind: str
    points: tuple[PathPoint, ...]
    distance: float
    length: float | None

    def barrier(self, part: str = "test") -> Barrier:
        """Returns the barrier on one part of the data.

        All NaN if the loss is not finite somewhere.

        Args:
            part: `"train"` or `"test"`.

        Raises:
            ValueError: If that part was not measured.
        """
        if part not in self.parts():
            raise ValueError(
                f"`part` must be one that was measured: {self.parts()}. "
                f"Received: part={part!r}."
            )
        found = [getattr(point, part) for point in self.points]
        positions = [point.position for point in self.points]
        losses = [each.loss for each in found]
        if not all(map(math.isfinite, losses)):
            return Barrier(*[math.nan] * 4)
        excess = _above_line(positions, losses)
        lacks = _above_line(positions, [-each.accuracy for each in found])
        return Barrier(
            above_line=max(excess),
            above_ends=max(losses) - max(losses[0], losses[-1]),
            position=positions[excess.index(max(excess))],
            accuracy_below_line=max(lacks),
        )

    def parts(self) -> tuple[str, ...]:
        """Returns which parts of the data were measured."""
        return tuple(
            part for part in PARTS if getattr(self.points[0], part) is not None
        )

    def to_json(self) -> str:
        """Returns the path as JSON, with its barriers by part."""
        fields = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
        }
        barriers = {part: self.barrier(part) for part in self.parts()}
        return plain_json.dumps({**fields, "barriers": barriers})


def _above_line(positions, values):
    """By how much values exceed the line between the first and the last."""
    first, last = values[0], values[-1]
    excess = [
        value - ((1 - position) * first + position * last)
        for position, value in zip(positions, values, strict=True)
    ]
    # The ends lie on the line, whatever rounding says.
    excess[0] = excess[-1] = 0.0
    return excess

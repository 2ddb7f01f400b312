"""What happens to scales along the calls of a model, written down in order.

Each value is a *flow*: for each unit of a tensor the id of the scale that it
carries. Calls draw fresh ids for what they make and record how these hang
together: `pass_on` (a unit becomes part of another, at the same scale), `tie`
(the same scale, nothing passes), `ground` (the scale may not change) and
`weigh` (a weight leads from one to another). Being coarser than need be is
always safe here: it gives up some rescalings, and allows no wrong one.
"""

import dataclasses
from collections.abc import Collection
from collections.abc import Iterable
from typing import Any
from typing import NamedTuple

import keras
import numpy as np

from needle_tf.scales import components
from needle_tf.scales import skeleton_entries

Shape = tuple[int | None, ...]

GROUND = 0  # The id of what keeps its scale.
KINDS = ("kernel", "scale", "bias")


class Inhomogeneous(Exception):
    """Says why a call does not carry scales, so that they end at it."""


@dataclasses.dataclass(frozen=True, eq=False)
class Flow:
    """The scales of one tensor.

    Attributes:
        shape: Of the tensor without the batch axis; None where unknown.
        ids: Integers of the same rank, 1 long on axes along which all units
            share their id.
        remoteness: How far from the middle of its image each unit of a
            flattened image lies, of the same rank; None if it is not known.
    """

    shape: Shape
    ids: np.ndarray
    remoteness: np.ndarray | None = None

    def full(self) -> np.ndarray:
        """Returns the id of every unit, in the shape of the tensor.

        Raises:
            Inhomogeneous: If a size is unknown.
        """
        if None in self.shape:
            raise Inhomogeneous(
                f"unknown size: its units are {self.shape}, without the batch"
            )
        return np.broadcast_to(self.ids, self.shape)

    def is_ground(self) -> bool:
        """Returns whether nothing here has a scale of its own."""
        return not self.ids.any()


def grounded(shape: Shape) -> Flow:
    """Returns a flow in which no unit has a scale of its own."""
    return Flow(shape, np.zeros((1,) * len(shape), "int64"))


def shared(ids: np.ndarray) -> np.ndarray:
    """Returns ids with the axes cut to 1 along which all are the same."""
    for axis in range(ids.ndim):
        first = np.take(ids, [0], axis=axis) if ids.shape[axis] else ids
        if ids.shape[axis] > 1 and (ids == first).all():
            ids = first
    return ids


class Grounded(NamedTuple):
    """What is treated as ground, and why."""

    where: str
    why: str


@dataclasses.dataclass(frozen=True, eq=False)
class Use:
    """One use of a weight: what its entries connect.

    Attributes:
        variable: The weight.
        layer: Name of its layer.
        kind: One of `KINDS`; a bias leads from ground.
        source, target: Ids, of the rank of the variable, broadcastable to it.
        entries: Flat indices fit for a skeleton, or the `Blocks` to choose
            them from; none by default.
        alive: Which entries take part at all, broadcastable; all by default.
        masked: An object with `count()` and `arriving(values)` in the place of
            `alive`, for a mask too large to be written out.
    """

    variable: keras.Variable
    layer: str
    kind: str
    source: np.ndarray
    target: np.ndarray
    entries: np.ndarray | skeleton_entries.Blocks | None = None
    alive: np.ndarray | None = None
    masked: Any = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the weight."""
        return tuple(self.variable.shape)

    def count(self) -> int:
        """Returns the number of entries that take part."""
        if self.masked is not None:
            return self.masked.count()
        if self.alive is None:
            return int(np.prod(self.shape, dtype="int64"))
        return int(np.broadcast_to(self.alive, self.shape).sum())


class Passing(NamedTuple):
    """Units that become part of other units, one by one."""

    before: np.ndarray
    after: np.ndarray


class Ledger:
    """Takes down what happens to the scales, call after call.

    Args:
        trainable: The variables that training changes.

    Attributes:
        where: Name of the layer whose call is being taken down.
        events: `Passing` and `Use`, in the order of the calls.
        reasons: `Grounded`, each once, in order.
        why_plain: By `id` of a variable: why it is no edge.
    """

    def __init__(self, trainable: Iterable[keras.Variable]):
        self.where = ""
        self.events: list[Passing | Use] = []
        self.reasons: dict[Grounded, None] = {}
        self.why_plain: dict[int, str] = {}
        self._trainable = {id(variable) for variable in trainable}
        self._pinned: dict[int, None] = {}
        self._first_uses: dict[int, Use] = {}
        self._ties: list[tuple[np.ndarray, np.ndarray]] = []
        self._drawn = 1
        self._owners: list[tuple[int, str]] = [(0, "ground")]

    def fresh(self, shape: tuple[int, ...]) -> np.ndarray:
        """Returns ids that nothing has yet."""
        count = int(np.prod(shape, dtype="int64"))
        if self._owners[-1][1] != self.where:
            self._owners.append((self._drawn, self.where))
        ids = np.arange(self._drawn, self._drawn + count).reshape(shape)
        self._drawn += count
        return ids

    def pass_on(self, before: np.ndarray, after: np.ndarray) -> None:
        """Records that units become part of others, at the same scale."""
        before, after = np.broadcast_arrays(before, after)
        self.events.append(Passing(before.reshape(-1), after.reshape(-1)))
        self.tie(before, after)

    def tie(self, one: np.ndarray, other: np.ndarray) -> None:
        """Records that units have the same scale; the arrays broadcast."""
        one, other = np.broadcast_arrays(one, other)
        differ = one != other
        if differ.any():
            self._ties.append((one[differ], other[differ]))

    def unite(self, flow: Flow, axes: Collection[int]) -> np.ndarray:
        """Returns the ids of what the units along some axes become."""
        ids = flow.ids
        if all(ids.shape[axis] == 1 for axis in axes):
            return ids
        sizes = [1 if axis in axes else n for axis, n in enumerate(ids.shape)]
        after = self.fresh(tuple(sizes))
        self.pass_on(ids, after)
        return after

    def ground(self, ids: np.ndarray, why: str) -> None:
        """Records that units keep their scale, and why."""
        if ids.any():
            self.explain(self.where, why)
            self.tie(ids, np.zeros_like(ids))

    def explain(self, where: str, why: str) -> None:
        """Adds a reason for ground."""
        self.reasons.setdefault(Grounded(where, why))

    def weigh(self, use: Use) -> None:
        """Records a weight between units.

        A frozen weight cannot follow a rescaling: what it connects is ground.
        A weight in its second use ties the units of both.
        """
        if not self.trains(use.variable):
            what = f"its {use.variable.name} is frozen"
            self.ground(use.source, what)
            self.ground(use.target, what)
            return
        self.events.append(use)
        first = self._first_uses.setdefault(id(use.variable), use)
        if first is not use:
            self.tie(first.source, use.source)
            self.tie(first.target, use.target)

    def trains(self, variable: keras.Variable) -> bool:
        """Returns whether training changes a variable."""
        return id(variable) in self._trainable

    def step_plainly(self, variable: keras.Variable, why: str) -> None:
        """Records a weight that no rescaling touches."""
        self.why_plain.setdefault(id(variable), why)

    def pin(self, variable: keras.Variable, why: str) -> None:
        """Records that a weight is used in a way that nothing is known of."""
        self._pinned.setdefault(id(variable))
        self.step_plainly(variable, why)

    def uses(self) -> list[Use]:
        """Returns the first use of every weight, in order."""
        return list(self._first_uses.values())

    def labels(self) -> np.ndarray:
        """Returns for every id the first id of the same scale, 0 for ground."""
        for key in self._pinned.keys() & self._first_uses.keys():
            use = self._first_uses[key]
            for ids in (use.source, use.target):
                self.tie(ids, np.zeros_like(ids))
        return components.first_members(self._drawn, self._ties)

    def owner(self, label: int) -> str:
        """Returns the layer in whose output an id appeared."""
        starts = [start for start, _ in self._owners]
        place = np.searchsorted(starts, label, side="right") - 1
        return self._owners[int(place)][1]

"""Which kernels Layca turns, which of their axes count units, and how fast."""

import operator
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import keras

from needle_tf.graphs import kernels
from needle_tf.optimizers import chosen_variables
from needle_tf.optimizers import multipliers as multipliers_lib

Key = chosen_variables.Key


class ControlledKernels:
    """What a user says about the kernels, before there are any.

    An object of its own, because Keras takes every variable in an optimizer's
    attributes for one of its slots.

    Args:
        controlled: As for `Layca`.
        unit_axes: As for `Layca`.
        multipliers: As for `Layca`.

    Attributes:
        factors: Pairs of key and factor; None if there are no multipliers.

    Raises:
        ValueError: If one of them is malformed.
    """

    def __init__(
        self,
        controlled: Iterable[Key] | None,
        unit_axes: Sequence[int] | Mapping[str, Sequence[int]] | None,
        multipliers: Any,
    ) -> None:
        self._keys = None
        if controlled is not None:
            self._keys = chosen_variables.read_keys(controlled, "controlled")
        self._unit_axes = unit_axes
        if isinstance(unit_axes, Mapping):
            patterns = chosen_variables.read_keys(unit_axes, "unit_axes")
            self._unit_axes = {
                pattern: _axes(unit_axes[pattern]) for pattern in patterns
            }
        elif unit_axes is not None:
            self._unit_axes = _axes(unit_axes)
        self.factors = None
        if multipliers is not None:
            self.factors = multipliers_lib.read_factors(multipliers)

    def places(self, variables: Sequence[keras.Variable]) -> list[int]:
        """Returns the places of the controlled ones among all variables.

        Raises:
            ValueError: If there are none, or a name finds none.
        """
        if self._keys is None:
            found = [
                place
                for place, variable in enumerate(variables)
                if kernels.is_kernel(variable)
            ]
        else:
            found = {
                place
                for key in self._keys
                for place in chosen_variables.matches(
                    key, variables, "controlled"
                )
            }
        if not found:
            raise ValueError(
                "There must be a kernel to control. Received: "
                f"{', '.join(v.path for v in variables)}. Name the variables "
                "to turn with `controlled`."
            )
        return sorted(found)

    def reduced_axes(
        self, variables: Sequence[keras.Variable]
    ) -> list[tuple[int, ...]]:
        """Returns the axes along which one unit's weights lie, per kernel.

        Raises:
            ValueError: If axes do not fit a kernel, or leave a unit one weight
                only, which cannot turn; or if a pattern finds no kernel.
        """
        units = [(-1,)] * len(variables)
        if isinstance(self._unit_axes, dict):
            for pattern, axes in self._unit_axes.items():
                for place in chosen_variables.matches(
                    pattern, variables, "unit_axes"
                ):
                    units[place] = axes
        elif self._unit_axes is not None:
            units = [self._unit_axes] * len(variables)
        return [
            _others(axes, variable)
            for axes, variable in zip(units, variables, strict=True)
        ]

    def to_config(self) -> dict[str, Any]:
        """Returns the arguments as plain JSON; objects become their paths."""
        config = dict(controlled=None, unit_axes=None, multipliers=None)
        if isinstance(self._unit_axes, dict):
            config["unit_axes"] = {
                key: list(axes) for key, axes in self._unit_axes.items()
            }
        elif self._unit_axes is not None:
            config["unit_axes"] = list(self._unit_axes)
        if self._keys is not None:
            config["controlled"] = [
                pattern
                for key in self._keys
                for pattern in chosen_variables.as_patterns(key)
            ]
        if self.factors is not None:
            config["multipliers"] = [
                [pattern, factor]
                for key, factor in self.factors
                for pattern in chosen_variables.as_patterns(key)
            ]
        return config


def _axes(axes):
    try:
        found = tuple(operator.index(axis) for axis in axes)
    except TypeError:
        found = ()
    if not found:
        raise ValueError(
            "`unit_axes` must be integers, such as (-1,), or a dict of those "
            f"by pattern. Received: {axes!r}."
        )
    return found


def _others(axes, variable):
    rank = len(variable.shape)
    counted = {axis + rank if axis < 0 else axis for axis in axes}
    rest = tuple(axis for axis in range(rank) if axis not in counted)
    if not counted <= set(range(rank)) or not rest:
        raise ValueError(
            "`unit_axes` must be axes of the kernel and leave it one for the "
            f"weights of a unit. Received: unit_axes={axes} for "
            f"{variable.path} of shape {tuple(variable.shape)}."
        )
    return rest

"""The step that an optimizer would take, without taking it.

An optimizer gives a weight its new value by `assign`, `assign_add` or
`assign_sub`. These are borrowed while it computes: what is meant for the weight
is caught, what is meant for its own slots goes through.
"""

import contextlib
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

Tensor = Any


def step_of(
    inner: keras.optimizers.Optimizer, gradient: Tensor, variable: Any
) -> tuple[Tensor, int]:
    """Returns the step of an optimizer at the rate 1, and its sign.

    Slots are updated, the variable is not; at a rate of 1 they are free of any
    rate. The weight would become `variable - sign * step`; the sign stands
    apart because to negate a step is a pass over its memory.

    Args:
        inner: Built for this variable.
        gradient: Gradient of the variable.
        variable: As `update_step` receives it.

    Raises:
        ValueError: If the optimizer did not assign the variable exactly once
            by `assign`, `assign_add` or `assign_sub`.
    """
    with caught(inner, variable) as steps:
        inner.update_step(gradient, variable, ops.convert_to_tensor(1.0))
    return only_step(inner, steps)


def only_step(
    optimizer: keras.optimizers.Optimizer, steps: list[tuple[Tensor, int]]
) -> tuple[Tensor, int]:
    """Returns the one step of the list; ValueError if there are more or none.

    Args:
        optimizer: Whose steps were `caught`, for the message.
        steps: What was caught of one variable.
    """
    if len(steps) != 1:
        raise ValueError(
            f"{type(optimizer).__name__} must change a weight once in "
            "`update_step`, by self.assign, self.assign_add or "
            f"self.assign_sub. Received: {len(steps)} such calls. Use them "
            "there, once, instead of the methods of the variable."
        )
    return steps[0]


@contextlib.contextmanager
def caught(
    optimizer: keras.optimizers.Optimizer, variable: Any
) -> Iterator[list[tuple[Tensor, int]]]:
    """Gives a list that receives what the optimizer assigns to a variable.

    Its entries are (step, sign): the variable would become
    `variable - sign * step`. Meanwhile the variable is not assigned; others
    are. The optimizer gets its methods back in any case.
    """
    key = optimizer._var_key(variable)  # No public name in Keras 3.
    steps: list[tuple[Tensor, int]] = []

    def catching(through: Callable, read: Callable) -> Callable:
        def assign(target, value):
            if optimizer._var_key(target) == key:
                steps.append(read(value))
            else:
                through(target, value)

        return assign

    readers = {
        "assign": lambda value: (
            ops.convert_to_tensor(variable) - ops.convert_to_tensor(value),
            1,
        ),
        "assign_add": lambda value: (ops.convert_to_tensor(value), -1),
        "assign_sub": lambda value: (ops.convert_to_tensor(value), 1),
    }
    # In the instance, before those of its class; Keras need not track them.
    attributes = vars(optimizer)
    own = {name: attributes[name] for name in readers if name in attributes}
    lent = {
        name: catching(getattr(optimizer, name), read)
        for name, read in readers.items()
    }
    try:
        attributes.update(lent)
        yield steps
    finally:
        for name in lent:
            attributes.pop(name, None)
        attributes.update(own)

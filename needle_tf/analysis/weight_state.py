"""A network under weights that are not its own: all its variables as a list.

A *state* is the values of `model.variables` in their order: weights,
statistics and the states of seed generators. A call with a state reads nothing
of the model but its wiring and changes nothing in it, so the models that are
measured are left as they were.
"""

from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from needle_tf.graphs import rewiring

Tensor = Any
State = list[Tensor]

# Entries of a weight that are summed in float64 at a time.
_CHUNK = 1 << 20


def values(model: keras.Model) -> State:
    """Returns the state of a model, without copies where these can be saved.

    Raises:
        ValueError: If the model is not built.
    """
    if not model.built:
        raise ValueError(
            f'Model "{model.name}" has no weights yet. Call it on a batch, or '
            "build it, before it is measured."
        )
    return [ops.convert_to_tensor(variable) for variable in model.variables]


def call(
    model: keras.Model,
    state: Sequence[Tensor],
    x: Any,
    *,
    training: bool = False,
) -> tuple[Any, State, list[Tensor]]:
    """Returns what a model computes under a state.

    Args:
        model: Gives the wiring.
        state: See the module.
        x: A batch of inputs.
        training: Whether dropout drops and normalisations use the batch.

    Returns:
        The outputs; the state after the call, in which statistics and seeds
        may have moved on; the penalties on weights and activities.
    """
    trainable, others = split(model, state)
    outputs, others, penalties = model.stateless_call(
        trainable, others, x, training=training, return_losses=True
    )
    return outputs, join(model, trainable, others), penalties


def split(model: keras.Model, state: Sequence[Tensor]) -> tuple[State, State]:
    """Returns a state in two: trainable variables, and the others."""
    by_id = dict(zip(map(id, model.variables), state, strict=True))
    return (
        [by_id[id(variable)] for variable in model.trainable_variables],
        [by_id[id(variable)] for variable in model.non_trainable_variables],
    )


def join(
    model: keras.Model,
    trainable: Sequence[Tensor],
    others: Sequence[Tensor],
) -> State:
    """Returns the state that `split` gives back as these two."""
    by_id = dict(
        zip(
            map(id, model.trainable_variables + model.non_trainable_variables),
            [*trainable, *others],
            strict=True,
        )
    )
    return [by_id[id(variable)] for variable in model.variables]


def is_weight(model: keras.Model) -> list[bool]:
    """Returns which variables are weights that lie on a line: floats.

    The others, states of seed generators and counts, have nothing in between.
    """
    weights = {id(weight) for weight in model.weights}
    return [
        id(variable) in weights and "float" in str(variable.dtype)
        for variable in model.variables
    ]


def statistics(model: keras.Model) -> set[int]:
    """Returns the ids of the moving statistics of normalisations."""
    return {
        id(variable)
        for layer in rewiring.named_layers(model).values()
        if isinstance(layer, keras.layers.BatchNormalization)
        for variable in layer.non_trainable_variables
        if variable.name.startswith("moving_")
    }


def inner(first: Iterable[Tensor], second: Iterable[Tensor]) -> Tensor:
    """Returns the inner product of two lists of tensors, in float64.

    Fit to be traced.
    """
    total = ops.zeros((), "float64")
    for one, other in zip(first, second, strict=True):
        one, other = ops.reshape(one, (-1,)), ops.reshape(other, (-1,))
        for start in range(0, max(one.shape[0], 1), _CHUNK):
            rows = slice(start, start + _CHUNK)
            is_whole = one.shape[0] <= _CHUNK
            parts = (one, other) if is_whole else (one[rows], other[rows])
            total += ops.vdot(*(ops.cast(part, "float64") for part in parts))
    return total


def dot(first: Iterable[Tensor], second: Iterable[Tensor]) -> float:
    """Returns the inner product of two lists of tensors as a number."""
    return float(inner(first, second))


def distance(first: Iterable[Tensor], second: Iterable[Tensor]) -> float:
    """Returns the Euclidean distance of two lists of tensors."""
    square = 0.0
    for one, other in zip(first, second, strict=True):
        apart = ops.subtract(one, other)
        square += dot([apart], [apart])
    return square**0.5

"""The kernels that a callback watches, and copies of them on their device."""

import fnmatch
from collections.abc import Iterable
from typing import Any

import keras

from needle_tf.graphs import kernels as kernels_lib

# One entry of a choice: a name or pattern of names, a layer, a variable.
Choice = str | keras.Layer | keras.Variable


def choose(
    model: keras.Model, choice: Choice | Iterable[Choice] | None = None
) -> dict[str, keras.Variable]:
    """Returns the chosen kernels of a model by name, in model order.

    Args:
        model: A built model.
        choice: Names as of `graphs.kernels.named_kernels` or patterns of them
            (`"conv*"`, `"inner/*"`; the whole name must match), layers, nested
            models, or kernels themselves; one or several. None for all.

    Raises:
        ValueError: If the model is not built or has no kernel, or an entry of
            `choice` finds none; the known names are in the message.
    """
    known = kernels_lib.named_kernels(model)
    if not known:
        raise ValueError(
            f'Model "{model.name}" has no kernel to watch (a weight of two or '
            'more axes called "kernel"). Received: built='
            f"{model.built}. Give it a dense layer or a convolution, and build "
            "it before `fit`, by a `keras.Input` or `model.build(shape)`."
        )
    if choice is None:
        return known
    if isinstance(choice, str | keras.Layer | keras.Variable):
        choice = [choice]
    entries = list(choice)
    if not entries:
        raise ValueError(
            "`kernels` is empty, so there is nothing to watch. Received: "
            f"kernels={choice!r}. Name some of {list(known)}, or leave it out "
            "for all."
        )
    wanted = set()
    for entry in entries:
        found = _found_by(entry, known)
        if not found:
            raise ValueError(
                f"`kernels` holds {_described(entry)}, which is no kernel of "
                f'model "{model.name}" and has none. Its kernels: '
                f"{list(known)}."
            )
        wanted |= found
    return {name: known[name] for name in known if name in wanted}


def copies(variables: Iterable[keras.Variable]) -> list[Any]:
    """Returns copies of variables as `tf.Variable`, each on the same device.

    Nothing passes through the host.
    """
    import tensorflow as tf

    copied = []
    for variable in variables:
        with tf.device(variable.value.device):
            value = tf.identity(variable.value)
            copied.append(tf.Variable(value, trainable=False))
    return copied


def or_instead(turn: Any, before: Any, after: Any, instead: float) -> Any:
    """Returns the turn, or `instead` if a weight has no direction.

    A turn from or to a weight that is all zero is NaN, and so is one to a
    weight that holds NaN; that one stays.

    Args:
        turn: Angle or distance, a scalar.
        before: The weight that it began from.
        after: The weight that it leads to.
        instead: What counts for a weight that is all zero.
    """
    ops = keras.ops

    def told_apart():
        is_zero = ops.all(before == 0) | ops.all(after == 0)
        return ops.where(is_zero, ops.cast(instead, turn.dtype), turn)

    # Looked at again only where it is needed: that is two more passes.
    return ops.cond(ops.isnan(turn), told_apart, lambda: turn)


def refuse_zero(
    names: Iterable[str], values: Iterable[Any], what: str, use: str
) -> None:
    """Refuses kernels without a direction.

    Args:
        names: Their names.
        values: Their values, as variables or tensors.
        what: What they are, for the message: "kernel", "reference of kernel".
        use: What to do about it.

    Raises:
        ValueError: Naming those that are all zero.
    """
    import tensorflow as tf

    # One transfer for all of them.
    is_zero = tf.stack([tf.math.count_nonzero(v) == 0 for v in values])
    zeros = [
        name for name, zero in zip(names, is_zero.numpy(), strict=True) if zero
    ]
    if zeros:
        raise ValueError(
            f"A {what} must not be all zero: it has no direction to turn from. "
            f"Received: zeros in {zeros}. {use}"
        )


def _found_by(entry, known):
    """Names of the kernels that one entry of a choice stands for."""
    if isinstance(entry, str):
        if entry in known:
            return {entry}
        return {name for name in known if fnmatch.fnmatchcase(name, entry)}
    held = [entry]
    if isinstance(entry, keras.Layer):
        held = entry.weights
    ids = {id(variable) for variable in held}
    return {name for name, kernel in known.items() if id(kernel) in ids}


def _described(entry):
    if isinstance(entry, str):
        return f'"{entry}"'
    # A layer that is not built has no path yet.
    name = getattr(entry, "path", None) or getattr(entry, "name", repr(entry))
    return f'{type(entry).__name__} "{name}"'

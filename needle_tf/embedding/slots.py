"""Optimizer state carried through the embedding, like the weights."""

from typing import Any

import keras

from needle_tf.embedding import convert


def carry_slots(
    source: keras.optimizers.Optimizer,
    target: keras.optimizers.Optimizer,
    pairs: list[convert.VariablePair],
) -> None:
    """Fills the slots of `target` with those of `source`, embedded.

    A momentum or second moment has the shape of its weight and goes through
    the same map. Numbers that belong to the whole optimizer (iterations,
    running products) are copied; the learning rate stays `target`'s own.

    Args:
        source: Built optimizer of the first model.
        target: Built optimizer of the same class for the embedded model.
        pairs: As `convert.embed_with_pairs` returned them.

    Raises:
        ValueError: If the optimizers differ in class or settings or are not
            built, keep state of another shape than the weights, or have
            another optimizer inside.
    """
    source, target = _inner(source), _inner(target)
    if type(source) is not type(target):
        raise ValueError(
            "Slots can be carried between optimizers of one class. Received: "
            f"{type(source).__name__} and {type(target).__name__}. Reset them "
            "instead (--optimizer_slots=reset)."
        )
    if isinstance(getattr(source, "inner", None), keras.optimizers.Optimizer):
        raise ValueError(
            f"{type(source).__name__} keeps more of the first network than the "
            "slots of the optimizer inside it: norms of its weights, or its "
            "paths. Reset them instead (--optimizer_slots=reset)."
        )
    if not (source.built and target.built):
        raise ValueError(
            "Both optimizers must be built before their slots are carried. "
            "Call `optimizer.build(model.trainable_variables)`."
        )
    places = {id(pair.target): pair for pair in pairs}
    old_variables = {id(v): i for i, v in enumerate(_trained(source))}
    new_variables = _trained(target)
    old_lists = _slot_lists(source, len(old_variables))
    new_lists = _slot_lists(target, len(new_variables))
    for name in old_lists.keys() ^ new_lists.keys():
        which = "first" if name in old_lists else "second"
        raise ValueError(_other_settings(source, name, which))
    for name, old_slots in old_lists.items():
        new_slots = new_lists[name]
        for variable, slot in zip(new_variables, new_slots, strict=True):
            pair = places.get(id(variable))
            if pair is None:
                continue
            index = old_variables.get(id(pair.source))
            if index is None:
                raise ValueError(_unknown(source, variable))
            _fill(slot, old_slots[index], pair, source)
    _copy_scalars(source, target)


def _fill(slot, old_slot, pair, optimizer):
    if slot is None and old_slot is None:
        return
    name, shape = type(optimizer).__name__, tuple(pair.source.shape)
    if slot is None or old_slot is None:
        raise ValueError(
            f"{name} keeps other state for a weight of shape {shape} than for "
            f"one of shape {tuple(pair.target.shape)}. Reset it instead "
            "(--optimizer_slots=reset)."
        )
    values = keras.ops.convert_to_numpy(old_slot)
    if values.shape != shape:
        raise ValueError(
            f"{name} keeps state of shape {values.shape} for a weight of shape "
            f"{shape}, which cannot be embedded. Reset it instead "
            "(--optimizer_slots=reset)."
        )
    slot.assign(pair.carry(values))


def _slot_lists(optimizer, count) -> dict[str, list[Any]]:
    """Attributes that hold one variable for each trained one."""
    lists = {}
    for name, value in vars(optimizer).items():
        is_list = isinstance(value, list) and len(value) == count
        if not is_list or name in _NOT_SLOTS:
            continue
        if all(item is None or _is_variable(item) for item in value):
            lists[name] = value
    return lists


def _copy_scalars(source, target):
    # Gradients that wait for more of them to make a step stay behind: those
    # of the CNN are no gradients of its copies. So the step starts anew.
    waiting = source.gradient_accumulation_steps or 1
    batches = int(source._iterations) // waiting * waiting
    target._iterations.assign(batches)
    for name, value in vars(source).items():
        scalar = _is_variable(value) and value.shape == ()
        if scalar and name not in ("_iterations", "_learning_rate"):
            getattr(target, name).assign(value)


def _trained(optimizer):
    return optimizer._trainable_variables  # No public name in Keras 3.


def _inner(optimizer):
    return getattr(optimizer, "inner_optimizer", optimizer)


def _is_variable(value):
    return isinstance(value, keras.Variable)


def _other_settings(optimizer, name, which):
    return (
        f"Both optimizers are {type(optimizer).__name__}, but only the {which} "
        f"keeps `{name.strip('_')}`: their settings differ. Give them the "
        "same settings, or reset the slots (--optimizer_slots=reset)."
    )


def _unknown(optimizer, variable):
    return (
        f'The weight behind "{variable.path}" was not trained by this '
        f"{type(optimizer).__name__}, so it has no slots to carry. Reset them "
        "instead (--optimizer_slots=reset)."
    )


_NOT_SLOTS = (
    "_trainable_variables",
    "_variables",
    "_accumulated_gradients",
)

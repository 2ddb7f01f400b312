"""Optimizers that keep their slots, and work, where each weight lies.

Left alone, TensorFlow computes `weight - rate * gradient` on its default
device: the gradient of a weight elsewhere goes there and back, and a momentum
stays there for good. A default device that cannot hold all weights cannot hold
all momenta either.
"""

import functools
import inspect

import keras

from needle_tf.ops import placement


def update_in_place(
    optimizer: keras.optimizers.Optimizer,
) -> keras.optimizers.Optimizer:
    """Lets an optimizer do all for a weight on the device of the weight.

    The numbers are the same. Clipping by norms stays on the default device. To
    be called before the optimizer is built, and again after loading a model.

    Args:
        optimizer: Any Keras optimizer that steps weight by weight; one inside
            it is meant too.

    Returns:
        The same optimizer.

    Raises:
        ValueError: If the optimizer is built: its slots have their places.
    """
    if optimizer.built:
        raise ValueError(
            f"{type(optimizer).__name__} is built, so its slots have their "
            "places already. Call `update_in_place` before `fit`, on a new "
            "optimizer."
        )
    if keras.backend.backend() == "tensorflow":
        for each in _with_inner(optimizer):
            each.update_step = _beside(each.update_step, 1)
            each.add_variable_from_reference = _beside(
                each.add_variable_from_reference, 0
            )
    return optimizer


def _with_inner(optimizer):
    """The optimizer and those inside it."""
    while isinstance(optimizer, keras.optimizers.Optimizer):
        yield optimizer
        inner = getattr(optimizer, "inner_optimizer", None)
        optimizer = inner or getattr(optimizer, "inner", None)


def _beside(method, position):
    """A method that runs where its argument at `position` lies."""
    signature = inspect.signature(method)

    @functools.wraps(method)
    def placed(*args, **kwargs):
        variable = signature.bind(*args, **kwargs).args[position]
        if isinstance(variable, keras.Variable):
            variable = variable.value
        with placement.scope(variable.device or None):
            return method(*args, **kwargs)

    return placed

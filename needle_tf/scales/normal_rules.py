"""Scales at normalisations, and at layers that leave every unit alone.

A normalisation takes the scale of its input away, so that its input is ground;
the units behind it get theirs from `gamma`, an edge from ground like `beta`.
"""

from typing import Any

import numpy as np
from keras import layers

from needle_tf.scales import events
from needle_tf.scales import rules
from needle_tf.scales import weight_rules

Flow = events.Flow
Ledger = events.Ledger
Shape = events.Shape
Use = events.Use


@rules.scales(layers.BatchNormalization, layers.GroupNormalization)
def channel_normalization(
    layer: Any, inputs: Flow, shape: Shape, ledger: Ledger
) -> Flow:
    """Takes the scale away and gives each channel one of its own, `gamma`."""
    ledger.ground(inputs.ids, "its normalisation takes the scale away")
    axis = layer.axis % (len(shape) + 1) - 1
    sizes = [1] * len(shape)
    sizes[axis] = shape[axis]
    return _scaled(layer, sizes, shape, ledger)


@rules.scales(layers.LayerNormalization)
def layer_normalization(
    layer: Any, inputs: Flow, shape: Shape, ledger: Ledger
) -> Flow:
    """Does so for each unit of the axes that it normalises."""
    ledger.ground(inputs.ids, "its normalisation takes the scale away")
    axes = layer.axis if isinstance(layer.axis, list | tuple) else [layer.axis]
    axes = {axis % (len(shape) + 1) - 1 for axis in axes}
    sizes = [shape[axis] if axis in axes else 1 for axis in range(len(shape))]
    return _scaled(layer, sizes, shape, ledger)


@rules.scales(
    layers.Dropout,
    layers.SpatialDropout1D,
    layers.SpatialDropout2D,
    layers.SpatialDropout3D,
    layers.GaussianDropout,
    layers.Activation,
    layers.LeakyReLU,
    layers.Identity,
    layers.ActivityRegularization,
)
def passing(layer: Any, inputs: Flow, shape: Shape, ledger: Ledger) -> Flow:
    """Leaves every unit its scale."""
    del layer, shape, ledger
    return inputs


@rules.scales(
    layers.AlphaDropout, layers.ELU, layers.GaussianNoise, layers.Softmax
)
def bending(layer: Any, inputs: Flow, shape: Shape, ledger: Ledger) -> Flow:
    """Makes of twice a value something else than twice as much."""
    del inputs, shape, ledger
    raise events.Inhomogeneous(
        f"{type(layer).__name__} is not positively homogeneous"
    )


@rules.scales(layers.ReLU)
def rectifier(layer: Any, inputs: Flow, shape: Shape, ledger: Ledger) -> Flow:
    """Leaves every unit its scale if it bends at 0 only."""
    del shape, ledger
    if layer.max_value is not None or layer.threshold:
        raise events.Inhomogeneous(
            "a ReLU with a `max_value` or a `threshold` is not positively "
            "homogeneous"
        )
    return inputs


@rules.scales(layers.PReLU)
def learnt_rectifier(
    layer: Any, inputs: Flow, shape: Shape, ledger: Ledger
) -> Flow:
    """Leaves every unit its scale; its slopes see none."""
    del shape
    ledger.step_plainly(layer.alpha, "a slope is the same at any scale")
    return inputs


@rules.scales(layers.Rescaling)
def rescaling(layer: Any, inputs: Flow, shape: Shape, ledger: Ledger) -> Flow:
    """Leaves every unit its scale if it adds nothing."""
    del ledger
    if np.any(np.asarray(layer.offset)):
        raise events.Inhomogeneous("it adds an offset")
    if len(inputs.shape) != len(shape) or np.ndim(layer.scale) > 1:
        raise events.Inhomogeneous("its scale is an array")
    return Flow(shape, inputs.ids)


def _scaled(layer, sizes, shape, ledger):
    """The flow behind a normalisation that scales units of these sizes."""
    gamma = beta = None
    if layer.scale:
        gamma = weight_rules.variable(layer, "gamma")
    if layer.center:
        beta = weight_rules.variable(layer, "beta")
    if gamma is None or not ledger.trains(gamma):
        ledger.explain(ledger.where, "it has no scale (gamma) that trains")
        target = np.zeros([1] * len(shape), "int64")
    else:
        target = ledger.fresh(tuple(sizes))
    for weight, kind in ((gamma, "scale"), (beta, "bias")):
        if weight is not None:
            ones = [1] * len(weight.shape)
            axes = weight.shape if target.any() else ones
            ledger.weigh(
                Use(
                    weight,
                    ledger.where,
                    kind,
                    np.zeros(ones, "int64"),
                    target.reshape(axes),
                    np.arange(target.size) if kind == "scale" else None,
                )
            )
    return Flow(shape, target)

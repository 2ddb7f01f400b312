"""Scales at layers whose weights are shared by positions, and at dense ones.

A kernel leads from each unit that it reads to each unit that it feeds; units
that one entry reads or feeds at several positions share their scale.
"""

from typing import Any

import keras
import numpy as np
from keras import layers

from needle_tf.layers import embedded_conv2d
from needle_tf.scales import events
from needle_tf.scales import rules
from needle_tf.scales import skeleton_entries

Flow = events.Flow
Ledger = events.Ledger
Shape = events.Shape
Use = events.Use

_GROUND = np.zeros(1, "int64")


@rules.scales(layers.Dense)
def dense(layer: Any, inputs: Flow, shape: Shape, ledger: Ledger) -> Flow:
    """Each input of the last axis feeds each unit; other axes are united."""
    kernel = variable(layer, "kernel")
    *others, last = range(len(inputs.shape))
    source = ledger.unite(inputs, others).reshape(-1, 1)
    rows, columns = kernel.shape
    target = ledger.fresh((columns,))
    ledger.weigh(
        Use(
            kernel,
            ledger.where,
            "kernel",
            source,
            target[None],
            skeleton_entries.Blocks(
                (1, rows, columns),
                (0, columns, 1),
                remoteness=inputs.remoteness if not others else None,
            ),
        )
    )
    add_bias(layer, target, ledger)
    return _on_axis(target, last, shape)


@rules.scales(
    layers.Conv1D, layers.Conv2D, layers.Conv3D, embedded_conv2d.EmbeddedConv2D
)
def convolution(layer: Any, inputs: Flow, shape: Shape, ledger: Ledger) -> Flow:
    """Channels of a group of the layer feed its filters, tap by tap."""
    kernel = variable(layer, "kernel")
    channels, axis = _channels(layer, inputs, ledger)
    alive = _alive_taps(layer, inputs.shape, shape)
    *taps, depth, filters = kernel.shape
    groups = layer.groups
    own = filters // groups
    source = np.broadcast_to(channels, (groups * depth,))
    source = source.reshape(groups, depth)
    if groups > 1:
        source = np.repeat(source.T, own, axis=1)
    else:
        source = source.T
    source = source.reshape(*[1] * len(taps), depth, -1)
    target = ledger.fresh((filters,))
    entries = skeleton_entries.Blocks(
        (groups, depth, own),
        (own, filters, 1),
        _middle(alive) * depth * filters,
    )
    ledger.weigh(
        Use(
            kernel,
            ledger.where,
            "kernel",
            source,
            target.reshape(*[1] * (len(taps) + 1), filters),
            entries if alive.any() else None,
            alive=alive[..., None, None],
        )
    )
    add_bias(layer, target, ledger)
    return _on_axis(target, axis, shape)


@rules.scales(layers.DepthwiseConv1D, layers.DepthwiseConv2D)
def depthwise(layer: Any, inputs: Flow, shape: Shape, ledger: Ledger) -> Flow:
    """Each channel feeds its own outputs."""
    channels, axis = _channels(layer, inputs, ledger)
    alive = _alive_taps(layer, inputs.shape, shape)
    target = _per_channel(variable(layer, "kernel"), channels, alive, ledger)
    add_bias(layer, target, ledger)
    return _on_axis(target, axis, shape)


@rules.scales(layers.SeparableConv1D, layers.SeparableConv2D)
def separable(layer: Any, inputs: Flow, shape: Shape, ledger: Ledger) -> Flow:
    """A depthwise convolution, and a dense layer over the channels."""
    channels, axis = _channels(layer, inputs, ledger)
    alive = _alive_taps(layer, inputs.shape, shape)
    between = _per_channel(
        variable(layer, "depthwise_kernel"), channels, alive, ledger
    )
    pointwise = variable(layer, "pointwise_kernel")
    *ones, depth, filters = pointwise.shape
    target = ledger.fresh((filters,))
    ledger.weigh(
        Use(
            pointwise,
            ledger.where,
            "kernel",
            between.reshape(*ones, depth, 1),
            target.reshape(*ones, 1, filters),
            skeleton_entries.Blocks((1, depth, filters), (0, filters, 1)),
        )
    )
    add_bias(layer, target, ledger)
    return _on_axis(target, axis, shape)


@rules.scales(
    layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose
)
def transposed(layer: Any, inputs: Flow, shape: Shape, ledger: Ledger) -> Flow:
    """Each channel feeds each filter; the kernel has the filters first."""
    kernel = variable(layer, "kernel")
    channels, axis = _channels(layer, inputs, ledger)
    *taps, filters, depth = kernel.shape
    ones = [1] * len(taps)
    target = ledger.fresh((filters,))
    middle = _middle(np.ones(taps, bool)) * filters * depth
    ledger.weigh(
        Use(
            kernel,
            ledger.where,
            "kernel",
            channels.reshape(*ones, 1, -1),
            target.reshape(*ones, filters, 1),
            skeleton_entries.Blocks((1, depth, filters), (0, 1, depth), middle),
        )
    )
    add_bias(layer, target, ledger)
    return _on_axis(target, axis, shape)


def variable(layer: keras.Layer, name: str) -> keras.Variable:
    """Returns a weight of a layer.

    Raises:
        Inhomogeneous: If it is computed from others, as after `enable_lora` or
            `quantize`.
    """
    value = getattr(layer, name)
    if not isinstance(value, keras.Variable) or value.dtype == "int8":
        raise events.Inhomogeneous(
            f"its {name} is computed from other weights (LoRA, quantisation)"
        )
    return value


def add_bias(layer: keras.Layer, target: np.ndarray, ledger: Ledger) -> None:
    """Takes down the bias of a layer, one entry per unit of `target`."""
    if layer.bias is not None:
        bias = variable(layer, "bias")
        ledger.weigh(Use(bias, ledger.where, "bias", _GROUND, target))


def _channels(layer, inputs, ledger):
    """Ids of the channels, `(C,)` or `(1,)`, and the axis they lie on."""
    axes = list(range(len(inputs.shape)))
    axis = axes.pop(0 if layer.data_format == "channels_first" else -1)
    return ledger.unite(inputs, axes).reshape(-1), axis


def _on_axis(ids, axis, shape):
    """A flow whose units share their id along all axes but one."""
    full = [1] * len(shape)
    full[axis] = len(ids)
    return Flow(shape, ids.reshape(full))


def _per_channel(kernel, channels, alive, ledger):
    """Ids of what a depthwise kernel feeds, channel by channel."""
    *taps, depth, multiplier = kernel.shape
    ones = [1] * len(taps)
    target = ledger.fresh((depth * multiplier,))
    entries = _middle(alive) * len(target) + np.arange(len(target))
    ledger.weigh(
        Use(
            kernel,
            ledger.where,
            "kernel",
            channels.reshape(*ones, -1, 1),
            target.reshape(*ones, depth, multiplier),
            entries if alive.any() else None,
            alive=alive[..., None, None],
        )
    )
    return target


def _alive_taps(layer, before, after):
    """Which taps meet the image at all, in the shape of the window."""
    is_first = layer.data_format == "channels_first"
    spatial = slice(1, None) if is_first else slice(None, -1)
    masks = [
        _alive_on_axis(*sizes, layer.padding)
        for sizes in zip(
            before[spatial],
            after[spatial],
            layer.kernel_size,
            layer.strides,
            layer.dilation_rate,
            strict=True,
        )
    ]
    alive = np.ones((), bool)
    for mask in masks:
        alive = alive[..., None] & mask
    return alive


def _alive_on_axis(size, positions, taps, stride, rate, padding):
    if size is None or padding == "valid":
        return np.ones(taps, bool)
    reach = (taps - 1) * rate + 1
    zeros = reach - 1  # All of them first: "causal".
    if padding == "same":
        zeros = max((positions - 1) * stride + reach - size, 0) // 2
    read = np.arange(positions)[:, None] * stride - zeros
    read = read + np.arange(taps) * rate
    return ((read >= 0) & (read < size)).any(axis=0)


def _middle(alive):
    """Flat index of the living tap next to the middle of the window."""
    places = np.stack(np.unravel_index(np.arange(alive.size), alive.shape))
    middle = (np.array(alive.shape) - 1) // 2
    distance = np.abs(places - middle[:, None]).sum(axis=0)
    return int(np.argmin(distance + (distance.max() + 1) * ~alive.reshape(-1)))

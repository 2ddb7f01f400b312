"""One wide dense layer as several narrow ones: column blocks.

The columns of a dense matrix that belong to some of the filters are the dense
matrix of the convolution with these filters alone:

    images @ [D_0 | D_1 | ...]  =  [images @ D_0 | images @ D_1 | ...]

So each block is an untied layer like any other, made from its own filters, and
may lie on a device of its own: an eFCN is trained whose weights no device can
hold. A concatenation of channels puts the image together; the activation
follows it. The last of these layers has the name of the convolution.

Function, training and total distances are those of the undivided layer. Only
optimizers that go by norms of layers (Layca, LARS, LAMB) see more layers. For
optimizers on several devices see `optimizers.local_updates`; in mixed precision
each gradient passes the default device once, where it is cast.

With JAX there is no need of blocks. Before `embed`, in layers by their names:

    layout["conv.*/kernel"] = (None, "model")
    layout["conv.*/bias"] = ("model",)

in a `keras.distribution.LayoutMap` of a mesh with an axis "model", set by
`keras.distribution.ModelParallel`: kernels, biases and momenta lie by columns.
"""

import contextlib
import dataclasses
import functools
import itertools
import math
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from needle_tf.embedding import registry
from needle_tf.graphs import rewiring
from needle_tf.layers import fans
from needle_tf.layers import masked_dense
from needle_tf.layers import untied_layer
from needle_tf.ops import conv_geometry
from needle_tf.ops import placement
from needle_tf.ops import sizes

Part = registry.Part
Geometry = conv_geometry.ConvGeometry


class Joined:
    """Layers that compute blocks of one image, and what follows them.

    To be called on images like the layer that they stand for, whose name the
    last layer of all has.

    Args:
        layers: The blocks, in the order of `divide`.
        part: What they are blocks of.
        name: Of the last layer.
        taken: Names of layers that are taken; grows by the new ones.
    """

    def __init__(
        self,
        layers: Sequence[keras.Layer],
        part: Part,
        name: str,
        taken: set[str],
    ):
        self.layers = list(layers)
        kinds = list(_after(part, len(self.layers), self.layers[0].data_format))
        shared = {"dtype": part.settings.get("dtype")}
        self._after = [
            build(name=rewiring.free_name(f"{name}_{step}", taken), **shared)
            for step, build in kinds[:-1]
        ]
        penalty = part.settings.get("activity_regularizer")
        last = kinds[-1][1](name=name, activity_regularizer=penalty, **shared)
        self._after.append(last)

    def __call__(self, images: Any) -> Any:
        features = [layer(images) for layer in self.layers]
        for step in self._after:
            features = step(features)
        return features


def read_devices(
    devices: str | Sequence[str] | None, space: str
) -> Iterator[str | None]:
    """Yields the device of one layer after the other, round and round.

    Raises:
        ValueError: If there is none, one is unknown, or the space has no
            dense weights to place.
    """
    if devices is None:
        return itertools.repeat(None)
    if space == "lcn":
        raise ValueError(
            '`devices` place dense weights, which space="lcn" does not have. '
            f"Received: devices={devices!r}. Leave them out, or embed with "
            'space="band", radius=0.'
        )
    if isinstance(devices, str):
        devices = [devices]
    if not devices:
        raise ValueError(
            "`devices` is empty. Received: devices="
            f"{devices!r}. Name some, or leave it out."
        )
    return itertools.cycle([placement.check_device(each) for each in devices])


def read_count(column_blocks: int) -> int:
    """Returns the number of blocks; ValueError if it is no count."""
    return sizes.read_integer(column_blocks, "column_blocks")


def divide(part: Part, count: int, layer: keras.Layer) -> list[Part]:
    """Returns a part as blocks of its filters, without activation.

    Shares differ by one filter at most, the larger ones first. With groups of
    channels, each block has the same share of every group.

    Args:
        layer: That the part came from, for the message.

    Raises:
        ValueError: Naming the layer, if its filters cannot be divided so.
    """
    geometry = part.geometry
    _refuse_uneven(geometry, count, layer)
    settings = {
        **part.settings,
        "activation": None,
        "activity_regularizer": None,
    }
    drawing = {
        name: _own_draws(settings[name], count)
        for name in ("kernel_initializer", "bias_initializer")
        if name in settings
    }
    filters = np.array_split(np.arange(geometry.group_outputs), count)
    blocks = []
    for number, own in enumerate(filters):
        select = _selection(geometry, own[0], own[-1] + 1)
        blocks.append(
            part._replace(
                name=f"{part.name}_block{number}",
                geometry=dataclasses.replace(
                    geometry, filters=len(own) * geometry.groups
                ),
                in_form=_then(part.in_form, select),
                in_bias_form=_then(part.in_bias_form, select),
                settings={
                    **settings,
                    **{name: draws[number] for name, draws in drawing.items()},
                },
            )
        )
    return blocks


@contextlib.contextmanager
def drawn_as_one(
    layer: keras.Layer, own: Geometry, whole: Geometry
) -> Iterator[None]:
    """A context in which a block draws first weights on the whole's scale.

    Args:
        layer: A block, not yet built.
        own: Its geometry.
        whole: That of all blocks together.
    """
    initializer = layer.kernel_initializer
    fan_in, fan_out = _fans(layer, own)
    layer.kernel_initializer = fans.with_fans(
        initializer,
        shape=(fan_in, fan_out),
        fan_in=fan_in,
        fan_out=fan_out * whole.filters / own.filters,
    )
    try:
        yield
    finally:
        layer.kernel_initializer = initializer


def _refuse_uneven(geometry, count, layer):
    per_group = geometry.group_outputs
    if count <= per_group and (geometry.groups == 1 or per_group % count == 0):
        return
    fewer = (n for n in range(count - 1, 0, -1) if per_group % n == 0)
    most = per_group if geometry.groups == 1 else next(fewer)
    grouped = f" in each of {geometry.groups} groups, which it must divide"
    others = f'layers=[...] without "{layer.name}"'
    raise ValueError(
        f'Layer "{layer.name}" cannot be divided into {count} column blocks: '
        f"it has {per_group} filters{grouped if geometry.groups > 1 else ''}. "
        f"Use column_blocks={most}, or embed it as a whole: "
        f'`embed(model, layers=["{layer.name}"])` first, then with '
        f"column_blocks={count} and {others}."
    )


def _selection(geometry, start, stop):
    """Takes these filters of each group from a kernel of any form, or bias."""

    def select(values):
        grouped = values.reshape(-1, geometry.groups, geometry.group_outputs)
        chosen = grouped[:, :, start:stop]
        columns = values.shape[-1] // geometry.group_outputs * (stop - start)
        return chosen.reshape(*values.shape[:-1], columns)

    return select


def _then(first, second):
    return lambda values: second(first(values))


def _own_draws(initializer, count):
    """An initializer for each block: with one seed all would draw the same."""
    if not isinstance(initializer, keras.initializers.Initializer):
        return [initializer] * count
    config = initializer.get_config()
    if config.get("seed") is None:
        return [initializer.clone() for _ in range(count)]
    generator = initializer.clone().seed
    if not isinstance(generator, keras.random.SeedGenerator):
        generator = keras.random.SeedGenerator(generator)
    seeds = keras.random.randint((count,), 0, 2**31 - 1, seed=generator)
    seeds = keras.ops.convert_to_numpy(seeds).tolist()
    return [type(initializer).from_config({**config, "seed": s}) for s in seeds]


def _fans(layer, geometry):
    """Fan-in and fan-out by which a layer draws its kernel."""
    if isinstance(layer, masked_dense.MaskedDense):
        rows, columns = geometry.dense_shape
        free = layer.free_weights()
        return free / columns, free / rows
    _, depth, filters = geometry.local_shape
    return depth, math.prod(geometry.kernel_size) * filters


def _after(part, count, data_format):
    """Yields (name, layer class with its own arguments) of what follows."""
    first = data_format == "channels_first"
    yield (
        "joined",
        functools.partial(keras.layers.Concatenate, axis=1 if first else -1),
    )
    geometry = part.geometry
    if geometry.groups > 1:
        # Blocks of groups become groups of blocks.
        size = geometry.output_size
        channels = (count, geometry.groups, geometry.group_outputs // count)
        apart = (*channels, *size) if first else (*size, *channels)
        order = (2, 1, 3, 4, 5) if first else (1, 2, 4, 3, 5)
        image = untied_layer.in_data_format(geometry.output_shape, data_format)
        yield (
            "apart",
            functools.partial(keras.layers.Reshape, target_shape=apart),
        )
        yield "ordered", functools.partial(keras.layers.Permute, dims=order)
        yield (
            "grouped",
            functools.partial(keras.layers.Reshape, target_shape=image),
        )
    activation = keras.activations.get(part.settings.get("activation"))
    if activation is not keras.activations.linear:
        yield "activation", functools.partial(_activation, activation)


def _activation(activation, **settings):
    try:
        keras.activations.get(keras.activations.serialize(activation))
    except (TypeError, ValueError):  # Not registered: such a layer clones not.
        return keras.layers.Lambda(activation, **settings)
    return keras.layers.Activation(activation, **settings)

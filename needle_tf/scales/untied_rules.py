"""Scales at layers whose weights differ from position to position.

Every unit, not every channel, has a scale of its own here. Its skeleton entry
is the pixel in the middle of what it sees, in the channel of its own number.
"""

from typing import Any
from typing import NamedTuple

import numpy as np

from needle_tf.layers import locally_connected2d
from needle_tf.layers import masked_dense
from needle_tf.ops import conv_geometry
from needle_tf.scales import events
from needle_tf.scales import rules
from needle_tf.scales import shape_rules
from needle_tf.scales import unit_entries
from needle_tf.scales import weight_rules

ConvGeometry = conv_geometry.ConvGeometry
Flow = events.Flow
Ledger = events.Ledger
Shape = events.Shape
Use = events.Use


@rules.scales(masked_dense.MaskedDense)
def dense_image(layer: Any, inputs: Flow, shape: Shape, ledger: Ledger) -> Flow:
    """Each unit that the mask leaves feeds each unit of the output."""
    geometry = layer.geometry
    reach = {"local": 0, "band": layer.radius, "all": None}[layer.free]
    rows, columns = geometry.dense_shape
    entries = unit_entries.nearest_entries(geometry, reach)
    row = entries.pixel * geometry.input_shape[2] + entries.channel
    column = entries.position * geometry.filters + entries.filter
    target = ledger.fresh((columns,))
    ledger.weigh(
        Use(
            weight_rules.variable(layer, "kernel"),
            ledger.where,
            "kernel",
            _images_last(layer, inputs).full().reshape(rows, 1),
            target[None],
            row * columns + column,
            masked=Window(geometry, reach),
        )
    )
    weight_rules.add_bias(layer, target, ledger)
    return _in_format(layer, target.reshape(geometry.output_shape), shape)


@rules.scales(locally_connected2d.LocallyConnected2D)
def local_image(layer: Any, inputs: Flow, shape: Shape, ledger: Ledger) -> Flow:
    """Each unit in a receptive field feeds the units of that position."""
    geometry = layer.geometry
    positions, depth, filters = geometry.local_shape
    pixel = unit_entries.seen_pixels(geometry)
    ids = _images_last(layer, inputs).full()
    ids = ids.reshape(-1, geometry.groups, geometry.group_inputs)
    alive = (pixel >= 0)[:, :, None, None]
    seen = ids[np.maximum(pixel, 0)].transpose(0, 1, 3, 2)
    if geometry.groups > 1:
        seen = np.repeat(seen, geometry.group_outputs, axis=3)
    source = np.where(alive, seen, events.GROUND)
    alive = np.repeat(pixel >= 0, geometry.group_inputs, axis=1)
    entries = unit_entries.nearest_entries(geometry, 0)
    is_tap = pixel[entries.position] == entries.pixel[:, None]
    row = is_tap.argmax(axis=1) * geometry.group_inputs
    row = row + entries.channel % geometry.group_inputs
    target = ledger.fresh((positions * filters,))
    ledger.weigh(
        Use(
            weight_rules.variable(layer, "kernel"),
            ledger.where,
            "kernel",
            source.reshape(positions, depth, -1),
            target.reshape(positions, 1, filters),
            (entries.position * depth + row) * filters + entries.filter,
            alive=alive[:, :, None],
        )
    )
    weight_rules.add_bias(layer, target, ledger)
    return _in_format(layer, target.reshape(geometry.output_shape), shape)


class Window(NamedTuple):
    """Which entries of a `MaskedDense` are free: within `reach`, None all."""

    geometry: ConvGeometry
    reach: int | None

    def count(self) -> int:
        """Returns the number of free entries."""
        return self.geometry.free_entries(self.reach)

    def arriving(self, values: np.ndarray) -> np.ndarray:
        """Returns for each column the sum of the values of its free rows.

        Args:
            values: One per row, `(rows, 1)`; any objects that add.

        Returns:
            `(1, columns)`.
        """
        geometry = self.geometry
        if self.reach is None:
            total = values.sum()
            return np.full((1, geometry.dense_shape[1]), total, object)
        height, width, _ = geometry.input_shape
        sums = values.reshape(height, width, geometry.groups, -1).sum(axis=-1)
        for axis in range(2):
            mask = geometry.axis_mask(axis, self.reach).astype(object)
            sums = np.moveaxis(np.tensordot(sums, mask, (axis, 0)), -1, axis)
        sums = np.repeat(sums, geometry.group_outputs, axis=-1)
        return sums.reshape(1, -1)


def _images_last(layer, inputs):
    """The flow of the images with the channels as the last axis."""
    if layer.data_format == "channels_first":
        return shape_rules.moved(inputs, (1, 2, 0))
    return inputs


def _in_format(layer, units, shape):
    """The flow of units in the data format of the layer."""
    if layer.data_format == "channels_first":
        units = units.transpose(2, 0, 1)
    return Flow(shape, units)

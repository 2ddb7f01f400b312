"""What units of the first layer look at outside their receptive fields.

The incoming weights of output unit (i, j, f) are a column of the dense kernel:
an image of the size of the input. With the entries of its receptive field set
to 0, what is left is what relaxation has added: finding 4 of the paper, the
contours of templates.
"""

import dataclasses
import os
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from needle_tf.analysis import plain_json
from needle_tf.analysis import weight_parts
from needle_tf.data import arguments
from needle_tf.embedding import convert
from needle_tf.graphs import rewiring
from needle_tf.layers import masked_dense
from needle_tf.ops import conv_geometry

Unit = tuple[int, int, int]


@dataclasses.dataclass(frozen=True, eq=False)
class OffLocal:
    """Incoming weights of some output units of one layer.

    Attributes:
        layer: Name of the layer.
        units: `(i, j, f)` of each unit: row, column and channel of the output.
        windows: Receptive field of each unit as `(top, left, bottom, right)`
            in input pixels, ends exclusive, taps in the padding included: it
            may begin below 0 and end beyond the image.
        norms: Norm of the off-local weights of each unit.
        images: `(units, H, W, C)` float32: all incoming weights; those of the
            difference, if there is a reference.
        outside: The same with the local ones set to 0.
    """

    layer: str
    units: tuple[Unit, ...]
    windows: tuple[tuple[int, int, int, int], ...]
    norms: tuple[float, ...]
    images: np.ndarray
    outside: np.ndarray

    def save(self, path: str | os.PathLike) -> None:
        """Writes everything into an `.npz` file, for the picture.

        Raises:
            OSError: If it cannot be written.
        """
        with open(path, "wb") as file:
            np.savez_compressed(
                file,
                layer=self.layer,
                units=np.array(self.units, "int64"),
                windows=np.array(self.windows, "int64"),
                norms=np.array(self.norms, "float64"),
                images=self.images,
                outside=self.outside,
            )

    def to_json(self) -> str:
        """Returns layer, units, windows and norms as JSON; no images."""
        return plain_json.dumps(
            {
                "layer": self.layer,
                "units": self.units,
                "windows": self.windows,
                "norms": self.norms,
            }
        )


def off_local(
    model: keras.Model,
    *,
    units: Sequence[Unit] | None = None,
    positions: Sequence[tuple[int, int]] | None = None,
    count: int = 8,
    layer: str | None = None,
    reference: keras.Model | None = None,
) -> OffLocal:
    """Returns images of what units look at, in and outside their fields.

    Units are those given, or of each position given the channel with the
    largest off-local norm, or the `count` units of the largest norms.

    To be compared, two networks need the same units: take `units` of the first
    result for the second.

    Args:
        model: A relaxed network or an FCN (`embed(cnn, copy_weights=False)`).
        units: Output units `(i, j, f)`.
        positions: Output positions `(i, j)`.
        count: How many units, if neither is given.
        layer: A MaskedDense layer; the first one of the model by default.
        reference: A CNN with a convolution of the same name, or another
            relaxed network: the images are then of the difference from it.

    Raises:
        ValueError: If the layer is none or has no off-local weights, a unit
            does not exist, both `units` and `positions` are given, or the
            reference has no layer of the same name and geometry.

    Memory: three copies of the layer's kernel where it lies (five with a
    reference); only the columns shown come to the host.

    Reference: the off-local pictures of arXiv:1906.06766.
    """
    name, chosen = _layer(model, layer)
    kernel = chosen.mask(ops.convert_to_tensor(chosen.kernel))
    if reference is not None:
        kernel = kernel - _reference_kernel(reference, name, chosen)
    outside = weight_parts.kernel_part(chosen, kernel, "off_local")
    norms = ops.convert_to_numpy(ops.sqrt(ops.sum(ops.square(outside), axis=0)))
    norms = norms.reshape(chosen.geometry.output_shape)
    units = _units(units, positions, count, norms)
    columns = np.ravel_multi_index(np.transpose(units), norms.shape)

    def images(weights):
        weights = ops.take(weights, columns.astype("int32"), axis=1)
        weights = ops.convert_to_numpy(ops.transpose(weights))
        weights = weights.reshape(-1, *chosen.geometry.input_shape)
        return weights.astype("float32")

    return OffLocal(
        layer=name,
        units=units,
        windows=tuple(_window(chosen.geometry, unit) for unit in units),
        norms=tuple(float(norms[unit]) for unit in units),
        images=images(kernel),
        outside=images(outside),
    )


def _layer(model, name):
    dense = {
        each: layer
        for each, layer in weight_parts.untied_layers(model).items()
        if weight_parts.has_off_local(layer)
    }
    if name is None and dense:
        return next(iter(dense.items()))
    if name not in dense:
        wanted = "" if name is None else f" Received: layer={name!r}."
        raise ValueError(
            f'Model "{model.name}" must have a MaskedDense layer with weights '
            f"outside the receptive fields.{wanted} Those that it has: "
            f"{list(dense)}. Relax a network into the FCN or a band."
        )
    return name, dense[name]


def _reference_kernel(reference, name, layer):
    """The dense kernel of a reference: its own, or that of its convolution."""
    named = rewiring.named_layers(reference)
    found = named.get(name)
    if found is not None and not isinstance(found, masked_dense.MaskedDense):
        embedded = convert.embed(reference, layers=[name])
        found = rewiring.named_layers(embedded).get(name)
    if not isinstance(found, masked_dense.MaskedDense) or (
        found.geometry != layer.geometry
    ):
        received = "no such layer"
        if found is not None:
            received = f"{getattr(found, 'geometry', type(found).__name__)}"
        raise ValueError(
            f'The reference "{reference.name}" must have a layer "{name}" of '
            f"the same geometry, {layer.geometry}. Received: {received}. Its "
            f"layers: {list(named)}."
        )
    return found.mask(ops.convert_to_tensor(found.kernel))


def _units(units, positions, count, norms):
    """The chosen units as plain tuples."""
    if units is not None and positions is not None:
        raise ValueError(
            "`units` and `positions` exclude each other: positions choose "
            f"their channels. Received: units={units!r}, positions="
            f"{positions!r}."
        )
    if units is not None:
        return _checked("units", "(i, j, f)", units, norms.shape)
    if positions is not None:
        positions = _checked("positions", "(i, j)", positions, norms.shape[:2])
        return tuple((i, j, int(np.argmax(norms[i, j]))) for i, j in positions)
    count = arguments.require_integer("count", count, 1)
    # Equal norms in the order of the units.
    order = np.argsort(-norms.ravel(), kind="stable")[:count]
    places = np.stack(np.unravel_index(order, norms.shape), axis=-1)
    return tuple(tuple(place) for place in places.tolist())


def _checked(name: str, form: str, given: Any, shape: tuple[int, ...]):
    found = np.asarray(given)
    if (
        found.ndim != 2
        or found.shape[1] != len(shape)
        or found.dtype.kind not in "iu"
        or not np.all((found >= 0) & (found < shape))
    ):
        raise ValueError(
            f"`{name}` must be a sequence of {form}, integers from 0 to below "
            f"{shape}. Received: {name}={given!r}."
        )
    return tuple(tuple(place) for place in found.tolist())


def _window(geometry: conv_geometry.ConvGeometry, unit: Unit):
    sides = []
    for axis in range(2):
        first = unit[axis] * geometry.strides[axis] - geometry.padding[axis]
        reach = (geometry.kernel_size[axis] - 1) * geometry.dilation_rate[axis]
        sides.append((first, first + reach + 1))
    (top, bottom), (left, right) = sides
    return top, left, bottom, right

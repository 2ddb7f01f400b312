"""Any Keras CNN as its equivalent fully or locally connected net.

The graph is rewritten call by call: each convolution becomes one layer from
image to image with the same function, everything else stays what it was. So
batch statistics stay per channel, and pooling, skips and dropout need no rule.
"""

import warnings
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

import keras
import numpy as np

from needle_tf.embedding import column_blocks
from needle_tf.embedding import registry
from needle_tf.embedding import rules as _rules  # noqa: F401  (fills registry)
from needle_tf.embedding import selection
from needle_tf.graphs import rewiring
from needle_tf.layers import locally_connected2d
from needle_tf.layers import masked_dense
from needle_tf.layers import untied_layer
from needle_tf.ops import unrolling

SPACES = ("fcn", "band", "lcn")


class VariablePair(NamedTuple):
    """A variable of the first model and what became of it.

    Attributes:
        source: Variable (or tensor) of the first model.
        target: Variable of the new model.
        carry: Takes values shaped like `source` to values shaped like
            `target`; linear.
    """

    source: Any
    target: Any
    carry: Callable[[np.ndarray], np.ndarray]


def embed(
    model: keras.Model,
    space: str = "fcn",
    *,
    radius: int | None = None,
    layers: Sequence[str | keras.Layer] | None = None,
    copy_weights: bool = True,
    column_blocks: int = 1,
    devices: str | Sequence[str] | None = None,
) -> keras.Model:
    """Returns a model that computes the same function with fewer constraints.

    Works on Functional and Sequential models with a fixed input size: skips,
    shared layers, nested models, batch normalisation (its statistics stay per
    channel), pooling, dropout, strides, dilation, groups, both paddings and
    data formats. A `ZeroPadding2D` before a convolution is folded into it. A
    convolution shared by two image sizes becomes two layers, with a warning.

    Convolution settings carry over, except constraints, which speak of axes
    that are gone: a convolution with one is refused. A weight penalty now sums
    over the copies of each weight.

    At the same learning rate the new model moves along the directions of the
    CNN 1 / (number of positions) as fast: the gradient of a shared weight is
    the sum over its copies, which together move by their mean.

    Args:
        model: Any Keras model with convolutions; may itself be the result of
            `embed` and go on to a wider space.
        space: `"fcn"`: all weights free (`MaskedDense`). `"band"`: free within
            `radius` of the receptive fields. `"lcn"`: receptive fields only,
            weights not shared (`LocallyConnected2D`, compact).
        radius: For `"band"`, in input pixels of each layer, at least 0.
        layers: Names or layers to embed; layers of a nested model as
            `"nested/conv"`. Every convolution by default.
        copy_weights: False starts the new model afresh, from its layers' own
            initializers: the FCN or LCN "from scratch" of the same shapes.
        column_blocks: Layers that each dense one is divided into by filters,
            `conv_block0` and on; see `column_blocks`.
        devices: Where these have their weights and run their products, in
            turn: `("GPU:0", "GPU:1")`, as `tf.device` takes them.

    Returns:
        A new Functional model, uncompiled. Layers keep their names.

    Raises:
        ValueError: Naming the layer, if something cannot be embedded.

    Reference: d'Ascoli et al., arXiv:1906.06766.
    """
    embedded, _ = embed_with_pairs(
        model,
        space,
        radius=radius,
        layers=layers,
        copy_weights=copy_weights,
        column_blocks=column_blocks,
        devices=devices,
    )
    return embedded


def embed_with_pairs(
    model: keras.Model,
    space: str = "fcn",
    *,
    radius: int | None = None,
    layers: Sequence[str | keras.Layer] | None = None,
    copy_weights: bool = True,
    column_blocks: int = 1,
    devices: str | Sequence[str] | None = None,
) -> tuple[keras.Model, list[VariablePair]]:
    """Does what `embed` does and says which variable went where.

    Returns:
        The new model and the pairs, for state that belongs to variables (see
        `slots.carry_slots`).
    """
    free, reach = _read_space(space, radius)
    chosen = selection.choose(model, layers, reach if copy_weights else None)
    target = _Target(
        chosen,
        rewiring.all_names(model),
        space=space,
        free=free,
        radius=radius,
        copy_weights=copy_weights,
        blocks=column_blocks,
        devices=devices,
    )
    embedded, kept = rewiring.rewire(
        model, target, name=f"{model.name}_{space}"
    )
    pairs = target.pairs
    for source_layer, clone in kept:
        pairs += _identical_pairs(source_layer, clone)
        # What was adapted to the data is no weight: it stays at any rate.
        if copy_weights or hasattr(source_layer, "adapt"):
            rewiring.copy_state(source_layer, clone)
    return embedded, pairs


def _read_space(space, radius):
    """What `MaskedDense` calls the space, and the radius that is free in it."""
    if space not in SPACES:
        raise ValueError(
            f"`space` must be one of {SPACES}. Received: space={space!r}."
        )
    if (radius is None) == (space == "band"):
        raise ValueError(
            '`radius` belongs to space="band" and is needed there: input '
            "pixels around the receptive fields, at least 0. Received: "
            f"space={space!r}, radius={radius!r}."
        )
    free = {"fcn": "all", "band": "band", "lcn": "local"}[space]
    return free, masked_dense.check_freedom(free, radius)


class _Target:
    """Puts new layers in the place of the chosen ones, call by call."""

    def __init__(
        self,
        chosen,
        names,
        *,
        space,
        free,
        radius,
        copy_weights,
        blocks,
        devices,
    ):
        self.pairs = []
        self._blocks = column_blocks.read_count(blocks)
        self._devices = column_blocks.read_devices(devices, space)
        self._chosen = chosen
        self._space = space
        self._free = free
        self._radius = radius
        self._copy_weights = copy_weights
        self._names = names
        self._built = {}
        self._padded = {}
        self._paddings = {}

    def __call__(self, layer, *args, **kwargs):
        if type(layer) is keras.layers.ZeroPadding2D:  # A subclass may not.
            return self._remember_padding(layer, *args)
        if id(layer) not in self._chosen:
            return rewiring.KEEP
        images, padding = self._unpadded(args[0], layer)
        chain = self._chain(layer, tuple(images.shape[1:]), padding)
        joined = isinstance(chain[0], column_blocks.Joined)
        for first in chain[0].layers if joined else chain[:1]:
            if isinstance(first, masked_dense.MaskedDense):
                sources = keras.utils.get_source_inputs(images)
                first.reads_data = any(images is each for each in sources)
        for step in chain:
            images = step(images)
        return images

    def _remember_padding(self, layer, images):
        """Notes what a ZeroPadding2D pads, for the convolution behind it.

        The layer itself stays for those who need its output; if nobody does,
        it drops out of the graph.
        """
        if id(layer) not in self._paddings:
            self._paddings[id(layer)] = keras.layers.ZeroPadding2D.from_config(
                layer.get_config()
            )
        padded = self._paddings[id(layer)](images)
        self._padded[id(padded)] = (padded, images, layer)
        return padded

    def _unpadded(self, images, layer):
        """What lies before the padding in front of a convolution."""
        padding = np.zeros((2, 2), int)
        data_format = getattr(layer, "data_format", None)
        takes_padding = not isinstance(layer, untied_layer.UntiedLayer)
        while takes_padding and id(images) in self._padded:
            _, inner, before = self._padded[id(images)]
            if before.data_format != data_format:
                break
            padding += np.array(before.padding)
            images = inner
        return images, tuple(tuple(int(n) for n in axis) for axis in padding)

    def _chain(self, layer, input_shape, padding):
        """The new layers for one call, the old ones if the shapes are known."""
        key = (id(layer), input_shape, padding)
        if key not in self._built:
            is_copy = any(known[0] == id(layer) for known in self._built)
            if is_copy:
                warnings.warn(
                    f'Layer "{layer.name}" is shared by images of several '
                    "sizes; each size gets weights of its own.",
                    stacklevel=2,
                )
            rule = registry.find_rule(layer)
            parts = rule(layer, input_shape, padding)
            self._built[key] = [
                self._step(part, layer, is_copy) for part in parts
            ]
        return self._built[key]

    def _step(self, part, layer, is_copy):
        """The new layer for a part, or the blocks of it, joined."""
        name = self._name(part, layer, is_copy)
        if self._blocks == 1:
            return self._layer(part, name)
        parts = column_blocks.divide(
            part._replace(name=name), self._blocks, layer
        )
        blocks = [
            self._layer(
                block,
                rewiring.free_name(block.name, self._names),
                part.geometry,
            )
            for block in parts
        ]
        return column_blocks.Joined(blocks, part, name, self._names)

    def _name(self, part, layer, is_copy):
        """The part's own name, or a new one if another layer has it."""
        if part.name == layer.name and not is_copy:
            return part.name
        return rewiring.free_name(part.name, self._names)

    def _layer(self, part, name, whole=None):
        """The new layer of a part, built; it may be a block of a whole."""
        settings = {key: _anew(value) for key, value in part.settings.items()}
        settings["name"] = name
        if self._space == "lcn":
            layer, carry = _local_layer(part, settings)
        else:
            device = next(self._devices) or settings.get("device")
            settings["device"] = device
            layer, carry = _dense_layer(
                part, settings, self._free, self._radius
            )
        if self._copy_weights:
            layer.start_from(
                lambda: carry(_values(part.kernel)), _unit_bias(part)
            )
        geometry = part.geometry
        image = untied_layer.in_data_format(
            geometry.input_shape, layer.data_format
        )
        with column_blocks.drawn_as_one(layer, geometry, whole or geometry):
            layer.build((None, *image))
        self.pairs.append(VariablePair(part.kernel, layer.kernel, carry))
        if part.bias is not None:
            self.pairs.append(
                VariablePair(
                    part.bias, layer.bias, lambda bias: _bias_form(bias, part)
                )
            )
        return layer


def _local_layer(part, settings):
    geometry = part.geometry
    to_local = {
        "shared": unrolling.share,
        "local": lambda kernel, geometry: kernel,
        "dense": unrolling.roll_local,
    }[part.form]
    layer = locally_connected2d.LocallyConnected2D(
        geometry.filters,
        geometry.kernel_size,
        geometry.strides,
        geometry.keras_padding(),
        dilation_rate=geometry.dilation_rate,
        groups=geometry.groups,
        **{key: settings[key] for key in settings.keys() - {"device"}},
    )
    return layer, lambda kernel: to_local(part.in_form(kernel), geometry)


def _dense_layer(part, settings, free, radius):
    geometry = part.geometry
    to_dense = {
        "shared": unrolling.unroll,
        "local": unrolling.unroll_local,
        "dense": lambda kernel, geometry: kernel,
    }[part.form]
    layer = masked_dense.MaskedDense(geometry, free, radius, **settings)
    return layer, lambda kernel: to_dense(part.in_form(kernel), geometry)


def _anew(setting):
    """A copy of an initializer: one object draws the same numbers each time."""
    if isinstance(setting, keras.initializers.Initializer):
        return setting.clone()
    return setting


def _values(variable):
    return keras.ops.convert_to_numpy(variable)


def _unit_bias(part):
    return None if part.bias is None else _bias_form(_values(part.bias), part)


def _bias_form(bias, part):
    bias = part.in_bias_form(bias)
    if part.form == "shared":
        return masked_dense.unit_bias(bias, part.geometry)
    return bias


def _identical_pairs(source, clone):
    """Pairs of the weights of a kept layer."""
    if source is clone:
        return []
    return [
        VariablePair(old, new, lambda values: values)
        for old, new in zip(source.weights, clone.weights, strict=True)
    ]

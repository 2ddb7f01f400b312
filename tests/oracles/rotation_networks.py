"""Kernels of the layer rotation study's networks, written down from its table.

A network is the list of its kernel shapes in model order; nothing is built.
"""

import math

# Root mean square of a standard normal number drawn again beyond +-2.
_CUT = math.sqrt(
    1 - 4 * math.exp(-2) / math.sqrt(2 * math.pi) / math.erf(2 / math.sqrt(2))
)


def plain(stages, channels, dense):
    """Stages of (convolutions, filters), 3x3; then dense (inputs, units)."""
    shapes = []
    for convolutions, filters in stages:
        for _ in range(convolutions):
            shapes.append((3, 3, channels, filters))
            channels = filters
    return shapes + list(dense)


def residual(blocks, filters, stem, channels, classes, first_stage_widens):
    """Two 3x3 per block, a 1x1 where the channels or the size change.

    The 1x1 runs beside the block's convolutions and is listed behind them.
    """
    shapes = [(3, 3, channels, stem)]
    channels = stem
    for stage, count in enumerate(filters):
        for block in range(blocks):
            shapes += [(3, 3, channels, count), (3, 3, count, count)]
            if block == 0 and (stage > 0 or first_stage_widens):
                shapes.append((1, 1, channels, count))
            channels = count
    return shapes + [(channels, classes)]


def weights(shapes):
    """Returns how many weights kernels of these shapes have together."""
    return sum(math.prod(shape) for shape in shapes)


def expected_norm(shape, kind):
    """Returns the norm that an initialised kernel has, but for chance.

    he_uniform: the variance of a weight is 2 / inputs; he_normal as in Keras
    2.1.2: that of the cut normal numbers, 0.774 times as much; glorot_uniform:
    2 / (inputs + outputs).
    """
    field = math.prod(shape[:-2])
    inputs, outputs = field * shape[-2], field * shape[-1]
    variance = {
        "he_uniform": 2 / inputs,
        "he_normal": 2 / inputs * _CUT**2,
        "glorot_uniform": 2 / (inputs + outputs),
    }[kind]
    return math.sqrt(variance * math.prod(shape))

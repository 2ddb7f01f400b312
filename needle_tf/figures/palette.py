"""How a network is coloured, the same in every picture.

The CNN is black, networks relaxed from it go from light to dark with their
relax epoch (eFCN blue, eLCN purple), LCN is green and FCN vermilion: hues
that stay apart for the common kinds of colour blindness.
Reference: Okabe & Ito, "Color universal design" (2008).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from needle_tf.reports import histories

if TYPE_CHECKING:
    from matplotlib import colors as mpl_colors

MARKERS = {"efcn": "o", "band": "o", "elcn": "s"}
_COLORS = {
    "train": "#000000",
    "cnn": "#000000",
    "lcn": "#008B65",
    "fcn": "#D55E00",
}
_BLUES = ("#4C9BDC", "#2467B3", "#161A5E")
_PURPLES = ("#D77FB3", "#A9467F", "#571545")
# The first relax epoch, the middle, the last.
_SCALES = {"efcn": _BLUES, "band": _BLUES, "elcn": _PURPLES}
# Lines without an order, chosen to lie far apart for all kinds of sight.
_LINES = (
    "#0072B2",
    "#D55E00",
    "#000000",
    "#1EB45A",
    "#7820DC",
    "#D27896",
    "#783C1E",
    "#001E78",
)
# The same, far from black, green and vermilion, too.
_SETTINGS = ("#2467B3", "#9000F0", "#603000", "#D27896", "#56B4E9", "#481860")
_LINE_MARKERS = ("o", "s", "D", "^", "v", "P", "p", "h")
_DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.5)))


def color_of_kind(kind: str) -> str:
    """Returns the colour that stands for all networks of a relaxed kind."""
    return _mixed(_SCALES[kind], 0.5)


def colors_of(stages: Sequence[histories.Network]) -> dict[str, str]:
    """Returns one colour, as `#RRGGBB`, per stage name."""
    return {stage.stage: _color(stage, stages) for stage in stages}


def _color(
    stage: histories.Network, stages: Sequence[histories.Network]
) -> str:
    if not stage.is_relaxed:
        return _COLORS[stage.kind]
    epochs = sorted(s.relax_epoch for s in stages if s.kind == stage.kind)
    if len(epochs) == 1:
        return color_of_kind(stage.kind)
    place = epochs.index(stage.relax_epoch) / (len(epochs) - 1)
    return _mixed(_SCALES[stage.kind], place)


def _mixed(scale: Sequence[str], place: float) -> str:
    """Returns the colour at `place` in [0, 1] of a scale."""
    stops = np.array([list(bytes.fromhex(color[1:])) for color in scale])
    places = np.linspace(0, 1, len(scale))
    channels = [np.interp(place, places, stop) for stop in stops.T]
    return "#" + "".join(f"{round(channel):02X}" for channel in channels)


def depth_colors(count: int) -> list[str]:
    """Returns colours from the first of `count` layers to the last.

    Part of a perceptually uniform map, from violet to light green: its yellow
    end would not be seen on white, its other end not beside black.
    """
    from matplotlib import colors as mpl_colors

    places = np.linspace(0, 1, count)
    return [mpl_colors.to_hex(color) for color in depth_map()(places)]


def depth_map() -> "mpl_colors.Colormap":
    """Returns the map of `depth_colors`, for a colour bar."""
    import matplotlib
    from matplotlib import colors as mpl_colors

    part = matplotlib.colormaps["viridis"](np.linspace(0.08, 0.84, 256))
    return mpl_colors.LinearSegmentedColormap.from_list("depth", part)


def line_looks(count: int, is_ordered: bool) -> list[dict[str, object]]:
    """Returns colour, marker and dashes of lines that are to be compared.

    Args:
        count: How many.
        is_ordered: Whether they are steps of one quantity, which are told
            apart as dark and light.
    """
    if is_ordered or count > len(_LINES):
        colors = depth_colors(count)
    else:
        colors = _LINES
    # A few dashes help where many colours are near to each other.
    dashes = _DASHES if count > len(_LINES) else _DASHES[:1]
    return [
        {
            "color": colors[k],
            "marker": _LINE_MARKERS[k % len(_LINE_MARKERS)],
            "linestyle": dashes[k % len(dashes)],
        }
        for k in range(count)
    ]


def setting_looks(count: int, is_ordered: bool) -> list[dict[str, str]]:
    """Returns per setting the colour of each relaxed kind.

    None of them is that of the CNN, the LCN or the FCN, which stand beside
    them.

    Args:
        count: How many settings.
        is_ordered: Whether they are steps of one quantity, which go from
            light to dark.
    """
    if count == 1:
        return [{kind: color_of_kind(kind) for kind in _SCALES}]
    if is_ordered or count > len(_SETTINGS):
        return [
            {kind: _mixed(scale, place) for kind, scale in _SCALES.items()}
            for place in np.linspace(0, 1, count)
        ]
    return [dict.fromkeys(_SCALES, color) for color in _SETTINGS[:count]]


def readable(color: str) -> str:
    """Returns the colour, dark enough for text on white.

    Reference: Web Content Accessibility Guidelines 2.1, 1.4.11: contrast 3.
    """
    channels = np.array(list(bytes.fromhex(color[1:])), float)
    while 1.05 / (_luminance(channels) + 0.05) < 3:
        channels *= 0.95
    return "#" + "".join(f"{round(channel):02X}" for channel in channels)


def _luminance(channels: np.ndarray) -> float:
    """Returns how bright sRGB channels in [0, 255] are, white is 1."""
    shares = channels / 255
    linear = np.where(
        shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4
    )
    return float(linear @ [0.2126, 0.7152, 0.0722])

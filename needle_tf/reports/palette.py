"""How a network is called and coloured, the same in every picture.

The CNN is black, networks relaxed from it go from light to dark with their
relax epoch (eFCN blue, eLCN purple), LCN is green and FCN vermilion: hues
that stay apart for the common kinds of colour blindness.
Reference: Okabe & Ito, "Color universal design" (2008).
"""

from collections.abc import Sequence

import numpy as np

from needle_tf.reports import histories

MARKERS = {"efcn": "o", "band": "o", "elcn": "s"}
_NAMES = {
    "cnn": "CNN",
    "efcn": "eFCN",
    "band": "band",
    "elcn": "eLCN",
    "lcn": "LCN",
    "fcn": "FCN",
}
_COLORS = {"cnn": "#000000", "lcn": "#008B65", "fcn": "#D55E00"}
_BLUES = ("#4C9BDC", "#2467B3", "#161A5E")
_PURPLES = ("#D77FB3", "#A9467F", "#571545")
# The first relax epoch, the middle, the last.
_SCALES = {"efcn": _BLUES, "band": _BLUES, "elcn": _PURPLES}


def name_of(stage: histories.History) -> str:
    """Returns a short name: `CNN`, or `eFCN@20` if relaxed at epoch 20."""
    name = _NAMES[stage.kind]
    return f"{name}@{stage.relax_epoch}" if stage.is_relaxed else name


def name_of_kind(kind: str) -> str:
    """Returns what networks of a kind are called: `eFCN`."""
    return _NAMES[kind]


def color_of_kind(kind: str) -> str:
    """Returns the colour that stands for all networks of a relaxed kind."""
    return _mixed(_SCALES[kind], 0.5)


def colors_of(stages: Sequence[histories.History]) -> dict[str, str]:
    """Returns one colour, as `#RRGGBB`, per stage name."""
    return {stage.stage: _color(stage, stages) for stage in stages}


def _color(
    stage: histories.History, stages: Sequence[histories.History]
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

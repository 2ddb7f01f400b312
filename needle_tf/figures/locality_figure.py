"""How far from the centre of its receptive field each layer's weight lies.

One panel per layer: share of the squared weight at each distance, in input
pixels of the layer. Dashed: the share of the free weights there, which is what
a layer without any locality would have. Right of the dotted line weights are
off-local.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

import numpy as np

from needle_tf.figures import axes_style
from needle_tf.figures import pictures
from needle_tf.figures import small_multiples
from needle_tf.figures import spread_marks
from needle_tf.reports import seed_spread

if TYPE_CHECKING:
    from matplotlib import axes as mpl_axes
    from matplotlib import figure as mpl_figure

# Smaller shares of the weight are no longer told from 0.
_LEAST = 1e-6
_FREE = {"color": "#444444", "lw": 1.2, "linestyle": (0, (4, 2))}
_EDGE = {"color": "#444444", "lw": 1.2, "linestyle": (0, (1, 1.5))}

Groups = Mapping[str, Sequence[Mapping[str, Any]]]


def build_figure(groups: Groups, title: str = "") -> "mpl_figure.Figure":
    """Returns the picture.

    Args:
        groups: The JSON of `analysis.locality` by label, one per seed.
        title: What is written over the panels.

    Raises:
        ValueError: If there is nothing to be drawn.
    """
    seed_spread.check_groups(groups, "locality")
    names = layers_of(groups)
    looks = spread_marks.looks(list(groups))
    with pictures.style():
        figure, panels = small_multiples.blank(
            [_panel_title(groups, name) for name in names],
            title or "Where the weight of the layers lies",
            x_label="distance from the centre of the receptive field (pixels)",
            y_label="share of squared weight",
        )
        for axes, name in zip(panels, names, strict=True):
            _draw_layer(axes, groups, name, looks)
        # The panels share their axes.
        panels[0].set_ylim(_least(panels), 1.3)
        axes_style.set_logarithmic(panels[0])
        panels[0].set_xlim(left=0)
        axes_style.set_epoch_ticks(panels[0], 7)
        spread_marks.explain_below(figure, _styles(groups, looks))
        pictures.lay_out(figure)
    return figure


def layers_of(groups: Groups) -> list[str]:
    """Returns the names of all layers, in their order."""
    return list(
        dict.fromkeys(
            name
            for results in groups.values()
            for result in results
            for name in result["layers"]
        )
    )


def _panel_title(groups, name):
    """The layer's name, and how much of it is off-local if that is one."""
    found = [
        [each["layers"][name]["parts"]["off_local"] for each in results]
        for results in groups.values()
        if all(name in each["layers"] for each in results)
    ]
    if len(found) != 1:
        return name
    return f"{name}\noff-local {seed_spread.text(found[0], 2, 100)} %"


def _draw_layer(
    axes: "mpl_axes.Axes",
    groups: Groups,
    name: str,
    looks: Mapping[str, Mapping[str, Any]],
) -> None:
    axes.set_yscale("log")
    # Of several fields, as of other networks, the first is marked.
    marked = None
    for label, results in groups.items():
        own = [
            each["layers"][name] for each in results if name in each["layers"]
        ]
        if not own:
            continue
        places, table = _shares(own, "weight_shares")
        look = {**looks[label], "lw": 1.8, "ms": 3.5, "zorder": 4}
        spread_marks.draw_curve(axes, places, table, look)
        marked = marked or own[0]
    free = np.array(marked["entry_shares"], float)
    axes.plot(marked["distances"], np.where(free > 0, free, np.nan), **_FREE)
    # Between the last distance inside and the first one outside.
    axes.axvline(marked["field_reach"] + 0.25, **_EDGE)


def _shares(layers, name):
    """Distances of all seeds and their shares, NaN where there is nothing."""
    places = sorted({place for layer in layers for place in layer["distances"]})
    table = np.full((len(layers), len(places)), np.nan)
    for row, layer in zip(table, layers, strict=True):
        row[np.searchsorted(places, layer["distances"])] = layer[name]
    return np.array(places, float), np.where(table > _LEAST, table, np.nan)


def _least(panels):
    """The lower end of the shared axis: the power of ten below all lines."""
    values = np.concatenate(
        [line.get_ydata() for axes in panels for line in axes.lines]
    ).astype(float)
    values = values[np.isfinite(values) & (values > 0)]
    return 10 ** np.floor(np.log10(values.min())) if values.size else _LEAST


def _styles(groups, looks):
    styles = {label: {**look, "lw": 1.8} for label, look in looks.items()}
    if seed_spread.has_spread(groups):
        styles[spread_marks.SPREAD] = spread_marks.BAND_LOOK
    styles["without any locality"] = _FREE
    styles["edge of the field"] = _EDGE
    return styles

"""What a relaxed network can do without parts of what it has learnt.

One panel for all layers at once, and one for each layer by itself; one line
per kind of ablation, marks for the labels.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

import numpy as np

from needle_tf.figures import pictures
from needle_tf.figures import small_multiples
from needle_tf.figures import spread_marks
from needle_tf.reports import analysis_rows
from needle_tf.reports import seed_spread

if TYPE_CHECKING:
    from matplotlib import axes as mpl_axes
    from matplotlib import figure as mpl_figure

_ALL = "all layers at once"
# Inches that one mark needs.
_MARK = 0.13

Groups = Mapping[str, Sequence[Mapping[str, Any]]]


def build_figure(groups: Groups, title: str = "") -> "mpl_figure.Figure":
    """Returns the picture.

    Args:
        groups: The JSON of `analysis.ablate` by label, one per seed.
        title: What is written over the panels.

    Raises:
        ValueError: If there is nothing to be drawn.
    """
    seed_spread.check_groups(groups, "an ablation")
    looks = spread_marks.looks(list(groups))
    variants, layers = _variants(groups), analysis_rows.layers_of(groups)
    with pictures.style():
        figure, panels = small_multiples.blank(
            [name or _ALL for name in layers],
            title or "Test accuracy without parts of the weights",
            x_label="accuracy (%)",
            y_label="",
        )
        for axes, name in zip(panels, layers, strict=True):
            _draw_panel(axes, groups, name, variants, looks)
        _set_axes(panels, variants)
        rows = -(-len(panels) // small_multiples.column_count(len(panels)))
        marks = rows * len(variants) * len(groups) * _MARK
        figure.set_figheight(max(figure.get_figheight(), marks + 1.4))
        spread_marks.explain_marks(figure, groups, looks)
        pictures.lay_out(figure)
    return figure


def _variants(groups):
    found = {
        row["variant"]
        for results in groups.values()
        for result in results
        for row in result["rows"]
    }
    return [
        name
        for name in analysis_rows.WORDS
        if name in found or name == analysis_rows.INTACT
    ]


def _draw_panel(
    axes: "mpl_axes.Axes",
    groups: Groups,
    layer: str | None,
    variants: Sequence[str],
    looks: Mapping[str, Mapping[str, Any]],
) -> None:
    shift = 0.7 / max(len(groups), 1)
    for number, (label, results) in enumerate(groups.items()):
        offset = (number - (len(groups) - 1) / 2) * shift
        for place, variant in enumerate(variants):
            values = 100 * np.array(
                seed_spread.numbers(
                    analysis_rows.accuracies(results, variant, layer)
                )
            )
            spread_marks.draw_mark(
                axes,
                place + offset,
                values,
                {**looks[label], "linestyle": "", "ms": 6},
                is_lying=True,
            )


def _set_axes(panels: "Sequence[mpl_axes.Axes]", variants: Sequence[str]):
    # The panels share their axes.
    first = panels[0]
    low, high = first.get_xlim()
    room = max(0.06 * (high - low), 1.0)
    first.set_xlim(max(low - room, -1), min(high + room, 101))
    first.set_ylim(len(variants) - 0.5, -0.5)
    first.set_yticks(
        range(len(variants)), [analysis_rows.WORDS[name] for name in variants]
    )

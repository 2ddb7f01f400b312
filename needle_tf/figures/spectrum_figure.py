"""Leading eigenvalues of the Hessian, space by space and layer by layer.

One column for each space or layer, and in it one column of marks per label,
from the first eigenvalue on (large mark) to the last one that was asked for.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

import numpy as np

from needle_tf.figures import axes_style
from needle_tf.figures import pictures
from needle_tf.figures import spread_marks
from needle_tf.reports import analysis_rows
from needle_tf.reports import seed_spread

if TYPE_CHECKING:
    from matplotlib import axes as mpl_axes
    from matplotlib import figure as mpl_figure

_HEIGHT = 4.6
_SPACES = {
    "all": "all weights",
    "cnn": "CNN subspace",
    "not_cnn": "off the CNN\nsubspace",
    "lcn": "local weights",
    "off_local": "off-local\nweights",
}
# The largest eigenvalue over the smallest from which their axis is logarithmic.
_WIDE = 30

Groups = Mapping[str, Sequence[Mapping[str, Any]]]


def build_figure(groups: Groups, title: str = "") -> "mpl_figure.Figure":
    """Returns the picture.

    Args:
        groups: The JSON of `analysis.curvature` by label, one per seed.
        title: What is written over the panel.

    Raises:
        ValueError: If there is nothing to be drawn.
    """
    seed_spread.check_groups(groups, "curvature")
    looks = spread_marks.looks(list(groups))
    columns = analysis_rows.columns_of(groups)
    with pictures.style():
        figure = pictures.blank(_HEIGHT, title)
        axes = figure.subplots()
        for number, (label, results) in enumerate(groups.items()):
            offset = number - (len(groups) - 1) / 2
            for place, column in enumerate(columns):
                _draw_spectrum(
                    axes,
                    place + 0.7 * offset / len(groups),
                    [each for each in map(column.of, results) if each],
                    looks[label],
                )
        _set_axes(axes, columns)
        spread_marks.explain_marks(figure, groups, looks)
        pictures.lay_out(figure)
    return figure


def _draw_spectrum(
    axes: "mpl_axes.Axes",
    place: float,
    spectra: Sequence[Mapping[str, Any]],
    look: Mapping[str, Any],
) -> None:
    most = max((len(each["eigenvalues"]) for each in spectra), default=0)
    for rank in range(most):
        values = [
            each["eigenvalues"][rank]
            for each in spectra
            if rank < len(each["eigenvalues"])
        ]
        is_first = rank == 0
        spread_marks.draw_mark(
            axes,
            place,
            seed_spread.numbers(values),
            {
                **look,
                "linestyle": "",
                "ms": 9 if is_first else 5,
                "alpha": 1.0 if is_first else 0.75,
            },
        )


def _set_axes(
    axes: "mpl_axes.Axes", columns: Sequence[analysis_rows.Column]
) -> None:
    values = np.concatenate([line.get_ydata() for line in axes.lines] or [[]])
    values = np.asarray(values, float)
    axes.set_ylabel("eigenvalue of the Hessian")
    if values.size and values.min() > 0 and values.max() > _WIDE * values.min():
        axes_style.set_logarithmic(axes)
    else:
        axes.axhline(0, color=axes_style.GREY, lw=1.0)
    axes.set_xticks(range(len(columns)), [_words(column) for column in columns])
    axes.set_xlim(-0.6, max(len(columns), 1) - 0.4)
    axes.grid(axis="x", visible=False)
    axes_style.set_up(axes, "Leading eigenvalues", "")


def _words(column: analysis_rows.Column) -> str:
    """Returns what a column is called."""
    if column.kind == "spaces":
        return _SPACES.get(column.name, column.name)
    return f"layer\n{pictures.shortened(column.name, 14)}"

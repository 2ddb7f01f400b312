"""What units of the first layer look at outside their receptive fields.

                 (0, 3) 5   (4, 4) 0   (7, 2) 1 ...
    eFCN            ..         ..         ..
    FCN             ..         ..         ..       one row per network, equal
    eFCN - CNN      ..         ..         ..       units below each other

Grey is 0, white and black are plus and minus the largest weight of the row;
weights on colour images are shown as colours. The box is the receptive field,
as far as it lies in the image.
Reference: the off-local pictures of d'Ascoli et al., arXiv:1906.06766.
"""

import os
import pathlib
import zipfile
from collections.abc import Collection
from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import NamedTuple

import numpy as np

from needle_tf.figures import pictures
from needle_tf.reports import cells

if TYPE_CHECKING:
    from matplotlib import axes as mpl_axes
    from matplotlib import figure as mpl_figure

_DAMAGES = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)
_BOX = "#D55E00"
# Of more units, the first are shown.
_MOST_UNITS = 10
# Inches: left of the pictures for the name of the row, over them for the
# title and the units, and the largest side of a picture.
_NAME_WIDTH = 1.7
_HEAD = 0.85
_LARGEST_SIDE = 1.6


class Units(NamedTuple):
    """The file that `analysis.off_local` writes.

    Attributes:
        layer: Name of the layer.
        units: `(n, 3)`: row, column and channel of each unit.
        windows: `(n, 4)`: top, left, bottom, right of its receptive field.
        norms: `(n,)`: of the weights outside of it.
        images: `(n, H, W, C)`: all weights.
        outside: The same, 0 within the receptive field.
    """

    layer: str
    units: np.ndarray
    windows: np.ndarray
    norms: np.ndarray
    images: np.ndarray
    outside: np.ndarray


def build_figure(
    rows: Mapping[str, Units],
    title: str = "",
    *,
    whole: Collection[str] = (),
) -> "mpl_figure.Figure":
    """Returns the picture.

    Args:
        rows: The units of each network by the name of its row.
        title: What is written over the pictures.
        whole: Rows that show all weights, not only those outside.

    Raises:
        ValueError: If there is no row, rows are of different units or sizes,
            or `whole` names none of them.
    """
    _check(rows, whole)
    first = next(iter(rows.values()))
    count = min(len(first.units), _MOST_UNITS)
    side = min((pictures.WIDTH - _NAME_WIDTH) / count, _LARGEST_SIDE)
    aspect = first.images.shape[1] / first.images.shape[2]
    step = side * min(aspect, 2.0)
    height = _HEAD + step * len(rows)
    title = title or f"Weights outside the receptive fields: {first.layer}"
    with pictures.style():
        figure = pictures.blank(height, title)
        # Sizes are given: a layout that is searched for would shift the rows.
        figure.set_layout_engine("none")
        _write_heads(figure, first.units[:count], side, height)
        for row, (name, units) in enumerate(rows.items()):
            bottom = 1 - (_HEAD + step * (row + 1)) / height
            figure.text(
                0.01,
                bottom + step / height / 2,
                "\n".join(
                    pictures.shortened(line, 20)
                    for line in cells.wrapped(name, 20)[:3]
                ),
                va="center",
                fontsize=pictures.SMALL_FONT,
            )
            shown = units.images if name in whole else units.outside
            for column, image in enumerate(_as_pictures(shown[:count])):
                box = (
                    (_NAME_WIDTH + side * (column + 0.03)) / pictures.WIDTH,
                    bottom + 0.03 * step / height,
                    0.94 * side / pictures.WIDTH,
                    0.94 * step / height,
                )
                axes = figure.add_axes(box)
                _show(axes, image, units.windows[column])
    return figure


def read(path: str | os.PathLike) -> Units:
    """Returns the units of a file that `OffLocal.save` has written.

    Raises:
        ValueError: If the file is not whole; the message names it.
    """
    path = pathlib.Path(path)
    try:
        with open(path, "rb") as file, np.load(file) as content:
            found = Units(
                str(content["layer"]),
                *(content[name] for name in Units._fields[1:]),
            )
        _check_shapes(found)
    except _DAMAGES as error:
        raise ValueError(
            f"{path} holds no off-local pictures: {error} Measure them again, "
            "with `off_local(...).save(path)`."
        ) from error
    return found


def _check_shapes(units):
    count = len(units.units)
    shapes = {
        "units": (count, 3),
        "windows": (count, 4),
        "norms": (count,),
        "outside": units.images.shape,
    }
    for name, shape in shapes.items():
        if getattr(units, name).shape != shape:
            raise ValueError(
                f"`{name}` should have shape {shape}. Received: "
                f"{getattr(units, name).shape}."
            )
    if units.images.ndim != 4 or len(units.images) != count or not count:
        raise ValueError(
            "`images` should be (units, height, width, channels), one for each "
            f"of {count} units. Received: shape {units.images.shape}."
        )


def _check(rows, whole):
    if not rows:
        raise ValueError("The picture needs at least one row. Received none.")
    names = list(rows)
    first = rows[names[0]]
    for name, units in rows.items():
        is_like = np.array_equal(units.units, first.units)
        if not is_like or units.images.shape != first.images.shape:
            raise ValueError(
                f'Rows must show the same units. Received: "{name}" with '
                f"{units.units.tolist()} of images {units.images.shape[1:]}, "
                f'"{names[0]}" with {first.units.tolist()} of images '
                f"{first.images.shape[1:]}. Give the units of the first to "
                "`off_local(..., units=...)` for the others."
            )
    odd = [name for name in whole if name not in rows]
    if odd:
        raise ValueError(
            f"`whole` must name rows. Received: {odd}. The rows: {names}."
        )


def _as_pictures(images: np.ndarray) -> np.ndarray:
    """Returns the images of a row in [0, 1], weights of 0 at 0.5.

    Three channels are colours; of any other number the mean is shown.
    """
    images = np.nan_to_num(
        images.astype(float), nan=0.0, posinf=0.0, neginf=0.0
    )
    if images.shape[-1] != 3:
        images = images.mean(axis=-1)
    largest = np.abs(images).max()
    return 0.5 + 0.5 * images / (largest if largest > 0 else 1.0)


def _write_heads(
    figure: "mpl_figure.Figure", units: np.ndarray, side: float, height: float
) -> None:
    """Writes over each column which unit it shows."""
    heads = {0.01 * pictures.WIDTH: "(row, column) channel"}
    for column, (i, j, f) in enumerate(units.tolist()):
        heads[_NAME_WIDTH + side * (column + 0.5)] = f"({i}, {j}) {f}"
    for number, (place, text) in enumerate(heads.items()):
        figure.text(
            place / pictures.WIDTH,
            1 - (_HEAD - 0.06) / height,
            text,
            ha="center" if number else "left",
            va="bottom",
            fontsize=pictures.SMALL_FONT,
        )


def _show(axes: "mpl_axes.Axes", image: np.ndarray, window: np.ndarray) -> None:
    from matplotlib import patches

    axes.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set_axis_off()
    top, left, bottom, right = (int(edge) for edge in window)
    top, left = max(top, 0), max(left, 0)
    bottom, right = min(bottom, image.shape[0]), min(right, image.shape[1])
    if top < bottom and left < right:
        # Pixel k reaches from k - 0.5 to k + 0.5.
        axes.add_patch(
            patches.Rectangle(
                (left - 0.5, top - 0.5),
                right - left,
                bottom - top,
                fill=False,
                edgecolor=_BOX,
                linewidth=1.3,
                clip_on=False,
            )
        )

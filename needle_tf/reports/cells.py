"""Numbers as the short text of a table's cells, and cells in columns."""

import textwrap
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

# Columns of characters that every terminal shows.
WIDTH = 100
_GAP = "  "


def aligned(
    columns: Mapping[str, Sequence[str]], left: Collection[str] = ()
) -> list[str]:
    """Returns the header and one line per row, all equally long.

    Args:
        columns: The cells of each column by its heading.
        left: Headings of those aligned to the left: names read from the left,
            numbers compare from the right.
    """
    padded = []
    for name, cells in columns.items():
        width = max(len(cell) for cell in (name, *cells))
        align = str.ljust if name in left else str.rjust
        padded.append([align(cell, width) for cell in (name, *cells)])
    return [_GAP.join(cells) for cells in zip(*padded, strict=True)]


def wrapped(text: str, width: int = WIDTH, indent: str = "  ") -> list[str]:
    """Returns the text in lines of at most `width`, the later ones indented."""
    return textwrap.wrap(text, width, subsequent_indent=indent) or [""]


def percent(share: float | None) -> str:
    """Returns a share in percent, `-` if it was not measured."""
    return "-" if share is None else f"{100 * share:.2f}"


def spread(values: Sequence[float], pattern: str) -> str:
    """Returns mean and sample standard deviation: 88.45 ± 0.31.

    The mean alone of one value, `-` of none.

    Args:
        values: One per seed.
        pattern: How the mean is written, as `+.2f`; the deviation has no sign.
    """
    if not values:
        return "-"
    text = f"{float(np.mean(values)):{pattern}}"
    if len(values) == 1:
        return text
    deviation = float(np.std(values, ddof=1))
    return f"{text} \N{PLUS-MINUS SIGN} {deviation:{pattern.lstrip('+')}}"


def shortened(count: float | None) -> str:
    """Returns three digits and a unit: 950, 12.3k, 2.17M."""
    if count is None:
        return "-"
    for scale, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        # Half a digit early, so that 999,999 is 1.00M rather than 1000k.
        if count >= 0.9995 * scale:
            value = count / scale
            digits = 2 - (value >= 9.995) - (value >= 99.95)
            return f"{value:.{digits}f}{unit}"
    return f"{count:.0f}"


def duration(seconds: float | None) -> str:
    """Returns a time with its unit: 4.2s, 90s, 12.5m, 3.1h."""
    if seconds is None:
        return "-"
    if seconds < 100:
        return f"{seconds:.1f}s" if seconds < 9.95 else f"{seconds:.0f}s"
    minutes = seconds / 60
    return f"{minutes:.1f}m" if minutes < 100 else f"{minutes / 60:.1f}h"

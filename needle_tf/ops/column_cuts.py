"""Which columns of a dense kernel a processor multiplies at a time.

Rows of a matrix that lie a multiple of 4 KiB apart fall into the same few sets
of a processor's caches. The product `x @ kernel`, which walks down columns,
then throws out what it is about to need: with 4096 x 12288 weights it was
measured at 74 GFLOP/s, with 4096 x 12304 at 167. A copy of some of the columns
has rows that lie otherwise. Images of 32x32 pixels with 16 channels have such
a kernel, and as a rule where sizes are powers of two.
"""

from collections.abc import Sequence

Cut = tuple[int, int]

_CLASH = 4096  # Bytes: sets of a first-level cache times 64.
STEP = 16  # Columns: 64 bytes or, of half-size numbers, half as many.
# Wide enough for the product's rate, few enough for a small copy. Rows of
# 2064 float32 lie an odd multiple of 64 bytes apart.
_WIDEST = 2064


def clashes(width: int, itemsize: int) -> bool:
    """Returns whether rows of so many numbers fall on the same cache sets.

    Args:
        width: Numbers in a row.
        itemsize: Bytes of a number.
    """
    return width * itemsize % _CLASH == 0


def cut(ranges: Sequence[Cut], itemsize: int) -> list[Cut]:
    """Returns ranges cut into parts whose copies do not clash, in order.

    Args:
        ranges: `(start, stop)` of columns, ascending and disjoint.
        itemsize: Bytes of a number.

    Returns:
        Parts of at most 2064 columns that make up the same columns. One that
        cannot be cut so stays as it is.
    """
    return [
        part for start, stop in ranges for part in _cut(start, stop, itemsize)
    ]


def _cut(start, stop, itemsize):
    parts = -(-(stop - start) // _WIDEST)
    width = -(-(stop - start) // parts // STEP) * STEP
    if clashes(width, itemsize):
        width += STEP
    return [
        (first, min(first + width, stop)) for first in range(start, stop, width)
    ]

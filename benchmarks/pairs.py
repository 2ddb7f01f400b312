"""Times calls in turn, A B A B, so that all of them see the same machine.

On a shared machine the seconds of one call say little: what holds is the ratio
to a neighbour in time. So ratios are taken round by round, and their median is
reported.
"""

import statistics
import time
from collections.abc import Callable
from collections.abc import Sequence


def seconds(call: Callable[[], object]) -> float:
    """Returns how long one call takes, in seconds of wall clock."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def in_turn(
    repeats: int, *calls: Callable[[], object], warm_up: int = 1
) -> list[list[float]]:
    """Times every call once a round.

    Args:
        repeats: Timed rounds, at least 1.
        *calls: Functions without arguments that return when they are done.
        warm_up: Rounds before that, not timed: traces, caches, first pages.

    Returns:
        Seconds per call: `result[call][round]`.
    """
    for _ in range(warm_up):
        for call in calls:
            call()
    rounds = [[seconds(call) for call in calls] for _ in range(repeats)]
    return [list(times) for times in zip(*rounds, strict=True)]


def ratio(measured: Sequence[float], reference: Sequence[float]) -> float:
    """Returns the median of `measured / reference`, round by round.

    Of series of unequal length (from other processes) the medians are divided.
    """
    if len(measured) == len(reference):
        pairs = zip(measured, reference, strict=True)
        return statistics.median(ours / theirs for ours, theirs in pairs)
    return statistics.median(measured) / statistics.median(reference)

"""How many paths lead from ground to ground, exactly.

Where everything between input and output is positively homogeneous and nothing
has a bias, these are the input-output paths; a bias begins one of its own, and
where a scale is taken away in between, paths end and others begin. A weight
that is stepped plainly is a path by itself unless it connects units.

A unit that several positions share, like a channel, is one station: paths are
told apart by the weights that they take. Counts of one call need only those of
the calls before it:

    paths(target) += sum over the weights into it of paths(source)
"""

from collections.abc import Sequence

import numpy as np

from needle_tf.scales import events

Passing = events.Passing
Use = events.Use


def count_paths(events: Sequence[Passing | Use], is_ground: np.ndarray) -> int:
    """Returns the number of paths from ground to ground over some weight.

    Args:
        events: In the order of the calls.
        is_ground: For each id, whether it is ground.
    """
    paths = np.zeros(len(is_ground), object)
    paths[is_ground] = 1
    ended = 0
    for event in events:
        if isinstance(event, Passing):
            after, arriving = event.after, paths[event.before]
        else:
            arriving = _arriving(event, paths)
            after = np.broadcast_to(event.target, arriving.shape)
            ended += arriving[is_ground[after]].sum()
        goes_on = ~is_ground[after]
        np.add.at(paths, after[goes_on], arriving[goes_on])
    return int(ended)


def _arriving(use, paths):
    """Paths over the entries of a weight, summed for each target."""
    values = paths[use.source]
    if use.masked is not None:
        return use.masked.arriving(values)
    if use.alive is not None:
        values = values * use.alive.astype(object)
    for axis, size in enumerate(use.shape):
        if use.target.shape[axis] == 1 and values.shape[axis] == 1:
            values = values * size
        elif use.target.shape[axis] == 1:
            values = values.sum(axis=axis, keepdims=True)
    return np.broadcast_to(
        values, np.broadcast_shapes(values.shape, use.target.shape)
    )

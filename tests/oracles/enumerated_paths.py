"""All paths of a small graph, one by one: a walk from ground to ground.

Ground is 0. Groups may not be in a circle.
"""

from collections.abc import Iterator

import numpy as np


def edge_list(weights: list[tuple]) -> list[tuple[int, int]]:
    """Returns source and target of every single entry of some weights.

    Args:
        weights: `(source, target, shape)`, both broadcastable to the shape.
    """
    found = []
    for source, target, shape in weights:
        source = np.broadcast_to(source, shape).reshape(-1)
        target = np.broadcast_to(target, shape).reshape(-1)
        found += zip(source.tolist(), target.tolist(), strict=True)
    return found


def paths(edges: list[tuple[int, int]]) -> Iterator[tuple[int, ...]]:
    """Yields the places of the edges of each path from ground to ground."""
    leaving = {}
    for place, (source, _) in enumerate(edges):
        leaving.setdefault(source, []).append(place)
    unfinished = [(place,) for place in leaving.get(0, [])]
    while unfinished:
        path = unfinished.pop()
        end = edges[path[-1]][1]
        if end == 0:
            yield path
        else:
            unfinished += [(*path, place) for place in leaving.get(end, [])]

"""Gives back what TensorFlow keeps of networks that are no longer there.

A custom gradient inside a traced function (`ops.ordered_product` has one) is
registered by name for the life of the process, and holds the graph, and this
the weights. Of a run with many relaxed networks, all would stay in memory.
"""

import contextlib
import gc
from collections.abc import Iterator

_PREFIX = "CustomGradient-"


@contextlib.contextmanager
def released() -> Iterator[None]:
    """Frees the graphs that were traced in the body, once it is left.

    Networks trained in the body can be used afterwards, but not through
    functions that were traced in it.
    """
    registry = _registry()
    before = set(registry)
    try:
        yield
    finally:
        for name in set(registry) - before:
            if name.startswith(_PREFIX):
                del registry[name]
        gc.collect()  # Networks and their traces refer to each other.


def _registry() -> dict:
    """Returns TensorFlow's table of gradients by name."""
    from tensorflow.python.framework import ops

    # There is no public way to take a gradient back; a version that keeps
    # them elsewhere just keeps them.
    table = getattr(ops, "gradient_registry", None)
    return getattr(table, "_registry", {})

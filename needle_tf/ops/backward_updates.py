"""Lets an optimizer have a gradient while the backward pass still runs.

An optimizer says that the next backward pass is its own (`begin`), is offered
gradients of variables as they appear (`offer`), and says when it is over
(`end`). A gradient that it takes goes no further. It is a matter of one thread.
"""

import threading
from collections.abc import Callable
from typing import Any

Tensor = Any
Taker = Callable[[Any, Tensor], bool]

_state = threading.local()


def begin(taker: Taker) -> None:
    """Offers the gradients of the next backward pass to `taker`.

    Args:
        taker: Is called with a variable and its whole gradient; returns
            whether it took it.
    """
    _state.taker = taker


def end() -> None:
    """Offers gradients to nobody any more."""
    _state.taker = None


def offer(variable: Any, gradient: Tensor) -> bool:
    """Returns whether somebody took the gradient of a variable.

    To be called where nothing else reads the variable any more.

    Args:
        variable: As the layer has it.
        gradient: In the precision in which it was computed.
    """
    taker = getattr(_state, "taker", None)
    return taker is not None and taker(variable, gradient)

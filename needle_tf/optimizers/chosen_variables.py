"""Variables of a model that a user names: by object or by path.

A key is a `keras.Variable`, a layer (which stands for its kernels), or a
regular expression that is searched in the paths of variables. Objects are told
by identity: a name such as `conv2d_1` is also part of `conv2d_10`.
"""

import re
from collections.abc import Iterable
from collections.abc import Sequence

import keras

from needle_tf.graphs import kernels

Key = keras.Variable | keras.Layer | str


def read_keys(keys: Iterable[Key], name: str) -> tuple[Key, ...]:
    """Returns the keys, checked.

    Args:
        keys: Any number of keys.
        name: What the argument is called, for messages.

    Raises:
        ValueError: If it is one key alone, or holds something else.
    """
    if isinstance(keys, (str, keras.Variable, keras.Layer)):
        raise ValueError(
            f"`{name}` must be a list. Received: {name}={keys!r}. Put it into "
            "brackets."
        )
    keys = tuple(keys)
    for key in keys:
        if isinstance(key, (keras.Variable, keras.Layer)):
            continue
        if not isinstance(key, str) or not _is_pattern(key):
            raise ValueError(
                f"`{name}` must hold variables, layers or regular expressions. "
                f"Received: {key!r}."
            )
    return keys


def matches(
    key: Key, variables: Sequence[keras.Variable], name: str
) -> list[int]:
    """Returns the places of the variables that a key stands for, in order.

    Args:
        key: As `read_keys` returned it.
        variables: Where to look.
        name: What the argument is called, for messages.

    Raises:
        ValueError: If there are none.
    """
    if isinstance(key, str):
        found = [i for i, v in enumerate(variables) if re.search(key, v.path)]
    else:
        meant = {id(variable) for variable in _meant(key)}
        found = [i for i, v in enumerate(variables) if id(v) in meant]
    if not found:
        raise ValueError(
            f"`{name}` names what is not there. Received: {_said(key)}. The "
            f"variables are: {', '.join(v.path for v in variables)}."
        )
    return found


def as_patterns(key: Key) -> list[str]:
    """Returns regular expressions that stand for the same variables."""
    if isinstance(key, str):
        return [key]
    return [f"^{re.escape(variable.path)}$" for variable in _meant(key)]


def _meant(key):
    if isinstance(key, keras.Layer):
        return [v for v in key.weights if kernels.is_kernel(v)]
    return [key]


def _said(key):
    if isinstance(key, str):
        return repr(key)
    if isinstance(key, keras.Layer):
        return f"the layer {key.name}"
    return f"the variable {key.path}"


def _is_pattern(text):
    try:
        return bool(re.compile(text))
    except re.error:
        return False

"""Rates of single kernels, relative to the rate of all.

Layer prioritisation with the parameter alpha in (-1, 1), for the kernels
l = 0 ... L - 1 in model order:

    alpha > 0:   (1 - alpha)^(5 (L - 1 - l) / (L - 1))    the last turn fastest
    alpha <= 0:  (1 + alpha)^(5 l / (L - 1))              the first turn fastest

The largest multiplier is 1, the smallest (1 - |alpha|)^5.

Reference: Carbonnelle & De Vleeschouwer, arXiv:1806.01603v2, section 3.3.
"""

import re
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence

import keras

from needle_tf.optimizers import chosen_variables
from needle_tf.optimizers import options

Key = chosen_variables.Key

_FACTOR = options.Option(
    "multipliers", float, "Rate of a kernel, times the rate of all.", low=0
)


def prioritised(count: int, alpha: float) -> list[float]:
    """Returns the multipliers of `count` kernels, the first one's first.

    Args:
        count: Number of kernels.
        alpha: In (-1, 1); 0 gives all of them the same rate.

    Raises:
        ValueError: If `alpha` is not within (-1, 1).
    """
    alpha = options.OPTIONS["alpha"].checked(alpha)
    last = max(count - 1, 1)
    if alpha > 0:
        return [
            (1 - alpha) ** (5 * (last - depth) / last) if count > 1 else 1.0
            for depth in range(count)
        ]
    return [(1 + alpha) ** (5 * depth / last) for depth in range(count)]


def prioritised_by_path(
    variables: Sequence[keras.Variable], alpha: float, skips: Sequence[str]
) -> list[float]:
    """Returns the multipliers of kernels, some without a depth of their own.

    Args:
        variables: The kernels in model order.
        alpha: As for `prioritised`.
        skips: Regular expressions, searched in paths. A kernel that they find,
            such as the convolution of a shortcut, is no depth position and
            gets the multiplier of the kernel before it.

    Raises:
        ValueError: If a pattern finds nothing, or all kernels are skipped.
    """
    skipped = set()
    for pattern in skips:
        skipped.update(
            chosen_variables.matches(pattern, variables, "alpha_skips")
        )
    count = len(variables) - len(skipped)
    if not count:
        raise ValueError(
            "`alpha_skips` must leave a kernel. Received: "
            f"{list(skips)}, which is all {len(variables)} of them."
        )
    ladder = prioritised(count, alpha)
    depth, found = -1, []
    for place in range(len(variables)):
        depth += place not in skipped
        found.append(ladder[max(depth, 0)])
    return found


def read_factors(
    multipliers: Mapping[Key, float] | Iterable[tuple[Key, float]],
) -> list[tuple[Key, float]]:
    """Returns the pairs of key and factor, checked.

    Args:
        multipliers: Factors of at least 0 by key; as pairs where the keys are
            variables, which no dict takes.

    Raises:
        ValueError: If they are something else.
    """
    if isinstance(multipliers, Mapping):
        multipliers = multipliers.items()
    try:
        pairs = [(key, factor) for key, factor in multipliers]
    except (TypeError, ValueError):
        raise ValueError(
            "`multipliers` must be a dict or pairs of a key and a factor. "
            f"Received: multipliers={multipliers!r}."
        ) from None
    keys = chosen_variables.read_keys((key for key, _ in pairs), "multipliers")
    return [
        (key, _FACTOR.checked(factor))
        for key, (_, factor) in zip(keys, pairs, strict=True)
    ]


def by_key(
    factors: Sequence[tuple[Key, float]], variables: Sequence[keras.Variable]
) -> list[float]:
    """Returns the multipliers of kernels from factors by key; others get 1.

    Args:
        factors: As `read_factors` returned them.
        variables: The kernels.

    Raises:
        ValueError: If a key finds nothing, or two find the same kernel.
    """
    found: dict[int, float] = {}
    for key, factor in factors:
        for place in chosen_variables.matches(key, variables, "multipliers"):
            if place in found:
                path = variables[place].path
                raise ValueError(
                    "`multipliers` must name a kernel once. Received: two keys "
                    f"that find {path}. Make the patterns narrower, such as "
                    f"'^{re.escape(path)}$'."
                )
            found[place] = factor
    return [found.get(place, 1.0) for place in range(len(variables))]

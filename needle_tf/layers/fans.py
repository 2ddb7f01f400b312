"""Initial scales by the number of weights that a unit really sees.

Keras reads fan-in and fan-out off the shape of a kernel. For a kernel that is
mostly fixed at zero, or that holds one small kernel per position, the shape
says something else: `with_fans` corrects the scale instead.
"""

import keras


def with_fans(
    initializer: keras.initializers.Initializer,
    *,
    shape: tuple[int, ...],
    fan_in: float,
    fan_out: float,
) -> keras.initializers.Initializer:
    """Returns `initializer` drawing for these fans on a kernel of `shape`.

    Initializers that do not look at fans are returned as they are.

    Args:
        initializer: Any Keras initializer; `VarianceScaling` and its kin
            (Glorot, He, LeCun) are corrected.
        shape: The shape that will be drawn, two axes or more.
        fan_in: Weights that enter one unit.
        fan_out: Weights that leave one input.
    """
    if not isinstance(initializer, keras.initializers.VarianceScaling):
        return initializer
    drawn = _fans_of_shape(shape)
    wanted = (fan_in, fan_out)
    select = {
        "fan_in": lambda fans: fans[0],
        "fan_out": lambda fans: fans[1],
        "fan_avg": lambda fans: (fans[0] + fans[1]) / 2,
    }[initializer.mode]
    # Keras, too, takes fewer than one weight for one.
    correction = max(1.0, select(drawn)) / max(1.0, select(wanted))
    return keras.initializers.VarianceScaling(
        scale=initializer.scale * correction,
        mode=initializer.mode,
        distribution=initializer.distribution,
        seed=initializer.seed,
    )


def _fans_of_shape(shape):
    """Fan-in and fan-out as Keras computes them."""
    receptive = 1
    for size in shape[:-2]:
        receptive *= size
    return receptive * shape[-2], receptive * shape[-1]

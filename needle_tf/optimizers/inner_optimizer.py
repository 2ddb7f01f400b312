"""What is asked of an optimizer inside another one, and taken over from it."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras


@dataclasses.dataclass(frozen=True)
class Demands:
    """What an optimizer asks of the one inside it.

    Attributes:
        owner: Class of the optimizer around, for messages.
        refused_inners: Classes that cannot be inside, and why.
        refused_options: Options of every Keras optimizer that it does not
            have, and why.
    """

    owner: str
    refused_inners: Mapping[type, str]
    refused_options: Mapping[str, str]


_NOT_INSIDE_LAYCA = {
    keras.optimizers.Ftrl: (
        "computes the weights from slots of its own, so that a turn would be "
        "undone in the next step"
    ),
    keras.optimizers.ScheduleFreeAdamW: (
        "recovers an average of the weights from the weights and its slots, "
        "which a turn would break"
    ),
    keras.optimizers.LossScaleOptimizer: (
        "scales the loss, which Layca around it could not see. Put it outside: "
        "LossScaleOptimizer(Layca(...)), as `compile` does for mixed_float16"
    ),
    keras.optimizers.MultiOptimizer: (
        "takes no steps itself. Map the variables to one Layca for each of its "
        "optimizers"
    ),
}
# What the inner optimizer may bring along for Layca to do.
ADOPTED = (
    "clipnorm",
    "clipvalue",
    "global_clipnorm",
    "loss_scale_factor",
    "gradient_accumulation_steps",
)
_AVERAGED = "an average of points on a sphere lies inside it. Leave it out"
_NOT_ON_A_SPHERE = {
    "weight_decay": (
        "it acts along the weights, and their norm stays. Give it to `inner`, "
        "with others='inner', for the weights that are not controlled"
    ),
    "use_ema": _AVERAGED,
    "ema_momentum": _AVERAGED,
    "ema_overwrite_frequency": _AVERAGED,
}
LAYCA = Demands("Layca", _NOT_INSIDE_LAYCA, _NOT_ON_A_SPHERE)


def check(inner: keras.optimizers.Optimizer, demands: Demands = LAYCA) -> None:
    """Raises ValueError if an optimizer's steps cannot be used; says why."""
    if not isinstance(inner, keras.optimizers.Optimizer):
        raise ValueError(
            "`inner` must be a Keras optimizer, such as "
            f"keras.optimizers.SGD(). Received: inner={inner!r}."
        )
    name = type(inner).__name__
    for kind, reason in demands.refused_inners.items():
        if isinstance(inner, kind):
            raise ValueError(
                f"`inner` must not be a {kind.__name__}: it {reason}. "
                f"Received: inner={name}."
            )
    if hasattr(inner, "inner"):
        raise ValueError(
            "`inner` must take steps of its own. Received: inner="
            f"{name}, which wraps another optimizer. Give that one."
        )
    if inner.built:
        raise ValueError(
            f"`inner` must be a new optimizer. Received: inner={name}, built "
            "already, for other steps. Make one of the same settings: "
            f"{name}.from_config(inner.get_config())."
        )
    if inner.use_ema:
        raise ValueError(
            f"`use_ema` must be off in `inner`: {_averaged(demands)}. "
            "Received: use_ema=True."
        )


def check_decay(inner: keras.optimizers.Optimizer, others: str) -> None:
    """Raises ValueError if the decay of an inner optimizer would do nothing.

    Args:
        inner: The optimizer.
        others: As for `Layca`; with `inner` the decay has weights to act upon.
    """
    decays = {
        name: value
        for name, value in vars(inner).items()
        if name.endswith("weight_decay") and value
    }
    if decays and others != "inner":
        said = ", ".join(f"{k}={v}" for k, v in decays.items())
        raise ValueError(
            "Weight decay acts along the weights, and the norm of a controlled "
            f"kernel stays: it would be ignored. Received: {said} in "
            f"{type(inner).__name__}. Set it to None (for AdamW take Adam), or "
            "set others='inner', for the weights that are not controlled."
        )


def _averaged(demands):
    return demands.refused_options.get(
        "use_ema", f"give it to {demands.owner}, which steps the weights"
    )


def adopted(
    inner: keras.optimizers.Optimizer,
    given: dict[str, Any],
    demands: Demands = LAYCA,
) -> dict[str, Any]:
    """Returns the arguments for a Keras optimizer around another one.

    What of them was set in `inner` is taken from it, and set to None there.

    Args:
        inner: The optimizer inside.
        given: Arguments given to the one around it.
        demands: What that one asks.

    Raises:
        ValueError: If both have one, or it cannot be had there.
    """
    owner, refused = demands.owner, demands.refused_options
    for name, reason in refused.items():
        if given.get(name):
            raise ValueError(
                f"`{name}` is not possible with {owner}: {reason}. Received: "
                f"{name}={given[name]!r}."
            )
    taken = {k: v for k, v in given.items() if k not in refused}
    for name in ADOPTED:
        value = getattr(inner, name)
        if value is None:
            continue
        if name in refused:
            raise ValueError(
                f"`{name}` of `inner` is not possible with {owner}: "
                f"{refused[name]}. Received: {name}={value!r} in "
                f"{type(inner).__name__}."
            )
        if taken.get(name) is not None:
            raise ValueError(
                f"`{name}` can be set once, for {owner} or for `inner`: "
                f"{owner} does it for both. Received: {name}={taken[name]!r} "
                f"and {value!r} in {type(inner).__name__}. Leave one out."
            )
        taken[name] = value
        setattr(inner, name, None)
    return taken


def to_config(inner: keras.optimizers.Optimizer) -> dict[str, Any]:
    """Returns an inner optimizer as plain JSON, without what was taken over."""
    serialised = keras.saving.serialize_keras_object(inner)
    config = serialised["config"]
    config.update({name: None for name in ADOPTED if name in config})
    return serialised

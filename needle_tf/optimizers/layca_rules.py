"""Which settings of Layca go together. Does not import Keras."""

from typing import Any

# Names below that are options of the registry too.
OFFERED = (
    "exact_angle",
    "project",
    "restore_norm",
    "granularity",
    "alpha",
    "alpha_skips",
)


def check_together(
    *,
    learning_rate: Any,
    replays: bool = False,
    exact_angle: bool = False,
    project: bool = True,
    restore_norm: bool = True,
    granularity: str = "layer",
    unit_axes: Any = None,
    alpha: float = 0.0,
    alpha_skips: Any = (),
    multipliers: Any = None,
) -> None:
    """Raises ValueError if settings contradict each other or are ignored.

    Args:
        learning_rate: The rate; None if there is none.
        replays: Whether `angles` are given.
        exact_angle: As for `Layca`, like all that follow.
        project: See `Layca`.
        restore_norm: See `Layca`.
        granularity: See `Layca`.
        unit_axes: See `Layca`.
        alpha: See `Layca`.
        alpha_skips: See `Layca`.
        multipliers: See `Layca`.
    """
    if replays:
        _check_replay(
            learning_rate=learning_rate,
            exact_angle=exact_angle,
            alpha=alpha,
            multipliers=multipliers,
        )
    elif learning_rate is None:
        raise ValueError(
            "`learning_rate` must be given: it is the tangent of the angle of "
            "a step. Received: learning_rate=None."
        )
    if (exact_angle or replays) and not (project and restore_norm):
        name = "angles" if replays else "exact_angle"
        raise ValueError(
            f"`{name}` needs `project` and `restore_norm`: only steps along "
            "the sphere turn by a given angle. Received: "
            f"project={project}, restore_norm={restore_norm}."
        )
    _check_alpha(alpha, alpha_skips, multipliers)
    if granularity == "layer" and unit_axes is not None:
        raise ValueError(
            "`unit_axes` is ignored with granularity='layer'. Received: "
            f"unit_axes={unit_axes!r}. Set granularity='unit', or leave "
            "`unit_axes` out."
        )


def _check_replay(**rates: Any) -> None:
    """Refuses what else would say how far the kernels turn."""
    given = {k: v for k, v in rates.items() if v not in (None, False, 0)}
    if given:
        raise ValueError(
            "`angles` alone say how far each kernel turns. Received besides: "
            f"{', '.join(f'{k}={v!r}' for k, v in given.items())}. Leave it "
            "out."
        )


def _check_alpha(alpha: float, alpha_skips: Any, multipliers: Any) -> None:
    if alpha and multipliers is not None:
        raise ValueError(
            "Only one of `alpha` and `multipliers` can be given: both say how "
            f"fast each kernel turns. Received: alpha={alpha}, "
            f"multipliers={multipliers!r}. Leave one out."
        )
    if not alpha and len(alpha_skips):
        raise ValueError(
            "`alpha_skips` is ignored without `alpha`. Received: "
            f"alpha_skips={list(alpha_skips)!r}, alpha={alpha}. Set `alpha` "
            "too, or leave `alpha_skips` out."
        )

"""What EC-Opt asks of the optimizer inside it and of the weights it steps."""

import collections
from collections.abc import Sequence

import keras
import numpy as np

from needle_tf.optimizers import inner_optimizer
from needle_tf.optimizers import study_sgd
from needle_tf.scales import scale_groups

_WHOLE_TENSORS = (
    "looks at whole tensors, and its steps then depend on how units are "
    "scaled. Take one that works element by element, such as "
    "keras.optimizers.SGD, RMSprop, Adam or AdamW"
)
_NOT_INSIDE = {
    keras.optimizers.Adafactor: _WHOLE_TENSORS,
    keras.optimizers.Lamb: _WHOLE_TENSORS,
    keras.optimizers.Muon: _WHOLE_TENSORS,
    study_sgd.EffectiveRateSGD: _WHOLE_TENSORS,
    study_sgd.LarsSGD: _WHOLE_TENSORS,
    study_sgd.NormalizedSGD: _WHOLE_TENSORS,
    keras.optimizers.Ftrl: (
        "computes weights from slots of its own, so that its first step would "
        "forget the path values"
    ),
    keras.optimizers.ScheduleFreeAdamW: (
        "keeps an average of the weights by exchanging them, which are not "
        "what it steps here"
    ),
    keras.optimizers.LossScaleOptimizer: (
        "scales the loss, which ECOpt around it could not see. Put it outside: "
        "LossScaleOptimizer(ECOpt(...)), as `compile` does for mixed_float16"
    ),
    keras.optimizers.MultiOptimizer: (
        "takes no steps itself, and a step on basis paths is one step of all "
        "weights"
    ),
}
_PER_TENSOR = (
    "clipping single tensors breaks the balance of what enters and what "
    "leaves a unit, from which path gradients are computed. Use "
    "`global_clipnorm`, which bounds the gradient of the path values"
)
DEMANDS = inner_optimizer.Demands(
    "ECOpt",
    _NOT_INSIDE,
    {
        "clipnorm": _PER_TENSOR,
        "clipvalue": _PER_TENSOR,
        "weight_decay": "give it to `inner`: the path values decay",
    },
)


def check_ratio_range(ratio_range: Sequence[float]) -> tuple[float, float]:
    """Returns the range of ratios as two floats.

    Raises:
        ValueError: Unless it is 0 < low < 1 < high.
    """
    try:
        low, high = (float(bound) for bound in ratio_range)
        is_fine = 0 < low < 1 < high
    except (TypeError, ValueError):
        is_fine = False
    if not is_fine:
        raise ValueError(
            "`ratio_range` must be two numbers 0 < low < 1 < high: how much a "
            "path value may shrink or grow in one step. Received: "
            f"ratio_range={ratio_range!r}. The usual one is (0.5, 2.0)."
        )
    return low, high


def check_groups(graph: scale_groups.ScaleGraph, name: str) -> None:
    """Raises ValueError if a graph has no group to step on."""
    if graph.num_groups:
        return
    places = collections.defaultdict(list)
    for item in graph.grounded:
        places[item.why].append(item.where)
    # Each reason once, with the first layer that it holds for.
    reasons = "; ".join(
        f"{where[0]}{f' and {len(where) - 1} more' * (len(where) > 1)}: {why}"
        for why, where in places.items()
    )
    raise ValueError(
        "EC-Opt needs units that may be rescaled: between layers with weights "
        "there must be nothing but ReLU, LeakyReLU, pooling, additions and "
        "the like, or BatchNormalization with `scale=True`. Received: the "
        f'model "{name}", which has none ({reasons}). Train it with the inner '
        "optimizer itself, or change these layers."
    )


def check_weights(
    variables: Sequence[keras.Variable], graph: scale_groups.ScaleGraph
) -> None:
    """Raises ValueError if weights that touch a group see more than the loss.

    Args:
        variables: Trainable variables, in the order of the graph.
        graph: Their scale graph.
    """
    for edges in graph.edges:
        variable = variables[edges.place]
        if variable.regularizer is not None:
            raise ValueError(
                "EC-Opt needs a loss that sees the weights through the "
                f"network alone. Received: {edges.path} with the regularizer "
                f"{type(variable.regularizer).__name__}. Remove it; for decay "
                "of the path values give `weight_decay` to the inner "
                "optimizer (AdamW, or SGD(weight_decay=...))."
            )
        constraint = variable.constraint
        if constraint and not getattr(constraint, "only_masks", False):
            raise ValueError(
                "EC-Opt sets the weights that belong to new path values; a "
                f"constraint would change them. Received: {edges.path} with "
                f"the constraint {type(constraint).__name__}. Remove it."
            )


def matched(
    variables: Sequence[keras.Variable], graph: scale_groups.ScaleGraph
) -> list[int]:
    """Returns the place in `variables` of each variable of a graph.

    Args:
        variables: What an optimizer is built for.
        graph: Of the model that they belong to.

    Raises:
        ValueError: If they are others than those of the graph.
    """
    given = [variable.path for variable in variables]
    known = list(graph.variable_paths)
    if len(given) == len(known) and all(map(_is_same, given, known)):
        return list(range(len(given)))
    if sorted(given) == sorted(known) and len(set(known)) == len(known):
        return [given.index(path) for path in known]
    missing = sorted(set(known) - set(given)) or "none"
    more = sorted(set(given) - set(known)) or "none"
    raise ValueError(
        "ECOpt must be built for all trainable variables of the model that it "
        f"was made for. Missing: {missing}. Unknown: {more}. A layer that was "
        "frozen, added or renamed since needs a new ECOpt(inner, model)."
    )


def _is_same(path, other):
    """Whether two paths may be of one variable.

    When a Sequential model is loaded, its name goes missing in them.
    """
    return (
        path == other
        or path.endswith(f"/{other}")
        or other.endswith(f"/{path}")
    )


def check_values(values: np.ndarray, graph: scale_groups.ScaleGraph) -> None:
    """Raises ValueError if a path value is 0 or beyond float32.

    Args:
        values: d_b of each group, `(H,)`.
        graph: Says whose they are.
    """
    tiny, huge = 1e-30, 1e30
    size = np.abs(values)
    bad = np.flatnonzero(~((size > tiny) & (size < huge)))
    if len(bad):
        owner = graph.owners[bad[0] + 1]
        raise ValueError(
            "The basis path through each unit must have a value between "
            f"{tiny} and {huge}. Received: {values[bad[0]]:.3g} for a unit of "
            f'"{owner}", and {len(bad)} such units. Start with '
            "skeleton='ones', which sets these paths to 1."
        )

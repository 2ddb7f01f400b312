"""From the gradients of weights to those of basis path values, and back."""

from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

from keras import ops

from needle_tf.ops import basis_paths
from needle_tf.optimizers import path_plan

Tensor = Any


class PathGradients(NamedTuple):
    """Where a network stands on its basis paths, vectors `(H + 1,)`.

    Attributes:
        prefix: P_b, products of the chains from ground to each group.
        suffix: K_b, products of the chains from each group to ground.
        values: d_b = P_b K_b.
        flow: y_b = d_b dL/dd_b; 0 for ground.
    """

    prefix: Tensor
    suffix: Tensor
    values: Tensor
    flow: Tensor


def path_gradients(
    weights: Sequence[Tensor],
    gradients: Sequence[Tensor],
    plan: path_plan.PathPlan,
) -> PathGradients:
    """Returns the path values through every group and their gradients.

    Args:
        weights: The variables of the plan.
        gradients: dL/dw of each, with nothing added (decay, noise).
        plan: Where they lie in the scale graph.
    """
    edges = plan.at_skeleton(weights, 1.0)
    flows = edges * plan.at_skeleton(gradients, 0.0)
    in_weights, out_weights = ops.split(edges, 2)
    in_flow, out_flow = ops.split(flows, 2)
    prefix, suffix = basis_paths.path_products(
        in_weights, out_weights, plan.skeleton
    )
    flow = basis_paths.inverse_chain_rule(
        plan.leaving(_flows(weights, gradients, plan, "source")),
        in_flow,
        out_flow,
        plan.skeleton,
    )
    return PathGradients(prefix, suffix, prefix * suffix, flow)


def conservation_error(
    weights: Sequence[Tensor],
    gradients: Sequence[Tensor],
    plan: path_plan.PathPlan,
) -> Tensor:
    """Returns how far gradients break the law that path gradients rest on.

    The sums of w dL/dw over the edges into and out of a group are equal, if
    the loss sees these weights through the network alone. Returned is the
    largest |in - out| of a group over the largest sum of |w dL/dw| at one, in
    [0, 1].
    """
    entering = _flows(weights, gradients, plan, "target")
    leaving = _flows(weights, gradients, plan, "source")
    error = ops.abs(plan.entering(entering) - plan.leaving(leaving))
    size = plan.entering([_size(flow) for flow in entering])
    largest = ops.max(size + plan.leaving([_size(flow) for flow in leaving]))
    is_zero = ops.equal(largest, 0)
    return ops.max(error) / ops.where(is_zero, 1, largest)


def squared_norm(
    gradients: Sequence[Tensor],
    paths: PathGradients,
    plan: path_plan.PathPlan,
    unit: float,
) -> Tensor:
    """Returns the squared norm of dL/dv over the basis paths.

    Args:
        gradients: dL/dw of the variables of the plan.
        paths: Of the same.
        plan: Where they lie.
        unit: What the path values are measured in.
    """
    first = plan.skeleton.leader == range(len(plan.skeleton.leader))
    total = ops.sum(
        ops.where(first, ops.square(unit * paths.flow / paths.values), 0)
    )
    for gradient, edges in zip(gradients, plan.variables, strict=True):
        path = gradient * per_path(paths.prefix, paths.suffix, edges, unit)
        if len(edges.entries):
            path = ops.scatter_update(
                ops.reshape(path, (-1,)),
                edges.entries[:, None],
                ops.zeros(len(edges.entries), path.dtype),
            )
        total = total + ops.sum(ops.square(path))
    return total


def per_path(
    prefix: Tensor, suffix: Tensor, edges: path_plan.VariablePlan, unit: float
) -> Any:
    """Returns unit / (P_a K_b) for the weights of a variable off the skeleton.

    Of the variable's shape or broadcastable to it; a number where all edges
    lead from ground to ground. What a gradient is multiplied by to be that of
    path values in units, and a step of these to be one of weights.
    """
    found = unit
    if edges.source is not None:
        found = found / ops.take(prefix, edges.source)
    if edges.target is not None:
        found = found / ops.take(suffix, edges.target)
    return found


def with_skeleton(
    weights: Tensor,
    before: Tensor,
    ratios: Tensor,
    edges: path_plan.VariablePlan,
) -> Tensor:
    """Returns the weights after a step, skeleton edges among them.

    Args:
        weights: After the step, as `basis_paths.allocated_weights` has them.
        before: The same variable before it.
        ratios: R of the groups, `(H + 1,)`.
        edges: Where skeleton edges lie in it.
    """
    if edges.kind is None:
        flat = ops.take(ops.reshape(before, (-1,)), edges.entries)
        moved = basis_paths.skeleton_weights(
            flat,
            ops.take(ratios, edges.entry_target),
            ops.take(ratios, edges.entry_source),
        )
        flat = ops.scatter_update(
            ops.reshape(weights, (-1,)),
            edges.entries[:, None],
            ops.where(edges.is_out, flat, moved),
        )
        return ops.reshape(flat, weights.shape)
    if (edges.kind == 1).any():
        source = 1.0
        if edges.source is not None:
            source = ops.take(ratios, edges.source)
        target = ops.take(ratios, edges.target)
        moved = basis_paths.skeleton_weights(before, target, source)
        weights = ops.where(edges.kind == 1, moved, weights)
    if (edges.kind == 2).any():
        weights = ops.where(edges.kind == 2, before, weights)
    return weights


def _flows(weights, gradients, plan, side):
    """w dL/dw of each variable with groups on that side, else None."""
    return [
        None if getattr(edges, side) is None else weight * gradient
        for weight, gradient, edges in zip(
            weights, gradients, plan.variables, strict=True
        )
    ]


def _size(flow):
    return None if flow is None else ops.abs(flow)

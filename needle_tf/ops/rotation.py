"""Angles between weights, and the step that turns a weight.

With D = after - before, its part D_perp across `before`, and the part s_perp
of a step s that lies across the weight w:

    angle    = atan2(|D_perp|, <after, before> / |before|)
    distance = 1 - cos(angle) = 2 sin(angle / 2)^2
    turned   = norm * (cos(a) w / |w| - sin(a) s_perp / |s_perp|)

`axes=None` takes a tensor as one vector and gives scalars; otherwise `axes` are
the axes along which one vector lies (one unit's weights, say), and they stay
with length 1. Half precision is computed in float32.

Reference: Carbonnelle & De Vleeschouwer, arXiv:1806.01603v2.
"""

import functools
import math
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

Tensor = Any

# Entries handled at a time on a CPU: their temporary memory is used again and
# again, where one as large as the weight would be mapped afresh in each step.
_CHUNK = 1 << 20
# Within these, squares summed in float32 are exact to its rounding.
_LEAST_SQUARE = 1e-20
_LARGEST_SQUARE = 1e30
# Share of a squared step that must lie across the weight for the difference
# of two sums to be as exact as the sums, within a factor of ten.
_SHARE_ACROSS = 0.1
# A part across the weight this small, relative to the step, is rounding.
_VANISHING = 1e-6
_NEARLY_ZERO = 1e-9


def norm(weight: Tensor, axes: Sequence[int] | None = None) -> Tensor:
    """Returns the Euclidean norm; see the module on `axes`.

    Squares are summed in float32: norms from 1e-15 to 1e15 are exact to 1e-6.
    """
    return ops.sqrt(_dot(*(_wide(weight),) * 2, axes))


def direction(step: Tensor, axes: Sequence[int] | None = None) -> Tensor:
    """Returns `step / |step|`, of tiny (1e-25) and huge steps too.

    All zeros give zeros; a NaN or an infinity makes the result NaN. In float32
    for half precision; see the module on `axes`.
    """
    step = _wide(step)
    scaled = step / _or_one(_largest(step, axes))
    return scaled / _or_one(ops.sqrt(_dot(scaled, scaled, axes)))


def angle(
    before: Tensor, after: Tensor, axes: Sequence[int] | None = None
) -> Tensor:
    """Returns the angle between two weights in radians, within [0, pi].

    It comes from the difference of the two and not from their cosine, which
    in float32 cannot tell angles below 3.5e-4 from 0: a turn of 1e-6 of a
    weight that keeps its norm is exact to about 1 %, one of 1e-3 to 1e-5. NaN
    if either is all zeros, for want of a direction.

    Args:
        before: Any shape.
        after: The same shape.
        axes: See the module.
    """
    before, after = _wide(before), _wide(after)
    square = _dot(before, before, axes)
    along = _summed(lambda b, a: (a - b) * b, axes, before, after) / square
    if axes is None:
        across = _summed(
            lambda b, a: ops.square((a - b) - along * b), axes, before, after
        )
    else:
        change = (after - before) - along * before
        across = _dot(change, change, axes)
    turn = ops.arctan2(ops.sqrt(across), (1 + along) * ops.sqrt(square))
    return ops.where(_dot(after, after, axes) == 0, float("nan"), turn)


def cosine_distance(
    weight: Tensor, start: Tensor, axes: Sequence[int] | None = None
) -> Tensor:
    """Returns `1 - cos(angle)`: 0 unturned, 1 orthogonal, 2 opposite.

    Exact near 0, where `1 - cos` of float32 cosines is not: a turn of 1e-5 is
    seen as 5e-11. NaN if either is all zeros.

    Args:
        weight: Any shape.
        start: The same shape.
        axes: See the module.
    """
    return 2 * ops.square(ops.sin(angle(start, weight, axes) / 2))


def random_walk_distance(tangent: float, steps: float) -> float:
    """Returns the mean distance from the start after uncorrelated turns.

    `1 - (1 + tangent^2)^(-steps / 2)`, within [0, 1]: what `cosine_distance`
    is on average if each step turns by `arctan(tangent)` in a direction that
    knows nothing of those before.

    Args:
        tangent: Learning rate of Layca; arrays broadcast.
        steps: Number of steps, at least 0.
    """
    return -np.expm1(-0.5 * steps * np.log1p(np.square(tangent)))


def turned(
    weight: Tensor,
    step: Tensor,
    tangent: Tensor | float,
    *,
    norm: Tensor | float | None = None,
    length: Tensor | None = None,
    axes: Sequence[int] | None = None,
    project: bool = True,
    restore_norm: bool = True,
) -> Tensor:
    """Returns the weight after Layca's step of the rate `tangent`.

        u = |w| s_perp / |s_perp|,  w' = w - tangent u,  norm * w' / |w'|

    which turns `weight` by exactly `arctan(tangent)`. The size of `step` does
    not matter, tiny (1e-25) and huge (1e25) ones turn as far. Where a step has
    no part across the weight (relative to its size; all zeros included), the
    weight keeps its direction. A NaN or an infinity in `step` or `weight`
    makes the result NaN. Weights that are all zeros stay so.

    Args:
        weight: Any shape; its norm within 1e-10 to 1e15, or 0.
        step: The same shape; the weight moves against it, as against a
            gradient.
        tangent: Rate, the tangent of the angle; a negative one moves along
            `step`.
        norm: Norm of the result; None for that of `weight`. A scalar or, with
            `axes`, one for each vector, those axes with length 1.
        length: The norm of `weight`, if it is known already.
        axes: See the module.
        project: False takes `s / |s|` for `s_perp / |s_perp|`; then the angle
            depends on `step`.
        restore_norm: False leaves `w'` as it is, |w| sqrt(1 + tangent^2) long.

    Returns:
        Shape of `weight`; float32 for half precision.

    Reference: spec of Layca after arXiv:1806.01603v2. The published code keeps
    the norm of the step before, where rounding adds up; and it stops at steps
    shorter than 1e-7, whatever the scale.
    """
    at = _at(weight, step, length, axes)
    tangent = ops.cast(tangent, at.weight.dtype)
    if not project:
        return _moved(at, tangent, norm, restore_norm)
    if not restore_norm:
        return _turned(at, 1.0, tangent, None)
    secant = ops.sqrt(1 + ops.square(tangent))
    return _turned(at, 1 / secant, tangent / secant, norm)


def turned_by(
    weight: Tensor,
    step: Tensor,
    angle: Tensor | float,
    *,
    norm: Tensor | float | None = None,
    length: Tensor | None = None,
    axes: Sequence[int] | None = None,
) -> Tensor:
    """Returns the weight turned by `angle` radians against `step`.

    Like `turned` with the tangent of `angle`, and beyond a right angle too.
    """
    at = _at(weight, step, length, axes)
    angle = ops.cast(angle, at.weight.dtype)
    return _turned(at, ops.cos(angle), ops.sin(angle), norm)


class _At(NamedTuple):
    """A weight and a step, and what their sums of products say of them."""

    weight: Tensor
    step: Tensor
    length: Tensor
    square: Tensor
    product: Tensor
    step_square: Tensor
    axes: Sequence[int] | None


def _at(weight, step, length, axes):
    weight, step = _wide(weight), _wide(step)
    if length is None:
        length = norm(weight, axes)
    return _At(
        weight,
        step,
        length,
        ops.square(length),
        _dot(step, weight, axes),
        _dot(step, step, axes),
        axes,
    )


def _turned(at, cosine, sine, norm):
    """Returns `norm (cosine w / |w| - sine s_perp / |s_perp|)`.

    As w and s alone: with s = radial w + s_perp, two scalars and one pass.
    """
    weight, length, axes = at.weight, at.length, at.axes
    radial = at.product / _or_one(at.square)
    across = at.step_square - radial * at.product
    norm = _kept_norm(norm, length)

    def quickly():
        turn = norm * sine / ops.sqrt(across)
        stay = norm * cosine / _or_one(length) + turn * radial
        return _combined(stay, weight, turn, at.step)

    def carefully():
        unit = weight / _or_one(length)
        rest = direction(at.step, axes)
        for _ in range(2):  # Once more, for what rounding left of it.
            rest = rest - _dot(rest, unit, axes) * unit
        left = ops.sqrt(_dot(rest, rest, axes))
        # No comparison with NaN is true, so it goes on into the result.
        is_gone = left <= _VANISHING
        turn = ops.where(is_gone, 0.0, sine / _or_one(left))
        return norm * (ops.where(is_gone, 1.0, cosine) * unit - turn * rest)

    is_plain = _is_plain(at.step_square)
    is_plain &= across > _SHARE_ACROSS * at.step_square
    return ops.cond(ops.all(is_plain), quickly, carefully)


def _moved(at, tangent, norm, restore_norm):
    """Returns `w - tangent |w| s / |s|`, with its norm restored or not."""
    weight, length, axes = at.weight, at.length, at.axes
    norm = _kept_norm(norm, length)
    pace = tangent * length / ops.sqrt(_or_one(at.step_square))
    left_square = at.square - pace * (2 * at.product - pace * at.step_square)

    def quickly():
        scale = norm / ops.sqrt(left_square) if restore_norm else 1.0
        return scale * (weight - pace * at.step)

    def carefully():
        moved = weight - tangent * length * direction(at.step, axes)
        if not restore_norm:
            return moved
        left = ops.sqrt(_dot(moved, moved, axes))
        is_gone = left <= _VANISHING * length
        moved = ops.where(is_gone, weight, moved)
        return moved * (norm / _or_one(ops.where(is_gone, length, left)))

    is_plain = _is_plain(at.step_square)
    if restore_norm:
        is_plain &= left_square > _SHARE_ACROSS * at.square
    return ops.cond(ops.all(is_plain), quickly, carefully)


def _kept_norm(norm, length):
    """Returns the norm of the result: as asked for, and 0 for zero weights."""
    if norm is None:
        return length
    return ops.where(length == 0, 0.0, ops.cast(norm, length.dtype))


def _combined(stay, weight, turn, step):
    """Returns `stay w - turn s`, each operation in the memory of the last.

    In a graph TensorFlow reuses the memory of a step that nobody else wants;
    `stay w` would need as much again.
    """
    stay = ops.where(ops.abs(stay) < _NEARLY_ZERO, _NEARLY_ZERO, stay)
    return stay * (weight - (turn / stay) * step)


def _is_plain(square):
    return (square > _LEAST_SQUARE) & (square < _LARGEST_SQUARE)


def _or_one(number):
    return ops.where(number == 0, 1.0, number)


def _largest(tensor, axes):
    return ops.max(ops.abs(tensor), axis=axes, keepdims=axes is not None)


def _dot(x, y, axes):
    if x is y:
        return _summed(ops.square, axes, x)
    return _summed(ops.multiply, axes, x, y)


def _summed(entries: Callable[..., Tensor], axes, *tensors):
    """Returns the sum of `entries(*tensors)`; of large tensors by chunks.

    Sums, and not products of matrices: those add up one after the other (an
    error of 1e-3 for two million entries), or round to TF32 on a GPU.
    """
    if axes is not None:
        return ops.sum(entries(*tensors), axis=axes, keepdims=True)
    size = math.prod(tensors[0].shape)
    if size <= _CHUNK or not _on_cpu():
        return ops.sum(entries(*tensors))
    flat = [ops.reshape(tensor, (size,)) for tensor in tensors]
    parts = [
        ops.sum(entries(*(tensor[start : start + _CHUNK] for tensor in flat)))
        for start in range(0, size, _CHUNK)
    ]
    return ops.sum(ops.stack(parts))


@functools.cache
def _on_cpu() -> bool:
    devices = keras.distribution.list_devices()
    return all("cpu" in device.lower() for device in devices)


def _wide(tensor):
    tensor = ops.convert_to_tensor(tensor)
    if keras.backend.standardize_dtype(tensor.dtype) == "float64":
        return tensor
    return ops.cast(tensor, "float32")

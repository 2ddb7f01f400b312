"""Layca: steps of any optimizer, made into rotations of a known angle.

For each controlled kernel w, a step s of the inner optimizer and a rate r:

    s_perp = s - (<s, w> / |w|^2) w,    w <- n (w - r |w| s_perp / |s_perp|)^

where n is the norm of the initial kernel and x^ = x / |x|: every kernel turns
by exactly arctan(r) in each step, whatever the size of the gradient.

Reference: Carbonnelle & De Vleeschouwer, arXiv:1806.01603v2, algorithm 1.
"""

import dataclasses
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from needle_tf.ops import rotation
from needle_tf.optimizers import around_inner
from needle_tf.optimizers import chosen_variables
from needle_tf.optimizers import controlled_kernels
from needle_tf.optimizers import inner_optimizer
from needle_tf.optimizers import inner_steps
from needle_tf.optimizers import layca_rules
from needle_tf.optimizers import multipliers as multipliers_lib
from needle_tf.optimizers import options
from needle_tf.optimizers import recorded_angles

Key = chosen_variables.Key


@dataclasses.dataclass(frozen=True)
class _Control:
    """How one kernel is turned; `column` is its place among the kernels."""

    norm: keras.Variable | None
    axes: tuple[int, ...] | None
    multiplier: float
    column: int


class _MeanAngle(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate of a replay, to look at; nothing can set it."""

    def __init__(self, angles, steps):
        self._angles = angles
        self._batches = steps or 1

    def __call__(self, step):
        return self._angles.mean(ops.floor_divide(step, self._batches))

    def get_config(self):
        return {}  # Layca's own config holds the angles.


@keras.saving.register_keras_serializable(package="needle_tf")
class Layca(around_inner.AroundInner):
    """Turns each kernel by `arctan(learning_rate)` towards the inner step.

    Args:
        inner: A new Keras optimizer of any kind whose steps are taken in new
            weights at each step. It runs at the rate 1, so that its momentum
            is free of any rate; its own `learning_rate` is for
            `others="inner"`. Layca takes over its clipping, loss scaling and
            gradient accumulation.
        learning_rate: Tangent of the angle of a step (3^-3 is where the
            study's tasks do best): a number of at least 0, a schedule or
            another callable.
        controlled: The weights that are turned: variables, layers (for their
            kernels) or regular expressions searched in `variable.path`. None
            is every kernel, by `kernels.is_kernel`.
        others: `frozen` leaves all other weights as they are, as published;
            `inner` lets the inner optimizer train them at its own rate.
        granularity: `layer` turns a kernel as one vector, as published;
            `unit` each unit's weights by themselves.
        unit_axes: With `unit`, the axes that count units, `(-1,)` if None:
            (-2,) for Conv2DTranspose, (-2, -1) for a depthwise kernel; or a
            dict of those by pattern, `(-1,)` for what no pattern finds.
        exact_angle: Whether `learning_rate` is the angle in radians itself.
        multipliers: Factors of at least 0 on the rates of single kernels, as a
            dict or pairs by variable, layer or pattern; others have 1.
        alpha: Layer prioritisation in (-1, 1), see
            `multipliers.prioritised`; kernels in the order of the model.
        alpha_skips: Patterns of kernels (shortcuts) that are no depth
            position for `alpha`. None of them is as published.
        project: Whether the part of a step along the kernel is taken out.
            Without, angles are not exact any more.
        restore_norm: Whether the norm of the initial kernel is kept. It is
            taken in the first step; weights put in later get it too.
        angles: Recorded angles in radians within [0, pi], of shape
            `(steps, kernels)`, instead of `learning_rate`: each kernel turns
            by exactly that much in each step, and stays beyond the last.
        name: Name of the optimizer.
        **kwargs: `clipnorm`, `clipvalue`, `global_clipnorm`,
            `loss_scale_factor` and `gradient_accumulation_steps` of any Keras
            optimizer, unless `inner` has them.

    Raises:
        ValueError: If a value is out of bounds, two contradict each other, one
            would be ignored, or the inner optimizer cannot be used. When it is
            built: if a name finds no variable, or a kernel is all zeros.

    Reference: Carbonnelle & De Vleeschouwer, arXiv:1806.01603v2. Unlike the
    published code, the norm is that of the start and not that of the step
    before (where rounding adds up), momentum holds no rates, and a step is
    never too small: only one without any part across its kernel is left out.
    """

    def __init__(
        self,
        inner: keras.optimizers.Optimizer,
        learning_rate: Any = None,
        *,
        controlled: Iterable[Key] | None = None,
        others: str = "frozen",
        granularity: str = "layer",
        unit_axes: Sequence[int] | Mapping[str, Sequence[int]] | None = None,
        exact_angle: bool = False,
        multipliers: Any = None,
        alpha: float = 0.0,
        alpha_skips: Sequence[str] = (),
        project: bool = True,
        restore_norm: bool = True,
        angles: Any = None,
        name: str = "layca",
        **kwargs: Any,
    ) -> None:
        given = dict(
            exact_angle=exact_angle,
            project=project,
            restore_norm=restore_norm,
            granularity=granularity,
            alpha=alpha,
            alpha_skips=alpha_skips,
        )
        given = {k: options.OPTIONS[k].checked(v) for k, v in given.items()}
        layca_rules.check_together(
            learning_rate=learning_rate,
            replays=angles is not None,
            unit_axes=unit_axes,
            multipliers=multipliers,
            **given,
        )
        others = options.OPTIONS["others"].checked(others)
        inner_optimizer.check(inner)
        inner_optimizer.check_decay(inner, others)
        kwargs = inner_optimizer.adopted(inner, kwargs)
        if angles is not None:
            angles = recorded_angles.RecordedAngles(angles)
            batches = kwargs.get("gradient_accumulation_steps")
            learning_rate = _MeanAngle(angles, batches)
        elif not callable(learning_rate):
            learning_rate = options.SETTABLE_RATE.checked(learning_rate)
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        for option, value in given.items():
            setattr(self, option, value)
        self.others = others
        self._angles = angles
        self._kernels = controlled_kernels.ControlledKernels(
            controlled, unit_axes, multipliers
        )
        self.hold(inner)

    def build(self, variables: list[keras.Variable]) -> None:
        """Makes the slots of both optimizers for these variables.

        Args:
            variables: Trainable variables of a model, in its order.
        """
        if self.built:
            return
        inner_optimizer.check(self.inner)
        super().build(variables)
        places = self._kernels.places(variables)
        kernels = [variables[place] for place in places]
        self._controls = [None] * len(variables)
        for column, (place, kernel, axes, factor) in enumerate(
            zip(
                places,
                kernels,
                self._axes(kernels),
                self._factors(kernels),
                strict=True,
            )
        ):
            _check_not_zero(kernel)
            norm = self._norm(kernel, axes) if self.restore_norm else None
            self._controls[place] = _Control(norm, axes, factor, column)
        self.inner.build(
            [
                variable
                for variable, control in zip(
                    variables, self._controls, strict=True
                )
                if control or self.others == "inner"
            ]
        )
        # Not before, or it would keep gradients of its own.
        self.inner.gradient_accumulation_steps = (
            self.gradient_accumulation_steps
        )

    def _factors(self, variables):
        if self._angles is not None and self._angles.kernels != len(variables):
            raise ValueError(
                "`angles` must have a column for each of the "
                f"{len(variables)} controlled kernels. Received: "
                f"{self._angles.kernels} columns. The kernels are: "
                f"{', '.join(v.path for v in variables)}."
            )
        if self._kernels.factors is not None:
            return multipliers_lib.by_key(self._kernels.factors, variables)
        return multipliers_lib.prioritised_by_path(
            variables, self.alpha, self.alpha_skips
        )

    def _axes(self, kernels):
        if self.granularity == "layer":
            return [None] * len(kernels)
        return self._kernels.reduced_axes(kernels)

    def _norm(self, kernel, axes):
        shape = ()
        if axes is not None:
            shape = [1 if i in axes else n for i, n in enumerate(kernel.shape)]
        name = f"{kernel.path.replace('/', '_')}_norm"
        return self.add_variable(shape=shape, dtype="float32", name=name)

    def update_step(
        self, gradient: Any, variable: Any, learning_rate: Any
    ) -> None:
        """Turns one kernel, or steps one of the others."""
        control = self._controls[self._get_variable_index(variable)]
        if control is None:
            if self.others == "inner":
                self.inner.update_step(
                    gradient, variable, self.inner.learning_rate
                )
            return
        step, sign = inner_steps.step_of(self.inner, gradient, variable)
        weight = ops.convert_to_tensor(variable)
        length = rotation.norm(weight, control.axes)
        placed = dict(length=length, axes=control.axes)
        if control.norm is not None:
            stored = ops.convert_to_tensor(control.norm)
            is_first = ops.equal(self.iterations, 0)
            placed["norm"] = ops.where(is_first, length, stored)
            self.assign(control.norm, placed["norm"])
        rate = sign * ops.cast(learning_rate, "float32")
        self.assign(
            variable, self._turned(weight, step, sign, rate, control, placed)
        )

    def _turned(self, weight, step, sign, rate, control, placed):
        if self._angles is not None:
            angle = self._angles.of_kernel(control.column, self.iterations)
            return rotation.turned_by(weight, step, sign * angle, **placed)
        rate = rate * control.multiplier
        if self.exact_angle:
            return rotation.turned_by(weight, step, rate, **placed)
        return rotation.turned(
            weight,
            step,
            rate,
            project=self.project,
            restore_norm=self.restore_norm,
            **placed,
        )

    def _apply_weight_decay(self, variables):
        if self.others == "inner":
            self.inner._apply_weight_decay(
                [
                    variable
                    for variable in variables
                    if not self._controls[self._get_variable_index(variable)]
                ]
            )

    def get_config(self) -> dict[str, Any]:
        """Returns what makes the same optimizer; objects become their paths."""
        config = super().get_config()
        for refused in inner_optimizer.LAYCA.refused_options:
            del config[refused]
        config.update(
            inner=inner_optimizer.to_config(self.inner),
            others=self.others,
            granularity=self.granularity,
            exact_angle=self.exact_angle,
            alpha=self.alpha,
            alpha_skips=list(self.alpha_skips),
            project=self.project,
            restore_norm=self.restore_norm,
            angles=None,
            **self._kernels.to_config(),
        )
        if self._angles is not None:
            config.update(learning_rate=None, angles=self._angles.to_config())
        return config


def _check_not_zero(variable):
    norm = rotation.norm(variable)
    try:
        is_zero = float(norm) == 0
    except TypeError:  # While a graph is traced there is no number yet.
        return
    if is_zero:
        raise ValueError(
            "A controlled kernel must not be all zeros: it has no direction to "
            f"turn. Received: {variable.path}. Initialise it otherwise, or "
            "name those to turn with `controlled`."
        )

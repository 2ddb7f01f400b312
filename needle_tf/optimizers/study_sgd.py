"""The variants of SGD that the study of layer rotation compares with.

With s the step of SGD at the rate 1 (its momentum is free of rates) and w a
weight tensor of the norm |w|:

    normalised      w <- w - lr s / |s|
    effective rate  w <- w - lr |w|^2 s
    Adam momentum   m <- beta_1 m + (1 - beta_1) g,  w <- w - lr m
    LARS            w <- w - lr |w| s / |s|, its norm growing by a little only

Norms are computed in float32 whatever the weights are in.

Reference: Carbonnelle & De Vleeschouwer, arXiv:1806.01603v2; its published
code lets the momentum hold the rates of past steps, so it mixes rates.
"""

from typing import Any

import keras
from keras import ops

from needle_tf.graphs import kernels
from needle_tf.ops import rotation
from needle_tf.optimizers import inner_steps
from needle_tf.optimizers import options


class _RateFreeSGD(keras.optimizers.SGD):
    """SGD whose momentum is free of rates; the variants scale its step."""

    def __init__(
        self,
        learning_rate=0.01,
        momentum=0.0,
        nesterov=False,
        *,
        name=None,
        **kwargs,
    ):
        super().__init__(
            learning_rate=_read_rate(learning_rate),
            momentum=options.OPTIONS["momentum"].checked(momentum),
            nesterov=options.OPTIONS["nesterov"].checked(nesterov),
            name=name,
            **kwargs,
        )

    def _step(self, gradient, variable):
        """Returns the step at the rate 1, and its sign."""
        with inner_steps.caught(self, variable) as steps:
            # Not `super`: the variants have an `update_step` of their own.
            keras.optimizers.SGD.update_step(self, gradient, variable, 1.0)
        return inner_steps.only_step(self, steps)


@keras.saving.register_keras_serializable(package="needle_tf")
class NormalizedSGD(_RateFreeSGD):
    """Moves every variable by `learning_rate`, whatever its gradient's size.

    Args:
        learning_rate: Length of a step, or a schedule.
        momentum: In [0, 1].
        nesterov: Whether momentum looks one step ahead.
        **kwargs: As for any Keras optimizer.

    Raises:
        ValueError: If a value is out of bounds.

    Unlike in the published code no step is too small, only 0 itself.
    """

    def update_step(
        self, gradient: Any, variable: Any, learning_rate: Any
    ) -> None:
        """Moves one variable."""
        step, sign = self._step(gradient, variable)
        rate = sign * ops.cast(learning_rate, "float32")
        self.assign_sub(variable, rate * rotation.direction(step))


@keras.saving.register_keras_serializable(package="needle_tf")
class EffectiveRateSGD(_RateFreeSGD):
    """SGD whose rate grows with the squared norm of each variable.

    It undoes that the effective rate of weights before a normalisation, which
    see only their direction, falls with that square.

    Args:
        learning_rate: Rate at the norm 1, or a schedule.
        momentum: In [0, 1].
        nesterov: Whether momentum looks one step ahead.
        **kwargs: As for any Keras optimizer.

    Raises:
        ValueError: If a value is out of bounds.
    """

    def update_step(
        self, gradient: Any, variable: Any, learning_rate: Any
    ) -> None:
        """Moves one variable."""
        step, sign = self._step(gradient, variable)
        norm = rotation.norm(ops.convert_to_tensor(variable))
        rate = sign * ops.cast(learning_rate, "float32") * ops.square(norm)
        self.assign_sub(variable, rate * ops.cast(step, "float32"))


@keras.saving.register_keras_serializable(package="needle_tf")
class LarsSGD(_RateFreeSGD):
    """Moves every kernel by the share `learning_rate` of its norm.

    The norm may grow by the share `growth` of the initial norm in a step; what
    is longer is made shorter. All other variables stay, as under Layca.

    Args:
        learning_rate: Length of a step as a share of the norm, or a schedule.
        momentum: In [0, 1].
        nesterov: Whether momentum looks one step ahead.
        growth: At least 0.
        **kwargs: As for any Keras optimizer.

    Raises:
        ValueError: If a value is out of bounds.

    Reference: the study's variant of LARS (You, Gitman, Ginsburg,
    arXiv:1708.03888), which has no growth limit and takes weight decay into s.
    """

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        *,
        growth: float = 1e-4,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, momentum, nesterov, name=name, **kwargs)
        self.growth = options.OPTIONS["growth"].checked(growth)

    def build(self, variables: list[keras.Variable]) -> None:
        """Makes the slots for these variables."""
        if self.built:
            return
        super().build(variables)
        self._first_norms = [
            self.add_variable(
                shape=(),
                dtype="float32",
                name=f"{variable.path.replace('/', '_')}_norm",
            )
            if kernels.is_kernel(variable)
            else None
            for variable in variables
        ]

    def update_step(
        self, gradient: Any, variable: Any, learning_rate: Any
    ) -> None:
        """Moves one variable, if it is a kernel."""
        first = self._first_norms[self._get_variable_index(variable)]
        if first is None:
            return
        step, sign = self._step(gradient, variable)
        weight = ops.cast(ops.convert_to_tensor(variable), "float32")
        norm = rotation.norm(weight)
        first_norm = ops.where(
            ops.equal(self.iterations, 0), norm, ops.convert_to_tensor(first)
        )
        self.assign(first, first_norm)
        rate = sign * ops.cast(learning_rate, "float32") * norm
        moved = weight - rate * rotation.direction(step)
        most = norm + self.growth * first_norm
        length = rotation.norm(moved)
        shrink = ops.where(length > most, most / length, 1.0)
        self.assign(variable, shrink * moved)

    def get_config(self) -> dict[str, Any]:
        """Returns what makes the same optimizer."""
        return {**super().get_config(), "growth": self.growth}


@keras.saving.register_keras_serializable(package="needle_tf")
class AdamMomentumSGD(keras.optimizers.Optimizer):
    """SGD with the momentum of Adam: a mean of gradients, without correction.

    Args:
        learning_rate: Rate, or a schedule.
        beta_1: Decay of the mean, in [0, 1).
        **kwargs: As for any Keras optimizer.

    Raises:
        ValueError: If a value is out of bounds.
    """

    def __init__(
        self,
        learning_rate: Any = 0.01,
        beta_1: float = 0.9,
        *,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            learning_rate=_read_rate(learning_rate), name=name, **kwargs
        )
        self.beta_1 = options.OPTIONS["beta_1"].checked(beta_1)

    def build(self, variables: list[keras.Variable]) -> None:
        """Makes the slots for these variables."""
        if self.built:
            return
        super().build(variables)
        self._momentums = self.add_optimizer_variables(variables, "momentum")

    def update_step(
        self, gradient: Any, variable: Any, learning_rate: Any
    ) -> None:
        """Moves one variable."""
        mean = self._momentums[self._get_variable_index(variable)]
        gradient = ops.cast(gradient, variable.dtype)
        self.assign_add(mean, (gradient - mean) * (1 - self.beta_1))
        rate = ops.cast(learning_rate, variable.dtype)
        self.assign_sub(variable, ops.multiply(rate, mean))

    def get_config(self) -> dict[str, Any]:
        """Returns what makes the same optimizer."""
        return {**super().get_config(), "beta_1": self.beta_1}


def _read_rate(learning_rate):
    if callable(learning_rate):
        return learning_rate
    return options.SETTABLE_RATE.checked(learning_rate)

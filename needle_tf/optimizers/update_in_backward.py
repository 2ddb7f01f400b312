"""Updates large kernels while the backward pass still runs.

An optimizer is given all gradients at once, so they all live at once. Here a
kernel is updated as soon as its own gradient is there, before that of the layer
below is computed: of eFCNs, whose kernels are nearly all of their weights, one
layer's gradient lives at a time.
"""

from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from needle_tf.graphs import second_gradients
from needle_tf.ops import adoption
from needle_tf.ops import backward_updates
from needle_tf.optimizers import around_inner
from needle_tf.optimizers import inner_optimizer

_NEEDS_ALL = "it needs all gradients before the first update"
_REFUSED_INNERS = {
    keras.optimizers.LossScaleOptimizer: (
        "looks at all gradients before the first update. Train in float32 or "
        "bfloat16, or set `loss_scale_factor` in the optimizer"
    ),
    keras.optimizers.MultiOptimizer: "takes no steps itself",
    keras.optimizers.Nadam: "does more once a step than update its weights",
}
_DEMANDS = inner_optimizer.Demands(
    "UpdateInBackward",
    _REFUSED_INNERS,
    {
        "global_clipnorm": f"{_NEEDS_ALL}. Take `clipnorm` or `clipvalue`",
        "gradient_accumulation_steps": (
            "gradients would have to live on. Take a smaller batch"
        ),
        "use_ema": "averages are taken once all weights are updated",
    },
)


_ONE_GRADIENT = (
    "UpdateInBackward needs kernels with one gradient each: the first would be "
    "used before the second is there. Received: {}. Leave that out, or take "
    "the inner optimizer itself."
)


@keras.saving.register_keras_serializable(package="needle_tf")
class UpdateInBackward(around_inner.AroundInner):
    """Trains like the inner optimizer, with one large gradient at a time.

    Every number is that of the inner optimizer alone. In a training step, the
    kernels of `MaskedDense` with all weights free are updated within the
    backward pass, all other weights after it. Works in `fit`, compiled or not;
    a loop of one's own calls `scale_loss` before it asks for gradients, as for
    mixed precision:

        loss = optimizer.scale_loss(loss)      # in the tape
        gradients = tape.gradient(loss, variables)    # None for those kernels
        optimizer.apply(gradients, variables)

    Between the two, only the backward pass of the training step may run. On
    other backends than TensorFlow it is the inner optimizer.

    Args:
        inner: A new Keras optimizer that updates each weight by itself:
            SGD, Adam and most others; not Layca or EC-Opt. Its clipping by
            `clipnorm` or `clipvalue`, decay and schedules hold.
        model: The model to be trained. Without it, call
            `build(model.trainable_variables)` before the first step: Keras
            does so after it, when it is too late. A model that is loaded has
            done so.
        name: Name of the optimizer.

    Raises:
        ValueError: If the inner optimizer, or an option of it, needs all
            gradients at once, or a kernel has two gradients: a layer called
            twice, or a penalty on its weights. Of a model that is not given,
            or has no layer graph, that is only seen in training.
    """

    def __init__(
        self,
        inner: keras.optimizers.Optimizer,
        model: keras.Model | None = None,
        *,
        name: str = "update_in_backward",
    ) -> None:
        inner_optimizer.check(inner, _DEMANDS)
        for option, reason in _DEMANDS.refused_options.items():
            if getattr(inner, option, None):
                raise ValueError(
                    f"`{option}` of `inner` is not possible with "
                    f"UpdateInBackward: {reason}. Received: "
                    f"{option}={getattr(inner, option)!r} in "
                    f"{type(inner).__name__}."
                )
        # The rate is that of the inner optimizer, see below.
        super().__init__(learning_rate=0.0, name=name)
        self._taken = set()
        self.hold(inner)
        if model is not None:
            found = second_gradients.find(model)
            if found is not None:
                raise ValueError(_ONE_GRADIENT.format(found))
            self.build(model.trainable_variables)

    @property
    def learning_rate(self) -> Any:
        """The rate of the inner optimizer; may be set."""
        return self.inner.learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        self.inner.learning_rate = learning_rate

    def build(self, variables: list[keras.Variable]) -> None:
        """Makes the slots of the inner optimizer for these variables."""
        if self.built:
            return
        inner_optimizer.check(self.inner, _DEMANDS)
        strategy = getattr(self, "_distribution_strategy", None)
        replicas = getattr(strategy, "num_replicas_in_sync", 1)
        if replicas > 1:
            raise ValueError(
                "UpdateInBackward trains on one replica: gradients would have "
                f"to be summed before an update. Received: {replicas} "
                "replicas. Take the inner optimizer itself."
            )
        super().build(variables)
        self.inner.build(variables)
        for variable in variables:
            adoption.settle(variable)

    def scale_loss(self, loss: Any) -> Any:
        """Returns the loss as the inner optimizer scales it.

        From here on to `apply`, gradients are taken as they appear.
        """
        if not self.built:
            raise ValueError(
                "UpdateInBackward must know the variables before the backward "
                "pass. Make it as UpdateInBackward(inner, model), or call "
                "optimizer.build(model.trainable_variables) before the first "
                "step."
            )
        self._taken = set()
        if keras.backend.backend() == "tensorflow":
            backward_updates.begin(self._take)
        return self.inner.scale_loss(loss)

    def apply(
        self,
        grads: Sequence[Any],
        trainable_variables: Iterable[keras.Variable] | None = None,
    ) -> None:
        """Updates what the backward pass did not, and counts the step."""
        backward_updates.end()
        grads = list(grads)
        if trainable_variables is None:
            trainable_variables = self._trainable_variables
        variables = list(trainable_variables)
        if not self.built:
            self.build(variables)
        taken, self._taken = self._taken, set()
        for gradient, variable in zip(grads, variables, strict=True):
            if gradient is not None and self._key(variable) in taken:
                raise ValueError(_twice(variable))
        rest = [
            (gradient, variable)
            for gradient, variable in zip(grads, variables, strict=True)
            if self._key(variable) not in taken
        ]
        if rest:
            self.inner.apply(*zip(*rest, strict=True))
        elif taken:
            self.iterations.assign_add(1)

    def update_step(
        self, gradient: Any, variable: Any, learning_rate: Any
    ) -> None:
        """Updates one variable as the inner optimizer does."""
        self.inner.update_step(gradient, variable, learning_rate)

    def _take(self, variable, gradient) -> bool:
        """Updates a variable if it is one of ours."""
        if not isinstance(variable, keras.Variable):
            return False
        key = self._key(variable)
        if key not in self._trainable_variables_indices:
            return False
        if key in self._taken or variable.regularizer is not None:
            raise ValueError(_twice(variable))
        self._taken.add(key)
        gradient = ops.cast(gradient, variable.dtype)
        if self.inner.loss_scale_factor is not None:
            gradient = gradient / self.inner.loss_scale_factor
        (gradient,) = self.inner._clip_gradients([gradient])
        self.inner._apply_weight_decay([variable])
        self.inner.update_step(gradient, variable, self.inner.learning_rate)
        if variable.constraint is not None:
            variable.assign(variable.constraint(variable))
        return True

    def _key(self, variable):
        return self._var_key(variable)

    def get_config(self) -> dict[str, Any]:
        """Returns what makes the same optimizer."""
        return {
            "name": self.name,
            "inner": keras.saving.serialize_keras_object(self.inner),
        }


def _twice(variable):
    return _ONE_GRADIENT.format(
        f'"{variable.path}", of a layer that is called twice or has a penalty '
        "on its weights (kernel_regularizer)"
    )

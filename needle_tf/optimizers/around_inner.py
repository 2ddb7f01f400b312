"""An optimizer that changes what another one inside it would do."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


class AroundInner(keras.optimizers.Optimizer):
    """Base of optimizers around an inner one: variables, saving, iterations.

    A subclass calls `hold` at the end of its constructor, builds the inner
    optimizer in its `build`, and takes `inner` first in its constructor.
    """

    def hold(self, inner: keras.optimizers.Optimizer) -> None:
        """Keeps the inner optimizer; both count the same iterations.

        Corrections of bias and schedules of the inner one depend on them.
        """
        self.inner = inner
        # Past Keras's tracking: the variable stays this one's.
        inner._untrack_variable(inner._iterations)
        vars(inner)["_iterations"] = self._iterations

    @property
    def variables(self) -> list[keras.Variable]:
        """All variables: the own ones, then those of the inner optimizer."""
        return self._variables[:] + self.inner.variables

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        # What the inner optimizer does once a step: Nadam's running product.
        self.inner._backend_update_step([], [], learning_rate)
        super()._backend_update_step(grads, trainable_variables, learning_rate)

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Sets all `variables`, the inner optimizer's included."""
        super().set_weights(weights)
        self.inner.set_weights(weights[len(self._variables) :])

    # The inner optimizer is an attribute, and saved by itself.
    def save_own_variables(self, store: Any) -> None:
        """Writes the own variables into a store; none before `build`."""
        if not self.built:
            return
        for place, variable in enumerate(self._variables):
            store[str(place)] = ops.convert_to_numpy(variable)

    def load_own_variables(self, store: Any) -> None:
        """Reads the own variables from a store.

        Raises:
            ValueError: If it holds another number of them.
        """
        if not store.keys():
            return  # Saved before it was built.
        if len(store.keys()) != len(self._variables):
            raise ValueError(
                f"The saved {type(self).__name__} must have "
                f"{len(self._variables)} variables, as this one has. Received: "
                f"{len(store.keys())}. Build this one for the variables that "
                "the saved one was built for."
            )
        for place, variable in enumerate(self._variables):
            variable.assign(store[str(place)])

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Any = None
    ) -> "AroundInner":
        """Returns the optimizer of a configuration."""
        inner = keras.saving.deserialize_keras_object(
            config["inner"], custom_objects=custom_objects
        )
        return super().from_config({**config, "inner": inner}, custom_objects)

"""Random numbers that a resumed run draws again exactly.

Keras' checkpoints do not hold the states of its seed generators, those of
dropout for example. So nothing is carried over: at the start of each epoch all
of them are set anew, as functions of (seed of the stage, epoch). Shuffling and
augmentation are such functions already (`data.batches`).
"""

import random
from typing import Any

import keras
import numpy as np

from needle_tf.protocol import plan as plan_lib


def begin_stage(seed: int, is_deterministic: bool) -> None:
    """Sets all random states, before a stage builds its network.

    Args:
        seed: The stage's own.
        is_deterministic: Whether TensorFlow must choose operations whose
            result does not depend on the order of threads. It stays that way
            for the process.
    """
    if is_deterministic:
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)


class EpochSeeds(keras.callbacks.Callback):
    """Sets random states at the start of each epoch.

    Args:
        seed: The stage's own; all states follow from it and the epoch.
    """

    def __init__(self, seed: int):
        super().__init__()
        self._seed = seed

    def on_epoch_begin(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        del logs
        # Layers and callbacks of users may draw from these.
        seed = plan_lib.seed_of(self._seed, "epoch", epoch)
        random.seed(seed)
        np.random.seed(seed)
        for number, state in enumerate(seed_states(self.model)):
            seed = plan_lib.seed_of(self._seed, "layer", number, epoch)
            state.assign([seed, 0])


def seed_states(model: keras.Model) -> list[keras.Variable]:
    """Returns the states of a model's seed generators, in a fixed order."""
    weights = {id(weight) for weight in model.weights}
    return [v for v in model.variables if id(v) not in weights]

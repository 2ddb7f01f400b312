"""What trains a network: optimizers by name, and the options they read.

The classes are imported when they are asked for: the binaries read the table
of optimizers before Keras is there.
"""

import importlib

_PUBLIC = {
    "AdamMomentumSGD": "study_sgd",
    "ECOpt": "ec_opt",
    "EffectiveRateSGD": "study_sgd",
    "EpochDecay": "schedules",
    "LarsSGD": "study_sgd",
    "Layca": "layca",
    "NormalizedSGD": "study_sgd",
    "StepDrops": "schedules",
    "UpdateInBackward": "update_in_backward",
    "WarmUp": "schedules",
}

__all__ = sorted(_PUBLIC)


def __getattr__(name: str):
    if name not in _PUBLIC:
        raise AttributeError(
            f"module 'needle_tf.optimizers' has no attribute {name!r}. "
            f"Its public names: {', '.join(__all__)}."
        )
    module = importlib.import_module(f"{__name__}.{_PUBLIC[name]}")
    return getattr(module, name)

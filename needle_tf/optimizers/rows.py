"""The table of optimizers: where each class lies and what it reads.

An option that stands in no row is read by nobody. The table is written out,
and a test holds it against the constructors: asking Keras for its signatures
would make `--help` wait for TensorFlow.
"""

import dataclasses

from needle_tf.optimizers import options

_INHERITED = tuple(option.name for option in options.INHERITED)
_ADAM = ("beta_1", "beta_2", "epsilon")
_MOMENTUM = ("momentum", "nesterov")
_NESTEROV_NEEDS = {"nesterov": {"needs": "momentum"}}
CLIPS = ("clipnorm", "clipvalue", "global_clipnorm")


@dataclasses.dataclass(frozen=True)
class Row:
    """One optimizer.

    Attributes:
        path: Its class.
        own: Names of its own options.
        inherited: Names of those that most optimizers have.
        but: Changes of options that hold for it alone, by name.
        keeps_weights: Whether it goes on from the weights that it is given.
        decays: Options that decay weights if they are left away.
        wraps: Whether it reads the options of another optimizer as well.
        inside: Class of the one optimizer that it is put around, if it always
            is the same; it is built for the network that it trains.
    """

    path: str
    own: tuple[str, ...]
    inherited: tuple[str, ...] = _INHERITED
    but: dict[str, dict] = dataclasses.field(default_factory=dict)
    keeps_weights: bool = True
    decays: tuple[str, ...] = ()
    wraps: bool = False
    inside: str | None = None


def _ec_opt(inside: str, own: tuple[str, ...] = (), **changes: dict) -> Row:
    return Row(
        "needle_tf.optimizers.ec_opt.ECOpt",
        (*(option.name for option in options.EC_OPT), *own),
        # Clipping a weight or a variable by itself breaks the law by which
        # gradients of paths are found, and averages of weights have other
        # path values than their mean.
        inherited=(
            "weight_decay",
            "global_clipnorm",
            "gradient_accumulation_steps",
        ),
        but=changes,
        inside=f"keras.optimizers.{inside}",
    )


_STUDY = "needle_tf.optimizers.study_sgd"

ROWS = {
    "adadelta": Row("keras.optimizers.Adadelta", ("rho", "epsilon")),
    "adafactor": Row(
        "keras.optimizers.Adafactor",
        (
            "beta_2_decay",
            "epsilon_1",
            "epsilon_2",
            "clip_threshold",
            "relative_step",
        ),
    ),
    "adagrad": Row(
        "keras.optimizers.Adagrad", ("initial_accumulator_value", "epsilon")
    ),
    "adam_momentum_sgd": Row(f"{_STUDY}.AdamMomentumSGD", ("beta_1",)),
    "adam": Row("keras.optimizers.Adam", (*_ADAM, "amsgrad")),
    "adamax": Row("keras.optimizers.Adamax", _ADAM),
    "adamw": Row(
        "keras.optimizers.AdamW",
        (*_ADAM, "amsgrad"),
        decays=("weight_decay",),
    ),
    "ec_adam": _ec_opt("Adam", (*_ADAM, "amsgrad")),
    "ec_momentum": _ec_opt(
        "SGD",
        _MOMENTUM,
        # Without momentum it is ec_sgd; nesterov finds momentum by default.
        momentum={"is_low_open": True},
    ),
    "ec_sgd": _ec_opt("SGD"),
    "effective_rate_sgd": Row(
        f"{_STUDY}.EffectiveRateSGD", _MOMENTUM, but=_NESTEROV_NEEDS
    ),
    "ftrl": Row(
        "keras.optimizers.Ftrl",
        (
            "learning_rate_power",
            "initial_accumulator_value",
            "l1_regularization_strength",
            "l2_regularization_strength",
            "l2_shrinkage_regularization_strength",
            "beta",
        ),
        # It computes the weights anew from its slots in each step, so decay
        # of the weights themselves would be undone: it has its own penalties.
        inherited=tuple(n for n in _INHERITED if n != "weight_decay"),
        keeps_weights=False,
    ),
    "lamb": Row("keras.optimizers.Lamb", _ADAM),
    "lars_sgd": Row(
        f"{_STUDY}.LarsSGD", (*_MOMENTUM, "growth"), but=_NESTEROV_NEEDS
    ),
    "layca": Row(
        "needle_tf.optimizers.layca.Layca",
        tuple(option.name for option in options.LAYCA),
        # Averages of points on a sphere lie inside it.
        inherited=(*CLIPS, "weight_decay", "gradient_accumulation_steps"),
        wraps=True,
    ),
    "lion": Row(
        "keras.optimizers.Lion",
        ("beta_1", "beta_2"),
        # 0 would be the sign of the gradient alone; Keras refuses it.
        but={"beta_1": {"is_low_open": True, "is_high_open": False}},
    ),
    "muon": Row(
        "keras.optimizers.Muon",
        (
            "momentum",
            "nesterov",
            "ns_steps",
            "muon_a",
            "muon_b",
            "muon_c",
            "rms_rate",
            "exclude_layers",
            "exclude_embeddings",
            "adam_beta_1",
            "adam_beta_2",
            "adam_weight_decay",
            "adam_lr_ratio",
            "epsilon",
        ),
        decays=("weight_decay", "adam_weight_decay"),
    ),
    "nadam": Row("keras.optimizers.Nadam", _ADAM),
    "normalized_sgd": Row(
        f"{_STUDY}.NormalizedSGD", _MOMENTUM, but=_NESTEROV_NEEDS
    ),
    "rmsprop": Row(
        "keras.optimizers.RMSprop", ("rho", "momentum", "epsilon", "centered")
    ),
    "schedule_free_adamw": Row(
        "keras.optimizers.ScheduleFreeAdamW",
        (*_ADAM, "warmup_steps"),
        # Its step divides by beta_1.
        but={"beta_1": {"is_low_open": True}},
    ),
    "sgd": Row("keras.optimizers.SGD", _MOMENTUM, but=_NESTEROV_NEEDS),
}

"""Optimizers by name: which class each is, and which options it reads.

An optimizer joins with one row of `_ROWS`: the path of its class and the names
of its own options (see `options`). An option that the chosen optimizer does
not read is an error, never silently dropped.

The table is written out, and a test holds it against the constructors: asking
Keras for its signatures would make `--help` wait for TensorFlow.
"""

import dataclasses
import difflib
import importlib
from typing import TYPE_CHECKING

from needle_tf.optimizers import options

if TYPE_CHECKING:
    import keras

_INHERITED = tuple(option.name for option in options.INHERITED)
_ADAM = ("beta_1", "beta_2", "epsilon")
_CLIPS = ("clipnorm", "clipvalue", "global_clipnorm")


@dataclasses.dataclass(frozen=True)
class _Row:
    """One optimizer; `but` changes the bounds of an option for it alone."""

    path: str
    own: tuple[str, ...]
    inherited: tuple[str, ...] = _INHERITED
    but: dict[str, dict] = dataclasses.field(default_factory=dict)
    keeps_weights: bool = True


_ROWS = {
    "adadelta": _Row("keras.optimizers.Adadelta", ("rho", "epsilon")),
    "adafactor": _Row(
        "keras.optimizers.Adafactor",
        (
            "beta_2_decay",
            "epsilon_1",
            "epsilon_2",
            "clip_threshold",
            "relative_step",
        ),
    ),
    "adagrad": _Row(
        "keras.optimizers.Adagrad", ("initial_accumulator_value", "epsilon")
    ),
    "adam": _Row("keras.optimizers.Adam", (*_ADAM, "amsgrad")),
    "adamax": _Row("keras.optimizers.Adamax", _ADAM),
    "adamw": _Row("keras.optimizers.AdamW", (*_ADAM, "amsgrad")),
    "ftrl": _Row(
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
    "lamb": _Row("keras.optimizers.Lamb", _ADAM),
    "lion": _Row(
        "keras.optimizers.Lion",
        ("beta_1", "beta_2"),
        # 0 would be the sign of the gradient alone; Keras refuses it.
        but={"beta_1": {"is_low_open": True, "is_high_open": False}},
    ),
    "muon": _Row(
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
    ),
    "nadam": _Row("keras.optimizers.Nadam", _ADAM),
    "rmsprop": _Row(
        "keras.optimizers.RMSprop", ("rho", "momentum", "epsilon", "centered")
    ),
    "schedule_free_adamw": _Row(
        "keras.optimizers.ScheduleFreeAdamW",
        (*_ADAM, "warmup_steps"),
        # Its step divides by beta_1.
        but={"beta_1": {"is_low_open": True}},
    ),
    "sgd": _Row(
        "keras.optimizers.SGD",
        ("momentum", "nesterov"),
        but={"nesterov": {"needs": "momentum"}},
    ),
}


def names() -> list[str]:
    """Returns the names of all optimizers, sorted. Does not import Keras."""
    return sorted(_ROWS)


def options_of(name: str) -> dict[str, options.Option]:
    """Returns what the optimizer `name` reads besides `learning_rate`.

    The keys are the names of the options; each value carries the type and the
    bounds that hold for this optimizer. Raises ValueError if `name` is
    unknown. Does not import Keras.
    """
    row = _row(name)
    return {
        option: dataclasses.replace(
            options.OPTIONS[option], **row.but.get(option, {})
        )
        for option in (*row.own, *row.inherited)
    }


def readers_of(option: str) -> list[str]:
    """Returns the names of the optimizers that read `option`, sorted."""
    return [name for name in names() if option in options_of(name)]


def keeps_weights(name: str) -> bool:
    """Returns whether a fresh optimizer goes on from the weights it is given.

    False for FTRL alone: it computes weights from its slots, so with new slots
    its first step forgets the weights, and an embedded CNN with them. Raises
    ValueError if `name` is unknown.
    """
    return _row(name).keeps_weights


def check(name: str, *, learning_rate: object, **settings: object) -> dict:
    """Returns the constructor's arguments for these settings, all valid.

    Args:
        name: One of `names()`.
        learning_rate: A number above 0, or a Keras schedule or other callable,
            which is passed on as it is.
        **settings: Options by name; None means the optimizer's own default.

    Returns:
        A dict with `learning_rate` and the options that were given, as plain
        Python values. Keras is not imported.

    Raises:
        ValueError: If the name is unknown, an option is not read by this
            optimizer, would be ignored, contradicts another, or is out of
            bounds.
    """
    known = options_of(name)
    given = {k: v for k, v in settings.items() if v is not None}
    for option in given:
        if option not in known:
            raise ValueError(_unread(name, option, given[option]))
    if not callable(learning_rate):
        learning_rate = options.LEARNING_RATE.checked(learning_rate)
    arguments = {k: known[k].checked(v) for k, v in given.items()}
    _check_together(name, known, arguments)
    return {"learning_rate": learning_rate, **arguments}


def build(
    name: str, *, learning_rate: object, **settings: object
) -> "keras.optimizers.Optimizer":
    """Returns a new optimizer `name`; arguments and errors as in `check`."""
    arguments = check(name, learning_rate=learning_rate, **settings)
    return class_of(name)(**arguments)


def class_of(name: str) -> type:
    """Returns the class of the optimizer `name`; imports Keras."""
    module, _, class_name = _row(name).path.rpartition(".")
    return getattr(importlib.import_module(module), class_name)


def _row(name: str) -> _Row:
    if name not in _ROWS:
        raise ValueError(
            f"There is no optimizer called {name!r}."
            f"{_suggestion(str(name).lower(), names())} Known optimizers: "
            f"{', '.join(names())}."
        )
    return _ROWS[name]


def _unread(name: str, option: str, value: object) -> str:
    readers = readers_of(option)
    if readers:
        fix = f"Optimizers that do: {', '.join(readers)}."
    else:
        known = list(options_of(name))
        fix = f"It reads: {', '.join(known)}.{_suggestion(option, known)}"
    return (
        f"The optimizer {name} does not read `{option}`. Received: "
        f"{option}={value!r}. {fix}"
    )


def _suggestion(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


def _check_together(
    name: str, known: dict[str, options.Option], arguments: dict
) -> None:
    for option, value in arguments.items():
        needed = known[option].needs
        if needed and value is not False and not arguments.get(needed):
            raise ValueError(
                f"The optimizer {name} ignores `{option}` without `{needed}`. "
                f"Received: {option}={value!r}, "
                f"{needed}={arguments.get(needed)!r}. Set `{needed}` too, or "
                f"leave `{option}` out."
            )
    clips = {k: arguments[k] for k in _CLIPS if k in arguments}
    if len(clips) > 1:
        raise ValueError(
            f"Only one of {', '.join(_CLIPS)} can be set. Received: {clips}. "
            "Leave all but one out."
        )

"""Optimizers by name: which class each is, and which options it reads.

An optimizer joins with one row of `rows.ROWS`: the path of its class and the
names of its own options (see `options`). An option that the chosen optimizer
does not read is an error, never silently dropped. Layca reads its own options
and those of the optimizer inside it. Those of EC-Opt are built for the network
that they train.
"""

import dataclasses
import difflib
import importlib
from typing import TYPE_CHECKING
from typing import Any

from needle_tf.optimizers import layca_rules
from needle_tf.optimizers import options
from needle_tf.optimizers import rows

if TYPE_CHECKING:
    import keras

_LAYCA = tuple(option.name for option in options.LAYCA)
_DEFAULT_INNER = "sgd"
# Of ec_momentum.
_MOMENTUM = 0.9
# Of EC-Opt.
_RATIO_RANGE = (0.5, 2.0)


def names() -> list[str]:
    """Returns the names of all optimizers, sorted. Does not import Keras."""
    return sorted(rows.ROWS)


def options_of(
    name: str, inner_optimizer: str | None = None
) -> dict[str, options.Option]:
    """Returns what the optimizer `name` reads besides `learning_rate`.

    The keys are the names of the options; each value carries the type and the
    bounds that hold for this optimizer. Does not import Keras.

    Args:
        name: One of `names()`.
        inner_optimizer: For `layca`, the optimizer inside it; None is `sgd`.

    Raises:
        ValueError: If a name is unknown.
    """
    row = _row(name)
    found = _read_by(row, (*row.own, *row.inherited))
    if row.wraps:
        inner = inner_optimizer or _DEFAULT_INNER
        inner_row = _row(found["inner_optimizer"].checked(inner))
        found = _read_by(inner_row, inner_row.own) | found
    return found


def readers_of(option: str) -> list[str]:
    """Returns the names of the optimizers that read `option`, sorted.

    Layca only where it reads it itself, whatever the optimizer inside it.
    """
    return [
        name
        for name in names()
        if option in (*_row(name).own, *_row(name).inherited)
    ]


def keeps_weights(name: str) -> bool:
    """Returns whether a fresh optimizer goes on from the weights it is given.

    False for FTRL alone: it computes weights from its slots, so with new slots
    its first step forgets the weights, and an embedded CNN with them. Raises
    ValueError if `name` is unknown.
    """
    return _row(name).keeps_weights


def needs_model(name: str) -> bool:
    """Returns whether `build` needs the network that is to be trained.

    True for EC-Opt: it steps on path values, which a network's wiring makes.
    Raises ValueError if `name` is unknown.
    """
    return _row(name).inside is not None


def check(
    name: str, *, learning_rate: object, replays: bool = False, **settings: Any
) -> dict:
    """Returns the settings of an optimizer, all valid.

    Args:
        name: One of `names()`.
        learning_rate: A number above 0, or a Keras schedule or other callable,
            which is passed on as it is.
        replays: Whether Layca turns by recorded angles instead;
            `learning_rate` is None then.
        **settings: Options by name; None means the optimizer's own default.

    Returns:
        A dict with `learning_rate` and the options that were given, as plain
        Python values. Keras is not imported.

    Raises:
        ValueError: If the name is unknown, an option is not read by this
            optimizer, would be ignored, contradicts another, or is out of
            bounds.
    """
    known = options_of(name, settings.get("inner_optimizer"))
    given = {k: v for k, v in settings.items() if v is not None}
    for option in given:
        if option not in known:
            raise ValueError(_unread(name, option, given))
    if replays and not _row(name).wraps:
        raise ValueError(
            "Recorded angles are replayed by the optimizer layca. Received: "
            f"{name}."
        )
    if not replays:
        learning_rate = _rate(options.LEARNING_RATE, learning_rate)
    arguments = {k: _rate(known[k], v) for k, v in given.items()}
    _check_together(name, known, arguments)
    if _row(name).wraps:
        _check_layca(learning_rate, replays, arguments)
    return {"learning_rate": learning_rate, **arguments}


def build(
    name: str,
    *,
    learning_rate: object,
    angles: Any = None,
    model: "keras.Model | None" = None,
    **settings: Any,
) -> "keras.optimizers.Optimizer":
    """Returns a new optimizer `name`; arguments and errors as in `check`.

    Args:
        name: One of `names()`.
        learning_rate: As in `check`; None with `angles`.
        angles: For `layca`, angles to replay; see its class.
        model: The network to be trained, for those that `needs_model`; others
            leave it alone. With `skeleton="ones"`, their default, some of its
            weights are changed; see `ec_opt`.
        **settings: As in `check`.

    Raises:
        ValueError: Besides, if `model` is needed and missing.
    """
    arguments = check(
        name,
        learning_rate=learning_rate,
        replays=angles is not None,
        **settings,
    )
    if _row(name).wraps:
        return _build_around(name, arguments, angles)
    if needs_model(name):
        return _build_on_paths(name, arguments, model)
    return class_of(name)(**arguments)


def class_of(name: str) -> type:
    """Returns the class of the optimizer `name`; imports Keras."""
    return _class_at(_row(name).path)


def _class_at(path: str) -> type:
    module, _, class_name = path.rpartition(".")
    return getattr(importlib.import_module(module), class_name)


def _row(name: str) -> rows.Row:
    if name not in rows.ROWS:
        raise ValueError(
            f"There is no optimizer called {name!r}."
            f"{_suggestion(str(name).lower(), names())} Known optimizers: "
            f"{', '.join(names())}."
        )
    return rows.ROWS[name]


def _read_by(row: rows.Row, names_: tuple[str, ...]) -> dict:
    return {
        name: dataclasses.replace(
            options.OPTIONS[name], **row.but.get(name, {})
        )
        for name in names_
    }


def _rate(option: options.Option, value: object) -> object:
    """Returns the value checked; rates may be schedules, passed on as is."""
    if option.name.endswith("learning_rate") and callable(value):
        return value
    return option.checked(value)


def _unread(name: str, option: str, given: dict) -> str:
    said = name
    readers = readers_of(option)
    fix = f"Optimizers that do: {', '.join(readers)}."
    if _row(name).wraps:
        inner = given.get("inner_optimizer", _DEFAULT_INNER)
        said = f"{name} around {inner}"
        readers = [n for n in options.INNER if option in _row(n).own]
        fix = f"Around these it does (inner_optimizer): {', '.join(readers)}."
    if not readers:
        known = list(options_of(name, given.get("inner_optimizer")))
        fix = f"It reads: {', '.join(known)}.{_suggestion(option, known)}"
    return (
        f"The optimizer {said} does not read `{option}`. Received: "
        f"{option}={given[option]!r}. {fix}"
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
    clips = {k: arguments[k] for k in rows.CLIPS if k in arguments}
    if len(clips) > 1:
        raise ValueError(
            f"Only one of {', '.join(rows.CLIPS)} can be set. Received: "
            f"{clips}. Leave all but one out."
        )


def _check_layca(learning_rate: object, replays: bool, given: dict) -> None:
    layca_rules.check_together(
        learning_rate=learning_rate,
        replays=replays,
        **{name: given[name] for name in layca_rules.OFFERED if name in given},
    )
    if given.get("others") == "inner":
        return
    ignored = {
        name: value
        for name, value in given.items()
        if name == "others_learning_rate"
        or (name.endswith("weight_decay") and value)
    }
    if ignored:
        said = ", ".join(f"{k}={v!r}" for k, v in ignored.items())
        raise ValueError(
            "The optimizer layca keeps the norm of the kernels and, with "
            "others=frozen, all other weights: it would ignore "
            f"{' and '.join(f'`{name}`' for name in ignored)}. Received: "
            f"{said}. Set others=inner, or leave it out."
        )
    if given.get("inner_optimizer") == "adamw":
        raise ValueError(
            "The optimizer adamw inside layca is adam, where no weight may "
            "decay. Received: inner_optimizer='adamw', others='frozen'. Set "
            "inner_optimizer=adam, or others=inner."
        )


def _build_around(
    name: str, arguments: dict, angles: Any
) -> "keras.optimizers.Optimizer":
    own = {k: arguments.pop(k) for k in _LAYCA if k in arguments}
    outer = [*rows.CLIPS, "gradient_accumulation_steps", "learning_rate"]
    own |= {k: arguments.pop(k) for k in outer if k in arguments}
    inner = own.pop("inner_optimizer", _DEFAULT_INNER)
    rate = own.pop("others_learning_rate", None)
    if rate is not None:
        arguments["learning_rate"] = rate
    if own.get("others") != "inner":
        # What nobody asked for; what was asked for is refused before.
        arguments |= dict.fromkeys(_row(inner).decays)
    return class_of(name)(class_of(inner)(**arguments), angles=angles, **own)


def _build_on_paths(
    name: str, arguments: dict, model: "keras.Model | None"
) -> "keras.optimizers.Optimizer":
    if model is None:
        raise ValueError(
            f"The optimizer {name} steps on the path values of a network: "
            "give it the one to be trained. Received: model=None."
        )
    own = {
        option: arguments.pop(option)
        for option in (
            "skeleton",
            "comparable_rate",
            "global_clipnorm",
            "gradient_accumulation_steps",
        )
        if option in arguments
    }
    own["ratio_range"] = (
        arguments.pop("ratio_low", _RATIO_RANGE[0]),
        arguments.pop("ratio_high", _RATIO_RANGE[1]),
    )
    path = _row(name).inside
    if name == "ec_momentum":
        arguments.setdefault("momentum", _MOMENTUM)
    # AdamW decays weights unless it is told not to.
    if name == "ec_adam" and arguments.get("weight_decay"):
        path = "keras.optimizers.AdamW"
    inner = _class_at(path)(**arguments)
    return class_of(name)(inner, model, name=name, **own)

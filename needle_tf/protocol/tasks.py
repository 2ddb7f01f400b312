"""The tasks of the layer rotation study by name, with their tuned settings.

A task says what is trained on which data for how long; its recipes say by
which optimizer, at the rate that was best for it. Both are settings of
`TrainingConfig` by name. Factors of L2 are Keras' (twice of it is PyTorch's
`weight_decay`), epochs count from 0.

Reference: Carbonnelle & De Vleeschouwer, arXiv:1806.01603, and the authors'
published settings. Differs: random shifts are of whole pixels, and the last
batch of an epoch is trained on even where images are augmented.
"""

import dataclasses
import difflib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

Settings = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Task:
    """One task of the study.

    Attributes:
        settings: What holds for every recipe.
        recipes: Per name what the recipe sets besides; the first one is taken
            where none is named.
    """

    settings: Settings
    recipes: Mapping[str, Settings]


def names() -> list[str]:
    """Returns the names of all tasks, sorted."""
    return sorted(_TASKS)


def recipe_names() -> list[str]:
    """Returns the names of the recipes of any task, sorted."""
    return sorted({name for task in _TASKS.values() for name in task.recipes})


def get(name: str) -> Task:
    """Returns a task; raises ValueError for a name that is none."""
    if name not in _TASKS:
        close = difflib.get_close_matches(str(name), _TASKS, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(
            f"`task` must be one of {', '.join(names())}. Received: "
            f"--task={name}.{hint}"
        )
    return _TASKS[name]


def recipe(task: str, name: str) -> Settings:
    """Returns the settings of a recipe; ValueError if the task has it not."""
    known = get(task).recipes
    if name not in known:
        raise ValueError(
            f"--task={task} has no recipe {name}. Received: --recipe={name}. "
            f"Its recipes: {', '.join(known)}."
        )
    return known[name]


def matching_recipe(
    task: str, optimizer: str | None, inner: str | None
) -> str | None:
    """Returns the recipe that fits an optimizer; None if none does.

    Args:
        task: Name of a task.
        optimizer: Name of the optimizer asked for; None takes the first.
        inner: What steps inside Layca, if that is said.
    """
    for name, settings in get(task).recipes.items():
        options = settings.get("optimizer_options", {})
        if optimizer is None or (
            settings["optimizer"] == optimizer
            and options.get("inner_optimizer", "sgd") == (inner or "sgd")
        ):
            return name
    return None


def _recipe(optimizer: str, rate: float, **settings: Any) -> Settings:
    return MappingProxyType(
        {"optimizer": optimizer, "learning_rate": rate, **settings}
    )


def _layca(rate: float, inner: str | None = None) -> Settings:
    options = {"inner_optimizer": inner} if inner else {}
    return _recipe("layca", rate, optimizer_options=options)


def _recipes(
    *,
    sgd: Settings,
    sgd_l2: Settings,
    adaptive: Settings,
    normalized: float,
) -> Mapping[str, Settings]:
    """Returns the recipes of a task; those under Layca are alike in all."""
    momentum = _layca(3.0**-5, "adam_momentum_sgd")
    layca = {
        name: _layca(3.0**-5 if name == "adam" else 3.0**-3, name)
        for name in ("rmsprop", "adagrad", "adam")
    }
    return MappingProxyType(
        {
            "sgd": sgd,
            "sgd_l2": sgd_l2,
            "adaptive": adaptive,
            "layca": _layca(3.0**-3),
            "adaptive_layca": layca[adaptive["optimizer"]],
            **{f"{name}_layca": one for name, one in layca.items()},
            "sgd_amom_layca": momentum,
            "normalized": _recipe("normalized_sgd", normalized),
        }
    )


_NESTEROV = {"optimizer_options": {"momentum": 0.9, "nesterov": True}}
_WRN_L2 = {
    "l2": 5e-4,
    "epochs": 200,
    "drop_epochs": (60, 120, 160),
    "drop_factor": 0.2,
}
_CNN2_L2 = {
    "l2": 5e-4,
    "epochs": 250,
    "drop_epochs": tuple(range(25, 250, 25)),
    "drop_factor": 0.5,
}
# The last layer of the residual networks is not regularised.
_RESNET_L2 = {"l2": 1e-3, "l2_skips": ("logits",)}
_SHARED = {
    "batch_size": 128,
    "statistics": "scalar",
    "validation_fraction": 0.1,
}
_AUGMENTED = {"flip": True, "crop_padding": 4, "crop_fill": "reflect"}

_TASKS = {
    "mnist_mlp": Task(
        {
            "dataset": "mnist",
            "train_size": 10_000,
            "model": "mnist_mlp",
            "epochs": 100,
            "batch_size": 2048,
            "statistics": "scalar",
            "drop_epochs": (90,),
            "drop_factor": 0.2,
        },
        {"layca": _layca(3.0**-2)},
    ),
    "c10_cnn1": Task(
        _SHARED
        | {
            "dataset": "cifar10",
            "model": "c10_cnn1",
            "epochs": 100,
            "drop_epochs": (80, 90, 97),
            "drop_factor": 0.2,
            "stop_accuracy": 0.2,
            "stop_accuracy_epoch": 7,
            "stop_loss": 1e-4,
            "stop_unchanged_epochs": 3,
        },
        _recipes(
            sgd=_recipe("sgd", 3.0**-1),
            sgd_l2=_recipe("sgd", 3.0**-1, l2=1e-3),
            adaptive=_recipe("rmsprop", 3.0**-6),
            normalized=3.0**-2,
        ),
    ),
    "c100_resnet": Task(
        _SHARED
        | {
            "dataset": "cifar100",
            "model": "resnet32",
            "epochs": 100,
            "drop_epochs": (70, 90, 97),
            "drop_factor": 0.1,
            "stop_accuracy": 0.1,
            "stop_accuracy_epoch": 7,
            "stop_loss": 1e-3,
            "stop_unchanged_epochs": 3,
            "test_at_best": True,
        },
        _recipes(
            sgd=_recipe("sgd", 3.0**-1),
            sgd_l2=_recipe("sgd", 3.0**-1, **_RESNET_L2),
            adaptive=_recipe("adam", 3.0**-5),
            normalized=3.0**-2,
        ),
    ),
    "tiny_cnn": Task(
        _SHARED
        | {
            "dataset": "tiny_imagenet",
            "model": "tiny_cnn",
            "epochs": 80,
            "drop_epochs": (70,),
            "drop_factor": 0.2,
            "stop_accuracy": 0.2,
            "stop_accuracy_epoch": 10,
            "stop_loss": 1e-3,
            "stop_unchanged_epochs": 3,
            "test_at_best": True,
        },
        _recipes(
            sgd=_recipe("sgd", 3.0**-1),
            # 80 epochs were not enough for it.
            sgd_l2=_recipe(
                "sgd", 3.0**-1, l2=1e-3, epochs=100, drop_epochs=(70, 90, 97)
            ),
            adaptive=_recipe("adagrad", 3.0**-4),
            normalized=3.0**-1,
        ),
    ),
    "c10_cnn2": Task(
        _SHARED
        | _AUGMENTED
        | {
            "dataset": "cifar10",
            "model": "c10_cnn2",
            "epochs": 250,
            "drop_epochs": (100, 170, 220),
            "drop_factor": 0.2,
        },
        _recipes(
            sgd=_recipe("sgd", 3.0**-1),
            sgd_l2=_recipe("sgd", 0.5, **_CNN2_L2),
            adaptive=_recipe("rmsprop", 3e-4, **_CNN2_L2),
            normalized=3.0**-1,
        ),
    ),
    "c100_wrn": Task(
        _SHARED
        | _AUGMENTED
        | {
            "dataset": "cifar100",
            "model": "wrn_28_10",
            "epochs": 250,
            "drop_epochs": (100, 170, 220),
            "drop_factor": 0.2,
        },
        _recipes(
            sgd=_recipe("sgd", 3.0**-2, **_NESTEROV),
            sgd_l2=_recipe("sgd", 0.1, **_NESTEROV, **_WRN_L2),
            adaptive=_recipe("adam", 3e-4, **_WRN_L2),
            normalized=3.0**-2,
        ),
    ),
    "c10_resnet": Task(
        _SHARED
        | _AUGMENTED
        | {
            "dataset": "cifar10",
            "model": "resnet110",
            "epochs": 200,
            "drop_epochs": (60, 120, 160),
            "drop_factor": 0.2,
            "stop_accuracy": 0.2,
            "stop_accuracy_epoch": 60,
        },
        {
            "sgd": _recipe("sgd", 3.0**-1),
            "sgd_l2": _recipe("sgd", 3.0**-1, **_RESNET_L2),
            "layca": _layca(3.0**-3),
        },
    ),
}

"""What the analyses of `needle_tf.compare` read: types, bounds, help.

Names are those of the arguments of the functions of the room `analysis`, and of
the flags. Their choices are written here once more, because `--help` is made
from them before Keras is imported; a test compares.
"""

import dataclasses
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

from needle_tf.protocol import settings as settings_lib

Setting = settings_lib.Setting

PATHS = ("linear", "curvilinear", "outputs")
VARIANTS = ("local_only", "off_local_only", "sharing_restored", "noise")
SPACES = ("all", "lcn", "cnn", "not_cnn", "off_local")
ORDERS = ("largest", "smallest", "magnitude")
PARTS = ("off_local", "not_cnn")
DIRECTIONS = ("noise", "learned")
DATA_PARTS = ("train", "test")
DISTANCES = tuple(number / 10 for number in range(10))


@dataclasses.dataclass(frozen=True)
class Listed:
    """A setting of several values.

    Attributes:
        name: Its name as a flag.
        item: Makes one value of a text, or raises ValueError.
        expected: What values are, in words.
        help: What it does, in one sentence, for `--help`.
    """

    name: str
    item: Callable[[str], Any]
    expected: str
    help: str

    def checked(self, parts: Sequence[str]) -> list[Any]:
        """Returns the values of a list of texts.

        Raises:
            ValueError: If there is none, or one is not as expected.
        """
        try:
            found = [self.item(part.strip()) for part in parts]
        except ValueError:
            found = []
        if not found:
            raise ValueError(
                f"`{self.name}` must be {self.expected}, separated by commas. "
                f"Received: --{self.name}={','.join(parts)}."
            )
        return list(dict.fromkeys(found))


def _word(choices: Sequence[str]) -> Callable[[str], str]:
    def item(text):
        if text not in choices:
            raise ValueError(text)
        return text

    return item


def _name(text):
    if not text:
        raise ValueError(text)
    return text


def _seed(text):
    return settings_lib.SETTINGS["seed"].checked(int(text))


def _share(text):
    value = settings_lib.number(text)
    if not 0 <= value < 1:
        raise ValueError(text)
    return value


def _place(count: int) -> Callable[[str], tuple[int, ...]]:
    def item(text):
        found = tuple(map(int, text.split(":")))
        if len(found) != count or min(found) < 0:
            raise ValueError(text)
        return found

    return item


def count(name: str, help: str, low: int = 1, **more: Any) -> Setting:
    """Returns a setting that is an integer of at least `low`."""
    return Setting(name, int, help, low=low, **more)


def _choice(name: str, choices: tuple[str, ...], help: str) -> Setting:
    return Setting(name, str, help, choices=choices)


def _one_of(choices: Sequence[str]) -> str:
    return f"some of {', '.join(choices)}"


# All that modes read, by the name of the flag.
SETTINGS: dict[str, Setting | Listed] = {
    each.name: each
    for each in (
        Listed(
            "path",
            _word(PATHS),
            _one_of(PATHS),
            "Kinds of path between the networks, one analysis for each.",
        ),
        count("points", "Points of the path, its two ends included.", 2),
        count("between", "More points measured between two of them.", 0),
        Setting("stiffness", float, "Of the springs between points.", low=0),
        settings_lib.SETTINGS["learning_rate"],
        count("epochs", "Epochs in which the points are trained.", 0),
        Listed(
            "variants",
            _word(VARIANTS),
            _one_of(VARIANTS),
            "What is taken out of the network.",
        ),
        Setting(
            "per_layer", bool, "Whether layers are ablated one by one, too."
        ),
        Listed("seeds", _seed, "integers >= 0", "Seeds of the noise."),
        Listed(
            "units",
            _place(3),
            "row:column:channel of output units, as 3:4:0",
            "Output units to be shown.",
        ),
        Listed(
            "positions",
            _place(2),
            "row:column of the output, as 3:4",
            "Positions of which the unit of the largest norm is shown.",
        ),
        count("count", "How many units are shown, or eigenvalues found."),
        Setting("layer", str, "Layer to be shown; the first relaxed one."),
        Listed(
            "spaces",
            _word(SPACES),
            _one_of(SPACES),
            "Spaces in which eigenvalues are looked for.",
        ),
        Listed(
            "layers",
            _name,
            "names of layers",
            "Layers by themselves: blocks of the Hessian, or what is pushed.",
        ),
        _choice("order", ORDERS, "Which eigenvalues come first."),
        Setting(
            "tolerance",
            float,
            "Largest residual, as a share of the largest eigenvalue.",
            low=0,
            is_low_open=True,
        ),
        count("max_products", "Hessian-vector products at most, per space."),
        count("basis_size", "Vectors held in the search.", 2, high=100),
        Listed(
            "distances",
            _share,
            "numbers in [0, 1)",
            "Distances to which the network is pushed.",
        ),
        _choice("part", PARTS, "Where the weights are pushed."),
        _choice("direction", DIRECTIONS, "Along what they are pushed."),
        _choice("measured_on", DATA_PARTS, "Images that are measured on."),
        count("images", "Only the first so many images of each part."),
        settings_lib.SETTINGS["batch_size"],
        Setting(
            "recompute_batch_statistics",
            bool,
            "Whether batch statistics are measured anew at every point.",
        ),
        settings_lib.SETTINGS["seed"],
    )
}

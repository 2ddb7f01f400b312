"""The networks by name: one module each, imported only when it is built.

The table is written out rather than collected by decorators: `--help` lists
the names, and must not wait for Keras to be imported.
"""

import difflib
import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

# Name of a network = name of its module in this room, which has a `build`.
_MODELS = (
    "alexnet",
    "c10_cnn1",
    "c10_cnn1_fast",
    "c10_cnn2",
    "ec_cnn",
    "ec_digits_mlp",
    "ec_mlp",
    "ec_resnet8",
    "mnist_mlp",
    "plainnet34",
    "plainnet34_no_bn",
    "resnet110",
    "resnet32",
    "resnet34",
    "resnet34_no_bn",
    "skinny_cnn",
    "small_cnn",
    "tiny_cnn",
    "tools_cnn",
    "wrn_28_10",
)


def names() -> list[str]:
    """Returns the names that `build` knows, sorted. Does not import Keras."""
    return sorted(_MODELS)


def build(
    name: str,
    input_shape: Sequence[int],
    num_classes: int,
    width: float = 1.0,
) -> "keras.Model":
    """Returns a fresh, uncompiled network called `name`, logits out.

    Args:
        name: One of `names()`.
        input_shape: (height, width, channels), without the batch.
        num_classes: Number of logits, at least 2.
        width: Multiplies the channels of every convolution (rounded, at least
            1), of an MLP the hidden units; 1.0 is the published network.

    Returns:
        A model from `(batch, height, width, channels)` to
        `(batch, num_classes)`, initialised from Keras' global random seed.

    Raises:
        ValueError: If the name is unknown, the images are too small for the
            network, or an argument is out of range.
    """
    if name not in _MODELS:
        raise ValueError(
            f"There is no network called {name!r}.{_suggestion(name)} Known "
            f"networks: {', '.join(names())}. For a network of your own, save "
            "it as a .keras file and pass the file instead of a name."
        )
    module = importlib.import_module(f"needle_tf.models.{name}")
    return module.build(input_shape, num_classes, width=width)


def _suggestion(name: str) -> str:
    close = difflib.get_close_matches(str(name), _MODELS, n=1, cutoff=0.7)
    return f" Did you mean {close[0]!r}?" if close else ""

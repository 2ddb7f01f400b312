"""A string of networks between two, drawn down into the valley of the loss.

    F_i = -grad L(w_i) + stiffness * (w_{i-1} + w_{i+1} - 2 w_i)

Reference: d'Ascoli et al., arXiv:1906.06766, and their published code.
"""

from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

from needle_tf.analysis import chain
from needle_tf.analysis import path_meter
from needle_tf.analysis import trained_path

Tensor = Any
ChainSettings = trained_path.ChainSettings
TrainedPath = trained_path.TrainedPath


def train_string(
    first: keras.Model,
    second: keras.Model,
    settings: ChainSettings | None = None,
    *,
    train: Any,
    test: Any = None,
    loss: Any = None,
    between: int = 0,
    recompute_batch_statistics: bool = True,
    progress: path_meter.Progress | None = None,
) -> TrainedPath:
    """Returns loss and accuracy along a trained string between two networks.

    The string starts as the line between them. In each step every inner point
    goes down the gradient of the loss on one batch, the same for all, penalties
    included, and is pulled towards its neighbours. Points are moved at the same
    time, where the authors' code moves one after the other.

    Springs pull down the slope as well as along the string: a stiff string cuts
    corners, a slack one slides off a ridge and leaves a gap (`elastic_band`
    does neither). Points are far apart in a large space, and the loss may rise
    between them: look there with `between`.

    The models are brought into one space first and are left as they are. A
    string of N points holds N - 2 copies of the trainable weights on the host
    and, besides the models, about eight on the device, however long it is: see
    `Chain`. A step costs N - 2 gradients.

    Args:
        first: At position 0: any built model, compiled or not.
        second: At position 1: a model of the same network, CNN or eFCN.
        settings: How the string is trained; `ChainSettings()` by default.
        train: Arrays `(x, y)` or a `tf.data.Dataset` of such batches, of the
            batch size to train with.
        test: Likewise, or None.
        loss: As of `Evaluator`; that of the first model by default.
        between: Extra points measured on the line between two neighbours.
        recompute_batch_statistics: As of `PathMeter`.
        progress: Called as `progress(epochs done, epochs)`.

    Raises:
        ValueError: If the models differ in structure, an argument is out of
            range, or the loss is no longer finite.
    """
    return chain.train_path(
        "string",
        string_forces,
        first,
        second,
        settings or ChainSettings(),
        train=train,
        test=test,
        loss=loss,
        between=between,
        recompute_batch_statistics=recompute_batch_statistics,
        progress=progress,
    )


def string_forces(
    before: chain.Weights,
    here: chain.Weights,
    after: chain.Weights,
    gradients: chain.Weights,
    stiffness: float,
) -> Iterator[Tensor]:
    """Yields the force on each weight of a point; fit to be traced.

    Args:
        before: Weights of the point before it.
        here: Its own weights.
        after: Weights of the point behind it.
        gradients: Of the loss, at `here`.
        stiffness: Of the springs.
    """
    for a, w, b, gradient in zip(before, here, after, gradients, strict=True):
        springs = ops.subtract(a, w) + ops.subtract(b, w)
        yield stiffness * springs - gradient

"""A nudged elastic band: springs act along it, the loss across it.

    t_i = (w_{i+1} - w_{i-1}) / |w_{i+1} - w_{i-1}|
    F_i = -(grad L(w_i) - <grad L(w_i), t_i> t_i)
          + stiffness * (|w_{i+1} - w_i| - |w_i - w_{i-1}|) t_i

So springs keep the points evenly spaced without cutting corners, and the loss
does not make them slide down into its valleys.

Reference: Jonsson, Mills & Jacobsen, "Nudged elastic band method for finding
minimum energy paths of transitions" (1998); for networks Draxler et al.,
arXiv:1803.00885, who take the tangent towards the higher neighbour instead.
"""

from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

from needle_tf.analysis import chain
from needle_tf.analysis import path_meter
from needle_tf.analysis import trained_path
from needle_tf.analysis import weight_state

Tensor = Any
ChainSettings = trained_path.ChainSettings
TrainedPath = trained_path.TrainedPath


def train_band(
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
    """Returns loss and accuracy along a nudged elastic band.

    All is as in `elastic_string.train_string` but for the forces, whose
    projections take about three copies of the weights more on the device.

    Args:
        first: At position 0: any built model, compiled or not.
        second: At position 1: a model of the same network, CNN or eFCN.
        settings: How the band is trained; `ChainSettings()` by default.
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
        "band",
        band_forces,
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


def band_forces(
    before: chain.Weights,
    here: chain.Weights,
    after: chain.Weights,
    gradients: chain.Weights,
    stiffness: float,
) -> Iterator[Tensor]:
    """Yields the force on each weight of a point.

    Where both neighbours lie at one place there is no tangent: the point then
    feels the loss alone. Fit to be traced.

    Args:
        before: Weights of the point before it.
        here: Its own weights.
        after: Weights of the point behind it.
        gradients: Of the loss, at `here`.
        stiffness: Of the springs.
    """
    chord = _differences(after, before)
    ahead = _differences(after, here)
    behind = _differences(here, before)
    length = _norm(chord)
    slope = weight_state.inner(gradients, chord)
    pull = stiffness * (_norm(ahead) - _norm(behind))
    is_tangent = length > 0
    length = ops.where(is_tangent, length, 1.0)
    shift = ops.where(is_tangent, (slope / length + pull) / length, 0.0)
    for along, gradient in zip(chord, gradients, strict=True):
        yield ops.cast(shift, along.dtype) * along - gradient


def _differences(weights, others):
    return [ops.subtract(a, b) for a, b in zip(weights, others, strict=True)]


def _norm(differences):
    return ops.sqrt(weight_state.inner(differences, differences))

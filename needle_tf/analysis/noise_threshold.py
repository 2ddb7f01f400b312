"""How far from the CNN a network may go before it fails: finding 5.

The kernel of each untied layer is cut to its projection P(D), and a part B
outside is added, as long as the distance delta asks for:

    D(delta) = P(D) + B,    |B| = |P(D)| delta / sqrt(1 - delta^2)

so that |D - P(D)| / |D| is delta in each layer and in all of them together (a
kernel of zeros stays one). B is noise, or what the network has itself learnt
there, scaled.
"""

import dataclasses
import math
import statistics
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from needle_tf.analysis import evaluation
from needle_tf.analysis import labelled_data
from needle_tf.analysis import plain_json
from needle_tf.analysis import weight_parts
from needle_tf.analysis import weight_state
from needle_tf.data import arguments

# Where B lies, and onto what the kernels are cut.
_CUT_TO = {"off_local": "lcn", "not_cnn": "cnn"}
PARTS = tuple(_CUT_TO)
DIRECTIONS = ("noise", "learned")


@dataclasses.dataclass(frozen=True)
class Row:
    """The network at one distance.

    Attributes:
        distance: As asked for, in [0, 1).
        seed: Of the noise; None at distance 0 and for the learned direction.
        figures: Loss and accuracy.
    """

    distance: float
    seed: int | None
    figures: evaluation.Figures


@dataclasses.dataclass(frozen=True)
class NoiseThreshold:
    """What `noise_threshold` found.

    Attributes:
        part: Where the weights were pushed: one of `PARTS`.
        direction: One of `DIRECTIONS`.
        layers: The layers that were pushed.
        own_distance: That of the network itself, over these layers together.
        intact: Of the network itself.
        rows: By ascending distance, then seed.
    """

    part: str
    direction: str
    layers: tuple[str, ...]
    own_distance: float
    intact: evaluation.Figures
    rows: tuple[Row, ...]

    def mean_accuracies(self) -> dict[float, float]:
        """Returns the accuracy by distance, the mean over seeds."""
        found: dict[float, list[float]] = {}
        for row in self.rows:
            found.setdefault(row.distance, []).append(row.figures.accuracy)
        return {key: statistics.fmean(each) for key, each in found.items()}

    def threshold(self, accuracy: float) -> float | None:
        """Returns the distance from which accuracy stays below a level.

        Between the last distance measured at the level or above it and the
        next one, on a straight line.

        Args:
            accuracy: The level, in [0, 1]: for finding 5, the accuracy of an
                FCN of the same architecture.

        Returns:
            None if the accuracy never falls, or lies below it from the start.
        """
        means = list(self.mean_accuracies().items())
        above = [k for k, (_, mean) in enumerate(means) if mean >= accuracy]
        if not above or above[-1] == len(means) - 1:
            return None
        (near, high), (far, low) = means[above[-1] : above[-1] + 2]
        return near + (far - near) * (high - accuracy) / (high - low)

    def to_json(self) -> str:
        """Returns the result as JSON."""
        return plain_json.dumps(self)


def noise_threshold(
    model: keras.Model,
    data: Any,
    distances: Sequence[float],
    *,
    part: str = "off_local",
    direction: str = "noise",
    seeds: Sequence[int] = (0, 1, 2),
    layers: Sequence[str] | None = None,
    loss: Any = None,
    batch_size: int = 500,
    progress: Callable[[int, int], None] | None = None,
) -> NoiseThreshold:
    """Measures a network at set distances from the CNN or LCN subspace.

    All else stays as it is, also biases and statistics of normalisation. The
    model is not touched: it is called with other weights. Memory: the model,
    one copy of the kernels that are pushed, and two of the largest. One trace,
    and one pass over the data per row.

    Args:
        model: A network with MaskedDense or LocallyConnected2D layers.
        data: Arrays `(x, y)` or a `tf.data.Dataset` of batches.
        distances: In [0, 1): delta for the part `"off_local"`, delta_cnn for
            `"not_cnn"`.
        part: `"off_local"`: what lies outside the receptive fields.
            `"not_cnn"`: that and broken weight sharing.
        direction: `"noise"`: Gaussian. `"learned"`: the network's own part,
            scaled; one row per distance.
        seeds: One row of noise for each, at each distance above 0.
        layers: Names of the layers to push; by default all that can be.
        loss: By default the loss that the model was compiled with.
        batch_size: For arrays.
        progress: Called as `progress(rows done, rows)`.

    Raises:
        ValueError: If an argument is out of its range, or a layer has no such
            part, or has learnt nothing there that could be scaled.

    Reference: finding 5 of the spec after arXiv:1906.06766. Differs: the paper
    trains to different distances; here nothing is trained.
    """
    plan = _plan(distances, seeds, direction)
    pushed = _layers(model, layers, part)
    cuts = {name: _cut(layer, part) for name, layer in pushed.items()}
    if direction == "learned":
        _refuse_unlearned(cuts, part)
    evaluator = evaluation.Evaluator(model, loss)
    data = labelled_data.LabelledData.of(data, batch_size)
    intact = evaluator.evaluate(data)
    rows = []
    for distance, seed in plan:
        values = _values(pushed, cuts, part, distance, seed)
        figures = evaluator.evaluate(data, weight_parts.replaced(model, values))
        rows.append(Row(distance, seed, figures))
        if progress is not None:
            progress(len(rows), len(plan))
    own, names = _own_distance(cuts), tuple(pushed)
    return NoiseThreshold(part, direction, names, own, intact, tuple(rows))


def _plan(distances, seeds, direction):
    """Distance and seed of each row."""
    _check_choice("direction", direction, DIRECTIONS)
    seeds = [arguments.require_seed(seed) for seed in seeds]
    if direction == "learned":
        seeds = [None]
    return [
        (distance, seed)
        for distance in _checked_distances(distances)
        for seed in (seeds if distance else [None])
    ]


def _own_distance(cuts):
    """That of all layers together, of the norms of their two parts."""
    apart = math.hypot(*(apart for _, apart in cuts.values()))
    whole = math.hypot(apart, *(kept for kept, _ in cuts.values()))
    return apart / whole if whole else 0.0


def _values(layers, cuts, part, distance, seed):
    """New kernels at a distance, as pairs of variable and value."""
    for place, (name, layer) in enumerate(layers.items()):
        numbers = None if seed is None else (seed, place)
        kernel = _pushed(layer, cuts[name], part, distance, numbers)
        yield layer.kernel, kernel


def _cut(layer, part):
    """Norms of what is kept of a kernel and of what lies in the part."""
    kernel = ops.convert_to_tensor(layer.kernel)
    return tuple(
        _norm(weight_parts.kernel_part(layer, kernel, space))
        for space in (_CUT_TO[part], part)
    )


def _pushed(layer, norms, part, distance, numbers):
    kernel = ops.convert_to_tensor(layer.kernel)
    kept, apart = norms
    start = weight_parts.kernel_part(layer, kernel, _CUT_TO[part])
    length = kept * distance / math.sqrt(1 - distance**2)
    if not length:
        return start
    if numbers is None:
        added = weight_parts.kernel_part(layer, kernel, part)
        factor = ops.convert_to_tensor(length / apart, kernel.dtype)
        return start + factor * added
    seed = weight_parts.seed_of(*numbers)
    return start + weight_parts.noise(layer, part, length, seed)


def _norm(tensor):
    return weight_state.dot([tensor], [tensor]) ** 0.5


def _layers(model, names, part):
    """The layers to push, by name."""
    _check_choice("part", part, PARTS)
    known = weight_parts.untied_layers(model)
    has_part = {
        "off_local": weight_parts.has_off_local,
        "not_cnn": weight_parts.has_not_cnn,
    }[part]
    able = {name: layer for name, layer in known.items() if has_part(layer)}
    chosen = list(able) if names is None else list(names)
    odd = [name for name in chosen if name not in able]
    if odd or not chosen:
        raise ValueError(
            f'`layers` must name untied layers with a part "{part}". Received: '
            f"layers={names!r}. Those of the model: {list(able)}."
        )
    return {name: able[name] for name in able if name in chosen}


def _check_choice(name, value, known):
    if value not in known:
        raise ValueError(
            f"`{name}` must be one of {known}. Received: {name}={value!r}."
        )


def _checked_distances(distances):
    try:
        found = sorted({float(each) for each in distances})
    except (TypeError, ValueError):
        found = []
    if not found or not all(0 <= each < 1 for each in found):
        raise ValueError(
            "`distances` must be numbers in [0, 1): shares of the norm. "
            f"Received: distances={distances!r}."
        )
    return found


def _refuse_unlearned(cuts, part):
    for name, (_, apart) in cuts.items():
        if not apart:
            raise ValueError(
                f'Layer "{name}" has learnt nothing in its part "{part}" that '
                "could be scaled. Expected a trained relaxed network for "
                'direction="learned". Use direction="noise".'
            )

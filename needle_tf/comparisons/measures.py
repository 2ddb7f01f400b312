"""Makes the analyses of `needle_tf.compare`, each by its library function.

Keras and TensorFlow are imported when the first one is made.
"""

import dataclasses
import json
from collections.abc import Callable
from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import Any

import numpy as np

from needle_tf.comparisons import modes as modes_lib
from needle_tf.data import images

if TYPE_CHECKING:
    import keras

    from needle_tf.analysis import off_local as off_local_lib

Progress = Callable[[int, int], None]
Arrays = tuple[np.ndarray, np.ndarray]


@dataclasses.dataclass(frozen=True, eq=False)
class Networks:
    """The networks of an analysis, with their names.

    Attributes:
        first: The first one.
        second: The second one, or None.
        names: What they are called; as many as there are.
    """

    first: "keras.Model"
    second: "keras.Model | None"
    names: tuple[str, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class Finding:
    """What an analysis has found.

    Attributes:
        result: As JSON types.
        pictures: Of `off_local`: the incoming weights of the units by the name
            of their row, the result itself first.
    """

    result: dict[str, Any]
    pictures: "Mapping[str, off_local_lib.OffLocal]" = dataclasses.field(
        default_factory=dict
    )


def arrays(
    data: images.ImageData, part: str, limit: int | None = None
) -> Arrays:
    """Returns the images of a part, standardised, with their labels.

    Args:
        data: The set.
        part: `"train"` or `"test"`.
        limit: Only the first so many of them.

    Returns:
        float32 `(count, height, width, channels)` and int32 `(count,)`.
    """
    pixels = getattr(data, f"{part}_images")[:limit].astype("float32")
    pixels -= data.mean
    pixels *= 1 / data.std
    return pixels, getattr(data, f"{part}_labels")[:limit]


def measure(
    mode: str,
    networks: Networks,
    data: images.ImageData | None,
    settings: Mapping[str, Any],
    progress: Progress | None = None,
) -> Finding:
    """Makes an analysis.

    Args:
        mode: A key of `modes_lib.MODES`.
        networks: What is analysed.
        data: The images; not read where the mode takes none.
        settings: What `modes_lib.checked` returned, with one `path`.
        progress: Called as `progress(done, all)`.

    Raises:
        ValueError: If the networks are none of this analysis.
    """
    settings = dict(settings)
    given = {"progress": progress}
    parts = modes_lib.MODES[mode].data
    if "measured_on" in settings:
        parts = (settings.pop("measured_on"),)
    limit = settings.pop("images", None)
    for part in parts:
        given[part] = arrays(data, part, limit)
    if len(parts) == 1:
        given["data"] = given.pop(parts[0])
    return _MEASURES[mode](networks, settings, given)


def _finding(result) -> Finding:
    return Finding(json.loads(result.to_json()))


def _interpolation(networks, settings, given):
    from needle_tf.analysis import interpolation

    kind = settings.pop("path")
    pair = networks.first, networks.second
    return _finding(interpolation.interpolate(*pair, kind, **settings, **given))


def _string(networks, settings, given):
    from needle_tf.analysis import elastic_string

    return _chain(elastic_string.train_string, networks, settings, given)


def _band(networks, settings, given):
    from needle_tf.analysis import elastic_band

    return _chain(elastic_band.train_band, networks, settings, given)


def _chain(train, networks, settings, given):
    from needle_tf.analysis import trained_path

    names = {f.name for f in dataclasses.fields(trained_path.ChainSettings)}
    own = {name: settings.pop(name) for name in names & settings.keys()}
    pair = networks.first, networks.second
    chain = trained_path.ChainSettings(**own)
    return _finding(train(*pair, chain, **settings, **given))


def _ablation(networks, settings, given):
    from needle_tf.analysis import ablation

    return _finding(ablation.ablate(networks.first, **settings, **given))


def _off_local(networks, settings, given):
    from needle_tf.analysis import off_local
    from needle_tf.embedding import distances

    del given  # It takes no time.
    first, second, names = networks.first, networks.second, networks.names
    settings = {k: v for k, v in settings.items() if v is not None}
    found = off_local.off_local(first, **settings)
    if second is None:
        return Finding(json.loads(found.to_json()), {names[0]: found})
    # The units of the first network are what the others are compared at.
    same = {"units": found.units, "layer": found.layer}
    difference = off_local.off_local(first, reference=second, **same)
    rows = {f"{names[0]} - {names[1]}": difference, names[0]: found}
    if found.layer in distances.untied_layers(second):
        rows[names[1]] = off_local.off_local(second, **same)
    return Finding(json.loads(difference.to_json()), rows)


def _locality(networks, settings, given):
    from needle_tf.analysis import locality

    del settings, given
    return _finding(locality.locality(networks.first))


def _curvature(networks, settings, given):
    from needle_tf.analysis import curvature

    return _finding(curvature.curvature(networks.first, **settings, **given))


def _threshold(networks, settings, given):
    from needle_tf.analysis import evaluation
    from needle_tf.analysis import noise_threshold

    found = noise_threshold.noise_threshold(networks.first, **settings, **given)
    result = json.loads(found.to_json())
    if networks.second is not None:
        level = evaluation.Evaluator(networks.second).evaluate(
            given["data"], batch_size=settings["batch_size"]
        )
        result["level"] = {
            "network": networks.names[1],
            **json.loads(level.to_json()),
        }
        result["threshold"] = found.threshold(level.accuracy)
    return Finding(result)


_MEASURES = {
    "interpolation": _interpolation,
    "string": _string,
    "band": _band,
    "ablation": _ablation,
    "off_local": _off_local,
    "locality": _locality,
    "curvature": _curvature,
    "threshold": _threshold,
}

"""The files of `needle_tf.compare`: what was found, and the pictures of it.

    FOLDER/<mode>_<first>[_<second>]-<8 digits>.json    what was found
    FOLDER/<the same>.png                               the picture
    FOLDER/<the same>.npz                               weights, of off_local

The digits stand for all settings, so that equal settings give an equal name,
also in other trials of a sweep.
"""

import hashlib
import json
import pathlib
import tempfile
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

import numpy as np

from needle_tf.protocol import run_folder
from needle_tf.protocol import stored_networks

if TYPE_CHECKING:
    from needle_tf.analysis import off_local as off_local_lib

# Half the size of a picture in a file: TensorBoard shows it small.
_EVENT_DPI = 75
_TITLES = {
    "interpolation": "From {} to {}",
    "string": "String from {} to {}",
    "band": "Elastic band from {} to {}",
    "ablation": "Without parts of the weights of {}",
    "locality": "Where the weights of {} lie",
    "curvature": "Hessian of the loss at {}",
    "threshold": "{} pushed off the CNN",
    "off_local": "Weights of {} outside the receptive fields",
}

Results = Sequence[Mapping[str, Any]]


def file_of(
    folder: pathlib.Path,
    mode: str,
    networks: Sequence[stored_networks.StoredNetwork],
    settings: Mapping[str, Any],
) -> pathlib.Path:
    """Returns the file of an analysis, another for other settings."""
    text = json.dumps(settings, sort_keys=True)
    digits = hashlib.blake2b(text.encode(), digest_size=4).hexdigest()
    words = [mode, *(network.short_name for network in networks)]
    return folder / f"{'_'.join(words)}-{digits}.json"


def read(
    file: pathlib.Path, settings: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Returns what was found before; None if there is no such file.

    Raises:
        ValueError: If the file is damaged or of other settings.
    """
    if not file.exists():
        return None
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content["settings"] == settings and content["result"]:
            return content
        wrong = "it is of other settings"
    except (ValueError, KeyError, TypeError) as error:
        wrong = f"{type(error).__name__}: {error}"
    raise ValueError(
        f"{file} is no result of this analysis ({wrong}). Move it away and "
        "repeat the command."
    )


def write(file: pathlib.Path, content: Mapping[str, Any]) -> None:
    """Writes what was found, whole or not at all."""
    run_folder.write_json(file, content)


def joined(mode: str, names: Sequence[str]) -> str:
    """Returns the networks of an analysis in words."""
    word = {"threshold": "against", "off_local": "minus"}.get(mode, "to")
    return f" {word} ".join(names)


def title_of(mode: str, names: Sequence[str]) -> str:
    """Returns what is written over the picture of an analysis."""
    title = _TITLES[mode].format(*names)
    if _TITLES[mode].count("{}") == len(names):
        return title
    role = {"threshold": "level of", "off_local": "beside"}[mode]
    return f"{title}, {role} {names[1]}"


def draw(
    mode: str, groups: Mapping[str, Results], title: str, file: pathlib.Path
) -> pathlib.Path:
    """Draws the results of an analysis, but for `off_local`.

    Args:
        mode: Which analysis.
        groups: Results by label, one per seed.
        title: What is written over the picture.
        file: The PNG file.
    """
    from needle_tf.figures import ablation_figure
    from needle_tf.figures import locality_figure
    from needle_tf.figures import path_figure
    from needle_tf.figures import pictures
    from needle_tf.figures import spectrum_figure
    from needle_tf.figures import threshold_figure

    room = {
        "ablation": ablation_figure,
        "locality": locality_figure,
        "curvature": spectrum_figure,
        "threshold": threshold_figure,
    }.get(mode, path_figure)
    file.parent.mkdir(parents=True, exist_ok=True)
    return pictures.save(room.build_figure(groups, title), file)


def write_off_local(
    file: pathlib.Path,
    found: "Mapping[str, off_local_lib.OffLocal]",
    title: str,
    events: pathlib.Path | None,
) -> None:
    """Writes the weights of `off_local` and pictures of them.

    Args:
        file: That of the result; these lie beside it.
        found: What was found by the name of its row, the result first. With
            several rows the first one is of differences.
        title: What is written over the picture.
        events: Where TensorBoard looks for it; None for nowhere.
    """
    from needle_tf.figures import pictures

    result = next(iter(found.values()))
    run_folder.write(file.with_suffix(".npz"), result.save)
    figure = _off_local_figure(found, title)
    pictures.save(figure, file.with_suffix(".png"))
    if events is not None:
        _write_event(figure, events / file.stem, file.stem)


def _off_local_figure(found, title):
    from needle_tf.figures import off_local_figure

    rows = {
        name: off_local_figure.Units(
            layer=each.layer,
            units=np.array(each.units),
            windows=np.array(each.windows),
            norms=np.array(each.norms),
            images=each.images,
            outside=each.outside,
        )
        for name, each in found.items()
    }
    difference, *others = rows
    if not others:
        return off_local_figure.build_figure(rows, title)
    rows = {name: rows[name] for name in (*others, difference)}
    return off_local_figure.build_figure(rows, title, whole=[difference])


def _write_event(figure, log_dir, name):
    """Shows a figure in TensorBoard, smaller than its file."""
    from needle_tf.figures import pictures
    from needle_tf.protocol import event_pictures

    with tempfile.TemporaryDirectory() as folder, pictures.style():
        small = pathlib.Path(folder, f"{name}.png")
        figure.savefig(small, dpi=_EVENT_DPI)
        event_pictures.write(log_dir, [small])

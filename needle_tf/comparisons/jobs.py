"""Makes the analyses that were asked for, in one run or trial after another.

Networks are looked for first, then what was found before is read; only what is
left is measured, and only for that TensorFlow is imported.
"""

import dataclasses
import pathlib
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

from needle_tf.comparisons import measures as measures_lib
from needle_tf.comparisons import modes as modes_lib
from needle_tf.comparisons import results as results_lib
from needle_tf.data import images
from needle_tf.protocol import config as config_lib
from needle_tf.protocol import graph_memory
from needle_tf.protocol import inputs
from needle_tf.protocol import progress as progress_lib
from needle_tf.protocol import run_config
from needle_tf.protocol import start_up
from needle_tf.protocol import stored_networks

if TYPE_CHECKING:
    import keras

# Lines in which the progress of one analysis is told.
_LINES = 10


@dataclasses.dataclass(frozen=True)
class Asked:
    """What is asked for.

    Attributes:
        mode: A key of `modes.MODES`.
        names: One or two networks: stages, or files.
        settings: All settings of the mode, once for each analysis.
        run_dir: The folder of a run or a sweep; None for files alone.
        out_dir: Where results go; None for the default.
        data: Which images are measured on, for files alone; None if they are
            those of the run, or none are read.
        data_dir: Where the data lie, for `data.loading`.
        download: Whether TFDS may download them.
        progress: How progress is shown, one of `progress.CHOICES`.
    """

    mode: str
    names: tuple[str, ...]
    settings: tuple[Mapping[str, Any], ...]
    run_dir: pathlib.Path | None
    out_dir: pathlib.Path | None
    data: config_lib.ProtocolConfig | None
    data_dir: str | None
    download: bool
    progress: str


@dataclasses.dataclass(frozen=True)
class Place:
    """Where networks are looked for and results are put.

    Attributes:
        name: What it is called on the screen.
        run: The run; None for files alone.
        folder: Where results go.
        events: Where TensorBoard looks for pictures; None for nowhere.
    """

    name: str
    run: stored_networks.StoredRun | None
    folder: pathlib.Path
    events: pathlib.Path | None


@dataclasses.dataclass(frozen=True)
class Made:
    """An analysis that is done.

    Attributes:
        file: Its JSON file.
        content: What the file holds.
        names: The networks.
    """

    file: pathlib.Path
    content: Mapping[str, Any]
    names: tuple[str, ...]


class Jobs:
    """Makes the same analyses at many places.

    Args:
        asked: What is analysed.
        library_logs: Whether libraries may print what they do as they start.
        report: Takes lines for the screen.
    """

    def __init__(
        self,
        asked: Asked,
        library_logs: bool,
        report: Callable[[str], None],
    ):
        self._asked = asked
        self._library_logs = library_logs
        self._report = report
        self._data_key = None
        self._data = None

    def make(self, place: Place) -> list[Made]:
        """Returns the analyses at a place, made now or before.

        Raises:
            NotTrainedYetError: If a network is not there yet.
            ValueError: If one is not to be had, or is none for this analysis.
        """
        asked = self._asked
        networks = [self._find(name, place) for name in asked.names]
        self._check_kinds(networks, place)
        names = tuple(network.name for network in networks)
        jobs = []
        for settings in asked.settings:
            settings = {**settings, **self._sources(networks)}
            file = results_lib.file_of(
                place.folder, asked.mode, networks, settings
            )
            jobs.append((file, settings))
        found = {
            file: results_lib.read(file, settings) for file, settings in jobs
        }
        for file, content in found.items():
            if content is not None:
                self._report(f"{place.name}{asked.mode}: done before, {file}")
        left = [job for job in jobs if found[job[0]] is None]
        if left:
            found |= self._measured(place, networks, left)
        return [Made(file, found[file], names) for file, _ in jobs]

    def _find(self, name, place):
        if stored_networks.is_file(name):
            return stored_networks.find_file(name)
        return place.run.find(name)

    def _check_kinds(self, networks, place):
        """Refuses a CNN where a relaxed network is measured."""
        mode = modes_lib.MODES[self._asked.mode]
        if mode.is_of_relaxed and networks[0].kind in ("cnn", "train"):
            plans = place.run.plans().values()
            others = [plan.name for plan in plans if plan.kind != "cnn"]
            raise ValueError(
                f"--mode={self._asked.mode} measures what a relaxed network "
                f"has learnt, and {networks[0].name} is none. Name another "
                f"one as --first: {', '.join(others)}."
            )

    def _sources(self, networks):
        """What decides the result besides the settings of the mode."""
        found = {}
        files = [each for each in networks if each.kind is None]
        if files:
            found["files"] = {
                each.name: inputs.of_file(each.file, "") for each in files
            }
        if self._asked.data is not None:
            fields = self._asked.data.to_json()
            names = ("dataset", *run_config.DATA_ARGUMENTS, "statistics")
            found["data"] = {name: fields[name] for name in (*names, "seed")}
        return found

    def _measured(self, place, networks, jobs):
        """Measures what is left to do; returns what was found by file."""
        asked = self._asked
        data = self._load_data(place)
        config = asked.data if place.run is None else place.run.config
        with start_up.quiet(not self._library_logs, with_keras=True):
            from needle_tf.analysis import evaluation  # noqa: F401
        found = {}
        with graph_memory.released():
            models = [stored_networks.load(network) for network in networks]
            for network, model in zip(networks, models, strict=True):
                _check_shapes(network, model, data)
            pair = measures_lib.Networks(
                models[0],
                models[1] if len(models) > 1 else None,
                tuple(network.name for network in networks),
            )
            for file, settings in jobs:
                head = self._head(place, pair.names, settings)
                self._report(head)
                own = {
                    name: value
                    for name, value in settings.items()
                    if name not in ("files", "data")
                }
                progress = _Progress(head, asked.progress, self._report)
                finding = measures_lib.measure(
                    asked.mode, pair, data, own, progress.show
                )
                progress.end()
                found[file] = {
                    "kind": asked.mode,
                    "first": pair.names[0],
                    "second": pair.names[1] if len(pair.names) > 1 else None,
                    "dataset": config and config.dataset,
                    "seed": place.run and place.run.config.seed,
                    "settings": settings,
                    "result": finding.result,
                }
                self._write(place, file, found[file], finding)
        return found

    def _write(self, place, file, content, finding):
        """Writes a result; the JSON last, which tells that all is there."""
        title = results_lib.title_of(
            content["kind"],
            [n for n in (content["first"], content["second"]) if n],
        )
        if finding.pictures:
            results_lib.write_off_local(
                file, finding.pictures, title, place.events
            )
        results_lib.write(file, content)

    def _head(self, place, names, settings):
        words = [settings["path"]] if "path" in settings else []
        mode = self._asked.mode
        return " ".join(
            [place.name + mode, *words, results_lib.joined(mode, names)]
        )

    def _load_data(self, place) -> images.ImageData | None:
        """Returns the images; keeps the newest, the next mostly has them."""
        asked = self._asked
        if not modes_lib.MODES[asked.mode].data:
            return None
        config = asked.data if place.run is None else place.run.config
        fields = config.to_json()
        names = ("dataset", "seed", "statistics", "validation_fraction")
        names += run_config.DATA_ARGUMENTS
        key = [fields.get(name) for name in names]
        if key != self._data_key:
            self._data = None  # Not two of them in memory.
            where = asked.data_dir, asked.download
            if place.run is None:
                self._data = inputs.load(config, *where)
            else:
                self._data = place.run.load_data(*where)
            self._data_key = key
        return self._data


class _Progress:
    """Tells how far an analysis is: a bar on a terminal, else some lines."""

    def __init__(self, head, choice, report):
        self._head = head
        self._choice = choice
        self._report = report
        self._is_open = False
        self._told = 0

    def show(self, done: int, total: int) -> None:
        text = f"{self._head}  {done}/{total}"
        if self._choice == "none":
            return
        if progress_lib.is_bar(self._choice):
            print(f"\r{text}", end="", flush=True)
            self._is_open = True
        elif done == total or done * _LINES >= (self._told + 1) * total:
            self._report(text)
            self._told = done * _LINES // total

    def end(self) -> None:
        if self._is_open:
            print(flush=True)


def _check_shapes(
    network: stored_networks.StoredNetwork,
    model: "keras.Model",
    data: images.ImageData | None,
) -> None:
    """Refuses a file of a network for other images or classes."""
    if data is None or network.kind is not None:
        return
    shapes = [
        [tuple(tensor.shape[1:]) for tensor in tensors]
        for tensors in (model.inputs, model.outputs)
    ]
    expected = [[data.input_shape], [(data.num_classes,)]]
    for own, wanted in zip(shapes, expected, strict=True):
        is_like = len(own) == 1 and _fits(own[0], wanted[0])
        if not is_like:
            raise ValueError(
                f"{network.name} takes {shapes[0]} and gives {shapes[1]}, and "
                f"the images of {data.name} need {expected[0]} and "
                f"{expected[1]}. Name the data that it was trained on as "
                "--dataset, or give --run_dir."
            )


def _fits(shape: Sequence[int | None], wanted: Sequence[int]) -> bool:
    return len(shape) == len(wanted) and all(
        own in (None, other) for own, other in zip(shape, wanted, strict=True)
    )

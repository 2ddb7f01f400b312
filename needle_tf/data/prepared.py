"""Image classification sets that TFDS has prepared on disk, by name.

    data_dir/<name>/[<config>/]<version>/dataset_info.json

What is there is looked up before TFDS is asked: without the files TFDS would
raise an AssertionError, try the network for minutes, or print its catalogue.
Nothing is downloaded unless it is asked for.
"""

import dataclasses
import difflib
import os
import pathlib
import re
from collections.abc import Iterable

from needle_tf.data import arguments
from needle_tf.data import images
from needle_tf.data import sampling
from needle_tf.data import tfds_reader

_INFO = "dataset_info.json"
_VERSION = re.compile(r"\d+(\.\d+)*")
# Names that `--dataset` takes besides those of TFDS, for suggestions.
_NOT_TFDS = ("cluttered_digits", "digits", "image_folder", "tiny_imagenet")


@dataclasses.dataclass(frozen=True)
class Prepared:
    """One prepared set: `name`, or `name/config`, and its version."""

    name: str
    version: str
    path: pathlib.Path

    def __str__(self) -> str:
        return f"{self.name}:{self.version}"

    @property
    def order(self) -> tuple[int, ...]:
        """Key by which versions are compared: 3.10.0 comes after 3.9.0."""
        return tuple(int(number) for number in self.version.split("."))


def prepared_in(data_dir: pathlib.Path) -> list[Prepared]:
    """Returns the sets that lie prepared in a folder, sorted by name."""
    found = []
    for pattern in (f"*/*/{_INFO}", f"*/*/*/{_INFO}"):
        for info in data_dir.glob(pattern):
            *name, version = info.parent.relative_to(data_dir).parts
            # Preparing that was interrupted leaves "incomplete.<...>" behind.
            if _VERSION.fullmatch(version):
                found.append(Prepared("/".join(name), version, info.parent))
    return sorted(found, key=lambda one: (one.name, one.order))


def tfds_images(
    name: str,
    data_dir: str | pathlib.Path | None = None,
    download: bool = False,
    image_size: int | tuple[int, int] | None = None,
    seed: int = 0,
    train_size: int | None = None,
    test_size: int | None = None,
) -> images.ImageData:
    """Returns a TFDS image classification set.

    The split `train` trains; `test` tests or, if there is none, `validation`.
    Other splits are not used.

    Args:
        name: `name`, `name:version`, `name/config` or `name/config:version`;
            the highest version there if none is given.
        data_dir: The folder that TFDS prepared; None takes the environment's
            `TFDS_DATA_DIR`.
        download: Lets TFDS download and prepare the set there if it is not.
        image_size: Height and width in pixels to which all images are resized
            (bilinear, antialiased), or one integer for both; None takes them
            as they are, if they are all of one size.
        seed: Decides which images a smaller size takes.
        train_size: Training images, classes in proportion; None takes all.
        test_size: Likewise, test images.

    Returns:
        uint8 images, or float32 ones if the set's pixels are not uint8.

    Raises:
        ValueError: If the set is not prepared there (and `download` is False
            or fails), has no images with one class each, no such splits or
            labels, images of varying size without `image_size`, broken files,
            or would not fit into memory.
    """
    image_size = arguments.require_image_size(image_size)
    data_dir = _data_dir(name, data_dir)
    prepared = find(name, data_dir)
    if prepared is None and download:
        _download(name, data_dir)
        prepared = find(name, data_dir)
    if prepared is None:
        raise ValueError(_not_prepared(name, data_dir))
    reader = tfds_reader.Reader(str(prepared), prepared.path, image_size)
    labels = [reader.labels(split) for split in reader.splits]
    rows = sampling.sized_parts(*labels, train_size, test_size, seed)
    reader.require_room(sum(map(len, rows)))
    arrays = []
    for split, all_labels, chosen in zip(
        reader.splits, labels, rows, strict=True
    ):
        arrays += [reader.images(split, chosen), all_labels[chosen]]
    source = f"TFDS {prepared}, splits {' and '.join(reader.splits)}"
    return images.ImageData(name, *arrays, reader.class_names, source)


def find(name: str, data_dir: pathlib.Path) -> Prepared | None:
    """Returns the highest fitting version of a set, None if there is none.

    Raises:
        ValueError: If only `name` is given and several configs lie there.
    """
    plain, _, version = name.partition(":")
    fitting = [
        one
        for one in prepared_in(data_dir)
        if plain in (one.name, one.name.split("/")[0])
        and version in ("", one.version)
    ]
    configs = sorted({one.name for one in fitting} - {plain})
    exact = [one for one in fitting if one.name == plain]
    if not exact and len(configs) > 1:
        raise ValueError(
            f"data set {name!r} is prepared in several configs. Choose one: "
            f"{', '.join(f'--dataset={config}' for config in configs)}."
        )
    return max(exact or fitting, key=lambda one: one.order, default=None)


def suggestion(name: str, names: Iterable[str]) -> str:
    """Returns a question to the user, or nothing if no name is close."""
    close = difflib.get_close_matches(name, names, n=1)
    if not close or close[0] == name:
        return ""
    return f" Did you mean --dataset={close[0]}?"


def _data_dir(name: str, data_dir: str | pathlib.Path | None) -> pathlib.Path:
    # TFDS reads the variable once, when it is imported: too early for us.
    given = data_dir or os.environ.get("TFDS_DATA_DIR")
    if not given:
        raise ValueError(
            f"data set {name!r} is read from a folder prepared by TFDS. Give "
            "its path as --data_dir or in $TFDS_DATA_DIR. Without any files: "
            "--dataset=cluttered_digits or --dataset=digits."
            + suggestion(name, _NOT_TFDS)
        )
    return pathlib.Path(given).expanduser()


def _not_prepared(name: str, data_dir: pathlib.Path) -> str:
    """Returns the message that says what is missing and what is there."""
    plain, _, version = name.partition(":")
    there = prepared_in(data_dir)
    looked_for = data_dir / plain / (version or "<version>") / _INFO
    known = [*_NOT_TFDS, *(one.name for one in there)]
    lines = [
        f"data set {name!r} is not prepared in {data_dir}."
        + suggestion(plain, known),
        f"  looked for: {looked_for}",
        "  Either point --data_dir (or $TFDS_DATA_DIR) at a folder prepared "
        "by TFDS,",
        "  or run once with network access and --download.",
        f"  Prepared there now: {', '.join(map(str, there)) or 'nothing'}",
    ]
    if not data_dir.is_dir():
        lines[-1] = "  There is no such folder."
    elif any(data_dir.glob(_INFO)) or any(data_dir.glob(f"*/{_INFO}")):
        lines.append(
            "  This folder is a prepared set itself: --data_dir is the folder "
            "above its name."
        )
    return "\n".join(lines)


def _download(name: str, data_dir: pathlib.Path) -> None:
    """Lets TFDS download and prepare a set of its catalogue."""
    import tensorflow_datasets as tfds

    plain = name.partition(":")[0].partition("/")[0]
    catalogue = tfds.list_builders(with_community_datasets=False)
    if plain not in catalogue:
        raise ValueError(
            f"TFDS has no data set {plain!r} to download."
            + (suggestion(plain, catalogue) or " Check the name.")
        )
    try:
        tfds.builder(name, data_dir=data_dir).download_and_prepare()
    except Exception as error:
        # Each set has a downloader and a parser of its own: anything may come.
        raise ValueError(
            f"TFDS could not download and prepare {name!r} in {data_dir}: "
            f"{tfds_reader.first_line(error)}. Check the network and that the "
            "folder can be written, or point --data_dir at a prepared one."
        ) from error

"""A folder of images in class folders, read into memory.

Either `path/<class>/*.png`, from which a test part is split off class by
class, or `path/train/<class>/*.png` beside `path/test/<class>/*.png` (or
`path/validation/`, if there is no `test`). Below a class folder the files may
lie in any depth. PNG, JPEG, BMP and GIF (its first frame) are read, others are
skipped with a warning. If all images are grey there is one channel, else all
are read as three; transparency is dropped.
"""

import collections
import dataclasses
import pathlib
import struct

import numpy as np
from absl import logging

from needle_tf.data import arguments
from needle_tf.data import images
from needle_tf.data import memory
from needle_tf.data import sampling

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif")
_GREY_MODES = ("1", "L", "LA")


@dataclasses.dataclass(frozen=True)
class _Files:
    """Image files with their classes, nothing of them read yet."""

    paths: list[pathlib.Path]
    labels: np.ndarray

    def take(self, rows: np.ndarray) -> "_Files":
        return _Files([self.paths[row] for row in rows], self.labels[rows])


def image_folder(
    path: str | pathlib.Path,
    image_size: int | tuple[int, int] | None = None,
    test_fraction: float | None = None,
    seed: int = 0,
    train_size: int | None = None,
    test_size: int | None = None,
) -> images.ImageData:
    """Returns the images of a folder of class folders.

    Args:
        path: The folder, in one of the layouts above.
        image_size: Height and width in pixels to which all are resized
            (bilinear, antialiased), or one integer for both; None takes them
            as they are, if they are all of one size.
        test_fraction: Share of each class to test on, in (0, 1), where the
            folder has no split of its own; 0.2 if None.
        seed: Decides that split and which images a smaller size takes.
        train_size: Training images, classes in proportion; None takes all.
        test_size: Likewise, test images.

    Returns:
        uint8 images in 0..255; classes are named and ordered as the folders.

    Raises:
        ValueError: If the folder has no such layout, a class is empty or
            missing on one side, a file is broken (it is named), sizes differ
            and `image_size` is None, or memory is short.
    """
    path = pathlib.Path(path).expanduser()
    image_size = arguments.require_image_size(image_size)
    class_names, parts, source = _parts(path, test_fraction, seed)
    rows = sampling.sized_parts(
        *(part.labels for part in parts), train_size, test_size, seed
    )
    taken = [
        part.take(chosen) for part, chosen in zip(parts, rows, strict=True)
    ]
    size, channels = _common_shape(taken[0].paths + taken[1].paths, image_size)
    memory.require_room(
        f"`{path}`",
        sum(len(part.paths) for part in taken) * size[0] * size[1] * channels,
        "Give a smaller --image_size, --train_size or --test_size.",
    )
    arrays = []
    for part in taken:
        arrays += [_decoded(part.paths, size, channels), part.labels]
    return images.ImageData("image_folder", *arrays, class_names, source)


def _parts(
    path: pathlib.Path, test_fraction: float | None, seed: int
) -> tuple[tuple[str, ...], list[_Files], str]:
    """Returns the class names, the training and test files, and a remark."""
    if not path.is_dir():
        raise ValueError(
            f"there is no folder {path}. Point --data_dir at a folder of class "
            "folders with images in them."
        )
    test_name = next(
        (name for name in ("test", "validation") if (path / name).is_dir()),
        None,
    )
    if not (path / "train").is_dir() or test_name is None:
        class_names = _class_names(path)
        files = _class_files(path, class_names)
        fraction = 0.2 if test_fraction is None else test_fraction
        rng = np.random.default_rng([seed, sampling.SPLIT])
        split = sampling.stratified_split(
            files.labels, fraction, rng, class_names
        )
        remark = f"{path}, {fraction:.0%} of each class to test on"
        return class_names, [files.take(rows) for rows in split], remark
    if test_fraction is not None:
        raise ValueError(
            f"`test_fraction` would be ignored: {path} has the parts train and "
            f"{test_name} already. Received: test_fraction={test_fraction}. "
            "Leave it away."
        )
    train_path, test_path = path / "train", path / test_name
    class_names = _class_names(train_path)
    others = set(class_names) ^ set(_class_names(test_path))
    if others:
        raise ValueError(
            f"{train_path} and {test_path} must have the same class folders. "
            f"Only in one of them: {', '.join(sorted(others))}."
        )
    parts = [
        _class_files(part, class_names) for part in (train_path, test_path)
    ]
    return class_names, parts, f"{path}, parts train and {test_name}"


def _class_names(path: pathlib.Path) -> tuple[str, ...]:
    names = sorted(
        entry.name
        for entry in path.iterdir()
        if entry.is_dir() and not entry.name.startswith(".")
    )
    if len(names) < 2:
        raise ValueError(
            f"{path} must hold at least two class folders with images in them "
            "(or the folders train and test with such class folders). Found: "
            f"{', '.join(names) or 'no folder'}."
        )
    return tuple(names)


def _class_files(path: pathlib.Path, class_names: tuple[str, ...]) -> _Files:
    """Lists the images of each class, in the order of their paths."""
    paths, labels, skipped = [], [], collections.Counter()
    for label, name in enumerate(class_names):
        endings = collections.Counter()
        found = []
        for file in sorted((path / name).rglob("*")):
            if file.name.startswith(".") or not file.is_file():
                continue
            if file.suffix.lower() in ENDINGS:
                found.append(file)
            else:
                endings[file.suffix or "no ending"] += 1
        if not found:
            raise ValueError(
                f"class folder {path / name} holds no image. Images end in "
                f"{', '.join(ENDINGS)}. Found: {_counted(endings)}."
            )
        paths += found
        labels += [label] * len(found)
        skipped += endings
    if skipped:
        logging.warning("Skipped below %s: %s.", path, _counted(skipped))
    return _Files(paths, np.array(labels, "int32"))


def _counted(endings: collections.Counter) -> str:
    counts = (f"{count} x {ending}" for ending, count in endings.items())
    return ", ".join(counts) or "no file"


def _opened(file: pathlib.Path, read):
    """Returns `read(image)`, the error naming the file if it is broken."""
    import PIL.Image

    try:
        with PIL.Image.open(file) as image:
            return read(image)
    except (
        # What Pillow raises on broken files depends on the format.
        OSError,
        SyntaxError,
        EOFError,
        IndexError,
        struct.error,
        PIL.Image.DecompressionBombError,
    ) as error:
        raise ValueError(
            f"{file} cannot be read as an image: {error}. Replace or remove "
            "the file."
        ) from error


def _common_shape(
    paths: list[pathlib.Path], image_size: tuple[int, int] | None
) -> tuple[tuple[int, int], int]:
    """Returns the size and channels of all, from the files' headers."""
    channels, first = 1, None
    for file in paths:
        mode, (width, height) = _opened(file, lambda i: (i.mode, i.size))
        if mode[0] in "IF":
            raise ValueError(
                f"{file} has more than 8 bits per channel (mode {mode}). "
                "Convert it to 8 bits."
            )
        if mode not in _GREY_MODES:
            channels = 3
        first = first or (file, (height, width))
        if image_size is None and (height, width) != first[1]:
            raise ValueError(
                "images of different sizes need --image_size. Received: "
                f"{first[1]} (height, width) in {first[0]} and "
                f"{(height, width)} in {file}."
            )
    return image_size or first[1], channels


def _decoded(
    paths: list[pathlib.Path], size: tuple[int, int], channels: int
) -> np.ndarray:
    """Returns the pixels of the files, uint8 `(count, *size, channels)`."""
    import PIL.Image

    def pixels(image):
        if "transparency" in image.info:
            # Pillow warns where a palette's transparency is dropped at once.
            image = image.convert("RGBA")
        image = image.convert("L" if channels == 1 else "RGB")
        if image.size != size[::-1]:
            image = image.resize(size[::-1], PIL.Image.Resampling.BILINEAR)
        return np.asarray(image).reshape(*size, channels)

    decoded = np.empty((len(paths), *size, channels), "uint8")
    for row, file in enumerate(paths):
        decoded[row] = _opened(file, pixels)
    return decoded

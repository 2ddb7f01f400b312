"""Image files with their classes, and how they become arrays.

Pillow reads them, several at once: it lets go of Python's lock while it
decodes. PNG, JPEG, BMP and GIF (its first frame); transparency is dropped.
"""

import collections
import concurrent.futures
import dataclasses
import os
import pathlib
import struct
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import numpy as np

from needle_tf.data import memory
from needle_tf.data import sampling

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif")
_GREY_MODES = ("1", "L", "LA")
# Files that a thread reads in one go: enough to make the going cheap.
_FILES_PER_PIECE = 64


@dataclasses.dataclass(frozen=True)
class ImageFiles:
    """Image files with their classes, nothing of them read yet."""

    paths: list[pathlib.Path]
    labels: np.ndarray

    def take(self, rows: np.ndarray) -> "ImageFiles":
        """Returns some of the files, in the order of `rows`."""
        return ImageFiles([self.paths[row] for row in rows], self.labels[rows])


def found_below(
    folder: pathlib.Path,
) -> tuple[list[pathlib.Path], collections.Counter]:
    """Returns the images in a folder, in any depth, in the order of paths.

    Hidden files do not count.

    Returns:
        Their paths; and how many other files there are, by ending.
    """
    found, others = [], collections.Counter()
    for file in sorted(folder.rglob("*")):
        if file.name.startswith(".") or not file.is_file():
            continue
        if file.suffix.lower() in ENDINGS:
            found.append(file)
        else:
            others[file.suffix or "no ending"] += 1
    return found, others


def counted(endings: collections.Counter) -> str:
    """Returns numbers of files in words, like `2 x .txt, 1 x .py`."""
    counts = (f"{count} x {ending}" for ending, count in endings.items())
    return ", ".join(counts) or "no file"


def sized(
    parts: Sequence[ImageFiles],
    train_size: int | None,
    test_size: int | None,
    seed: int,
) -> list[ImageFiles]:
    """Returns what `--train_size` and `--test_size` leave of two parts."""
    rows = sampling.sized_parts(
        *(part.labels for part in parts), train_size, test_size, seed
    )
    return [part.take(chosen) for part, chosen in zip(parts, rows, strict=True)]


def common_shape(
    paths: Sequence[pathlib.Path], image_size: tuple[int, int] | None
) -> tuple[tuple[int, int], int]:
    """Returns the (height, width) and channels of all, from their headers.

    Args:
        paths: The files, at least one.
        image_size: The size to which they are resized, or None.

    Returns:
        `image_size`, or else the size that all have; and 1 channel if all are
        grey, else 3.

    Raises:
        ValueError: Naming a file that is broken, has more than 8 bits per
            channel, or is of another size where `image_size` is None.
    """
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


def arrays(
    where: pathlib.Path,
    parts: Sequence[ImageFiles],
    size: tuple[int, int],
    channels: int,
    *,
    is_resized: bool = True,
) -> list[np.ndarray]:
    """Returns pixels and labels of the training and of the test files.

    Args:
        where: The folder, for the message.
        parts: The files to train and to test on.
        size: (height, width) of the arrays.
        channels: 1 reads all as grey, 3 all as colour.
        is_resized: False refuses files of another size.

    Returns:
        uint8 images and int32 labels, of each part in turn.

    Raises:
        ValueError: Naming a file that is broken or of another size; or if
            memory is short, before anything is decoded.
    """
    memory.require_room(
        f"`{where}`",
        sum(len(part.paths) for part in parts) * size[0] * size[1] * channels,
        "Give a smaller --image_size, --train_size or --test_size.",
    )
    found = []
    for part in parts:
        pixels = decoded(part.paths, size, channels, is_resized=is_resized)
        found += [pixels, part.labels]
    return found


def decoded(
    paths: Sequence[pathlib.Path],
    size: tuple[int, int],
    channels: int,
    *,
    is_resized: bool = True,
) -> np.ndarray:
    """Returns the pixels of the files, uint8 `(count, *size, channels)`.

    Resizing is bilinear and antialiased. Of several bad files the first is
    named, whichever thread comes to it.

    Raises:
        ValueError: As `arrays`.
    """
    import PIL.Image

    def pixels(image):
        if not is_resized and image.size != size[::-1]:
            raise ValueError(
                f"images of different sizes need --image_size. Received: "
                f"{image.size[::-1]} (height, width) in {image.filename}, "
                f"others {size}."
            )
        if "transparency" in image.info:
            # Pillow warns where a palette's transparency is dropped at once.
            image = image.convert("RGBA")
        image = image.convert("L" if channels == 1 else "RGB")
        if image.size != size[::-1]:
            image = image.resize(size[::-1], PIL.Image.Resampling.BILINEAR)
        return np.asarray(image).reshape(*size, channels)

    batch = np.empty((len(paths), *size, channels), "uint8")

    def fill(start: int) -> None:
        for row in range(start, min(start + _FILES_PER_PIECE, len(paths))):
            batch[row] = _opened(paths[row], pixels)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as threads:
        # Asked for their results, which are none, pieces raise in order.
        for _ in threads.map(fill, range(0, len(paths), _FILES_PER_PIECE)):
            pass
    return batch


def _opened(file: pathlib.Path, read: Callable[[Any], Any]) -> Any:
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

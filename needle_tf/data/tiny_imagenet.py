"""Tiny ImageNet, read from its usual unpacked folder.

    tiny-imagenet-200/wnids.txt                    the classes, by WordNet id
    tiny-imagenet-200/words.txt                    ids and their names
    tiny-imagenet-200/train/<wnid>/images/*.JPEG   500 images of each class
    tiny-imagenet-200/val/val_annotations.txt      file and class, by tabs
    tiny-imagenet-200/val/images/*.JPEG            10,000 images

of 64x64 pixels. What it calls val is the test set here, as it is in the
literature: its own test images have no labels. Grey images are read as colour.
Labels follow the order of wnids.txt.
"""

import collections
import pathlib

import numpy as np

from needle_tf.data import arguments
from needle_tf.data import image_files
from needle_tf.data import images

NAME = "tiny_imagenet"
_FOLDER = "tiny-imagenet-200"


def tiny_imagenet(
    path: str | pathlib.Path,
    image_size: int | tuple[int, int] | None = None,
    seed: int = 0,
    train_size: int | None = None,
    test_size: int | None = None,
) -> images.ImageData:
    """Returns Tiny ImageNet, or a part of it.

    Only the images that are taken are decoded.

    Args:
        path: The folder `tiny-imagenet-200`.
        image_size: Height and width in pixels to which all are resized
            (bilinear, antialiased), or one integer for both; None takes them
            as they are.
        seed: Decides which images a smaller size takes.
        train_size: Training images, classes in proportion; None takes all.
        test_size: Likewise, test images, of the set's val.

    Returns:
        uint8 images of three channels in 0..255. A class is called by its
        first name, with the WordNet id behind it where two share that name.

    Raises:
        ValueError: Naming the file that is missing, broken or damaged; or if
            memory is short.
    """
    path = pathlib.Path(path).expanduser()
    image_size = arguments.require_image_size(image_size)
    wnids = _wnids(path)
    class_names = _class_names(path / "words.txt", wnids)
    parts = image_files.sized(
        (_train_files(path / "train", wnids), _val_files(path / "val", wnids)),
        train_size,
        test_size,
        seed,
    )
    size, _ = image_files.common_shape(parts[0].paths[:1], image_size)
    arrays = image_files.arrays(
        path, parts, size, 3, is_resized=image_size is not None
    )
    source = f"{path}, parts train and val"
    return images.ImageData(NAME, *arrays, class_names, source)


def _lines(file: pathlib.Path) -> list[str]:
    """Returns the lines of a text file that are not empty."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{file} cannot be read: {error}. Unpack Tiny ImageNet again."
        ) from error
    return [line for line in text.splitlines() if line.strip()]


def _wnids(path: pathlib.Path) -> list[str]:
    """Returns the ids of the classes in the order of their labels."""
    file = path / "wnids.txt"
    if not file.is_file():
        inside = path / _FOLDER
        hint = f" Try --data_dir={inside}." if inside.is_dir() else ""
        raise ValueError(
            f"{path} is no unpacked Tiny ImageNet: there is no {file}. Point "
            f"--data_dir at the folder {_FOLDER}, with wnids.txt, train and "
            f"val in it.{hint}"
        )
    wnids = [line.strip() for line in _lines(file)]
    twice = [wnid for wnid, n in collections.Counter(wnids).items() if n > 1]
    if len(wnids) < 2 or twice:
        raise ValueError(
            f"{file} must hold at least two different classes, one a line. "
            f"Received: {len(wnids)} lines"
            f"{f', {twice[0]} more than once' if twice else ''}. Unpack Tiny "
            "ImageNet again."
        )
    return wnids


def _class_names(file: pathlib.Path, wnids: list[str]) -> tuple[str, ...]:
    """Returns the first name of each class, none of them twice."""
    words = dict(line.split("\t", 1) for line in _lines(file) if "\t" in line)
    unnamed = [wnid for wnid in wnids if not words.get(wnid, "").strip()]
    if unnamed:
        raise ValueError(
            f"{file} has no name for {len(unnamed)} classes of wnids.txt, the "
            f"first of them {unnamed[0]}. Its lines are a WordNet id, a tab "
            "and names. Unpack Tiny ImageNet again."
        )
    names = [words[wnid].split(",")[0].strip() for wnid in wnids]
    counts = collections.Counter(names)
    return tuple(
        name if counts[name] == 1 else f"{name} ({wnid})"
        for name, wnid in zip(names, wnids, strict=True)
    )


def _train_files(
    path: pathlib.Path, wnids: list[str]
) -> image_files.ImageFiles:
    """Lists the training images of each class, in the order of their paths."""
    paths, labels = [], []
    for label, wnid in enumerate(wnids):
        folder = path / wnid / "images"
        found, others = image_files.found_below(folder)
        if not found:
            raise ValueError(
                f"{folder} holds no image of class {wnid}. Found: "
                f"{image_files.counted(others)}. Unpack Tiny ImageNet again."
            )
        paths += found
        labels += [label] * len(found)
    return image_files.ImageFiles(paths, np.array(labels, "int32"))


def _val_files(path: pathlib.Path, wnids: list[str]) -> image_files.ImageFiles:
    """Lists the val images in the order of their annotations."""
    file, folder = path / "val_annotations.txt", path / "images"
    label_of = {wnid: label for label, wnid in enumerate(wnids)}
    found, _ = image_files.found_below(folder)
    there = {image.name: image for image in found}
    paths, labels = [], []
    for number, line in enumerate(_lines(file), start=1):
        name, _, rest = line.partition("\t")
        wnid = rest.partition("\t")[0].strip()
        if wnid not in label_of:
            raise ValueError(
                f"{file} must have an image, a tab and a class of wnids.txt "
                f"in each line. Received in line {number}: {line[:60]!r}. "
                "Unpack Tiny ImageNet again."
            )
        if name not in there:
            raise ValueError(
                f"there is no {folder / name}, which line {number} of {file} "
                "names, or it is named twice. Unpack Tiny ImageNet again."
            )
        paths.append(there.pop(name))
        labels.append(label_of[wnid])
    if there or not paths:
        raise ValueError(
            f"{file} must name each image in {folder}. Received: {len(paths)} "
            f"names, and {len(there)} images without one"
            f"{f', such as {min(there)}' if there else ''}. Unpack Tiny "
            "ImageNet again."
        )
    return image_files.ImageFiles(paths, np.array(labels, "int32"))

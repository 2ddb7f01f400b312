"""A folder of images in class folders, read into memory.

Either `path/<class>/*.png`, from which a test part is split off class by
class, or `path/train/<class>/*.png` beside `path/test/<class>/*.png` (or
`path/validation/`, if there is no `test`). Below a class folder the files may
lie in any depth. PNG, JPEG, BMP and GIF (its first frame) are read, others are
skipped with a warning. If all images are grey there is one channel, else all
are read as three; transparency is dropped.
"""

import collections
import pathlib

import numpy as np
from absl import logging

from needle_tf.data import arguments
from needle_tf.data import image_files
from needle_tf.data import images
from needle_tf.data import sampling


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
    taken = image_files.sized(parts, train_size, test_size, seed)
    size, channels = image_files.common_shape(
        taken[0].paths + taken[1].paths, image_size
    )
    arrays = image_files.arrays(path, taken, size, channels)
    return images.ImageData("image_folder", *arrays, class_names, source)


def _parts(
    path: pathlib.Path, test_fraction: float | None, seed: int
) -> tuple[tuple[str, ...], list[image_files.ImageFiles], str]:
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


def _class_files(
    path: pathlib.Path, class_names: tuple[str, ...]
) -> image_files.ImageFiles:
    """Lists the images of each class, in the order of their paths."""
    paths, labels, skipped = [], [], collections.Counter()
    for label, name in enumerate(class_names):
        found, others = image_files.found_below(path / name)
        if not found:
            raise ValueError(
                f"class folder {path / name} holds no image. Images end in "
                f"{', '.join(image_files.ENDINGS)}. Found: "
                f"{image_files.counted(others)}."
            )
        paths += found
        labels += [label] * len(found)
        skipped += others
    if skipped:
        logging.warning(
            "Skipped below %s: %s.", path, image_files.counted(skipped)
        )
    return image_files.ImageFiles(paths, np.array(labels, "int32"))

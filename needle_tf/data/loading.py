"""Any data set by the name that `--dataset` gives it.

Four names are ours; every other one is a set that TFDS has prepared:

    cluttered_digits    digits        no files needed
    image_folder                      class folders in --data_dir
    tiny_imagenet                     unpacked in --data_dir
    mnist, cifar10:3.0.2, ...         prepared by TFDS in --data_dir
"""

from collections.abc import Iterable
from typing import Any

from needle_tf.data import arguments
from needle_tf.data import digits
from needle_tf.data import folders
from needle_tf.data import images
from needle_tf.data import prepared
from needle_tf.data import tiny_imagenet

_SIZES = ("train_size", "test_size")
_READS = {
    "cluttered_digits": (
        *_SIZES,
        "canvas_size",
        "clutter_pieces",
        "piece_size",
    ),
    "digits": _SIZES,
    "image_folder": (*_SIZES, "data_dir", "image_size"),
    "tiny_imagenet": (*_SIZES, "data_dir", "image_size"),
}
# Sets that are read from a folder of the user's, and what lies in it.
_FOLDERS = {
    "image_folder": (folders.image_folder, "a folder of class folders"),
    "tiny_imagenet": (
        tiny_imagenet.tiny_imagenet,
        "the unpacked folder tiny-imagenet-200",
    ),
}
_TFDS_READS = (*_SIZES, "data_dir", "download", "image_size")


def arguments_read_by(dataset: str) -> tuple[str, ...]:
    """Returns which arguments of `load` the data set takes into account."""
    return _READS.get(dataset, _TFDS_READS)


def load(
    dataset: str,
    *,
    data_dir: str | None = None,
    download: bool = False,
    seed: int = 0,
    train_size: int | None = None,
    test_size: int | None = None,
    image_size: int | tuple[int, int] | None = None,
    canvas_size: int | None = None,
    clutter_pieces: int | None = None,
    piece_size: int | None = None,
) -> images.ImageData:
    """Returns a data set, all of it in memory.

    Args:
        dataset: `cluttered_digits`, `digits`, `image_folder`,
            `tiny_imagenet`, or the TFDS name of an image classification set,
            optionally `name:version`.
        data_dir: The image folder, Tiny ImageNet's, or the folder that TFDS
            prepared; None takes the environment's `TFDS_DATA_DIR` for the
            last of these.
        download: Lets TFDS download the set if it is not prepared.
        seed: Decides every random choice: splits, subsets, placements.
        train_size: Number of training images; None takes the set's own.
        test_size: Number of test images, likewise.
        image_size: Pixels to which images are resized, one integer or
            `(height, width)`; None leaves them as they are.
        canvas_size: See `digits.cluttered_digits`; None is its default, as
            for the next two.
        clutter_pieces: See there.
        piece_size: See there.

    Raises:
        ValueError: If the set cannot be had, an argument is out of range, or
            one is given that this set would ignore.
    """
    seed = arguments.require_seed(seed)
    given = {
        "data_dir": data_dir,
        "download": download or None,
        "train_size": train_size,
        "test_size": test_size,
        "image_size": image_size,
        "canvas_size": canvas_size,
        "clutter_pieces": clutter_pieces,
        "piece_size": piece_size,
    }
    given = {name: one for name, one in given.items() if one is not None}
    refuse_ignored(dataset, given)
    if dataset == "cluttered_digits":
        return digits.cluttered_digits(seed, **given)
    if dataset == "digits":
        return digits.plain_digits(seed, **given)
    if dataset in _FOLDERS:
        return _read_folder(dataset, seed, given)
    return prepared.tfds_images(dataset, seed=seed, **given)


def _read_folder(
    dataset: str, seed: int, given: dict[str, Any]
) -> images.ImageData:
    read, holding = _FOLDERS[dataset]
    if "data_dir" not in given:
        raise ValueError(
            f"--dataset={dataset} reads {holding}. Give its path as --data_dir."
        )
    return read(given.pop("data_dir"), seed=seed, **given)


def refuse_ignored(dataset: str, given: Iterable[str]) -> None:
    """Refuses arguments that the user gave and the data set would ignore.

    Raises:
        ValueError: If `given` names an argument that is not read.
    """
    read = arguments_read_by(dataset)
    ignored = [name for name in given if name not in read]
    if ignored:
        raise ValueError(
            f"--dataset={dataset} would ignore "
            f"{', '.join(f'--{name}' for name in ignored)}: it reads "
            f"{', '.join(f'--{name}' for name in read)}. Leave away what is "
            "ignored, or choose another --dataset."
            + prepared.suggestion(dataset, _READS)
        )

"""The embedded data sets: real handwritten digits, without any download.

scikit-learn carries 1,797 digits of 8x8 pixels (values 0 to 16) with it. A
cluttered digit is one of them at a random place of a larger canvas, among
fragments of other digits:

    canvas = maximum(digit, fragment_1, fragment_2, ...)

The maximum never takes ink away from the digit. Where it stands and what lies
beside it must be ignored, which is what a convolution is good at and a fully
connected network is not.

Source of the digits: Alpaydin & Kaynak, "Optical Recognition of Handwritten
Digits", UCI Machine Learning Repository (the 1,797 test digits).
"""

import functools
import importlib.util
import pathlib

import numpy as np

from needle_tf.data import arguments
from needle_tf.data import images
from needle_tf.data import memory
from needle_tf.data import sampling

DIGIT_SIZE = 8
CLASS_NAMES = tuple("0123456789")
TEST_FRACTION = 0.25


@functools.cache
def bundled_digits() -> tuple[np.ndarray, np.ndarray]:
    """Returns the real digits: `(1797, 8, 8)` uint8 in 0..16, and labels."""
    table = _digits_table()
    squares = table[:, :-1].reshape(-1, DIGIT_SIZE, DIGIT_SIZE)
    return squares.astype("uint8"), table[:, -1].astype("int32")


def _digits_table() -> np.ndarray:
    """Returns a row per digit: its 64 pixels, row by row, and its label.

    From scikit-learn's file: importing scikit-learn takes more than a second.
    """
    found = importlib.util.find_spec("sklearn")
    for place in found.submodule_search_locations if found else ():
        file = pathlib.Path(place, "datasets", "data", "digits.csv.gz")
        if file.is_file():
            return np.loadtxt(file, delimiter=",")
    # Some other version, which may keep it elsewhere.
    import sklearn.datasets

    return np.column_stack(sklearn.datasets.load_digits(return_X_y=True))


def digit_split(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns which of the real digits train and which test.

    Args:
        seed: Decides the split; the classes are split alike, 3 to 1.

    Returns:
        Two disjoint ascending arrays of rows of `bundled_digits()`.
    """
    rng = np.random.default_rng([seed, sampling.SPLIT])
    return sampling.stratified_split(
        bundled_digits()[1], TEST_FRACTION, rng, CLASS_NAMES
    )


def plain_digits(
    seed: int, train_size: int | None = None, test_size: int | None = None
) -> images.ImageData:
    """Returns the real digits themselves, 8x8x1, values 0 to 16.

    Args:
        seed: Decides which digits train and which test.
        train_size: Training images, at most 1,347; None takes all.
        test_size: Test images, at most 450; None takes all.

    Raises:
        ValueError: If there are fewer images than asked for.
    """
    digits, labels = bundled_digits()
    train, test = digit_split(seed)
    train_rows, test_rows = sampling.sized_parts(
        labels[train], labels[test], train_size, test_size, seed
    )
    parts = []
    for rows in (train[train_rows], test[test_rows]):
        parts += [digits[rows][..., np.newaxis], labels[rows]]
    return images.ImageData(
        "digits", *parts, CLASS_NAMES, "scikit-learn's bundled 8x8 digits"
    )


def cluttered_digits(
    seed: int,
    canvas_size: int = 16,
    clutter_pieces: int = 2,
    piece_size: int = 4,
    train_size: int = 6000,
    test_size: int = 2000,
) -> images.ImageData:
    """Returns digits at random places among fragments of other digits.

    Training and test images are made of disjoint sets of real digits, their
    fragments too. The classes are of one size (to within one image), and the
    real digits of a class are used equally often (to within one use).

    Args:
        seed: Decides everything.
        canvas_size: Height and width of the images in pixels, at least 8.
        clutter_pieces: Fragments per image; 0 leaves the digit alone.
        piece_size: Height and width of a fragment in pixels, 1 to 8.
        train_size: Training images.
        test_size: Test images.

    Returns:
        Images of shape `(canvas_size, canvas_size, 1)`, values 0 to 16.

    Raises:
        ValueError: If an argument is out of range, or memory is short.
    """
    canvas_size = arguments.require_integer(
        "canvas_size", canvas_size, DIGIT_SIZE
    )
    pieces = arguments.require_integer("clutter_pieces", clutter_pieces, 0)
    piece_size = arguments.require_integer(
        "piece_size", piece_size, 1, DIGIT_SIZE
    )
    train_size = arguments.require_integer("train_size", train_size, 1)
    test_size = arguments.require_integer("test_size", test_size, 1)
    memory.require_room(
        "`cluttered_digits`",
        (train_size + test_size) * canvas_size**2,
        "Lower --train_size, --test_size or --canvas_size.",
    )
    digits, labels = bundled_digits()
    train, test = digit_split(seed)
    parts = []
    for rows, size, stream in (
        (train, train_size, sampling.TRAIN),
        (test, test_size, sampling.TEST),
    ):
        rng = np.random.default_rng([seed, stream])
        chosen = _balanced_rows(labels[rows], size, rng)
        scenes = _scenes(
            digits[rows], chosen, canvas_size, pieces, piece_size, rng
        )
        parts += [scenes[..., np.newaxis], labels[rows][chosen]]
    source = (
        f"scikit-learn's bundled digits on {canvas_size}x{canvas_size} pixels "
        f"among {pieces} fragments of {piece_size}x{piece_size}"
    )
    return images.ImageData("cluttered_digits", *parts, CLASS_NAMES, source)


def _balanced_rows(
    labels: np.ndarray, size: int, rng: np.random.Generator
) -> np.ndarray:
    """Returns `size` shuffled rows, classes and digits equally often."""
    chosen = []
    counts = np.bincount(np.arange(size) % len(CLASS_NAMES))
    for label, count in enumerate(counts):
        rows = np.flatnonzero(labels == label)
        rounds = -(-int(count) // len(rows))
        shuffled = rng.permuted(np.tile(rows, (rounds, 1)), axis=1)
        chosen.append(shuffled.ravel()[:count])
    return rng.permutation(np.concatenate(chosen))


def _scenes(
    digits: np.ndarray,
    chosen: np.ndarray,
    canvas_size: int,
    pieces: int,
    piece_size: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Returns `digits[chosen]` on canvases, among fragments of the others."""
    canvases = np.zeros((len(chosen), canvas_size, canvas_size), "uint8")
    _paste(canvases, digits[chosen], rng)
    for _ in range(pieces):
        # Any row but the digit's own.
        step = rng.integers(1, len(digits), size=len(chosen))
        others = digits[(chosen + step) % len(digits)]
        _paste(canvases, _crops(others, piece_size, rng), rng)
    return canvases


def _windows(
    count: int, window: int, inside: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the index of one random window in each of `count` squares."""
    top, left = rng.integers(0, inside - window + 1, size=(2, count, 1, 1))
    span = np.arange(window)
    image = np.arange(count)[:, np.newaxis, np.newaxis]
    return image, top + span[:, np.newaxis], left + span


def _crops(
    squares: np.ndarray, size: int, rng: np.random.Generator
) -> np.ndarray:
    return squares[_windows(len(squares), size, squares.shape[1], rng)]


def _paste(
    canvases: np.ndarray, patches: np.ndarray, rng: np.random.Generator
) -> None:
    """Puts each patch at a random place of its canvas, by the maximum."""
    window = _windows(len(canvases), patches.shape[1], canvases.shape[1], rng)
    canvases[window] = np.maximum(canvases[window], patches)

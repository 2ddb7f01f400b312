"""Which rows of a labelled set are taken: always every class in proportion.

A prefix of a set that is stored sorted by class would hold a few classes only,
so rows are drawn, and drawn class by class: class c gives

    size * count_c / count

rows, rounded down, and the largest remainders one more each until `size` rows
are there.
"""

from collections.abc import Sequence

import numpy as np

from needle_tf.data import arguments

# Independent random streams of one seed: what a set splits off to test on,
# what becomes of its training and of its test part, and what is held out.
SPLIT, TRAIN, TEST, VALIDATION = range(4)


def _ranks_within_class(
    labels: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Returns all rows, shuffled and sorted by class, and ranks in theirs."""
    rows = rng.permutation(len(labels))
    rows = rows[np.argsort(labels[rows], kind="stable")]
    _, starts, counts = np.unique(
        labels[rows], return_index=True, return_counts=True
    )
    return rows, np.arange(len(rows)) - np.repeat(starts, counts)


def _quotas(counts: np.ndarray, size: int) -> np.ndarray:
    """Returns how many of `counts` to take so that `size` are taken."""
    quotas, remainders = np.divmod(counts * size, counts.sum())
    largest = np.argsort(-remainders, kind="stable")
    quotas[largest[: size - quotas.sum()]] += 1
    return quotas


def stratified_sample(
    labels: np.ndarray,
    size: int | None,
    rng: np.random.Generator,
    name: str = "size",
) -> np.ndarray:
    """Returns `size` distinct rows, ascending, classes in proportion.

    Args:
        labels: Integer classes from 0, of shape `(count,)`.
        size: Rows to take, at most `count`; None takes all.
        rng: Decides which rows of a class are taken.
        name: What the message calls `size`.

    Raises:
        ValueError: If `size` is no integer from 1 to `count`.
    """
    if size is None:
        return np.arange(len(labels))
    size = arguments.require_integer(name, size, 1, len(labels))
    rows, ranks = _ranks_within_class(labels, rng)
    quotas = _quotas(np.bincount(labels), size)
    return np.sort(rows[ranks < quotas[labels[rows]]])


def sized_parts(
    train_labels: np.ndarray,
    test_labels: np.ndarray,
    train_size: int | None,
    test_size: int | None,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the rows that `--train_size` and `--test_size` leave of a set.

    The two parts draw from independent random streams: another `train_size`
    leaves the test images as they were.

    Raises:
        ValueError: If a part has fewer images than asked for.
    """
    train_rng, test_rng = (
        np.random.default_rng([seed, stream]) for stream in (TRAIN, TEST)
    )
    return (
        stratified_sample(train_labels, train_size, train_rng, "train_size"),
        stratified_sample(test_labels, test_size, test_rng, "test_size"),
    )


def stratified_split(
    labels: np.ndarray,
    test_fraction: float,
    rng: np.random.Generator,
    class_names: Sequence[str],
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the rows of a training and of a test part, ascending.

    Each class gives `test_fraction` of its rows, rounded, to the test part,
    but at least one row to each part.

    Args:
        labels: Integer classes from 0, of shape `(count,)`; each class that
            occurs has at least two rows.
        test_fraction: Share of the test part, in (0, 1).
        rng: Decides which rows of a class go where.
        class_names: What the message calls the classes.

    Raises:
        ValueError: If the fraction lies outside (0, 1) or a class has one row.
    """
    if not 0 < test_fraction < 1:
        raise ValueError(
            "`test_fraction` must lie in (0, 1), ends excluded. Received: "
            f"test_fraction={test_fraction}."
        )
    counts = np.bincount(labels)
    if (counts == 1).any():
        name = class_names[np.argmax(counts == 1)]
        raise ValueError(
            "every class needs at least 2 images, one to train and one to "
            f"test on. Received one image of class {name!r}."
        )
    quotas = np.rint(counts * test_fraction).astype(np.int64)
    quotas = np.clip(quotas, 1, np.maximum(counts - 1, 1))
    rows, ranks = _ranks_within_class(labels, rng)
    is_test = ranks < quotas[labels[rows]]
    return np.sort(rows[~is_test]), np.sort(rows[is_test])
